#include "keyboard.h"
#include "dress.h"
#include "icons.h"
#include "text.h"

enum { ROWS = 4, KEYS = 40, SHIFT = 1, LAYER = 2, ERASE = '\b', RETURN = '\n' };

struct key {
    struct rect r;
    char character;
    const char *label; /* for print_hits */
};

/* A row: characters; S shift, B erase, L other layer, E return, _ space take more room. */
static const char *const letters[ROWS] = {"qwertyuiop", "asdfghjkl", "SzxcvbnmB", "L,_.E"};
static const char *const figures[ROWS] = {"1234567890", "@#$%&-+()/", "S*\"':;!?B", "L,_.E"};

static struct key keys[KEYS];
static int key_count;
static bool shift, figure_layer;
static int pressed[INPUT_SLOTS] = {-1, -1, -1, -1, -1}; /* index of the key under each finger */

int keyboard_height(void) {
    return dp(186);
}

void keyboard_reset(void) {
    shift = true; /* a note begins with a capital letter */
    figure_layer = false;
    for (int i = 0; i < INPUT_SLOTS; i++)
        pressed[i] = -1;
}

static char special(char mark) {
    return mark == 'S'   ? SHIFT
           : mark == 'L' ? LAYER
           : mark == 'B' ? ERASE
           : mark == 'E' ? RETURN
           : mark == '_' ? ' '
                         : mark;
}

static int weight(char mark) {
    return mark == '_' ? 50 : mark == 'S' || mark == 'B' || mark == 'L' || mark == 'E' ? 15 : 10;
}

static void layout(int top) {
    int w = panel_width(), side = dp(3), row_height = (keyboard_height() - dp(8)) / ROWS;
    key_count = 0;
    for (int row = 0; row < ROWS; row++) {
        const char *marks = (figure_layer ? figures : letters)[row];
        int total = 0;
        for (const char *m = marks; *m; m++)
            total += weight(*m);
        int x = side + (100 - total) * (w - 2 * side) / 200;
        for (const char *m = marks; *m; m++) {
            int width = weight(*m) * (w - 2 * side) / 100;
            struct key *key = &keys[key_count++];
            key->r = (struct rect){x, top + dp(4) + row * row_height, width, row_height};
            key->character = special(*m);
            x += width;
        }
    }
}

static char shown(char character) {
    return shift && character >= 'a' && character <= 'z' ? (char)(character - 32) : character;
}

static void draw_face(struct canvas *c, const struct key *key, struct rect r, int px, uint32_t ink) {
    int x = r.x + r.w / 2, y = r.y + r.h / 2;
    char text[8] = {shown(key->character), 0};
    switch (key->character) {
    case SHIFT:
        draw_icon(c, shift ? ICON_SHIFT_ON : ICON_SHIFT, x, y, dp(20), shift ? RGB(dress.accent) : ink);
        return;
    case ERASE:
        draw_icon(c, ICON_BACKSPACE, x, y, dp(21), ink);
        return;
    case RETURN:
        draw_icon(c, ICON_RETURN, x, y, dp(21), ink);
        return;
    case LAYER:
        text_copy(text, figure_layer ? "abc" : "?123", sizeof text);
        px = dp(13);
        break;
    case ' ':
        fill_rounded(c, (struct rect){r.x + r.w / 2 - dp(40), y + dp(2), dp(80), dp(3)}, dp(1), ALPHA(0, 60));
        return;
    }
    draw_text_centred(c, FACE_REGULAR, px, x, y + cap_height(FACE_REGULAR, px) / 2, ink, text);
}

static bool is_held(int index) {
    for (int i = 0; i < INPUT_SLOTS; i++)
        if (pressed[i] == index)
            return true;
    return false;
}

