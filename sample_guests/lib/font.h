/* Text in Inter, at any size. */
#ifndef GUEST_FONT_H
#define GUEST_FONT_H

#include "canvas.h"

enum face { FACE_REGULAR, FACE_MEDIUM, FACE_LIGHT };

/* Answers the width. `y` is the baseline. */
int draw_text(struct canvas *c, enum face face, int px, int x, int y, uint32_t color, const char *text);
int text_width(enum face face, int px, const char *text);
/* Centred on x, or ending at it. */
void draw_text_centred(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                       const char *text);
void draw_text_right(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                     const char *text);
/* Cut off with three dots where it is wider than `width`. */
void draw_text_within(struct canvas *c, enum face face, int px, int x, int y, int width, uint32_t color,
                      const char *text);
/* Digits of one width, so that a running clock stands still. */
void draw_digits_centred(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                         const char *text);
/* The height of a capital letter. */
int cap_height(enum face face, int px);
/* How many bytes of `text` fit into `width`, broken after a space where there is one; at least one character.
 * A line break ends the line too and counts. */
int line_length(enum face face, int px, const char *text, int width);
/* The width of the first `bytes` bytes. */
int text_width_of(enum face face, int px, const char *text, int bytes);

#endif
