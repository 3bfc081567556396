/* Pictures drawn by rule (scene.h): a grid of them, and one at a time, swiped from side to side and pinched.
 */
#include "frame.h"
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_PHOTO = 10, PHOTOS_MAX = 32, COLUMNS = 3, SLOTS = 3 };

static struct scroller grid;
static struct surface thumbs[PHOTOS_MAX];
static struct {
    struct surface picture;
    int photo; /* -1: none yet */
} slots[SLOTS];
static int shown, shift; /* the photo in the middle, and its way to the side in 1/256 pixels */
static bool held, bare;  /* bare: without the title */
static struct {
    bool active;
    int x[2], y[2], distance;
    int zoom, from; /* 256 is 1 */
    int pan_x, pan_y;
} pinch = {.zoom = 256};

static int tile(void) {
    return (panel_width() - dp(3) * (COLUMNS + 1)) / COLUMNS;
}

static struct rect tile_rect(int index) {
    int step = tile() + dp(3);
    return (struct rect){dp(3) + index % COLUMNS * step, scroller_y(&grid) + dp(3) + index / COLUMNS * step,
                         tile(), tile()};
}

static void photos_open(void) {
    for (int i = 0; i < dress.photo_count && i < PHOTOS_MAX && !thumbs[i].pixels; i++) {
        thumbs[i] = surface_new(tile(), tile());
        draw_scene(&thumbs[i], &dress.photos[i].scene);
    }
}

static void photos_draw(struct canvas *c) {
    fill(c, panel_rect(), RGB(0x16181c));
    grid.view = (struct rect){0, bar_height(), panel_width(), panel_height() - bar_height()};
    grid.content = (dress.photo_count + COLUMNS - 1) / COLUMNS * (tile() + dp(3)) + dp(3);
    struct rect clip = canvas_narrow(c, grid.view);
    hits_within(grid.view);
    for (int i = 0; i < dress.photo_count; i++) {
        struct rect r = tile_rect(i);
        draw_surface(c, &thumbs[i], (struct rect){0, 0, r.w, r.h}, r.x, r.y, 256);
        draw_press(c, ID_PHOTO + i, r, 0, ALPHA(0xffffff, 70));
        hit(ID_PHOTO + i, r, dress.photos[i].name);
    }
    draw_scroll_bar(c, &grid);
    c->clip = clip;
    hits_within(panel_rect());
    draw_title_bar(c, app_color(&photos_screen), "Photos", ICON_LOCK, ICON_COUNT);
}

static void photos_tap(int id) {
    if (id == ID_ACTION) {
        shell_show(&protected_screen, SHOW_PUSH, panel_rect());
        return;
    }
    shown = id - ID_PHOTO;
    shift = 0;
    held = bare = false;
    pinch.zoom = 256;
    shell_show(&photo_screen, SHOW_GROW, tile_rect(shown));
}

const struct screen photos_screen = {
    .name = "photos", .open = photos_open, .draw = photos_draw, .tap = photos_tap, .scroller = &grid};

/* One picture */

static const struct surface *picture(int photo) {
    int slot = photo % SLOTS;
    if (!slots[slot].picture.pixels) {
        slots[slot].picture = surface_new(panel_width(), panel_height());
        slots[slot].photo = -1;
    }
    if (slots[slot].photo != photo) {
        draw_scene(&slots[slot].picture, &dress.photos[photo].scene);
        slots[slot].photo = photo;
    }
    return &slots[slot].picture;
}

static void photo_draw(struct canvas *c) {
    int w = panel_width(), h = panel_height(), gap = dp(12);
    hit(ID_PHOTO, panel_rect(), "picture");
    if (pinch.zoom > 256) {
        int view_w = w * 256 / pinch.zoom, view_h = h * 256 / pinch.zoom;
        int x = clamp((w - view_w) / 2 + pinch.pan_x, 0, w - view_w),
            y = clamp((h - view_h) / 2 + pinch.pan_y, 0, h - view_h);
        draw_scaled(c, picture(shown), (struct rect){x, y, view_w, view_h}, panel_rect());
    } else {
        int x = shift >> 8;
        if (x)
            fill(c, panel_rect(), RGB(0));
        draw_surface(c, picture(shown), panel_rect(), x, 0, 256);
        if (x > gap && shown > 0)
            draw_surface(c, picture(shown - 1), panel_rect(), x - w - gap, 0, 256);
        if (x < -gap && shown + 1 < dress.photo_count)
            draw_surface(c, picture(shown + 1), panel_rect(), x + w + gap, 0, 256);
    }
    if (bare)
        return;
    char text[24];
    fill_gradient(c, (struct rect){0, 0, w, bar_height() + dp(10)}, ALPHA(0, 160), ALPHA(0, 0));
    fill_gradient(c, (struct rect){0, h - dp(70), w, dp(70)}, ALPHA(0, 0), ALPHA(0, 170));
    int y = status_height() + dp(24);
    draw_icon(c, ICON_BACK, dp(26), y, dp(22), WHITE);
    hit(ID_BACK, (struct rect){0, status_height(), dp(56), dp(48)}, "back");
    draw_text(c, FACE_MEDIUM, dp(16), dp(16), h - dp(30), WHITE, dress.photos[shown].name);
    format(text, sizeof text, "%d of %d", shown + 1, dress.photo_count);
    draw_text(c, FACE_REGULAR, dp(12), dp(16), h - dp(13), ALPHA(0xffffff, 200), text);
}

