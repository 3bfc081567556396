/* Four rules and a percent key. Numbers have six decimals and up to twelve digits before them. */
#include "shell.h"
#include "text.h"
#include "widgets.h"

enum { ID_KEY = 10, COLUMNS = 4, ROWS = 5, DIGITS = 12 };

static const char marks[] = "C<%/789*456-123+0.~=";
static const char *const labels[] = {"C", "<", "%", "÷", "7", "8", "9", "×", "4", "5",
                                     "6", "−", "1", "2", "3", "+", "0", ".", "±", "="};
static const double limit = 1e12;

static double left;
static char entry[24] = "0", waiting; /* waiting: the rule that applies to `left` and the entry */
static bool fresh = true, wrong;

static double value_of(const char *text) {
    double value = 0, place = 0;
    bool negative = *text == '-';
    for (text += negative; *text; text++) {
        if (*text == '.') {
            place = 1;
            continue;
        }
        value = value * 10 + (*text - '0');
        place *= 10;
    }
    value = place > 1 ? value / place : value;
    return negative ? -value : value;
}

static void show(double value) {
    bool negative = value < 0;
    double size = negative ? -value : value;
    if (!(size < limit)) {
        wrong = true;
        return;
    }
    uint64_t millionths = (uint64_t)(size * 1e6 + 0.5);
    int length = format(entry, sizeof entry, "%s%llu.%06u", negative && millionths ? "-" : "",
                        (unsigned long long)(millionths / 1000000), (unsigned)(millionths % 1000000));
    while (entry[length - 1] == '0')
        entry[--length] = 0;
    if (entry[length - 1] == '.')
        entry[--length] = 0;
}

static void apply(void) {
    double right = value_of(entry);
    switch (waiting) {
    case '+':
        left += right;
        break;
    case '-':
        left -= right;
        break;
    case '*':
        left *= right;
        break;
    case '/':
        wrong = right == 0;
        left = wrong ? 0 : left / right;
        break;
    default:
        left = right;
    }
    if (!wrong)
        show(left);
}

static void clear(void) {
    left = 0;
    waiting = 0;
    fresh = true;
    wrong = false;
    text_copy(entry, "0", sizeof entry);
}

static void digit(char mark) {
    int length = (int)text_length(entry);
    if (fresh) {
        text_copy(entry, "0", sizeof entry);
        length = 1;
        fresh = false;
    }
    if (mark == '.') {
        for (int i = 0; i < length; i++)
            if (entry[i] == '.')
                return;
    } else if (length == 1 && entry[0] == '0') {
        length = 0;
    }
    if (length < DIGITS) {
        entry[length] = mark;
        entry[length + 1] = 0;
    }
}

static void press(char mark) {
    if (wrong || mark == 'C')
        clear();
    int length = (int)text_length(entry);
    switch (mark) {
    case 'C':
        break;
    case '<':
        if (length > 1 && !fresh)
            entry[length - 1] = 0;
        else
            text_copy(entry, "0", sizeof entry);
        break;
    case '%':
        show(value_of(entry) / 100);
        break;
    case '~':
        show(-value_of(entry));
        break;
    case '+':
    case '-':
    case '*':
    case '/':
    case '=':
        if (!fresh || mark == '=')
            apply();
        waiting = mark == '=' ? 0 : mark;
        fresh = true;
        break;
    default:
        digit(mark);
    }
    damage_all();
}

static void calculator_draw(struct canvas *c) {
    uint32_t color = app_color(&calculator_screen);
    int w = panel_width(), top = bar_height(), h = panel_height() - top, screen = h * 27 / 100;
    int key_w = w / COLUMNS, key_h = (h - screen) / ROWS;
    fill(c, (struct rect){0, top, w, screen}, CARD);
    char pending[40] = "";
    if (waiting) {
        char keep[24];
        text_copy(keep, entry, sizeof keep);
        show(left);
        const char *sign = waiting == '/' ? "÷" : waiting == '*' ? "×" : waiting == '-' ? "−" : "+";
        format(pending, sizeof pending, "%s %s", entry, sign);
        text_copy(entry, keep, sizeof entry);
    }
    draw_text_right(c, FACE_REGULAR, dp(17), w - dp(20), top + dp(30), INK_FAINT, pending);
    int px = text_length(entry) > 9 ? dp(32) : dp(46);
    draw_text_right(c, FACE_LIGHT, px, w - dp(20), top + screen - dp(20), wrong ? DANGER : INK,
                    wrong ? "Error" : entry);
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        struct rect r = {i % COLUMNS * key_w, top + screen + i / COLUMNS * key_h, key_w, key_h};
        r.w = i % COLUMNS == COLUMNS - 1 ? w - r.x : r.w;
        r.h = i / COLUMNS == ROWS - 1 ? panel_height() - r.y : r.h;
        bool rule = i % COLUMNS == COLUMNS - 1, top_row = i < COLUMNS;
        uint32_t ground = marks[i] == '=' ? color
                          : rule          ? RGB(mix(color, 0, 90))
                          : top_row       ? RGB(0x39414b)
                                          : RGB(0x2b3139);
        fill(c, r, ground);
        fill(c, (struct rect){r.x, r.y, r.w, 1}, ALPHA(0xffffff, 14));
        fill(c, (struct rect){r.x, r.y, 1, r.h}, ALPHA(0xffffff, 10));
        draw_press(c, ID_KEY + i, r, 0, ALPHA(0xffffff, 50));
        int x = r.x + r.w / 2, y = r.y + r.h / 2;
        if (marks[i] == '<')
            draw_icon(c, ICON_BACKSPACE, x, y, dp(24), WHITE);
        else
            draw_text_centred(c, FACE_REGULAR, dp(24), x, y + cap_height(FACE_REGULAR, dp(24)) / 2, WHITE,
                              labels[i]);
        hit(ID_KEY + i, r, marks[i] == '<' ? "erase" : labels[i]);
    }
    draw_title_bar(c, color, "Calculator", ICON_COUNT, ICON_COUNT);
}

static void calculator_tap(int id) {
    press(marks[id - ID_KEY]);
}

static void calculator_key(unsigned code, char character) {
    if (code == KEY_ENTER || character == '=')
        press('=');
    else if (code == KEY_BACKSPACE)
        press('<');
    else if (character)
        for (const char *mark = marks; *mark; mark++)
            if (*mark == character && character != '<' && character != '~')
                press(character);
}

const struct screen calculator_screen = {
    .name = "calculator", .draw = calculator_draw, .tap = calculator_tap, .key = calculator_key};
