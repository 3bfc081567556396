/* A clock with hands, and a stopwatch. */
#include "path.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_CLOCK = 1, ID_STOPWATCH = 2, ID_START = 3, ID_LAP = 4, LAPS = 20 };

static bool stopwatch;
static uint64_t started, gathered, laps[LAPS]; /* started: 0 while it stands */
static int lap_count;

static const uint32_t ground = RGB(0x1d2129), ring = RGB(0x2c323d);

static int tabs_height(void) {
    return dp(44);
}
static int content_top(void) {
    return bar_height() + tabs_height();
}

static uint64_t stopwatch_time(void) {
    return gathered + (started ? timer_now() - started : 0);
}

static void draw_tab(struct canvas *c, int id, int index, bool chosen, const char *label) {
    int w = panel_width() / 2, y = bar_height();
    struct rect r = {index * w, y, w, tabs_height()};
    draw_press(c, id, r, 0, ALPHA(0xffffff, 40));
    draw_text_centred(c, FACE_MEDIUM, dp(13), r.x + w / 2, y + (r.h + cap_height(FACE_MEDIUM, dp(13))) / 2,
                      ALPHA(0xffffff, chosen ? 255 : 150), label);
    if (chosen)
        fill(c, (struct rect){r.x, y + r.h - dp(3), w, dp(3)}, WHITE);
    hit(id, r, label);
}

static void hand(struct canvas *c, int x, int y, int angle, int from, int to, int width, uint32_t color) {
    int s = sine(angle), k = cosine(angle);
    draw_line(c, PX(x) + s * from / 128, PX(y) - k * from / 128, PX(x) + s * to / 128, PX(y) - k * to / 128,
              width, color);
}

static struct rect face_rect(void) {
    int room = min(panel_width() - dp(40), panel_height() - content_top() - dp(92)), x = panel_width() / 2;
    return (struct rect){x - room / 2, content_top() + dp(16), room, room};
}

static void draw_face(struct canvas *c) {
    struct date date = wall_date();
    struct rect r = face_rect();
    int radius = r.w / 2, x = r.x + radius, y = r.y + radius;
    fill_circle(c, x, y, radius, ring);
    fill_circle(c, x, y, radius - dp(3), RGB(0x252b35));
    for (int i = 0; i < 60; i++) {
        bool hour = i % 5 == 0;
        hand(c, x, y, i * 65536 / 60, radius - dp(hour ? 20 : 14), radius - dp(10),
             hour ? dp(2) * 256 : dp(1) * 256,
             ALPHA(0xffffff, i % 15 == 0 ? 255
                             : hour      ? 170
                                         : 60));
    }
    int seconds = date.second, minutes = date.minute * 60 + seconds, hours = date.hour % 12 * 3600 + minutes;
    hand(c, x, y, hours * 4096 / 2700, -dp(10), radius * 48 / 100, dp(5) * 256, WHITE);
    hand(c, x, y, minutes * 4096 / 225, -dp(12), radius * 72 / 100, dp(3) * 256, WHITE);
    uint32_t accent = RGB(mix(dress.accent, 0xffffff, 30));
    hand(c, x, y, seconds * 65536 / 60, -dp(18), radius * 78 / 100, dp(1) * 320, accent);
    fill_circle(c, x, y, dp(5), accent);
    fill_circle(c, x, y, dp(2), ground);

    char text[40];
    int below = r.y + r.h + dp(14);
    format(text, sizeof text, "%02d:%02d:%02d", date.hour, date.minute, date.second);
    draw_digits_centred(c, FACE_LIGHT, dp(32), x, below + dp(26), WHITE, text);
    format(text, sizeof text, "%s, %d %s %d", weekday_names[date.weekday], date.day,
           month_names[date.month - 1], date.year);
    draw_text_centred(c, FACE_REGULAR, dp(13), x, below + dp(50), ALPHA(0xffffff, 150), text);
}