static const char *hit_label(char character) {
    static char names[128][2];
    switch (character) {
    case SHIFT:
        return "shift";
    case LAYER:
        return "layer";
    case ERASE:
        return "erase";
    case RETURN:
        return "return";
    case ' ':
        return "space";
    }
    names[(int)character][0] = character;
    return names[(int)character];
}

void keyboard_draw(struct canvas *c, int open) {
    int top = panel_height() - keyboard_height() * open / 1024;
    struct rect all = {0, top, panel_width(), keyboard_height()};
    layout(top);
    fill(c, all, RGB(0xdfe2e7));
    fill(c, (struct rect){0, top, all.w, 1}, RGB(0xc9cdd4));
    for (int i = 0; i < key_count; i++) {
        const struct key *key = &keys[i];
        struct rect r = {key->r.x + dp(2), key->r.y + dp(4), key->r.w - dp(4), key->r.h - dp(7)};
        bool function = key->character < ' ';
        uint32_t color = is_held(i) ? RGB(0xb4bac4) : function ? RGB(0xc8cdd5) : WHITE;
        if (key->character == RETURN)
            color = RGB(is_held(i) ? mix(dress.accent, 0, 60) : dress.accent);
        fill_rounded(c, (struct rect){r.x, r.y + max(1, dp(1)), r.w, r.h}, dp(4), ALPHA(0x30343c, 90));
        fill_rounded(c, r, dp(4), color);
        draw_face(c, key, r, dp(18), key->character == RETURN ? WHITE : INK);
        hit(2000 + i, key->r, hit_label(key->character));
    }
    for (int i = 0; i < INPUT_SLOTS; i++) { /* what a finger hides is shown above it */
        if (pressed[i] < 0 || pressed[i] >= key_count || keys[pressed[i]].character <= ' ')
            continue;
        struct rect k = keys[pressed[i]].r;
        struct rect r = {k.x + k.w / 2 - dp(22), k.y - dp(50), dp(44), dp(48)};
        r.x = clamp(r.x, dp(2), panel_width() - r.w - dp(2));
        draw_shadow(c, (struct rect){r.x, r.y + dp(2), r.w, r.h}, dp(6), dp(7), 90);
        fill_rounded(c, r, dp(6), WHITE);
        draw_face(c, &keys[pressed[i]], r, dp(26), INK);
    }
}

static void damage_key(int index) {
    if (index < 0)
        return;
    struct rect r = keys[index].r;
    damage((struct rect){r.x - dp(24), r.y - dp(60), r.w + dp(48), r.h + dp(64)});
}

static int key_at(int x, int y) {
    for (int i = 0; i < key_count; i++)
        if (rect_holds(keys[i].r, x, y))
            return i;
    return -1;
}

static void press(char character, void (*typed)(char)) {
    if (character == SHIFT || character == LAYER) {
        if (character == SHIFT)
            shift = !shift;
        else
            figure_layer = !figure_layer;
        damage((struct rect){0, panel_height() - keyboard_height(), panel_width(), keyboard_height()});
        return;
    }
    typed(shown(character));
    if (shift && character > ' ') {
        shift = false;
        damage((struct rect){0, panel_height() - keyboard_height(), panel_width(), keyboard_height()});
    }
}

bool keyboard_touch(const struct input_event *event, int open, void (*typed)(char)) {
    int *mine = &pressed[event->slot];
    if (event->kind == INPUT_DOWN) {
        if (open < 1024 || event->y < panel_height() - keyboard_height())
            return false;
        *mine = key_at(event->x, event->y);
        damage_key(*mine);
        return true;
    }
    if (*mine < 0)
        return false;
    if (event->kind == INPUT_MOVE) { /* a finger may slide to the key it meant */
        int now = key_at(event->x, event->y);
        if (now != *mine && now >= 0) {
            damage_key(*mine);
            *mine = now;
            damage_key(now);
        }
        return true;
    }
    int released = *mine;
    *mine = -1;
    damage_key(released);
    press(keys[released].character, typed);
    return true;
}
