#include "scene.h"
#include "path.h"
#include "shape.h"
#include "text.h"

static uint32_t state;

static uint32_t chance(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return below ? (state >> 4) % below : 0;
}

/* Three colours from top to bottom, with a pattern of half steps that hides the bands. */
static void sky(struct surface *to, uint32_t top, uint32_t middle, uint32_t bottom, int horizon) {
    static const uint8_t order[16] = {0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5};
    for (int y = 0; y < to->height; y++) {
        int half = max(horizon / 2, 1),
            part = y < half ? y * 4096 / half : min((y - half) * 4096 / half, 4096);
        uint32_t a = y < half ? top : middle, b = y < half ? middle : bottom;
        int32_t channel[3];
        for (int i = 0; i < 3; i++) {
            int from = (int)(a >> (8 * i) & 255), into = (int)(b >> (8 * i) & 255);
            channel[i] = from * 16 + (into - from) * part / 256;
        }
        uint32_t four[4];
        for (int x = 0; x < 4; x++) {
            int add = order[(y & 3) * 4 + x];
            four[x] = 0;
            for (int i = 0; i < 3; i++)
                four[x] |= (uint32_t)min((channel[i] + add) >> 4, 255) << (8 * i);
        }
        uint32_t *row = to->pixels + (intptr_t)y * to->stride;
        for (int x = 0; x < to->width; x++)
            row[x] = four[x & 3];
    }
}

static void glow(struct canvas *c, int x, int y, int radius, uint32_t color, int strength) {
    struct rect area = rect_both((struct rect){x - radius, y - radius, 2 * radius, 2 * radius}, c->clip);
    int square = max(radius * radius >> 8, 1);
    for (int py = area.y; py < area.y + area.h; py++) {
        uint32_t *row = c->target->pixels + (intptr_t)py * c->target->stride;
        for (int px = area.x; px < area.x + area.w; px++) {
            int near = 256 - ((px - x) * (px - x) + (py - y) * (py - y)) / square;
            if (near > 0)
                row[px] =
                    mix(row[px], color, (uint32_t)((near * near >> 8) * near >> 8) * (uint32_t)strength >> 8);
        }
    }
}

/* A ridge: everything below a sum of waves, its height in pixels; `rough` adds short waves. */
static void ridge(struct canvas *c, int base, int height, int rough, uint32_t color, uint32_t fade) {
    int w = c->target->width, h = c->target->height, phase[4];
    for (int i = 0; i < 4; i++)
        phase[i] = (int)chance(65536);
    path_begin();
    path_move(PX(-2), PX(h + 2));
    for (int x = -2; x <= w + 4; x += 3) {
        int turn = x * 65536 / max(w, 1), sum = 0;
        sum += sine(turn * 3 / 4 + phase[0]) * 8;
        sum += sine(turn * 7 / 4 + phase[1]) * 5;
        sum += sine(turn * 17 / 4 + phase[2]) * 2 * rough / 4;
        sum += sine(turn * 37 / 4 + phase[3]) * rough / 4;
        path_line(PX(x), PX(base) - (int)((int64_t)sum * height * 16 >> 15));
    }
    path_line(PX(w + 2), PX(h + 2));
    path_fill(c, color);
    if (fade >> 24) /* mist in the valley in front */
        fill_gradient(c, (struct rect){0, base, w, h - base}, ALPHA(fade, 0), fade);
}

static void stars(struct canvas *c, int below, int count) {
    for (int i = 0; i < count; i++) {
        int x = (int)chance((uint32_t)c->target->width), y = (int)chance((uint32_t)below);
        int size = 160 + (int)chance(220);
        uint32_t alpha = 60 + chance(180);
        path_begin();
        path_circle(PX(x), PX(y), size);
        path_fill(c, ALPHA(0xffffff, alpha * (uint32_t)(below - y) / (uint32_t)below));
    }
}

