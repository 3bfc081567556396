#include "canvas.h"
#include "heap.h"

struct rect rect_both(struct rect a, struct rect b) {
    int x = max(a.x, b.x), y = max(a.y, b.y);
    return (struct rect){x, y, min(a.x + a.w, b.x + b.w) - x, min(a.y + a.h, b.y + b.h) - y};
}

struct rect rect_join(struct rect a, struct rect b) {
    if (rect_empty(a))
        return b;
    if (rect_empty(b))
        return a;
    int x = min(a.x, b.x), y = min(a.y, b.y);
    return (struct rect){x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y};
}

struct rect rect_inset(struct rect r, int by) {
    return (struct rect){r.x + by, r.y + by, r.w - 2 * by, r.h - 2 * by};
}

struct surface surface_new(int width, int height) {
    /* Rows begin on 64 bytes: copies move 128 at a time. */
    int stride = (width + 15) & ~15;
    return (struct surface){heap_take((size_t)stride * (size_t)height * 4), width, height, stride};
}

struct canvas canvas_on(struct surface *target) {
    return (struct canvas){target, {0, 0, target->width, target->height}, 0, 0, 256};
}

struct rect canvas_narrow(struct canvas *c, struct rect r) {
    struct rect before = c->clip;
    r.x += c->x;
    r.y += c->y;
    c->clip = rect_both(before, r);
    return before;
}

/* The part of `r` to draw, on the target. */
static struct rect visible(const struct canvas *c, struct rect r) {
    r.x += c->x;
    r.y += c->y;
    return rect_both(r, c->clip);
}

static uint32_t *pixel_at(const struct canvas *c, int x, int y) {
    return c->target->pixels + (intptr_t)y * c->target->stride + x;
}

/* The colour with the canvas's opacity taken into its alpha. */
static uint32_t faded(const struct canvas *c, uint32_t color) {
    return c->opacity >= 256 ? color : ALPHA(color, (color >> 24) * c->opacity >> 8);
}

static void fill_row(uint32_t *to, int count, uint32_t color) {
    uint32_t alpha = color >> 24;
    if (alpha == 255) {
        fill_block(to, color & 0xffffff, (uint32_t)count);
        return;
    }
    /* to * (1 - part) + color * part, the second term once for the row */
    uint32_t part = alpha + (alpha >> 7), rest = 256 - part;
    uint32_t rb = (color & 0xff00ff) * part, g = (color & 0x00ff00) * part;
    for (; count > 0; count--, to++)
        *to = (((*to & 0xff00ff) * rest + rb) >> 8 & 0xff00ff) |
              (((*to & 0x00ff00) * rest + g) >> 8 & 0x00ff00);
}

void fill(struct canvas *c, struct rect r, uint32_t color) {
    r = visible(c, r);
    color = faded(c, color);
    if (rect_empty(r) || !(color >> 24))
        return;
    for (int y = 0; y < r.h; y++)
        fill_row(pixel_at(c, r.x, r.y + y), r.w, color);
}

void fill_gradient(struct canvas *c, struct rect r, uint32_t top, uint32_t bottom) {
    struct rect v = visible(c, r);
    if (rect_empty(v))
        return;
    int first = v.y - (r.y + c->y);
    for (int y = 0; y < v.h; y++) {
        uint32_t part = (uint32_t)((first + y) * 256 / max(r.h - 1, 1));
        uint32_t alpha = ((top >> 24) * (256 - part) + (bottom >> 24) * part) >> 8;
        fill_row(pixel_at(c, v.x, v.y + y), v.w, faded(c, ALPHA(mix(top, bottom, part), alpha)));
    }
}

void draw_mask(struct canvas *c, const struct mask *mask, int x, int y, uint32_t color) {
    x += mask->left;
    y += mask->top;
    struct rect v = visible(c, (struct rect){x, y, mask->width, mask->height});
    uint32_t alpha = faded(c, color) >> 24;
    if (rect_empty(v) || !alpha)
        return;
    alpha += alpha >> 7;
    const uint8_t *cover = mask->cover + (v.y - y - c->y) * mask->width + (v.x - x - c->x);
    uint32_t opaque = color & 0xffffff;
    for (int row = 0; row < v.h; row++, cover += mask->width) {
        uint32_t *to = pixel_at(c, v.x, v.y + row);
        for (int i = 0; i < v.w; i++) {
            uint32_t part = cover[i];
            if (!part)
                continue;
            part = (part + (part >> 7)) * alpha >> 8;
            to[i] = part >= 256 ? opaque : mix(to[i], color, part);
        }
    }
}

void draw_surface(struct canvas *c, const struct surface *surface, struct rect from, int x, int y,
                  uint32_t part) {
    struct rect inside = rect_both(from, (struct rect){0, 0, surface->width, surface->height});
    x += inside.x - from.x;
    y += inside.y - from.y;
    struct rect v = visible(c, (struct rect){x, y, inside.w, inside.h});
    part = part * c->opacity >> 8;
    if (rect_empty(v) || !part)
        return;
    const uint32_t *source =
        surface->pixels + (intptr_t)(inside.y + v.y - y - c->y) * surface->stride + inside.x + v.x - x - c->x;
    for (int row = 0; row < v.h; row++, source += surface->stride) {
        uint32_t *to = pixel_at(c, v.x, v.y + row);
        if (part >= 256) {
            copy_block(to, source, (uint32_t)v.w);
            continue;
        }
        for (int i = 0; i < v.w; i++)
            to[i] = mix(to[i], source[i], part);
    }
}

void draw_scaled(struct canvas *c, const struct surface *surface, struct rect from, struct rect to) {
    struct rect v = visible(c, to);
    if (rect_empty(v) || to.w <= 0 || to.h <= 0)
        return;
    /* 16.16 steps over the source, half a step in */
    uint32_t step_x = ((uint32_t)from.w << 16) / (uint32_t)to.w,
             step_y = ((uint32_t)from.h << 16) / (uint32_t)to.h;
    uint32_t first_x = (uint32_t)(v.x - to.x - c->x) * step_x + step_x / 2;
    uint32_t at_y = (uint32_t)(v.y - to.y - c->y) * step_y + step_y / 2;
    for (int row = 0; row < v.h; row++, at_y += step_y) {
        int y = clamp(from.y + (int)(at_y >> 16), 0, surface->height - 1);
        const uint32_t *source = surface->pixels + (intptr_t)y * surface->stride + from.x;
        uint32_t *pixel = pixel_at(c, v.x, v.y + row), at_x = first_x;
        for (int i = 0; i < v.w; i++, at_x += step_x)
            pixel[i] = source[at_x >> 16];
    }
}