static int finger_distance(void) {
    int dx = pinch.x[0] - pinch.x[1], dy = pinch.y[0] - pinch.y[1];
    dx = dx < 0 ? -dx : dx;
    dy = dy < 0 ? -dy : dy;
    return max(max(dx, dy) + min(dx, dy) / 2, 1);
}

static bool pinched(const struct input_event *event) {
    if (event->slot > 1)
        return true;
    pinch.x[event->slot] = event->x;
    pinch.y[event->slot] = event->y;
    if (event->slot == 1 && event->kind == INPUT_DOWN) {
        pinch.active = true;
        pinch.distance = finger_distance();
        pinch.from = pinch.zoom;
        pointer_cancel();
        held = false;
        shift = 0;
    }
    if (!pinch.active)
        return event->slot == 1;
    if (event->kind == INPUT_UP)
        pinch.active = false;
    pinch.zoom = clamp(pinch.from * finger_distance() / pinch.distance, 256, 4 * 256);
    damage_all();
    return true;
}

static bool photo_touch(const struct input_event *event, uint64_t now) {
    if (pinched(event) || hit_at(event->x, event->y) == ID_BACK)
        return event->slot != 0 || pinch.active;
    int before_x = pointer.x, before_y = pointer.y, limit = panel_width() * 256;
    pointer_track(event, now);
    if (event->kind == INPUT_DOWN) {
        held = true;
        pointer.pressed = 0;
    } else if (held && event->kind == INPUT_MOVE) {
        if (pinch.zoom > 256) {
            pinch.pan_x -= (event->x - before_x) * 256 / pinch.zoom;
            pinch.pan_y -= (event->y - before_y) * 256 / pinch.zoom;
        } else {
            bool end = (shift > 0 && shown == 0) || (shift < 0 && shown == dress.photo_count - 1);
            shift = clamp(shift + (event->x - before_x) * (end ? 90 : 256), -limit, limit);
        }
        damage_all();
    } else if (held) {
        held = false;
        int moved = event->x - pointer.start_x, rose = event->y - pointer.start_y;
        if (moved * moved + rose * rose < dp(8) * dp(8)) {
            bare = !bare;
            damage_all();
        }
        bool next = shift < -limit / 3 || (shift < 0 && pointer.velocity_x < -dp(4) * 256);
        bool last = shift > limit / 3 || (shift > 0 && pointer.velocity_x > dp(4) * 256);
        int step = next && shown + 1 < dress.photo_count ? 1 : last && shown > 0 ? -1 : 0;
        shown += step;
        shift += step * (limit + dp(12) * 256);
    }
    return true;
}

static bool photo_tick(int frames, uint64_t now) {
    (void)now;
    if (held || !shift)
        return false;
    for (; frames > 0 && shift; frames--) {
        shift -= shift / 5;
        if (shift > -700 && shift < 700)
            shift = 0;
    }
    damage_all();
    return true;
}

static bool photo_back(void) {
    pinch.zoom = 256;
    pinch.pan_x = pinch.pan_y = 0;
    int row = shown / COLUMNS * (tile() + dp(3));
    if (row < grid.offset >> 8 || row + tile() > (grid.offset >> 8) + grid.view.h)
        scroller_to(&grid, row);
    shell_show(&photos_screen, SHOW_SHRINK, tile_rect(shown));
    return true;
}

static void photo_key(unsigned code, char character) {
    (void)character;
    int to = shown + (code == KEY_RIGHT) - (code == KEY_LEFT);
    if (to == shown || to < 0 || to >= dress.photo_count)
        return;
    shift = (to - shown) * (panel_width() + dp(12)) * 256;
    shown = to;
    damage_all();
}

const struct screen photo_screen = {.name = "photo",
                                    .draw = photo_draw,
                                    .touch = photo_touch,
                                    .key = photo_key,
                                    .back = photo_back,
                                    .tick = photo_tick};
