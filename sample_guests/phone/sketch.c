/* A sheet to draw on with as many fingers as there are. */
#include "frame.h"
#include "path.h"
#include "shell.h"
#include "widgets.h"

enum { ID_COLOR = 10, ID_WIDTH = 30, COLORS = 6 };

static struct surface sheet;
static int color = 1, width = 1;
static struct {
    bool down;
    int x, y;
} fingers[INPUT_SLOTS];

static const uint32_t colors[COLORS] = {0x20242b, 0xd9453d, 0xf2a93b, 0x3d9a5f, 0x2f7fd1, 0x8e4fb0};
static const int widths[] = {3, 7, 14};

static int tray_height(void) {
    return dp(54);
}
static struct rect sheet_rect(void) {
    return (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height() - tray_height()};
}

static void clear(void) {
    struct canvas c = canvas_on(&sheet);
    fill(&c, (struct rect){0, 0, sheet.width, sheet.height}, RGB(0xfdfdfb));
    damage_all();
}

static void sketch_open(void) {
    struct rect r = sheet_rect();
    if (sheet.pixels)
        return;
    sheet = surface_new(r.w, r.h);
    clear();
}

static void sketch_draw(struct canvas *c) {
    struct rect r = sheet_rect();
    draw_surface(c, &sheet, (struct rect){0, 0, r.w, r.h}, r.x, r.y, 256);
    struct rect tray = {0, r.y + r.h, r.w, tray_height()};
    int middle = tray.y + tray.h / 2;
    fill(c, tray, CARD);
    fill(c, (struct rect){0, tray.y, r.w, 1}, LINE);
    for (int i = 0; i < COLORS; i++) {
        int x = dp(26) + i * dp(33);
        if (i == color)
            fill_circle(c, x, middle, dp(14), ALPHA(colors[i], 70));
        fill_circle(c, x, middle, dp(i == color ? 10 : 11), RGB(colors[i]));
        hit(ID_COLOR + i, (struct rect){x - dp(16), tray.y, dp(32), tray.h}, "colour");
    }
    for (int i = 0; i < 3; i++) {
        int x = r.w - dp(22) - (2 - i) * dp(32);
        if (i == width)
            fill_circle(c, x, middle, dp(14), RGB(0xe2e5ea));
        fill_circle(c, x, middle, max(dp(widths[i]) / 2, 1), RGB(colors[color]));
        hit(ID_WIDTH + i, (struct rect){x - dp(16), tray.y, dp(32), tray.h}, "width");
    }
    draw_title_bar(c, app_color(&draw_screen), "Draw", ICON_DELETE, ICON_COUNT);
}

static bool sketch_touch(const struct input_event *event, uint64_t now) {
    (void)now;
    struct rect r = sheet_rect();
    bool inside = rect_holds(r, event->x, event->y);
    if (event->kind == INPUT_DOWN && inside) {
        fingers[event->slot].down = true;
        fingers[event->slot].x = event->x;
        fingers[event->slot].y = event->y;
    }
    if (!fingers[event->slot].down)
        return false;
    int x0 = fingers[event->slot].x, y0 = fingers[event->slot].y, wide = dp(widths[width]);
    struct canvas c = canvas_on(&sheet);
    c.y = -r.y;
    draw_line(&c, PX(x0), PX(y0), PX(event->x), PX(event->y), wide * 256, RGB(colors[color]));
    struct rect line = {min(x0, event->x), min(y0, event->y), max(x0, event->x) - min(x0, event->x) + 1,
                        max(y0, event->y) - min(y0, event->y) + 1};
    damage(rect_both(rect_inset(line, -wide), r));
    fingers[event->slot].x = event->x;
    fingers[event->slot].y = event->y;
    if (event->kind == INPUT_UP)
        fingers[event->slot].down = false;
    return true;
}

static void sketch_tap(int id) {
    if (id == ID_ACTION)
        clear();
    else if (id >= ID_WIDTH)
        width = id - ID_WIDTH;
    else if (id >= ID_COLOR)
        color = id - ID_COLOR;
    damage_all();
}

const struct screen draw_screen = {
    .name = "draw", .open = sketch_open, .draw = sketch_draw, .tap = sketch_tap, .touch = sketch_touch};
