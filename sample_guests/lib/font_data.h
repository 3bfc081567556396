/* Outlines of a typeface, 2048 units an em, y upwards. font_data.c is made by tools/make_font.py. */
#ifndef GUEST_FONT_DATA_H
#define GUEST_FONT_DATA_H

#include <stdint.h>

enum { FONT_UNITS = 2048 };

struct font_glyph {
    uint16_t character, advance, step_count;
    uint16_t first_step, first_point;
};

struct font_kern {
    uint16_t pair; /* two ASCII characters */
    int16_t units;
};

struct font {
    int ascent, descent, x_height, cap_height;
    const struct font_glyph *glyphs; /* by character */
    int glyph_count;
    const char *steps;             /* M and L take a point, Q two, C three; a contour closes itself */
    const int16_t *points;         /* x and y in turn */
    const struct font_kern *kerns; /* by pair */
    int kern_count;
};

extern const struct font font_regular, font_medium, font_light;

#endif