static void hills(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height;
    int x = w / 4 + (int)chance((uint32_t)w / 2), y = h * 54 / 100;
    sky(c->target, s->top, s->middle, s->bottom, h * 64 / 100);
    if ((s->top >> 8 & 255) < 80) /* by day there are none */
        stars(c, h / 3, 40);
    glow(c, x, y, w * 3 / 4, s->light, 150);
    fill_circle(c, x, y, w / 11, RGB(s->light));
    for (int i = 0; i < 5; i++) {
        /* Through the sky's middle colour: straight from a warm light to a dark blue is mud. */
        uint32_t color = i < 2 ? mix(s->bottom, s->middle, (uint32_t)(110 + i * 100))
                               : mix(s->middle, s->near, (uint32_t)(i * 64 - 40));
        ridge(c, h * (58 + i * 9) / 100, h / 34 + h * i / 300, 2 + i, RGB(color),
              ALPHA(s->bottom, 46 - i * 9));
    }
}

static void sea(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height, horizon = h * 58 / 100, x = w / 2;
    sky(c->target, s->top, s->middle, s->bottom, horizon);
    glow(c, x, horizon - h / 12, w * 2 / 3, s->light, 170);
    fill_circle(c, x, horizon - h / 14, w / 9, RGB(s->light));
    fill_gradient(c, (struct rect){0, horizon, w, h - horizon}, RGB(mix(s->bottom, s->near, 120)),
                  RGB(s->near));
    for (int y = horizon + 1; y < h; y += 2 + (y - horizon) / 26) {
        int depth = y - horizon, width = w / 12 + depth / 2 + (int)chance((uint32_t)(w / 6));
        int shift = (int)chance((uint32_t)(w / 12 + depth / 4)) - (w / 24 + depth / 8);
        fill_rounded(c, (struct rect){x + shift - width / 2, y, width, 1 + depth / 90}, 1,
                     ALPHA(s->light, 200 - depth * 160 / (h - horizon)));
    }
    ridge(c, horizon + h / 4 + h / 9, h / 30, 6, RGB(mix(s->near, 0, 150)), 0);
}

static void night(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height, x = w * 2 / 3, y = h / 4, r = w / 10;
    sky(c->target, s->top, s->middle, s->bottom, h * 80 / 100);
    stars(c, h * 3 / 4, 150);
    glow(c, x, y, w / 2, s->light, 90);
    fill_circle(c, x, y, r, RGB(s->light));
    fill_circle(c, x + r * 2 / 5, y - r / 5, r * 9 / 10, RGB(mix(s->top, s->middle, 150)));
    ridge(c, h * 72 / 100, h / 16, 6, RGB(mix(s->bottom, s->near, 120)), 0);
    ridge(c, h * 84 / 100, h / 22, 9, RGB(s->near), 0);
}

static void fir(struct canvas *c, int x, int base, int height, uint32_t color) {
    path_begin();
    for (int i = 0; i < 5; i++) {
        int top = base - height + height * i / 6, half = height * (i + 2) / 26, bottom = top + height / 4;
        path_move(PX(x), PX(top));
        path_line(PX(x + half), PX(bottom));
        path_line(PX(x - half), PX(bottom));
    }
    path_rounded(PX(x) - height * 6, PX(base - height / 6), height * 12, PX(height) / 6, 0);
    path_fill(c, color);
}

static void forest(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height;
    sky(c->target, s->top, s->middle, s->bottom, h);
    glow(c, w / 3, h / 4, w, s->light, 140);
    ridge(c, h * 42 / 100, h / 14, 4, RGB(mix(s->middle, s->near, 60)), 0);
    for (int layer = 0; layer < 4; layer++) {
        uint32_t color = RGB(mix(s->middle, s->near, (uint32_t)(90 + layer * 55)));
        int base = h * (58 + layer * 16) / 100, count = 11 - layer * 2;
        for (int i = 0; i <= count; i++) {
            int x = w * i / count + (int)chance((uint32_t)w / 10) - w / 20;
            fir(c, x, base + (int)chance((uint32_t)h / 40),
                h * (14 + layer * 7) / 100 + (int)chance((uint32_t)h / 12), color);
        }
        fill(c, (struct rect){0, base - 1, w, h}, color);
        fill_gradient(c, (struct rect){0, base - h / 8, w, h / 5}, ALPHA(s->bottom, 0),
                      ALPHA(s->bottom, 90 - layer * 24));
        if (layer < 3)
            fill_gradient(c, (struct rect){0, base + h / 5 - h / 8, w, h / 5},
                          ALPHA(s->bottom, 90 - layer * 24), ALPHA(s->bottom, 0));
    }
}

