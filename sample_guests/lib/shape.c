#include "shape.h"
#include "mask_cache.h"
#include "path.h"

#include <stddef.h>

/* The upper left quarter of a disc. */
static const struct mask *corner(int radius) {
    const struct mask *mask = mask_find(MASK_CORNER, (uint32_t)radius);
    if (mask)
        return mask;
    uint32_t room;
    struct mask *made = mask_room(&room);
    path_begin();
    path_move(PX(radius), 0);
    path_line(PX(radius), PX(radius));
    path_line(0, PX(radius));
    int k = radius * 256 * 9048 >> 14;
    path_cubic(0, PX(radius) - k, PX(radius) - k, 0, PX(radius), 0);
    path_mask(made, room);
    return mask_keep(MASK_CORNER, (uint32_t)radius);
}

struct rounded {
    struct rect r;
    int radius;
    uint32_t top, bottom;
    const struct surface *surface; /* or NULL: a gradient */
};

static void rounded_row(struct canvas *c, const struct rounded *shape, int y, int inset) {
    struct rect row = {shape->r.x + inset, shape->r.y + y, shape->r.w - 2 * inset, 1};
    if (shape->surface) {
        draw_surface(c, shape->surface, (struct rect){row.x + c->x, row.y + c->y, row.w, 1}, row.x, row.y,
                     256);
        return;
    }
    uint32_t part = shape->top == shape->bottom ? 0 : (uint32_t)(y * 256 / max(shape->r.h - 1, 1));
    uint32_t alpha = ((shape->top >> 24) * (256 - part) + (shape->bottom >> 24) * part) >> 8;
    fill(c, row, ALPHA(mix(shape->top, shape->bottom, part), alpha));
}

static uint32_t color_at(const struct canvas *c, const struct rounded *shape, int x, int y) {
    if (shape->surface)
        return RGB(shape->surface->pixels[(intptr_t)(shape->r.y + y + c->y) * shape->surface->stride +
                                          shape->r.x + x + c->x]);
    uint32_t part = (uint32_t)(y * 256 / max(shape->r.h - 1, 1));
    uint32_t alpha = ((shape->top >> 24) * (256 - part) + (shape->bottom >> 24) * part) >> 8;
    return ALPHA(mix(shape->top, shape->bottom, part), alpha);
}

static void corner_pixel(struct canvas *c, const struct rounded *shape, int x, int y, uint32_t cover) {
    int tx = shape->r.x + x + c->x, ty = shape->r.y + y + c->y;
    if (!cover || !rect_holds(c->clip, tx, ty))
        return;
    uint32_t color = color_at(c, shape, x, y), alpha = color >> 24;
    uint32_t *to = c->target->pixels + (intptr_t)ty * c->target->stride + tx;
    alpha = (alpha + (alpha >> 7)) * c->opacity >> 8;
    *to = mix(*to, color, (cover + (cover >> 7)) * alpha >> 8);
}

static void rounded(struct canvas *c, struct rounded shape) {
    struct rect r = shape.r;
    int radius = shape.radius = clamp(shape.radius, 0, min(r.w, r.h) / 2);
    struct rect seen = {r.x + c->x, r.y + c->y, r.w, r.h};
    if (rect_empty(rect_both(seen, c->clip)))
        return;
    const struct mask *mask = radius ? corner(radius) : NULL;
    for (int y = 0; y < r.h; y++) {
        if (r.y + y + c->y < c->clip.y || r.y + y + c->y >= c->clip.y + c->clip.h)
            continue;
        int from_edge = min(y, r.h - 1 - y);
        if (from_edge >= radius) {
            rounded_row(c, &shape, y, 0);
            continue;
        }
        rounded_row(c, &shape, y, radius);
        int row = from_edge - mask->top;
        if (row < 0 || row >= mask->height)
            continue;
        for (int x = 0; x < mask->width && x + mask->left < radius; x++) {
            uint32_t cover = mask->cover[row * mask->width + x];
            corner_pixel(c, &shape, x + mask->left, y, cover);
            corner_pixel(c, &shape, r.w - 1 - x - mask->left, y, cover);
        }
    }
}

void fill_rounded(struct canvas *c, struct rect r, int radius, uint32_t color) {
    rounded(c, (struct rounded){r, radius, color, color, 0});
}

