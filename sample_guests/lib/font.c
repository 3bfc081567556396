/* Glyphs are placed to a quarter of a pixel across and on whole pixels down; small sizes are stretched a
 * little so that lower-case letters end on a whole pixel, which keeps them sharp without hinting. */
#include "font.h"
#include "font_data.h"
#include "mask_cache.h"
#include "path.h"
#include "text.h"

enum { SHARPEN_UP_TO = 30 };

static const struct font *const faces[] = {&font_regular, &font_medium, &font_light};

static const struct font_glyph *find_glyph(const struct font *font, uint32_t character) {
    int low = 0, high = font->glyph_count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (font->glyphs[middle].character == character)
            return &font->glyphs[middle];
        if (font->glyphs[middle].character < character)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return character == '?' ? &font->glyphs[0] : find_glyph(font, '?');
}

static int kern(const struct font *font, uint32_t first, uint32_t second) {
    if (first > 126 || second > 126)
        return 0;
    uint32_t pair = first << 8 | second;
    int low = 0, high = font->kern_count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (font->kerns[middle].pair == pair)
            return font->kerns[middle].units;
        if (font->kerns[middle].pair < pair)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return 0;
}

/* Font units at a size, in 1/256 of a pixel. */
static int scaled(int units, int px) {
    return units * px / (FONT_UNITS / 256);
}

static int vertical_stretch(const struct font *font, int px) {
    int height = scaled(font->x_height, px);
    return px > SHARPEN_UP_TO ? 65536 : ((height + 128) & ~255) * 65536 / height;
}

static const struct mask *glyph_mask(enum face face, int px, const struct font_glyph *glyph, int quarter) {
    uint32_t key =
        (uint32_t)face << 28 | (uint32_t)quarter << 26 | (uint32_t)(px & 0x3ff) << 16 | glyph->character;
    const struct mask *mask = mask_find(MASK_GLYPH, key);
    if (mask)
        return mask;
    const struct font *font = faces[face];
    const char *step = font->steps + glyph->first_step;
    const int16_t *point = font->points + glyph->first_point;
    int stretch = vertical_stretch(font, px), x[3], y[3];
    path_begin();
    for (int i = 0; i < glyph->step_count; i++) {
        int points = step[i] == 'C' ? 3 : step[i] == 'Q' ? 2 : 1;
        for (int n = 0; n < points; n++) {
            x[n] = scaled(*point++, px) + quarter * 64;
            y[n] = (int)(-(int64_t)scaled(*point++, px) * stretch >> 16);
        }
        switch (step[i]) {
        case 'M':
            path_move(x[0], y[0]);
            break;
        case 'L':
            path_line(x[0], y[0]);
            break;
        case 'Q':
            path_quad(x[0], y[0], x[1], y[1]);
            break;
        default:
            path_cubic(x[0], y[0], x[1], y[1], x[2], y[2]);
        }
    }
    uint32_t room;
    struct mask *made = mask_room(&room);
    if (!path_mask(made, room))
        *made = (struct mask){0, 0, 0, 0};
    return mask_keep(MASK_GLYPH, key);
}

/* Walks over text; draws where `c` is not NULL. Answers the width in 1/256 of a pixel. */
static int walk(struct canvas *c, enum face face, int px, int x, int y, uint32_t color, const char *text,
                const char *end, int digit_width) {
    const struct font *font = faces[face];
    uint32_t before = 0;
    int pen = 0;
    while (*text && (!end || text < end)) {
        uint32_t character = text_next(&text);
        if (character == '\n')
            continue;
        const struct font_glyph *glyph = find_glyph(font, character);
        bool fixed = digit_width && character >= '0' && character <= '9';
        int advance = scaled(glyph->advance, px);
        int place = pen + (fixed         ? (digit_width - advance) / 2
                           : digit_width ? 0
                                         : scaled(kern(font, before, character), px));
        if (c) {
            int at = PX(x) + place + 32;
            draw_mask(c, glyph_mask(face, px, glyph, at >> 6 & 3), at >> 8, y, color);
        }
        pen = fixed ? pen + digit_width : place + advance;
        before = character;
    }
    return pen;
}

int draw_text(struct canvas *c, enum face face, int px, int x, int y, uint32_t color, const char *text) {
    return (walk(c, face, px, x, y, color, text, NULL, 0) + 255) >> 8;
}

int text_width(enum face face, int px, const char *text) {
    return (walk(NULL, face, px, 0, 0, 0, text, NULL, 0) + 255) >> 8;
}

int text_width_of(enum face face, int px, const char *text, int bytes) {
    return (walk(NULL, face, px, 0, 0, 0, text, text + bytes, 0) + 128) >> 8;
}

void draw_text_centred(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                       const char *text) {
    draw_text(c, face, px, x - text_width(face, px, text) / 2, y, color, text);
}

void draw_text_right(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                     const char *text) {
    draw_text(c, face, px, x - text_width(face, px, text), y, color, text);
}

void draw_text_within(struct canvas *c, enum face face, int px, int x, int y, int width, uint32_t color,
                      const char *text) {
    if (text_width(face, px, text) <= width) {
        draw_text(c, face, px, x, y, color, text);
        return;
    }
    char shorter[96];
    int length = min((int)text_length(text), (int)sizeof shorter - 4);
    do {
        while (length > 0 && (text[--length] & 0xc0) == 0x80)
            ; /* never within a character */
        while (length > 0 && text[length - 1] == ' ')
            length--;
        memcpy(shorter, text, (size_t)length);
        text_copy(shorter + length, "…", 4);
    } while (length > 0 && text_width(face, px, shorter) > width);
    draw_text(c, face, px, x, y, color, shorter);
}

void draw_digits_centred(struct canvas *c, enum face face, int px, int x, int y, uint32_t color,
                         const char *text) {
    int digit = scaled(find_glyph(faces[face], '0')->advance, px);
    int width = walk(NULL, face, px, 0, 0, 0, text, NULL, digit) >> 8;
    walk(c, face, px, x - width / 2, y, color, text, NULL, digit);
}

int cap_height(enum face face, int px) {
    int height =
        (int)((int64_t)scaled(faces[face]->cap_height, px) * vertical_stretch(faces[face], px) >> 16);
    return (height + 128) >> 8;
}

int line_length(enum face face, int px, const char *text, int width) {
    const char *at = text, *last_break = NULL;
    int limit = PX(width), pen = 0;
    while (*at) {
        const char *start = at;
        uint32_t character = text_next(&at);
        if (character == '\n')
            return (int)(at - text);
        pen += scaled(find_glyph(faces[face], character)->advance, px);
        if (pen > limit && start > text && character != ' ')
            return (int)((last_break ? last_break : start) - text);
        if (character == ' ')
            last_break = at;
    }
    return (int)(at - text);
}