static void city(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height, unit = max(w / 60, 2);
    sky(c->target, s->top, s->middle, s->bottom, h * 80 / 100);
    glow(c, w / 2, h * 70 / 100, w, s->light, 120);
    for (int layer = 0; layer < 3; layer++) {
        uint32_t color = RGB(mix(s->bottom, s->near, (uint32_t)(90 + layer * 80)));
        for (int x = -(int)chance(20); x < w;) {
            int width = unit * (6 + (int)chance(6)),
                top = h * (38 + layer * 14) / 100 + (int)chance((uint32_t)h / 5);
            fill(c, (struct rect){x, top, width, h - top}, color);
            if (chance(3) == 0)
                fill(c, (struct rect){x + width / 2, top - unit * 4, max(unit / 3, 1), unit * 4}, color);
            for (int wy = top + unit * 2; layer && wy < h; wy += unit * 2)
                for (int wx = x + unit; wx < x + width - unit; wx += unit * 2)
                    if (chance(5) < 2)
                        fill(c, (struct rect){wx, wy, unit, unit}, ALPHA(s->light, 70 + chance(130)));
            x += width + (int)chance((uint32_t)unit * 2);
        }
    }
}

static void facets(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height;
    sky(c->target, s->top, s->middle, s->bottom, h);
    glow(c, w, 0, w, s->light, 110);
    for (int i = 0; i < 9; i++) {
        int y = h * (14 + i * 11) / 100, left = y + (int)chance((uint32_t)h / 3) - h / 6;
        int right = y + (int)chance((uint32_t)h / 3) - h / 6, deep = h / 5 + (int)chance((uint32_t)h / 5);
        int middle = w * (int)(20 + chance(60)) / 100, peak = min(left, right) - (int)chance((uint32_t)h / 7);
        path_begin();
        path_move(0, PX(left));
        path_line(PX(middle), PX(peak));
        path_line(PX(middle), PX(peak + deep));
        path_line(0, PX(left + deep));
        path_fill(c, ALPHA(i & 1 ? s->light : s->near, 22 + chance(18)));
        path_begin();
        path_move(PX(middle), PX(peak));
        path_line(PX(w), PX(right));
        path_line(PX(w), PX(right + deep));
        path_line(PX(middle), PX(peak + deep));
        path_fill(c, ALPHA(i & 1 ? s->near : s->light, 22 + chance(22)));
    }
    fill_gradient(c, (struct rect){0, h / 2, w, h - h / 2}, ALPHA(s->near, 0), ALPHA(s->near, 150));
}

static void paper(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height, grid = max(w / 24, 4);
    sky(c->target, s->top, s->middle, s->bottom, h);
    for (int x = 0; x < w; x += grid)
        fill(c, (struct rect){x, 0, 1, h}, ALPHA(s->light, x / grid % 4 ? 18 : 44));
    for (int y = 0; y < h; y += grid)
        fill(c, (struct rect){0, y, w, 1}, ALPHA(s->light, y / grid % 4 ? 18 : 44));
    int line = max(w / 110, 2) * 256;
    for (int i = 0; i < 4; i++) {
        int x = grid * (3 + (int)chance(8)), y = grid * (3 + i * 7), bw = grid * (6 + (int)chance(6)),
            bh = grid * 5;
        path_begin();
        path_stroke(PX(x), PX(y), PX(x + bw), PX(y), line);
        path_stroke(PX(x + bw), PX(y), PX(x + bw), PX(y + bh), line);
        path_stroke(PX(x + bw), PX(y + bh), PX(x), PX(y + bh), line);
        path_stroke(PX(x), PX(y + bh), PX(x), PX(y), line);
        path_arc(PX(x + bw), PX(y + bh), PX(grid * 2), line, -16384, 0);
        path_fill(c, ALPHA(s->light, 220));
    }
}

