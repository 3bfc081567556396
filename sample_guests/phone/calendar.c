/* A month, and what is planned on a day of it: the appointments of the dress come back every week. */
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_DAY = 10 };

static int year, month, day;
static struct scroller list;

static int days_in(int of_year, int of_month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (of_year % 4 == 0 && of_year % 100) || of_year % 400 == 0;
    return days[of_month - 1] + (of_month == 2 && leap);
}

/* Sakamoto's method. */
static int weekday_of(int y, int m, int d) {
    static const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    y -= m < 3;
    return (y + y / 4 - y / 100 + y / 400 + shift[m - 1] + d) % 7;
}

static void calendar_open(void) {
    struct date today = wall_date();
    year = today.year;
    month = today.month;
    day = today.day;
    list.offset = list.velocity = 0;
}

static int row_height(void) {
    return dp(34);
}
static int grid_top(void) {
    return bar_height() + dp(28);
}

static struct rect day_rect(int of_day) {
    int first = (weekday_of(year, month, 1) + 6) % 7, at = first + of_day - 1,
        w = (panel_width() - dp(16)) / 7;
    return (struct rect){dp(8) + at % 7 * w, grid_top() + at / 7 * row_height(), w, row_height()};
}

static bool planned(int weekday) {
    for (int i = 0; i < dress.appointment_count; i++)
        if (dress.appointments[i].weekday == weekday)
            return true;
    return false;
}

static void draw_month(struct canvas *c) {
    static const char *const letters[] = {"M", "T", "W", "T", "F", "S", "S"};
    struct date today = wall_date();
    uint32_t color = app_color(&calendar_screen);
    char text[8];
    for (int i = 0; i < 7; i++)
        draw_text_centred(c, FACE_MEDIUM, dp(11), dp(8) + (2 * i + 1) * (panel_width() - dp(16)) / 14,
                          bar_height() + dp(20), INK_FAINT, letters[i]);
    for (int i = 1; i <= days_in(year, month); i++) {
        struct rect r = day_rect(i);
        int x = r.x + r.w / 2, y = r.y + r.h / 2;
        bool now = i == today.day && month == today.month && year == today.year;
        if (i == day)
            fill_circle(c, x, y, dp(15), color);
        else
            draw_press(c, ID_DAY + i, (struct rect){x - dp(15), y - dp(15), dp(30), dp(30)}, dp(15),
                       ALPHA(0, 24));
        format(text, sizeof text, "%d", i);
        draw_text_centred(c, now || i == day ? FACE_MEDIUM : FACE_REGULAR, dp(14), x,
                          y + cap_height(FACE_REGULAR, dp(14)) / 2,
                          i == day ? WHITE
                          : now    ? color
                                   : INK,
                          text);
        if (planned(weekday_of(year, month, i)) && i != day)
            fill_circle(c, x, y + dp(11), max(dp(1), 2), ALPHA(color, 150));
        hit(ID_DAY + i, r, "day");
    }
}

static void calendar_draw(struct canvas *c) {
    uint32_t color = app_color(&calendar_screen);
    char text[40];
    fill(c, panel_rect(), CARD);
    draw_month(c);
    int rows = (days_in(year, month) + (weekday_of(year, month, 1) + 6) % 7 + 6) / 7;
    int top = grid_top() + rows * row_height() + dp(6), weekday = weekday_of(year, month, day), y;
    list.view = (struct rect){0, top, panel_width(), panel_height() - top};
    fill(c, list.view, GROUND);
    struct rect clip = canvas_narrow(c, list.view);
    y = scroller_y(&list) + dp(8);
    format(text, sizeof text, "%s %d", weekday_names[weekday], day);
    draw_text(c, FACE_MEDIUM, dp(13), dp(16), y + dp(16), INK_SOFT, text);
    y += dp(26);
    int shown = 0;
    for (int i = 0; i < dress.appointment_count; i++) {
        const struct appointment *a = &dress.appointments[i];
        if (a->weekday != weekday)
            continue;
        struct rect r = {dp(10), y, panel_width() - dp(20), dp(50)};
        draw_card(c, r);
        fill_rounded(c, (struct rect){r.x, r.y, dp(4), r.h}, dp(2), color);
        draw_text(c, FACE_MEDIUM, dp(13), r.x + dp(16), r.y + dp(30), color, a->time);
        draw_text_within(c, FACE_MEDIUM, dp(14), r.x + dp(66), r.y + dp(22), r.w - dp(78), INK, a->title);
        draw_text_within(c, FACE_REGULAR, dp(12), r.x + dp(66), r.y + dp(39), r.w - dp(78), INK_SOFT,
                         a->place);
        y += dp(57);
        shown++;
    }
    if (!shown)
        draw_text(c, FACE_REGULAR, dp(14), dp(16), y + dp(18), INK_FAINT, "Nothing planned");
    list.content = y - scroller_y(&list) + dp(4);
    draw_scroll_bar(c, &list);
    c->clip = clip;
    format(text, sizeof text, "%s %d", month_names[month - 1], year);
    draw_title_bar(c, color, text, ICON_CHEVRON_RIGHT, ICON_COUNT);
}

static void calendar_tap(int id) {
    if (id == ID_ACTION) {
        year += month == 12;
        month = month % 12 + 1;
        day = 1;
    } else {
        day = id - ID_DAY;
    }
    list.offset = 0;
    damage_all();
}

const struct screen calendar_screen = {
    .name = "calendar", .open = calendar_open, .draw = calendar_draw, .tap = calendar_tap, .scroller = &list};
