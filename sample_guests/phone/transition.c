/* One screen gives way to another: both are pictures by now (frame.h), and only these are moved. */
#include "frame.h"
#include "path.h"
#include "shell.h"

static struct {
    bool running;
    enum transition how;
    uint64_t start;
    uint32_t micros;
    struct rect at, last;
    uint32_t color;
} t;

void transition_start(enum transition how, struct rect at, uint32_t color, uint64_t now) {
    static const uint32_t micros[] = {
        [SHOW_GROW] = 260000, [SHOW_SHRINK] = 230000, [SHOW_PUSH] = 240000,
        [SHOW_POP] = 220000,  [SHOW_FADE] = 200000,
    };
    t.running = how != SHOW_AT_ONCE;
    t.how = how;
    t.start = now;
    t.micros = micros[how];
    t.at = at;
    t.last = how == SHOW_SHRINK ? panel_rect() : at;
    t.color = color;
}

bool transition_running(void) {
    return t.running;
}
void transition_end(void) {
    t.running = false;
}

static int between(int from, int to, int part) {
    return from + (to - from) * part / 1024;
}

/* A picture drawn smaller, with round corners; they move, so they go without anti-aliasing. */
static void draw_small(struct canvas *c, const struct surface *picture, struct rect r, int radius,
                       uint32_t color, uint32_t color_part) {
    struct rect clip = c->clip, all = panel_rect();
    radius = min(radius, min(r.w, r.h) / 2);
    for (int y = 0; y < r.h;) {
        int from_edge = min(y, r.h - 1 - y), inset = 0, rows = 1;
        if (from_edge < radius) {
            int up = radius - from_edge;
            inset = radius - (int)square_root((uint32_t)(radius * radius - up * up));
        } else {
            rows = max(r.h - 2 * radius, 1);
        }
        struct rect band = {r.x + inset, r.y + y, r.w - 2 * inset, rows};
        canvas_narrow(c, band);
        draw_scaled(c, picture, all, r);
        if (color_part)
            fill(c, band, ALPHA(color, color_part));
        c->clip = clip;
        y += rows;
    }
}

static void frame_grow(struct canvas *c, int part, bool shrink) {
    struct rect all = panel_rect();
    int open = shrink ? 1024 - part : part;
    struct rect r = {between(t.at.x, 0, open), between(t.at.y, 0, open), between(t.at.w, all.w, open),
                     between(t.at.h, all.h, open)};
    struct rect changed = rect_join(r, t.last);
    /* frame_show() copies whole groups of 16 pixels, and `back` holds nothing yet around this. */
    changed.w = ((changed.x + changed.w + 15) & ~15) - (changed.x & ~15);
    changed.x &= ~15;
    changed = rect_both(changed, all);
    const struct surface *under = shrink ? &snapshot_to : &snapshot_from;
    const struct surface *over = shrink ? &snapshot_from : &snapshot_to;
    draw_surface(c, under, changed, changed.x, changed.y, 256);
    int tint = clamp(255 - open * 2 / 3, 0, 255);
    draw_small(c, over, r, between(min(t.at.w, t.at.h) / 4, dp(2), open), t.color,
               (uint32_t)(t.color ? tint : 0));
    t.last = r;
    frame_show(changed);
}

static void frame_slide(struct canvas *c, int part, bool pop) {
    struct rect all = panel_rect();
    int open = pop ? 1024 - part : part;
    const struct surface *under = pop ? &snapshot_to : &snapshot_from;
    const struct surface *over = pop ? &snapshot_from : &snapshot_to;
    int x = all.w - all.w * open / 1024, shift = all.w * open / 4096;
    draw_surface(c, under, (struct rect){shift, 0, x, all.h}, 0, 0, 256);
    fill(c, (struct rect){0, 0, x, all.h}, ALPHA(0, 90 * open / 1024));
    draw_surface(c, over, (struct rect){0, 0, all.w - x, all.h}, x, 0, 256);
    for (int i = 0; i < dp(8) && i < x; i++)
        fill(c, (struct rect){x - 1 - i, 0, 1, all.h}, ALPHA(0, 40 * (dp(8) - i) / dp(8)));
    frame_show(all);
}

static void frame_fade(struct canvas *c, int part) {
    struct rect all = panel_rect();
    draw_surface(c, &snapshot_from, all, 0, 0, 256);
    draw_surface(c, &snapshot_to, all, 0, 0, (uint32_t)part / 4);
    frame_show(all);
}

bool transition_frame(uint64_t now) {
    uint32_t passed = (uint32_t)min((int)((now - t.start) / 1000), 1000000);
    if (!t.running || passed >= t.micros) {
        t.running = false;
        return false;
    }
    struct canvas c = canvas_on(&back);
    int part = (int)((uint64_t)passed * 1024 / t.micros);
    switch (t.how) {
    case SHOW_GROW:
        frame_grow(&c, ease_out(part), false);
        break;
    case SHOW_SHRINK:
        frame_grow(&c, ease_out(part), true);
        break;
    case SHOW_PUSH:
        frame_slide(&c, ease_out(part), false);
        break;
    case SHOW_POP:
        frame_slide(&c, ease_out(part), true);
        break;
    default:
        frame_fade(&c, part);
    }
    return true;
}
