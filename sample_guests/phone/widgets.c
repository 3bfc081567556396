#include "widgets.h"
#include "text.h"

int status_height(void) {
    return dp(22);
}
int bar_height(void) {
    return status_height() + dp(48);
}

void draw_press(struct canvas *c, int id, struct rect r, int radius, uint32_t color) {
    if (is_pressed(id))
        fill_rounded(c, r, radius, color);
}

static void bar_action(struct canvas *c, int id, int x, enum icon icon, const char *label) {
    if (icon == ICON_COUNT)
        return;
    int y = status_height() + dp(24);
    struct rect r = {x - dp(22), y - dp(22), dp(44), dp(44)};
    draw_press(c, id, r, dp(22), ALPHA(0xffffff, 56));
    draw_icon(c, icon, x, y, dp(22), WHITE);
    hit(id, r, label);
}

void draw_title_bar(struct canvas *c, uint32_t color, const char *title, enum icon action,
                    enum icon action_2) {
    int h = bar_height(), w = panel_width();
    fill(c, (struct rect){0, 0, w, status_height()}, RGB(mix(color, 0, 46)));
    fill(c, (struct rect){0, status_height(), w, h - status_height()}, color);
    for (int i = 0; title[0] && i < dp(4); i++) /* without a title the bar is one with what is under it */
        fill(c, (struct rect){0, h + i, w, 1}, ALPHA(0, 44 * (dp(4) - i) * (dp(4) - i) / (dp(4) * dp(4))));
    bar_action(c, ID_BACK, dp(26), ICON_BACK, "back");
    int room = w - dp(60) - dp(action == ICON_COUNT ? 12 : action_2 == ICON_COUNT ? 52 : 96);
    draw_text_within(c, FACE_MEDIUM, dp(18), dp(56),
                     status_height() + dp(24) + cap_height(FACE_MEDIUM, dp(18)) / 2, room, WHITE, title);
    bar_action(c, ID_ACTION, w - dp(28), action, "action");
    bar_action(c, ID_ACTION_2, w - dp(74), action_2, "action 2");
}

void draw_card(struct canvas *c, struct rect r) {
    draw_shadow(c, (struct rect){r.x, r.y + dp(1), r.w, r.h}, dp(4), dp(4), 34);
    fill_rounded(c, r, dp(4), CARD);
}

void draw_round_button(struct canvas *c, int id, int x, int y, int radius, uint32_t color, enum icon icon,
                       const char *label) {
    struct rect r = {x - radius, y - radius, 2 * radius, 2 * radius};
    draw_shadow(c, (struct rect){r.x, r.y + dp(3), r.w, r.h}, radius, dp(9), 76);
    fill_circle(c, x, y, radius, is_pressed(id) ? RGB(mix(color, 0xffffff, 60)) : color);
    draw_icon(c, icon, x, y, radius * 24 / 28, WHITE);
    hit(id, rect_inset(r, -dp(4)), label);
}

void draw_button(struct canvas *c, int id, struct rect r, uint32_t color, uint32_t ink, const char *label) {
    if (color >> 24)
        fill_rounded(c, r, dp(4), color);
    draw_press(c, id, r, dp(4), ALPHA(color >> 24 ? 0xffffff : ink, 60));
    draw_text_centred(c, FACE_MEDIUM, dp(14), r.x + r.w / 2,
                      r.y + (r.h + cap_height(FACE_MEDIUM, dp(14))) / 2, ink, label);
    hit(id, r, label);
}

void draw_slider(struct canvas *c, struct rect r, int value, uint32_t color, uint32_t track) {
    int knob = dp(8), room = r.w - 2 * knob, at = r.x + knob + room * value / 256, y = r.y + r.h / 2;
    fill_rounded(c, (struct rect){r.x + knob, y - dp(1), room, dp(3)}, dp(2), track);
    fill_rounded(c, (struct rect){r.x + knob, y - dp(1), at - r.x - knob, dp(3)}, dp(2), color);
    draw_shadow(c, (struct rect){at - knob, y - knob + dp(1), 2 * knob, 2 * knob}, knob, dp(3), 60);
    fill_circle(c, at, y, knob, color);
}

int slider_value(struct rect r, int x) {
    int knob = dp(8);
    return clamp((x - r.x - knob) * 256 / (r.w - 2 * knob), 0, 256);
}

void draw_app_icon(struct canvas *c, int x, int y, int size, uint32_t color, enum icon icon) {
    struct rect r = {x - size / 2, y - size / 2, size, size};
    draw_shadow(c, (struct rect){r.x, r.y + dp(2), r.w, r.h}, size / 4, dp(6), 70);
    fill_rounded_gradient(c, r, size * 24 / 100, RGB(mix(color, 0xffffff, 44)), RGB(mix(color, 0, 30)));
    draw_icon(c, icon, x, y, size * 58 / 100, WHITE);
}

uint32_t avatar_color(const char *name) {
    static const uint32_t colors[] = {0xd1495b, 0xe07a3f, 0xc79a2b, 0x4f9d69, 0x2a9d8f,
                                      0x3d7ea6, 0x5b6abf, 0x8e5ea2, 0xb0567f, 0x6d7b8a};
    uint32_t hash = 7;
    while (*name)
        hash = hash * 31 + (uint8_t)*name++;
    return RGB(colors[hash % 10]);
}

void draw_avatar(struct canvas *c, int x, int y, int radius, const char *name) {
    char initials[12] = "";
    const char *at = name, *word = name;
    for (int used = 0, words = 0; *word && words < 2; words++) {
        at = word;
        text_next(&at);
        while (word < at && used < 10)
            initials[used++] = *word++;
        initials[used] = 0;
        while (*word && *word != ' ')
            word++;
        while (*word == ' ')
            word++;
    }
    fill_circle(c, x, y, radius, avatar_color(name));
    int px = radius * 3 / 4;
    draw_text_centred(c, FACE_MEDIUM, px, x, y + cap_height(FACE_MEDIUM, px) / 2, WHITE, initials);
}

int draw_paragraph(struct canvas *c, enum face face, int px, struct rect r, int height, uint32_t color,
                   const char *text) {
    int lines = 0;
    char line[200];
    while (*text) {
        int length = line_length(face, px, text, r.w);
        if (c && lines * height < r.h) {
            text_copy(line, text, (size_t)min(length + 1, (int)sizeof line));
            draw_text(c, face, px, r.x, r.y + lines * height + (height + cap_height(face, px)) / 2, color,
                      line);
        }
        text += length;
        lines++;
    }
    return lines;
}
