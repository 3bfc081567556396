/* The lock screen: a swipe upwards lifts the clock away, and the home screen rises under it. */
#include "frame.h"
#include "home.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

static int lifted;  /* 0 to 1024: how far the lock is lifted */
static int heading; /* where it goes by itself: -1 back, 1 up, 0 stays under the finger */
static bool held;

static void draw_lock(struct canvas *c) {
    char text[40];
    struct date date = wall_date();
    int w = panel_width(), h = panel_height(), x = w / 2, rise = lifted * h / 3 / 1024;
    int top = h * 27 / 100 - rise;
    c->opacity = (uint32_t)clamp(256 - lifted * 2 / 3, 0, 256); /* gone before the home screen comes */
    fill_gradient(c, (struct rect){0, 0, w, h / 2}, ALPHA(0, 60), ALPHA(0, 0));
    fill_gradient(c, (struct rect){0, h - h / 3, w, h / 3}, ALPHA(0, 0), ALPHA(0, 100));
    c->opacity = (uint32_t)clamp(256 - lifted * 5 / 16, 0, 256);
    format(text, sizeof text, "%02d:%02d", date.hour, date.minute);
    draw_text_centred(c, FACE_LIGHT, dp(92), x, top + dp(40), WHITE, text);
    format(text, sizeof text, "%s, %s %d", weekday_names[date.weekday], month_names[date.month - 1],
           date.day);
    draw_text_centred(c, FACE_REGULAR, dp(17), x, top + dp(72), ALPHA(0xffffff, 235), text);

    int label = text_width(FACE_MEDIUM, dp(13), dress.owner), chip = label + dp(46);
    struct rect r = {x - chip / 2, top + dp(94), chip, dp(32)};
    fill_rounded(c, r, dp(16), ALPHA(mix(dress.accent, 0, 40), 190));
    draw_icon(c, dress.badge, r.x + dp(19), r.y + r.h / 2, dp(15), WHITE);
    draw_text(c, FACE_MEDIUM, dp(13), r.x + dp(32), r.y + (r.h + cap_height(FACE_MEDIUM, dp(13))) / 2, WHITE,
              dress.owner);

    int low = h - rise / 2;
    draw_icon(c, ICON_CHEVRON_UP, x, low - dp(56), dp(24), WHITE);
    draw_text_centred(c, FACE_REGULAR, dp(13), x, low - dp(28), ALPHA(0xffffff, 225), "Swipe up to unlock");
    c->opacity = 256;
}

static void lock_draw(struct canvas *c) {
    draw_surface(c, &wallpaper, panel_rect(), 0, 0, 256);
    int home = clamp((lifted - 380) * 1024 / 644, 0, 1024);
    if (home)
        draw_home(c, home);
    hits_begin(); /* what is seen of the home screen is not reachable yet */
    hit(1, panel_rect(), "unlock");
    draw_lock(c);
}

static void lift(int to) {
    lifted = clamp(to, 0, 1024);
    damage_all();
}

static bool lock_touch(const struct input_event *event, uint64_t now) {
    if (event->slot != 0)
        return true;
    pointer_track(event, now);
    int reach = panel_height() * 2 / 5;
    if (event->kind == INPUT_DOWN) {
        held = true;
        heading = 0;
    } else if (held && event->kind == INPUT_MOVE) {
        lift((pointer.start_y - event->y) * 1024 / reach);
    } else if (held) {
        held = false;
        bool up = pointer.velocity_y < -dp(4) * 256 || (lifted > 460 && pointer.velocity_y < dp(4) * 256);
        heading = up ? 1 : -1;
    }
    return true;
}

static bool lock_tick(int frames, uint64_t now) {
    (void)now;
    if (held || !heading)
        return false;
    int left = heading > 0 ? 1024 - lifted : lifted;
    lift(lifted + heading * min(left, frames * (left / 6 + 12)));
    if (lifted == 1024 || lifted == 0)
        heading = 0;
    if (lifted == 1024)
        shell_show(&home_screen, SHOW_AT_ONCE, panel_rect());
    return true;
}

static void lock_open(void) {
    lifted = heading = 0;
    held = false;
}

/* A keyboard unlocks too. */
static void lock_key(unsigned code, char character) {
    if (code == KEY_ENTER || character == ' ')
        heading = 1;
}

const struct screen lock_screen = {.name = "lock",
                                   .open = lock_open,
                                   .draw = lock_draw,
                                   .touch = lock_touch,
                                   .tick = lock_tick,
                                   .key = lock_key};