static void print_time(char *text, size_t size, uint64_t time) {
    uint32_t hundredths = (uint32_t)(time / (10 * MILLISECONDS));
    format(text, size, "%02u:%02u.%02u", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

static struct rect dial_rect(void) {
    int room = min(dp(190), panel_height() - content_top() - dp(150));
    return (struct rect){panel_width() / 2 - room / 2, content_top() + dp(14), room, room};
}

static void draw_stopwatch(struct canvas *c) {
    struct rect r = dial_rect();
    uint64_t time = stopwatch_time();
    int radius = r.w / 2 - dp(6), x = r.x + r.w / 2, y = r.y + r.h / 2;
    char text[24], line[40];
    path_begin();
    path_arc(PX(x), PX(y), PX(radius), dp(5) * 256, 0, 65536);
    path_fill(c, ring);
    int turn = (int)((uint32_t)(time / MILLISECONDS) % 60000 * 4096 / 3750);
    if (time) {
        path_begin();
        path_arc(PX(x), PX(y), PX(radius), dp(5) * 256, 0, max(turn, 64));
        path_fill(c, RGB(mix(dress.accent, 0xffffff, 30)));
    }
    print_time(text, sizeof text, time);
    draw_digits_centred(c, FACE_LIGHT, r.w * 21 / 100, x, y + r.w * 7 / 100, WHITE, text);
    int buttons = r.y + r.h + dp(38);
    draw_round_button(c, ID_START, x + dp(44), buttons, dp(27), started ? DANGER : RGB(dress.accent),
                      started ? ICON_PAUSE : ICON_PLAY, started ? "pause" : "start");
    draw_round_button(c, ID_LAP, x - dp(44), buttons, dp(27), RGB(0x3a414d),
                      started ? ICON_FLAG : ICON_RESTART, started ? "lap" : "clear");
    int y_line = buttons + dp(52);
    for (int i = lap_count - 1; i >= 0 && y_line < panel_height(); i--, y_line += dp(24)) {
        print_time(text, sizeof text, laps[i]);
        format(line, sizeof line, "%d", i + 1);
        draw_text(c, FACE_REGULAR, dp(13), dp(60), y_line, ALPHA(0xffffff, 130), line);
        draw_text_right(c, FACE_REGULAR, dp(14), panel_width() - dp(60), y_line, ALPHA(0xffffff, 220), text);
    }
}

static void clock_draw(struct canvas *c) {
    uint32_t color = app_color(&clock_screen);
    fill(c, panel_rect(), ground);
    if (stopwatch)
        draw_stopwatch(c);
    else
        draw_face(c);
    draw_title_bar(c, color, "Clock", ICON_COUNT, ICON_COUNT);
    fill(c, (struct rect){0, bar_height(), panel_width(), tabs_height()}, color);
    draw_tab(c, ID_CLOCK, 0, !stopwatch, "CLOCK");
    draw_tab(c, ID_STOPWATCH, 1, stopwatch, "STOPWATCH");
}

static void clock_tap(int id) {
    if (id == ID_CLOCK || id == ID_STOPWATCH) {
        stopwatch = id == ID_STOPWATCH;
    } else if (id == ID_START) {
        gathered = stopwatch_time();
        started = started ? 0 : timer_now();
    } else if (id == ID_LAP && started && lap_count < LAPS) {
        laps[lap_count++] = stopwatch_time();
    } else if (id == ID_LAP && !started) {
        gathered = 0;
        lap_count = 0;
    }
    damage_all();
}

static bool clock_tick(int frames, uint64_t now) {
    static uint32_t shown;
    (void)frames;
    if (stopwatch && started) {
        damage(dial_rect());
        return true;
    }
    if (!stopwatch && wall_seconds(now) != shown) {
        shown = wall_seconds(now);
        damage((struct rect){0, content_top(), panel_width(), panel_height() - content_top()});
    }
    return false;
}

static uint64_t clock_wake(uint64_t now) {
    return stopwatch ? NEVER : wall_next_second(now);
}

static void clock_key(unsigned code, char character) {
    if (stopwatch && (code == KEY_ENTER || character == ' '))
        clock_tap(ID_START);
}

const struct screen clock_screen = {.name = "clock",
                                    .draw = clock_draw,
                                    .tap = clock_tap,
                                    .tick = clock_tick,
                                    .wake = clock_wake,
                                    .key = clock_key};