void fill_rounded_gradient(struct canvas *c, struct rect r, int radius, uint32_t top, uint32_t bottom) {
    rounded(c, (struct rounded){r, radius, top, bottom, 0});
}

void draw_rounded(struct canvas *c, struct rect r, int radius, const struct surface *surface) {
    struct rect on = {-c->x, -c->y, surface->width, surface->height};
    r = rect_both(r, on);
    rounded(c, (struct rounded){r, radius, 0, 0, surface});
}

void fill_circle(struct canvas *c, int x, int y, int radius, uint32_t color) {
    fill_rounded(c, (struct rect){x - radius, y - radius, 2 * radius, 2 * radius}, radius, color);
}

void draw_line(struct canvas *c, int x0, int y0, int x1, int y1, int width, uint32_t color) {
    path_begin();
    path_stroke(x0, y0, x1, y1, width);
    path_fill(c, color);
}

/* The upper left corner of a shadow: `blur` outside and `radius` + blur inside the edge. */
static const struct mask *shadow_corner(int radius, int blur) {
    uint32_t key = (uint32_t)(radius << 10 | blur);
    const struct mask *mask = mask_find(MASK_SHADOW, key);
    if (mask)
        return mask;
    uint32_t room;
    struct mask *made = mask_room(&room);
    int size = blur + radius + 1;
    *made = (struct mask){(int16_t)-blur, (int16_t)-blur, (int16_t)size, (int16_t)size};
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            /* The distance to the edge in 1/16 of a pixel: from the corner's centre, or 0 inside. */
            int dx = max(0, blur + radius - x) * 16, dy = max(0, blur + radius - y) * 16;
            int away = clamp((int)square_root((uint32_t)(dx * dx + dy * dy)) - radius * 16, 0, blur * 16);
            int near = 255 - away * 255 / (blur * 16);
            made->cover[y * size + x] = (uint8_t)(near * near / 255 * near / 255);
        }
    return mask_keep(MASK_SHADOW, key);
}

static void shadow_piece(struct canvas *c, int x, int y, uint32_t cover, int alpha) {
    if (!cover || !rect_holds(c->clip, x + c->x, y + c->y))
        return;
    uint32_t *to = c->target->pixels + (intptr_t)(y + c->y) * c->target->stride + x + c->x;
    *to = mix(*to, 0, (cover * (uint32_t)alpha >> 8) * c->opacity >> 8);
}

static void shadow_row(struct canvas *c, struct rect row, uint32_t cover, int alpha) {
    fill(c, row, (cover * (uint32_t)alpha >> 8) << 24);
}

void draw_shadow(struct canvas *c, struct rect r, int radius, int blur, int alpha) {
    radius = clamp(radius, 0, min(r.w, r.h) / 2);
    struct rect whole = rect_inset(r, -blur);
    if (blur <= 0 ||
        rect_empty(rect_both((struct rect){whole.x + c->x, whole.y + c->y, whole.w, whole.h}, c->clip)))
        return;
    const struct mask *mask = shadow_corner(radius, blur);
    int size = mask->width;
    for (int y = 0; y < size - 1; y++)
        for (int x = 0; x < size - 1; x++) {
            uint32_t cover = mask->cover[y * size + x];
            int left = whole.x + x, right = whole.x + whole.w - 1 - x;
            int top = whole.y + y, bottom = whole.y + whole.h - 1 - y;
            shadow_piece(c, left, top, cover, alpha);
            shadow_piece(c, right, top, cover, alpha);
            shadow_piece(c, left, bottom, cover, alpha);
            shadow_piece(c, right, bottom, cover, alpha);
        }
    int inner_w = r.w - 2 * radius, inner_h = r.h - 2 * radius;
    shadow_row(c, (struct rect){r.x + radius, r.y + r.h - radius, inner_w, radius}, 255, alpha);
    for (int i = 0; i < blur; i++) {
        uint32_t cover = mask->cover[i * size + size - 1];
        shadow_row(c, (struct rect){r.x + radius, whole.y + i, inner_w, 1}, cover, alpha);
        shadow_row(c, (struct rect){r.x + radius, whole.y + whole.h - 1 - i, inner_w, 1}, cover, alpha);
        shadow_row(c, (struct rect){whole.x + i, r.y + radius, 1, inner_h}, cover, alpha);
        shadow_row(c, (struct rect){whole.x + whole.w - 1 - i, r.y + radius, 1, inner_h}, cover, alpha);
    }
}
