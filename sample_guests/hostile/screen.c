#include "screen.h"
#include "board.h"
#include "canvas.h"
#include "font.h"
#include "heap.h"
#include "icons.h"
#include "shape.h"

#include <stddef.h>

static struct surface panel, picture;
static int scale, mode_count, pressed = -1;

static int dp(int units) {
    return units * scale / 320;
}

static struct rect button(int index) {
    int rows = (mode_count + 1) / 2, top = dp(76), gap = dp(8), side = dp(12);
    int w = (panel.width - 2 * side - gap) / 2, h = (panel.height - top - side - gap * (rows - 1)) / rows;
    bool last = index == mode_count - 1 && mode_count % 2;
    return (struct rect){side + index % 2 * (w + gap), top + index / 2 * (h + gap),
                         last ? panel.width - 2 * side : w, h};
}

static void show(void) {
    for (int y = 0; y < panel.height; y++)
        copy_block(panel.pixels + y * panel.stride, picture.pixels + y * picture.stride,
                   (uint32_t)panel.width);
}

static void draw(void) {
    struct canvas c = canvas_on(&picture);
    fill_gradient(&c, (struct rect){0, 0, panel.width, panel.height}, RGB(0x2a0d12), RGB(0x0d0809));
    draw_icon(&c, ICON_WARNING, dp(32), dp(38), dp(36), RGB(0xff5a4d));
    draw_text(&c, FACE_MEDIUM, dp(22), dp(60), dp(38), RGB(0xffffff), "Hostile");
    draw_text(&c, FACE_REGULAR, dp(12), dp(60), dp(56), RGB(0xc9a7a7), "Whatever you touch goes on for ever");
    for (int i = 0; i < mode_count; i++) {
        struct rect r = button(i);
        fill_rounded_gradient(&c, r, dp(8), i == pressed ? RGB(0xd23b34) : RGB(0x4a2227),
                              i == pressed ? RGB(0xa82824) : RGB(0x371a1f));
        draw_text_within(&c, FACE_MEDIUM, dp(13), r.x + dp(12), r.y + r.h / 2 - dp(1), r.w - dp(20),
                         RGB(0xffffff), modes[i].title);
        draw_text_within(&c, FACE_REGULAR, dp(10), r.x + dp(12), r.y + r.h / 2 + dp(14), r.w - dp(20),
                         RGB(0xd0b3b3), modes[i].does);
    }
    show();
}

void screen_start(void) {
    while (modes[mode_count].name)
        mode_count++;
    if (!board.panel.pixels)
        return;
    panel = (struct surface){board.panel.pixels, board.panel.width, board.panel.height, board.panel.stride};
    picture = surface_new(panel.width, panel.height);
    scale = min(panel.width, panel.height * 2 / 3);
    draw();
}

const struct mode *screen_press(int x, int y) {
    for (int i = 0; panel.pixels && i < mode_count; i++)
        if (rect_holds(button(i), x, y)) {
            pressed = i;
            draw();
            return &modes[i];
        }
    return NULL;
}

void screen_release(void) {
    if (pressed < 0)
        return;
    pressed = -1;
    draw();
}

void screen_running(const struct mode *mode) {
    if (!panel.pixels)
        return;
    struct canvas c = canvas_on(&picture);
    int x = panel.width / 2, y = panel.height / 2;
    fill_gradient(&c, (struct rect){0, 0, panel.width, panel.height}, RGB(0xb3261e), RGB(0x5e0f14));
    draw_icon(&c, ICON_WARNING, x, y - dp(70), dp(84), RGB(0xffffff));
    draw_text_centred(&c, FACE_MEDIUM, dp(26), x, y + dp(18), RGB(0xffffff), mode->title);
    draw_text_centred(&c, FACE_REGULAR, dp(14), x, y + dp(44), RGB(0xffd9d6), mode->does);
    draw_text_centred(&c, FACE_REGULAR, dp(12), x, panel.height - dp(28), RGB(0xffb8b2),
                      "Reset or stop this guest to end it");
    show();
}

void screen_noise(uint32_t seed) {
    if (!panel.pixels)
        return;
    for (int y = 0; y < panel.height; y++) {
        uint32_t *row = panel.pixels + y * panel.stride;
        for (int x = 0; x < panel.width; x++) {
            seed = seed * 1664525 + 1013904223;
            row[x] = seed >> 8;
        }
    }
}
