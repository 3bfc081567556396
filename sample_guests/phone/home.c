#include "home.h"
#include "frame.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_APP = 1, ID_WIDGET = 50, COLUMNS = 4 };

/* The dock holds the first four apps, the grid the others. */
static int dock_height(void) {
    return dp(78);
}

static struct rect cell(int app) {
    int w = panel_width(), side = dp(10), column = (w - 2 * side) / COLUMNS;
    bool dock = app < COLUMNS;
    int y = dock ? panel_height() - dock_height() : panel_height() - dock_height() - dp(100);
    return (struct rect){side + app % COLUMNS * column, y, column, dock ? dock_height() : dp(92)};
}

static struct rect icon_rect(int app) {
    struct rect r = cell(app);
    int size = dp(54);
    return (struct rect){r.x + (r.w - size) / 2, r.y + (app < COLUMNS ? (r.h - size) / 2 : dp(8)), size,
                         size};
}

static void draw_label(struct canvas *c, int x, int y, const char *text) {
    draw_text_centred(c, FACE_REGULAR, dp(12), x + 1, y + 1, ALPHA(0, 120), text);
    draw_text_centred(c, FACE_REGULAR, dp(12), x, y, WHITE, text);
}

static void draw_clock(struct canvas *c, int y) {
    char text[40];
    struct date date = wall_date();
    int x = panel_width() / 2;
    format(text, sizeof text, "%02d:%02d", date.hour, date.minute);
    draw_text_centred(c, FACE_LIGHT, dp(72), x, y + dp(68), WHITE, text);
    format(text, sizeof text, "%s, %s %d", weekday_names[date.weekday], month_names[date.month - 1],
           date.day);
    draw_text_centred(c, FACE_REGULAR, dp(15), x, y + dp(96), ALPHA(0xffffff, 235), text);
}

static void draw_agenda(struct canvas *c, int y) {
    struct date date = wall_date();
    char text[40];
    struct rect r = {dp(14), y + dp(6), panel_width() - dp(28), dp(122)};
    draw_shadow(c, (struct rect){r.x, r.y + dp(2), r.w, r.h}, dp(10), dp(10), 80);
    draw_rounded(c, r, dp(10), &frosted);
    fill_rounded(c, r, dp(10), ALPHA(0xffffff, is_pressed(ID_WIDGET) ? 70 : 36));
    hit(ID_WIDGET, r, "agenda");
    int x = r.x + dp(18);
    format(text, sizeof text, "%d", date.day);
    draw_text(c, FACE_LIGHT, dp(50), x, r.y + dp(62), WHITE, text);
    draw_text(c, FACE_MEDIUM, dp(13), x, r.y + dp(86), WHITE, weekday_names[date.weekday]);
    draw_text(c, FACE_REGULAR, dp(12), x, r.y + dp(104), ALPHA(0xffffff, 205), month_names[date.month - 1]);
    int list = r.x + dp(118), line = r.y + dp(14), shown = 0;
    fill(c, (struct rect){list - dp(14), line, max(dp(1), 1), r.h - dp(28)}, ALPHA(0xffffff, 60));
    for (int ahead = 0; ahead < 7 && !shown; ahead++) { /* today, or the next day that has any */
        int weekday = (date.weekday + ahead) % 7;
        for (int i = 0; i < dress.appointment_count && shown < 3; i++) {
            const struct appointment *a = &dress.appointments[i];
            if (a->weekday != weekday)
                continue;
            format(text, sizeof text, ahead ? "%s %s" : "%s%s", ahead ? weekday_names[weekday] : "", a->time);
            draw_text(c, FACE_MEDIUM, dp(11), list, line + dp(10), ALPHA(0xffffff, 190), text);
            draw_text_within(c, FACE_REGULAR, dp(13), list, line + dp(25), r.x + r.w - list - dp(12), WHITE,
                             a->title);
            line += dp(34);
            shown++;
        }
    }
}

void draw_home(struct canvas *c, int shown) {
    int rise = (1024 - shown) * dp(36) / 1024, h = panel_height();
    c->opacity = (uint32_t)shown / 4;
    c->y += rise;
    struct rect dock = {0, h - dock_height(), panel_width(), dock_height() + rise};
    draw_surface(c, &frosted, (struct rect){0, dock.y + rise, dock.w, dock.h}, dock.x, dock.y, 256);
    fill(c, dock, ALPHA(0xffffff, 34));
    fill(c, (struct rect){dock.x, dock.y, dock.w, 1}, ALPHA(0xffffff, 60));
    int top = status_height() + dp(8);
    if (dress.agenda)
        draw_agenda(c, top);
    else
        draw_clock(c, top + max(0, (h - dp(480)) / 4));
    for (int i = 0; i < APP_COUNT; i++) {
        struct rect r = icon_rect(i), whole = cell(i);
        draw_app_icon(c, r.x + r.w / 2, r.y + r.h / 2, r.w, RGB(dress.app_colors[i]), apps[i].icon);
        draw_press(c, ID_APP + i, r, r.w / 4, ALPHA(0, 90));
        if (i >= COLUMNS)
            draw_label(c, whole.x + whole.w / 2, r.y + r.h + dp(17), apps[i].name);
        hit(ID_APP + i, whole, apps[i].name);
    }
    c->y -= rise;
    c->opacity = 256;
}

static void home_draw(struct canvas *c) {
    draw_surface(c, &wallpaper, panel_rect(), 0, 0, 256);
    draw_home(c, 1024);
}

static void home_tap(int id) {
    if (id == ID_WIDGET)
        shell_open(APP_CALENDAR, rect_inset(panel_rect(), dp(60)));
    else if (id >= ID_APP && id < ID_APP + APP_COUNT)
        shell_open((enum app_id)(id - ID_APP), icon_rect(id - ID_APP));
}

static bool home_back(void) {
    return true;
}

const struct screen home_screen = {.name = "home", .draw = home_draw, .tap = home_tap, .back = home_back};
