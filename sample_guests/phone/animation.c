#include "animation.h"
#include "frame.h"
#include "path.h"
#include "text.h"
#include "ui.h"

static bool on;
static uint64_t started, last;
static uint32_t count, rate, rate_count;

bool animation_on(void) {
    return on;
}

void animation_set(bool wanted) {
    on = wanted;
    started = last = timer_now();
    count = rate = rate_count = 0;
    damage_all();
}

void animation_frame(uint64_t now) {
    int w = panel_width(), h = panel_height();
    struct canvas c = canvas_on(&back);
    uint32_t millis = (uint32_t)((now - started) / MILLISECONDS);
    /* The wallpaper rolls by, which moves every pixel and costs no more than a copy. */
    int roll = (int)(millis / 4) % h;
    draw_surface(&c, &frosted, (struct rect){0, roll, w, h - roll}, 0, 0, 256);
    draw_surface(&c, &frosted, (struct rect){0, 0, w, roll}, 0, h - roll, 256);
    for (int i = 0; i < 6; i++) {
        int turn = (int)(millis * 65536 / 4000) + i * 65536 / 6;
        int x = w / 2 + sine(turn) * (w / 3) / 32768, y = h / 2 + sine(turn * 2 + i * 5000) * (h / 5) / 32768;
        fill_circle(&c, x, y, w / 16, ALPHA(0xffffff, 60 + 25 * i));
    }
    char text[40];
    format(text, sizeof text, "%u frames, %u a second", count, rate);
    draw_text_centred(&c, FACE_MEDIUM, dp(14), w / 2, h - dp(24), WHITE, text);
    frame_show(panel_rect());
    count++;
    rate_count++;
    if (now - last >= SECONDS) {
        rate = rate_count;
        rate_count = 0;
        last = now;
    }
    frame_counts.frames++;
}