static void chart(struct canvas *c, const struct scene *s) {
    int w = c->target->width, h = c->target->height, left = w / 8, base = h * 70 / 100, top = h * 30 / 100;
    sky(c->target, s->top, s->middle, s->bottom, h);
    for (int i = 0; i <= 4; i++)
        fill(c, (struct rect){left, base - (base - top) * i / 4, w - 2 * left, max(w / 240, 1)},
             ALPHA(s->near, 40));
    int bar = (w - 2 * left) / 9;
    for (int i = 0; i < 6; i++) {
        int height = (base - top) * (20 + i * 9 + (int)chance(26)) / 100,
            x = left + bar / 2 + bar * 3 * i / 2;
        fill_rounded_gradient(c, (struct rect){x, base - height, bar, height}, bar / 5, RGB(s->light),
                              RGB(mix(s->light, s->near, 110)));
    }
    path_begin();
    int y = base - (base - top) / 5;
    for (int i = 0; i < 5; i++) {
        int next = max(top, y - (int)chance((uint32_t)(base - top) / 4)), x = left + bar + bar * 3 * i / 2;
        path_stroke(PX(x), PX(y), PX(x + bar * 3 / 2), PX(next), max(w / 90, 2) * 256);
        path_circle(PX(x), PX(y), max(w / 70, 3) * 256);
        y = next;
    }
    path_fill(c, RGB(s->near));
}

void draw_scene(struct surface *to, const struct scene *scene) {
    static void (*const kinds[])(struct canvas *, const struct scene *) = {
        [SCENE_HILLS] = hills, [SCENE_SEA] = sea,       [SCENE_NIGHT] = night, [SCENE_FOREST] = forest,
        [SCENE_CITY] = city,   [SCENE_FACETS] = facets, [SCENE_PAPER] = paper, [SCENE_CHART] = chart,
    };
    struct canvas c = canvas_on(to);
    state = scene->seed * 2654435761u + 1;
    kinds[scene->kind](&c, scene);
}

/* A running sum along a row or a column, three times: close to a Gaussian. */
static void blur_line(uint32_t *line, int count, int step, int radius, uint32_t *work) {
    uint32_t r = 0, g = 0, b = 0, width = 2 * (uint32_t)radius + 1, scale = 65536 / width;
    for (int i = 0; i < count; i++)
        work[i] = line[(intptr_t)i * step];
    for (int i = -radius; i < count + radius; i++) {
        uint32_t in = work[clamp(i + radius, 0, count - 1)];
        if (i == -radius) {
            in = work[0];
            r = (in >> 16 & 255) * width;
            g = (in >> 8 & 255) * width;
            b = (in & 255) * width;
            continue;
        }
        uint32_t out = work[clamp(i - radius - 1, 0, count - 1)];
        r += (in >> 16 & 255) - (out >> 16 & 255);
        g += (in >> 8 & 255) - (out >> 8 & 255);
        b += (in & 255) - (out & 255);
        if (i >= 0 && i < count)
            line[(intptr_t)i * step] = (r * scale >> 16) << 16 | (g * scale >> 16) << 8 | b * scale >> 16;
    }
}

void blur_surface(struct surface *to, const struct surface *from, int radius) {
    static uint32_t work[2048];
    for (int y = 0; y < from->height; y++)
        copy_block(to->pixels + (intptr_t)y * to->stride, from->pixels + (intptr_t)y * from->stride,
                   (uint32_t)from->width);
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < to->height; y++)
            blur_line(to->pixels + (intptr_t)y * to->stride, min(to->width, 2048), 1, radius, work);
        for (int x = 0; x < to->width; x++)
            blur_line(to->pixels + x, min(to->height, 2048), to->stride, radius, work);
    }
}
