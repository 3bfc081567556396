/* Outlines filled with anti-aliasing. One outline is built at a time; points are in 1/256 of a pixel. Pieces
 * that overlap in the same direction are joined, a piece in the other direction cuts a hole. */
#ifndef GUEST_PATH_H
#define GUEST_PATH_H

#include "canvas.h"

#define PX(pixels) ((pixels) * 256)

void path_begin(void);
void path_move(int x, int y);
void path_line(int x, int y);
void path_quad(int cx, int cy, int x, int y);
void path_cubic(int ax, int ay, int bx, int by, int x, int y);
void path_circle(int x, int y, int radius);
void path_hole(int x, int y, int radius);
void path_rounded(int x, int y, int w, int h, int radius);
/* A line with round ends. */
void path_stroke(int x0, int y0, int x1, int y1, int width);
/* Part of a ring; angles as in sine(), clockwise from the top. */
void path_arc(int x, int y, int radius, int width, int from, int to);
void path_fill(struct canvas *c, uint32_t color);
/* The outline as a mask, in memory that the next call may use again (or in `to`, of `room` bytes, where that
 * is not NULL; NULL where it does not fit). */
struct mask *path_mask(struct mask *to, uint32_t room);

/* A turn is 65536; the answer is in 1/32768. */
int sine(int angle);
static inline int cosine(int angle) {
    return sine(angle + 16384);
}
uint32_t square_root(uint32_t value);

#endif
