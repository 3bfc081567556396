/* Each icon is a line of a small language; numbers are tenths of the grid's units, so 240 is the whole grid.
 *   M x y, L x y, C ax ay bx by x y, Z     an outline
 *   O x y r    a disc          H x y r     a round hole
 *   R x y w h r    a rounded rectangle     K x y w h    a rectangular hole
 *   S x0 y0 x1 y1 w    a line with round ends
 *   A x y r w from to  part of a ring, degrees clockwise from the top */
#include "icons.h"
#include "mask_cache.h"
#include "path.h"

static const char *const outlines[ICON_COUNT] = {
    [ICON_NOTES] = "R 45 25 150 190 20 K 75 70 90 14 K 75 107 90 14 K 75 144 55 14",
    [ICON_CONTACTS] =
        "O 120 80 42 M 40 200 L 40 190 C 40 150 80 136 120 136 C 160 136 200 150 200 190 L 200 200 Z",
    [ICON_PHOTOS] =
        "R 25 45 190 150 18 K 42 62 156 116 O 85 95 17 M 42 178 L 42 162 L 84 124 L 112 150 L 152 106"
        " L 198 154 L 198 178 Z",
    [ICON_CLOCK] = "A 120 120 84 18 0 360 S 120 72 120 122 16 S 120 122 152 142 16",
    [ICON_SETTINGS] =
        "A 120 120 50 36 0 360 R 104 26 32 40 8 R 104 174 32 40 8 R 26 104 40 32 8 R 174 104 40 32 8"
        " S 66 66 72 72 34 S 168 168 174 174 34 S 66 174 72 168 34 S 168 72 174 66 34",
    [ICON_CALCULATOR] = "R 50 25 140 190 18 K 70 46 100 38 H 83 112 12 H 120 112 12 H 157 112 12 H 83 149 12"
                        " H 120 149 12 H 157 149 12 H 83 186 12 H 120 186 12 H 157 186 12",
    [ICON_CALENDAR] = "R 32 44 176 168 18 K 50 92 140 102 R 70 24 18 44 6 R 152 24 18 44 6 R 66 108 28 24 4 "
                      "R 106 108 28 24 4"
                      " R 146 108 28 24 4 R 66 150 28 24 4 R 106 150 28 24 4",
    [ICON_DRAW] =
        "M 38 166 L 38 202 L 74 202 L 168 108 L 132 72 Z M 145 59 L 181 95 L 200 76 C 206 70 206 62 200 56"
        " L 184 40 C 178 34 170 34 164 40 Z",
    [ICON_BACK] = "S 52 120 190 120 18 S 52 120 112 60 18 S 52 120 112 180 18",
    [ICON_PLUS] = "S 120 60 120 180 20 S 60 120 180 120 20",
    [ICON_DELETE] =
        "R 48 48 144 20 6 R 92 30 56 26 8 M 62 82 L 178 82 L 170 196 C 169 206 164 210 154 210 L 86 210"
        " C 76 210 71 206 70 196 Z",
    [ICON_CHECK] = "S 50 125 98 172 20 S 98 172 192 72 20",
    [ICON_CLOSE] = "S 64 64 176 176 18 S 64 176 176 64 18",
    [ICON_STAR] =
        "M 120 24 L 149 88 L 219 96 L 167 143 L 181 212 L 120 177 L 59 212 L 73 143 L 21 96 L 91 88 Z",
    [ICON_STAR_OUTLINE] = "S 120 36 146 93 16 S 146 93 207 101 16 S 207 101 161 142 16 S 161 142 173 203 16"
                          " S 173 203 120 172 16 S 120 172 67 203 16 S 67 203 79 142 16 S 79 142 33 101 16"
                          " S 33 101 94 93 16 S 94 93 120 36 16",
    [ICON_PHONE] =
        "M 66 32 L 92 32 C 98 32 101 34 102 40 C 104 54 107 67 111 79 C 113 84 112 88 108 92 L 88 112"
        " C 100 135 116 151 138 162 L 158 142 C 161 138 166 137 171 139 C 183 143 196 146 210 148"
        " C 216 149 218 152 218 158 L 218 192 C 218 202 214 207 204 207 C 108 207 33 132 33 46"
        " C 33 36 38 32 48 32 Z",
    [ICON_MAIL] = "R 24 48 192 144 16 M 40 80 L 120 134 L 200 80 L 200 62 L 120 115 L 40 62 Z",
    [ICON_PLACE] =
        "M 120 218 C 120 218 48 142 48 92 C 48 52 80 22 120 22 C 160 22 192 52 192 92 C 192 142 120 218"
        " 120 218 Z H 120 92 27",
    [ICON_PERSON] =
        "O 120 82 44 M 36 206 L 36 194 C 36 152 80 138 120 138 C 160 138 204 152 204 194 L 204 206 Z",
    [ICON_BADGE] =
        "R 24 66 192 136 16 M 84 66 L 84 50 C 84 40 90 34 100 34 L 140 34 C 150 34 156 40 156 50 L 156 66"
        " L 140 66 L 140 50 L 100 50 L 100 66 Z K 24 120 72 12 K 144 120 72 12",
    [ICON_POWER] = "S 120 40 120 116 20 A 120 128 76 20 40 320",
    [ICON_RESTART] = "A 120 130 72 20 60 345 M 104 18 L 158 58 L 104 98 Z",
    [ICON_BRIGHTNESS] =
        "O 120 120 42 S 120 26 120 44 18 S 120 196 120 214 18 S 26 120 44 120 18 S 196 120 214 120 18"
        " S 54 54 66 66 18 S 174 174 186 186 18 S 54 186 66 174 18 S 174 66 186 54 18",
    [ICON_VOLUME] =
        "M 36 92 L 72 92 L 122 46 L 122 194 L 72 148 L 36 148 Z A 118 120 36 16 45 135 A 118 120 76 16"
        " 40 140",
    [ICON_MUTE] =
        "M 36 92 L 72 92 L 122 46 L 122 194 L 72 148 L 36 148 Z S 152 96 200 144 16 S 152 144 200 96 16",
    [ICON_LOCK] =
        "R 46 104 148 112 16 A 120 84 44 18 -90 90 S 76 84 76 110 18 S 164 84 164 110 18 H 120 160 16",
    [ICON_CHEVRON_UP] = "S 56 148 120 88 18 S 120 88 184 148 18",
    [ICON_CHEVRON_RIGHT] = "S 92 56 152 120 16 S 152 120 92 184 16",
    [ICON_BATTERY] =
        "R 70 40 100 180 14 R 96 22 48 26 6 M 132 76 L 92 142 L 116 142 L 108 192 L 148 122 L 124 122 Z",
    [ICON_SHIFT] =
        "S 120 48 50 124 16 S 120 48 190 124 16 S 50 124 88 124 16 S 190 124 152 124 16 S 88 124 88 192 16"
        " S 152 124 152 192 16 S 88 192 152 192 16",
    [ICON_SHIFT_ON] = "M 120 36 L 206 132 L 160 132 L 160 200 L 80 200 L 80 132 L 34 132 Z",
    [ICON_BACKSPACE] =
        "S 84 54 212 54 16 S 212 54 212 186 16 S 212 186 84 186 16 S 84 186 28 120 16 S 28 120 84 54 16"
        " S 118 92 174 148 16 S 118 148 174 92 16",
    [ICON_RETURN] = "S 200 60 200 124 18 S 200 124 46 124 18 S 46 124 92 80 18 S 46 124 92 168 18",
    [ICON_PLAY] = "M 74 42 L 74 198 L 200 120 Z",
    [ICON_PAUSE] = "R 62 46 40 148 6 R 138 46 40 148 6",
    [ICON_FLAG] = "R 54 30 16 190 6 M 70 42 L 196 42 L 170 86 L 196 130 L 70 130 Z",
    [ICON_CHIP] =
        "R 60 60 120 120 12 K 92 92 56 56 R 86 28 16 40 4 R 138 28 16 40 4 R 86 172 16 40 4 R 138 172 16 40 4"
        " R 28 86 40 16 4 R 28 138 40 16 4 R 172 86 40 16 4 R 172 138 40 16 4",
    [ICON_MEMORY] =
        "R 24 70 192 84 10 K 48 92 34 36 K 103 92 34 36 K 158 92 34 36 R 40 150 16 30 4 R 76 150 16 30 4"
        " R 112 150 16 30 4 R 148 150 16 30 4 R 184 150 16 30 4",
    [ICON_PANEL] = "R 62 18 116 204 18 K 76 46 88 132 H 120 200 9",
    [ICON_INFO] = "A 120 120 84 18 0 360 O 120 78 12 R 110 104 20 66 6",
    [ICON_WARNING] = "M 120 28 L 222 206 L 18 206 Z K 111 92 18 56 H 120 176 11",
};

