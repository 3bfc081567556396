/* Rounded rectangles, circles, rings and soft shadows. */
#ifndef GUEST_SHAPE_H
#define GUEST_SHAPE_H

#include "canvas.h"

void fill_rounded(struct canvas *c, struct rect r, int radius, uint32_t color);
void fill_rounded_gradient(struct canvas *c, struct rect r, int radius, uint32_t top, uint32_t bottom);
/* The part of a surface at the same place as `r`, in the shape of a rounded rectangle (frosted glass). */
void draw_rounded(struct canvas *c, struct rect r, int radius, const struct surface *surface);
void fill_circle(struct canvas *c, int x, int y, int radius, uint32_t color);
void draw_line(struct canvas *c, int x0, int y0, int x1, int y1, int width, uint32_t color);
/* Around a rounded rectangle that covers its middle: darkest at its edge, gone `blur` away. The thing that
 * throws it may be up to `radius` higher. */
void draw_shadow(struct canvas *c, struct rect r, int radius, int blur, int alpha);

#endif
