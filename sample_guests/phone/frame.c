#include "frame.h"
#include "board.h"
#include "dress.h"
#include "ui.h"

struct surface back, wallpaper, frosted, snapshot_from, snapshot_to;
struct frame_counts frame_counts;
static int bright = 256, fade = 256;

void frame_start(void) {
    int w = panel_width(), h = panel_height();
    back = surface_new(w, h);
    wallpaper = surface_new(w, h);
    frosted = surface_new(w, h);
    snapshot_from = surface_new(w, h);
    snapshot_to = surface_new(w, h);
    draw_scene(&wallpaper, &dress.wallpaper);
    blur_surface(&frosted, &wallpaper, dp(9));
}

int brightness(void) {
    return bright;
}

void set_brightness(int level) {
    bright = clamp(level, 16, 256);
    damage_all();
}

void set_fade(int level) {
    fade = clamp(level, 0, 256);
    damage_all();
}

static void show_dimmed(uint32_t *to, const uint32_t *from, int count, uint32_t level) {
    for (; count > 0; count--, from++)
        *to++ = ((*from & 0xff00ff) * level >> 8 & 0xff00ff) | ((*from & 0x00ff00) * level >> 8 & 0x00ff00);
}

void frame_show(struct rect r) {
    uint32_t level = (uint32_t)(bright * fade) >> 8;
    /* Whole groups of 16 pixels, which copy faster. */
    int right = min((r.x + r.w + 15) & ~15, panel_width());
    r.x &= ~15;
    r.w = right - r.x;
    uint32_t *to = board.panel.pixels + (intptr_t)r.y * board.panel.stride + r.x;
    const uint32_t *from = back.pixels + (intptr_t)r.y * back.stride + r.x;
    for (int y = 0; y < r.h; y++, to += board.panel.stride, from += back.stride) {
        if (level >= 256)
            copy_block(to, from, (uint32_t)r.w);
        else
            show_dimmed(to, from, r.w, level);
    }
    frame_counts.pixels += (uint64_t)(r.w * r.h);
    frame_counts.full += r.w == panel_width() && r.h == panel_height();
}

void frame_black(void) {
    for (int y = 0; y < panel_height(); y++)
        fill_block(board.panel.pixels + (intptr_t)y * board.panel.stride, 0, (uint32_t)panel_width());
}