static int number(const char **text) {
    while (**text == ' ')
        ++*text;
    bool negative = **text == '-';
    *text += negative;
    int value = 0;
    while (**text >= '0' && **text <= '9')
        value = value * 10 + *(*text)++ - '0';
    return negative ? -value : value;
}

static void build(const char *outline, int size) {
    static const char letters[] = "MLCZOHRKSA";
    static const uint8_t counts[] = {2, 2, 6, 0, 3, 3, 5, 4, 5, 6};
    int v[6];
    path_begin();
    while (*outline) {
        if (*outline == ' ') {
            outline++;
            continue;
        }
        char step = *outline++;
        int count = 0;
        for (int i = 0; letters[i]; i++)
            if (letters[i] == step)
                count = counts[i];
        for (int i = 0; i < count; i++) {
            v[i] = number(&outline);
            if (step != 'A' || i < 4)
                v[i] = v[i] * size * 256 / 240;
        }
        switch (step) {
        case 'M':
            path_move(v[0], v[1]);
            break;
        case 'L':
            path_line(v[0], v[1]);
            break;
        case 'C':
            path_cubic(v[0], v[1], v[2], v[3], v[4], v[5]);
            break;
        case 'O':
            path_circle(v[0], v[1], v[2]);
            break;
        case 'H':
            path_hole(v[0], v[1], v[2]);
            break;
        case 'R':
            path_rounded(v[0], v[1], v[2], v[3], v[4]);
            break;
        case 'K': /* counterclockwise */
            path_move(v[0], v[1]);
            path_line(v[0], v[1] + v[3]);
            path_line(v[0] + v[2], v[1] + v[3]);
            path_line(v[0] + v[2], v[1]);
            break;
        case 'S':
            path_stroke(v[0], v[1], v[2], v[3], v[4]);
            break;
        case 'A':
            path_arc(v[0], v[1], v[2], v[3], v[4] * 65536 / 360, v[5] * 65536 / 360);
            break;
        }
    }
}

void draw_icon(struct canvas *c, enum icon icon, int x, int y, int size, uint32_t color) {
    uint32_t key = (uint32_t)icon << 12 | (uint32_t)size;
    const struct mask *mask = mask_find(MASK_ICON, key);
    if (!mask) {
        uint32_t room;
        struct mask *made = mask_room(&room);
        build(outlines[icon], size);
        if (!path_mask(made, room))
            return;
        mask = mask_keep(MASK_ICON, key);
    }
    draw_mask(c, mask, x - size / 2, y - size / 2, color);
}
