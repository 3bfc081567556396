/* The serial console: what a test or a benchmark drives the phone with. */
#include "commands.h"
#include "animation.h"
#include "board.h"
#include "console.h"
#include "frame.h"
#include "heap.h"
#include "load.h"
#include "path.h"
#include "protected.h"
#include "psci.h"
#include "shell.h"
#include "text.h"

static uint32_t millis(uint64_t time) {
    return (uint32_t)(time / MILLISECONDS);
}

static void run_ps(int count, char **words) {
    (void)count, (void)words;
    enum app_id front = app_of(shell_screen());
    print("  APP          STATE   OPENED     BUSY\n");
    for (int i = 0; i < APP_COUNT; i++)
        print("  %-12s %-7s %6u %5u ms\n", apps[i].name,
              (int)front == i  ? "front"
              : apps[i].opened ? "idle"
                               : "-",
              apps[i].opened, millis(apps[i].busy));
    print("screen %s%s\n", shell_screen()->name, shell_asleep() ? ", display off" : "");
}

static void run_uptime(int count, char **words) {
    (void)count, (void)words;
    uint64_t now = timer_now();
    uint32_t up = millis(now), idle = millis(idle_time());
    struct date d = wall_date();
    print("%04d-%02d-%02d %02d:%02d:%02d up %u.%03u s, idle %u.%03u s, %u wakeups, memory %u of %u KiB\n",
          d.year, d.month, d.day, d.hour, d.minute, d.second, up / 1000, up % 1000, idle / 1000, idle % 1000,
          idle_wakeups(), (unsigned)heap_used() >> 10, board.ram_bytes >> 10);
}

static void run_app(int count, char **words) {
    for (int i = 0; count > 1 && i < APP_COUNT; i++) {
        char name[16];
        text_copy(name, apps[i].name, sizeof name);
        name[0] |= 0x20;
        if (!text_equal(name, words[1]) && !text_equal(apps[i].name, words[1]))
            continue;
        shell_open((enum app_id)i, rect_inset(panel_rect(), panel_width() / 3));
        print("app %s\n", name);
        return;
    }
    print("app: one of notes contacts photos settings calendar clock calculator draw\n");
}

static void run_lock(int count, char **words) {
    (void)count, (void)words;
    shell_lock();
    print("locked\n");
}

static void run_home(int count, char **words) {
    (void)count, (void)words;
    if (shell_asleep())
        shell_wake_up();
    if (shell_screen() != &home_screen)
        shell_show(&home_screen, SHOW_FADE, panel_rect());
    print("home\n");
}

static void run_back(int count, char **words) {
    (void)count, (void)words;
    shell_back();
    print("screen %s\n", shell_screen()->name);
}

static void run_where(int count, char **words) {
    (void)count, (void)words;
    if (damage_any()) /* what was touched just now may have changed it */
        shell_frame(timer_now());
    print("screen %s\n", shell_screen()->name);
    print_hits();
}

static void run_frames(int count, char **words) {
    struct frame_counts *f = &frame_counts;
    if (count > 1 && text_equal(words[1], "reset"))
        *f = (struct frame_counts){0, 0, 0, 0, 0, 0};
    uint32_t average = f->frames ? (uint32_t)(f->draw_time / 1000) / f->frames : 0;
    print("frames %u, late %u, full %u, pixels %llu, drawing %u us each, longest %u us\n", f->frames, f->late,
          f->full, (unsigned long long)f->pixels, average, (uint32_t)(f->longest / 1000));
}

static void report(const char *name, uint64_t start, uint32_t count, const char *unit) {
    uint32_t micros = (uint32_t)((timer_now() - start) / 1000);
    print("%-10s %8u %s in %8u us\n", name, count, unit, micros);
}

