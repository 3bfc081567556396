/* The display's brightness, what the machine is doing, what it is, and switching it off. */
#include "board.h"
#include "frame.h"
#include "heap.h"
#include "load.h"
#include "path.h"
#include "psci.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_BRIGHTNESS = 1, ID_OFF = 2, ID_RESTART = 3 };

extern char image_start[], image_end[];

static struct scroller page;
static struct rect slider;
static bool sliding;

static uint32_t color(void) {
    return app_color(&settings_screen);
}
static int left(void) {
    return dp(24);
}

static uint32_t memory_used(void) {
    return (uint32_t)heap_used() + (uint32_t)(image_end - image_start);
}

static int heading(struct canvas *c, int y, const char *text) {
    draw_text(c, FACE_MEDIUM, dp(12), left() - dp(6), y + dp(24), RGB(mix(color(), 0, 30)), text);
    return y + dp(34);
}

static struct rect card(struct canvas *c, int y, int height) {
    struct rect r = {dp(10), y, panel_width() - dp(20), height};
    draw_card(c, r);
    return r;
}

static void row(struct canvas *c, struct rect r, int y, enum icon icon, const char *label,
                const char *value) {
    int base = y + dp(22) + cap_height(FACE_REGULAR, dp(14)) / 2;
    draw_icon(c, icon, left() + dp(8), y + dp(22), dp(20), INK_SOFT);
    draw_text(c, FACE_REGULAR, dp(14), left() + dp(32), base, INK, label);
    draw_text_right(c, FACE_REGULAR, dp(13), r.x + r.w - dp(16), base, INK_SOFT, value);
}

static void draw_graph(struct canvas *c, struct rect r) {
    fill_rounded(c, r, dp(3), RGB(0xf0f2f5));
    for (int i = 1; i < 4; i++)
        fill(c, (struct rect){r.x, r.y + r.h * i / 4, r.w, 1}, RGB(0xe0e3e8));
    uint32_t accent = RGB(dress.accent);
    int right = PX(r.x + r.w), base = PX(r.y + r.h), step = PX(r.w) / (LOAD_SAMPLES - 1), n = 0;
    while (n < LOAD_SAMPLES && load_at(n) >= 0)
        n++;
    if (n < 2)
        return;
    path_begin();
    path_move(right, base);
    for (int i = 0; i < n; i++)
        path_line(right - i * step, base - load_at(i) * PX(r.h) / 100);
    path_line(right - (n - 1) * step, base);
    path_fill(c, ALPHA(accent, 56));
    path_begin();
    for (int i = 1; i < n; i++)
        path_stroke(right - (i - 1) * step, base - load_at(i - 1) * PX(r.h) / 100, right - i * step,
                    base - load_at(i) * PX(r.h) / 100, dp(2) * 256);
    struct rect clip = canvas_narrow(c, r);
    path_fill(c, accent);
    c->clip = clip;
}

static int draw_system(struct canvas *c, int y) {
    char text[40];
    struct rect r = card(c, y, dp(112));
    int load = load_at(0);
    format(text, sizeof text, load < 0 ? "…" : "%d %%", load);
    row(c, r, y, ICON_CHIP, "Processor", text);
    draw_graph(c, (struct rect){r.x + dp(14), y + dp(44), r.w - dp(28), dp(56)});
    y += r.h + dp(8);

    uint32_t used = memory_used();
    r = card(c, y, dp(66));
    format(text, sizeof text, "%u.%u of %u MB", used >> 20, (used >> 10 & 1023) * 10 / 1024,
           board.ram_bytes >> 20);
    row(c, r, y, ICON_MEMORY, "Memory", text);
    struct rect bar = {r.x + dp(14), y + dp(46), r.w - dp(28), dp(6)};
    fill_rounded(c, bar, dp(3), RGB(0xe6e9ed));
    bar.w = max((int)((uint64_t)bar.w * used / board.ram_bytes), dp(6));
    fill_rounded(c, bar, dp(3), RGB(dress.accent));
    y += r.h + dp(8);

    uint32_t seconds = (uint32_t)(timer_now() / SECONDS);
    r = card(c, y, dp(44));
    if (seconds < 3600)
        format(text, sizeof text, "%u min %02u s", seconds / 60, seconds % 60);
    else
        format(text, sizeof text, "%u h %02u min", seconds / 3600, seconds / 60 % 60);
    row(c, r, y, ICON_CLOCK, "Uptime", text);
    return y + r.h;
}

