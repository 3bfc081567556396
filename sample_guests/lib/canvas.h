/* Drawing on 32-bit surfaces with a clip. Colours are 0xAARRGGBB; surfaces hold x8r8g8b8 and are opaque. */
#ifndef GUEST_CANVAS_H
#define GUEST_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

struct rect {
    int x, y, w, h;
};

struct surface {
    uint32_t *pixels;
    int width, height, stride; /* stride in pixels */
};

struct canvas {
    struct surface *target;
    struct rect clip; /* on the target */
    int x, y;         /* added to every coordinate */
    uint32_t opacity; /* of all that is drawn, 0 to 256 */
};

/* Coverage of a shape's pixels, 0 to 255. */
struct mask {
    int16_t left, top, width, height;
    uint8_t cover[];
};

#define RGB(hex) (0xff000000u | (hex))
#define ALPHA(color, alpha) (((color) & 0xffffffu) | (uint32_t)(alpha) << 24)

/* `to` moved towards `from`; part is 0 to 256. */
static inline uint32_t mix(uint32_t to, uint32_t from, uint32_t part) {
    uint32_t rb = to & 0xff00ff, g = to & 0x00ff00;
    rb = (rb + (((from & 0xff00ff) - rb) * part >> 8)) & 0xff00ff;
    g = (g + (((from & 0x00ff00) - g) * part >> 8)) & 0x00ff00;
    return rb | g;
}

static inline int min(int a, int b) {
    return a < b ? a : b;
}
static inline int max(int a, int b) {
    return a > b ? a : b;
}
static inline int clamp(int value, int low, int high) {
    return max(low, min(value, high));
}

struct rect rect_both(struct rect a, struct rect b); /* intersection; w or h of 0 or less where none */
struct rect rect_join(struct rect a, struct rect b);
struct rect rect_inset(struct rect r, int by);
static inline bool rect_empty(struct rect r) {
    return r.w <= 0 || r.h <= 0;
}
static inline bool rect_holds(struct rect r, int x, int y) {
    return x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;
}

struct surface surface_new(int width, int height);
struct canvas canvas_on(struct surface *target);
/* The clip narrowed to `r`; answers the clip before, to be put back. */
struct rect canvas_narrow(struct canvas *c, struct rect r);

void fill(struct canvas *c, struct rect r, uint32_t color);
/* From top to bottom. */
void fill_gradient(struct canvas *c, struct rect r, uint32_t top, uint32_t bottom);
void draw_mask(struct canvas *c, const struct mask *mask, int x, int y, uint32_t color);
/* Copies `from` of a surface to x, y; with `part` below 256 mixes it in. */
void draw_surface(struct canvas *c, const struct surface *surface, struct rect from, int x, int y,
                  uint32_t part);
/* `from` stretched to `to`, nearest pixels. */
void draw_scaled(struct canvas *c, const struct surface *surface, struct rect from, struct rect to);

/* memory.S */
void copy_block(uint32_t *to, const uint32_t *from, uint32_t words);
void fill_block(uint32_t *to, uint32_t value, uint32_t words);

#endif