static void run_bench(int count, char **words) {
    (void)count, (void)words;
    struct rect all = panel_rect();
    struct canvas c = canvas_on(&snapshot_to);
    uint32_t pixels = (uint32_t)(all.w * all.h), n, state = 1;
    print("BEGIN bench\n");
    uint64_t start = timer_now();
    for (n = 0; n < 20000000; n++) /* a chain of three: nothing to fold away */
        state = state * 1664525 + 1013904223;
    __asm__ volatile("" ::"r"(state));
    report("integer", start, n, "steps");
    start = timer_now();
    for (n = 0; n < 100; n++)
        draw_surface(&c, &wallpaper, all, 0, 0, 256);
    report("copy", start, n * (pixels / 256), "KiB");
    start = timer_now();
    for (n = 0; n < 100; n++)
        fill(&c, all, RGB(n));
    report("fill", start, n * (pixels / 256), "KiB");
    start = timer_now();
    for (n = 0; n < 10; n++)
        fill(&c, all, ALPHA(0x336699, 100));
    report("blend", start, n * pixels, "pixels");
    start = timer_now();
    for (n = 0; n < 200; n++)
        draw_text(&c, FACE_REGULAR, dp(14), 0, dp(20), INK, "The quick brown fox jumps over it");
    report("text", start, n * 33, "letters");
    start = timer_now();
    for (n = 0; n < 20; n++) {
        path_begin();
        path_circle(PX(all.w / 2), PX(all.h / 2), PX(all.w / 3));
        path_fill(&c, ALPHA(0xffffff, 128));
    }
    report("shapes", start, n, "discs");
    print("END bench\n");
}

static void run_anim(int count, char **words) {
    bool wanted = count > 1 && text_equal(words[1], "on");
    if (wanted && shell_asleep())
        shell_wake_up();
    animation_set(wanted);
    print("anim %s\n", wanted ? "on" : "off");
}

static void run_fill(int count, char **words) {
    uint32_t mib = 0;
    if (count < 2 || !text_number(words[1], &mib)) {
        print("fill: how many MiB?\n");
        return;
    }
    uint8_t *memory = mib < 4096 ? heap_try(mib << 20) : NULL;
    if (!memory) {
        print("fill: there are %u MiB left\n", (unsigned)(heap_free() >> 20));
        return;
    }
    /* Each page differs: a host that merges or compresses pages is measured too. */
    for (uint32_t i = 0; i < mib << 20; i += 4)
        *(uint32_t *)(memory + i) = i * 2654435761u;
    print("filled %u MiB, %u left\n", mib, (unsigned)(heap_free() >> 20));
}

static void run_paint(int count, char **words) {
    uint32_t color = 0;
    char hex[16];
    format(hex, sizeof hex, "0x%s", count > 1 ? words[1] : "");
    if (!text_number(hex, &color)) {
        print("paint: which colour (RRGGBB)?\n");
        return;
    }
    struct canvas c = canvas_on(&back);
    fill(&c, panel_rect(), RGB(color));
    frame_show(panel_rect());
    print("painted %06x\n", color & 0xffffff);
}

static void run_trace(int count, char **words) {
    trace_touches = count > 1 && text_equal(words[1], "on");
    print("trace %s\n", trace_touches ? "on" : "off");
}

static void run_protected(int count, char **words) {
    if (count > 1 && text_equal(words[1], "show"))
        protected_ask();
    else if (count > 1 && text_equal(words[1], "hide"))
        protected_hide();
    protected_print();
}

static void run_off(int count, char **words) {
    (void)count, (void)words;
    print("power off\n");
    power_off();
}

static void run_reset(int count, char **words) {
    (void)count, (void)words;
    print("restart\n");
    restart();
}

const struct command phone_commands[] = {
    {"ps", "", "the apps and what they cost", run_ps},
    {"uptime", "", "date, uptime, idle time, memory", run_uptime},
    {"app", "NAME", "open an app", run_app},
    {"home", "", "go to the home screen, also from the lock screen", run_home},
    {"back", "", "go back", run_back},
    {"lock", "", "lock the phone", run_lock},
    {"where", "", "what can be touched: x y width height name", run_where},
    {"frames", "[reset]", "how many frames were drawn, and how fast", run_frames},
    {"bench", "", "time some drawing", run_bench},
    {"anim", "on|off", "change the whole panel 60 times a second", run_anim},
    {"fill", "MIB", "touch that much memory", run_fill},
    {"paint", "RRGGBB", "one colour, until the next frame", run_paint},
    {"trace", "on|off", "print touches and keys", run_trace},
    {"protected", "[show|hide]", "the photograph that another guest opens", run_protected},
    {"off", "", "power off", run_off},
    {"reset", "", "restart", run_reset},
    {NULL, NULL, NULL, NULL},
};