static int draw_about(struct canvas *c, int y) {
    char text[40];
    uint32_t midr;
    __asm__("mrc p15, 0, %0, c0, c0, 0" : "=r"(midr));
    struct rect r = card(c, y, dp(44) * 4);
    row(c, r, y, ICON_PERSON, "Profile", dress.name);
    format(text, sizeof text, "%d × %d", panel_width(), panel_height());
    row(c, r, y + dp(44), ICON_PANEL, "Panel", text);
    uint32_t part = midr >> 4 & 0xfff;
    format(text, sizeof text, "Cortex-A%u r%up%u", part == 0xc0f ? 15 : part & 0xf, midr >> 20 & 0xf,
           midr & 0xf);
    row(c, r, y + dp(88), ICON_CHIP, "Core", text);
    format(text, sizeof text, "%u", frame_counts.frames);
    row(c, r, y + dp(132), ICON_INFO, "Frames drawn", text);
    return y + r.h;
}

static void settings_draw(struct canvas *c) {
    fill(c, panel_rect(), GROUND);
    page.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height()};
    struct rect clip = canvas_narrow(c, page.view);
    hits_within(page.view);
    int y = heading(c, scroller_y(&page), "Display");
    struct rect r = card(c, y, dp(52));
    draw_icon(c, ICON_BRIGHTNESS, left() + dp(8), y + r.h / 2, dp(22), INK_SOFT);
    slider = (struct rect){left() + dp(26), y, r.w - dp(54), r.h};
    draw_slider(c, slider, brightness(), RGB(dress.accent), RGB(0xd9dde3));
    hit(ID_BRIGHTNESS, slider, "brightness");
    y = heading(c, y + r.h, "System");
    y = draw_system(c, y);
    y = heading(c, y, "About");
    y = draw_about(c, y) + dp(16);
    int half = (panel_width() - dp(30)) / 2;
    draw_button(c, ID_RESTART, (struct rect){dp(10), y, half, dp(42)}, RGB(0xdfe3e8), INK, "Restart");
    draw_button(c, ID_OFF, (struct rect){dp(20) + half, y, half, dp(42)}, DANGER, WHITE, "Power off");
    page.content = y + dp(42) + dp(16) - scroller_y(&page);
    draw_scroll_bar(c, &page);
    c->clip = clip;
    hits_within(panel_rect());
    draw_title_bar(c, color(), "Settings", ICON_COUNT, ICON_COUNT);
}

static void settings_tap(int id) {
    if (id == ID_OFF)
        dialog_show("Power off?", "The phone shuts down.", "Power off", DANGER, power_off);
    else if (id == ID_RESTART)
        dialog_show("Restart?", "The phone starts anew; notes are not kept.", "Restart", RGB(dress.accent),
                    restart);
}

static bool settings_touch(const struct input_event *event, uint64_t now) {
    (void)now;
    if (event->slot != 0)
        return true;
    if (event->kind == INPUT_DOWN)
        sliding = event->y >= bar_height() && rect_holds(slider, event->x, event->y);
    if (!sliding)
        return false;
    set_brightness(slider_value(slider, event->x));
    return true;
}

static bool settings_tick(int frames, uint64_t now) {
    (void)frames;
    if (load_sample(now))
        damage(page.view);
    return false;
}

static uint64_t settings_wake(uint64_t now) {
    (void)now;
    return load_next();
}

const struct screen settings_screen = {.name = "settings",
                                       .draw = settings_draw,
                                       .tap = settings_tap,
                                       .touch = settings_touch,
                                       .tick = settings_tick,
                                       .wake = settings_wake,
                                       .scroller = &page};
