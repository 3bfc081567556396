/* The rasteriser sums signed areas: each edge adds, to the pixels it crosses, how much of the pixel lies to
 * its right; the running sum along a row is then the coverage. Integers only: floating point is slow under
 * emulation. */
#include "path.h"
#include "board.h"
#include "heap.h"
#include "text.h"

enum { EDGES = 6000, FULL_SHIFT = 20 /* a covered pixel is 1 << 20 */ };

static struct edge {
    int x0, y0, x1, y1;
} edges[EDGES];
static int edge_count;
static int start_x, start_y, at_x, at_y;
static int low_x, low_y, high_x, high_y;

static int32_t *sums;
static uint32_t sums_words;
static struct mask *scratch;

int sine(int angle) {
    static const int quarter[65] = {
        0,     804,   1608,  2411,  3212,  4011,  4808,  5602,  6393,  7180,  7962,  8740,  9512,
        10279, 11039, 11793, 12540, 13279, 14010, 14733, 15447, 16151, 16846, 17531, 18205, 18868,
        19520, 20160, 20788, 21403, 22006, 22595, 23170, 23732, 24279, 24812, 25330, 25833, 26320,
        26791, 27246, 27684, 28106, 28511, 28899, 29269, 29622, 29957, 30274, 30572, 30853, 31114,
        31357, 31581, 31786, 31972, 32138, 32286, 32413, 32522, 32610, 32679, 32729, 32758, 32768,
    };
    angle &= 0xffff;
    int at = angle & 0x7fff;
    if (at > 0x4000)
        at = 0x8000 - at;
    int step = at >> 8, part = at & 0xff;
    int value = quarter[step] + (part ? (quarter[step + 1] - quarter[step]) * part >> 8 : 0);
    return angle & 0x8000 ? -value : value;
}

uint32_t square_root(uint32_t value) {
    uint32_t root = 0;
    for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

static void bound(int x, int y) {
    low_x = min(low_x, x);
    low_y = min(low_y, y);
    high_x = max(high_x, x);
    high_y = max(high_y, y);
}

static void edge(int x0, int y0, int x1, int y1) {
    bound(x0, y0);
    bound(x1, y1);
    if (y0 != y1 && edge_count < EDGES)
        edges[edge_count++] = (struct edge){x0, y0, x1, y1};
}

void path_begin(void) {
    edge_count = 0;
    start_x = start_y = at_x = at_y = 0;
    low_x = low_y = INT32_MAX;
    high_x = high_y = INT32_MIN;
}

static void close_contour(void) {
    if (at_x != start_x || at_y != start_y)
        edge(at_x, at_y, start_x, start_y);
    at_x = start_x;
    at_y = start_y;
}

void path_move(int x, int y) {
    close_contour();
    start_x = at_x = x;
    start_y = at_y = y;
}

void path_line(int x, int y) {
    edge(at_x, at_y, x, y);
    at_x = x;
    at_y = y;
}

static int pieces(int dx, int dy) {
    int length = max(dx < 0 ? -dx : dx, dy < 0 ? -dy : dy);
    return clamp(3 + length / PX(4), 3, 40);
}

void path_cubic(int ax, int ay, int bx, int by, int x, int y) {
    int x0 = at_x, y0 = at_y;
    int n = pieces((x - x0) + (bx - ax), (y - y0) + (by - ay));
    for (int i = 1; i < n; i++) {
        int64_t t = (i << 10) / n, s = 1024 - t;
        int64_t w0 = s * s * s, w1 = 3 * s * s * t, w2 = 3 * s * t * t, w3 = t * t * t;
        path_line((int)((w0 * x0 + w1 * ax + w2 * bx + w3 * x) >> 30),
                  (int)((w0 * y0 + w1 * ay + w2 * by + w3 * y) >> 30));
    }
    path_line(x, y);
}

void path_quad(int cx, int cy, int x, int y) {
    int x0 = at_x, y0 = at_y;
    path_cubic(x0 + (cx - x0) * 2 / 3, y0 + (cy - y0) * 2 / 3, x + (cx - x) * 2 / 3, y + (cy - y) * 2 / 3, x,
               y);
}

/* The distance of a quarter circle's control points: 0.5523 of the radius. */
static int bend(int radius) {
    return (int)((int64_t)radius * 9048 >> 14);
}

void path_circle(int x, int y, int r) {
    path_rounded(x - r, y - r, 2 * r, 2 * r, r);
}

void path_hole(int x, int y, int r) {
    int k = bend(r);
    path_move(x, y - r);
    path_cubic(x - k, y - r, x - r, y - k, x - r, y);
    path_cubic(x - r, y + k, x - k, y + r, x, y + r);
    path_cubic(x + k, y + r, x + r, y + k, x + r, y);
    path_cubic(x + r, y - k, x + k, y - r, x, y - r);
}

void path_rounded(int x, int y, int w, int h, int r) {
    int c = r - bend(r), right = x + w, below = y + h;
    path_move(x + r, y);
    path_line(right - r, y);
    path_cubic(right - c, y, right, y + c, right, y + r);
    path_line(right, below - r);
    path_cubic(right, below - c, right - c, below, right - r, below);
    path_line(x + r, below);
    path_cubic(x + c, below, x, below - c, x, below - r);
    path_line(x, y + r);
    path_cubic(x, y + c, x + c, y, x + r, y);
}

void path_stroke(int x0, int y0, int x1, int y1, int width) {
    int dx = x1 - x0, dy = y1 - y0, r = width / 2;
    /* Scaled down, so that the squares fit. */
    int scale = max(1, max(dx < 0 ? -dx : dx, dy < 0 ? -dy : dy) >> 14);
    int length =
        (int)square_root((uint32_t)((dx / scale) * (dx / scale) + (dy / scale) * (dy / scale))) * scale;
    path_circle(x0, y0, r);
    if (!length)
        return;
    path_circle(x1, y1, r);
    int nx = (int)((int64_t)-dy * r / length), ny = (int)((int64_t)dx * r / length);
    path_move(x0 - nx, y0 - ny);
    path_line(x1 - nx, y1 - ny);
    path_line(x1 + nx, y1 + ny);
    path_line(x0 + nx, y0 + ny);
    close_contour();
}

static void polar(int x, int y, int radius, int angle, int *px, int *py) {
    *px = x + (int)((int64_t)sine(angle) * radius >> 15);
    *py = y - (int)((int64_t)cosine(angle) * radius >> 15);
}

void path_arc(int x, int y, int radius, int width, int from, int to) {
    int n = max(2, (to - from) / 1024), px, py;
    int outer = radius + width / 2, inner = radius - width / 2;
    for (int i = 0; i <= n; i++) {
        polar(x, y, outer, from + (to - from) / n * i, &px, &py);
        if (i)
            path_line(px, py);
        else
            path_move(px, py);
    }
    for (int i = n; i >= 0; i--) {
        polar(x, y, inner, from + (to - from) / n * i, &px, &py);
        path_line(px, py);
    }
    close_contour();
    if (to - from >= 65536)
        return;
    polar(x, y, radius, from, &px, &py);
    path_circle(px, py, width / 2);
    polar(x, y, radius, from + (to - from) / n * n, &px, &py);
    path_circle(px, py, width / 2);
}

/* One edge within one row of pixels: from x xa to xb (1/256), over `height` (1/4096 of a row, signed). */
static void add_span(int32_t *row, int width, int xa, int xb, int height) {
    int limit = width << 8;
    xa = clamp(xa, 0, limit);
    xb = clamp(xb, 0, limit);
    if (xa > xb) {
        int swap = xa;
        xa = xb;
        xb = swap;
    }
    int first = xa >> 8, last = xb >> 8;
    if (first == last) {
        int covered = height * (512 - (xa & 255) - (xb & 255)) / 2;
        row[first] += covered;
        row[first + 1] += height * 256 - covered;
        return;
    }
    int total = xb - xa, rest = height, part = 256 - (xa & 255);
    int piece = height * part / total;
    row[first] += piece * part / 2;
    row[first + 1] += piece * 256 - piece * part / 2;
    rest -= piece;
    if (first + 1 < last) {
        piece = height * 256 / total;
        for (int x = first + 1; x < last; x++) {
            row[x] += piece * 128;
            row[x + 1] += piece * 128;
            rest -= piece;
        }
    }
    int covered = rest * (512 - (xb & 255)) / 2;
    row[last] += covered;
    row[last + 1] += rest * 256 - covered;
}

static void add_edge(struct edge e, struct rect window) {
    int sign = 16;
    if (e.y0 > e.y1) {
        e = (struct edge){e.x1, e.y1, e.x0, e.y0};
        sign = -16;
    }
    e.x0 -= PX(window.x);
    e.x1 -= PX(window.x);
    e.y0 -= PX(window.y);
    e.y1 -= PX(window.y);
    int top = max(e.y0, 0), bottom = min(e.y1, PX(window.h));
    if (top >= bottom)
        return;
    int64_t slope = (((int64_t)e.x1 - e.x0) << 16) / (e.y1 - e.y0);
    int x = e.x0 + (int)(slope * (top - e.y0) >> 16);
    for (int y = top; y < bottom;) {
        int next = min((y | 255) + 1, bottom);
        int next_x = next == e.y1 ? e.x1 : e.x0 + (int)(slope * (next - e.y0) >> 16);
        add_span(sums + (y >> 8) * (window.w + 2), window.w, x, next_x, (next - y) * sign);
        x = next_x;
        y = next;
    }
}

/* Fills `sums` for the part of the outline in `window`; answers the part that has any. */
static struct rect rasterise(struct rect window) {
    close_contour();
    if (!edge_count)
        return (struct rect){0, 0, 0, 0};
    struct rect bounds = {low_x >> 8, low_y >> 8, (high_x >> 8) - (low_x >> 8) + 1,
                          (high_y >> 8) - (low_y >> 8) + 1};
    bounds = rect_both(bounds, window);
    if (rect_empty(bounds))
        return bounds;
    uint32_t words = (uint32_t)(bounds.w + 2) * (uint32_t)bounds.h;
    if (!sums) {
        sums_words = (uint32_t)(board.panel.width + 66) * (uint32_t)(board.panel.height + 64);
        sums = heap_take(sums_words * 4);
    }
    if (words > sums_words) /* larger than the panel: only its upper part */
        bounds.h = (int)(sums_words / (uint32_t)(bounds.w + 2));
    fill_block((uint32_t *)sums, 0, (uint32_t)(bounds.w + 2) * (uint32_t)bounds.h);
    for (int i = 0; i < edge_count; i++)
        add_edge(edges[i], bounds);
    return bounds;
}

static void resolve_row(const int32_t *row, uint8_t *cover, int width) {
    int32_t sum = 0;
    for (int x = 0; x < width; x++) {
        sum += row[x];
        int32_t size = (sum < 0 ? -sum : sum) >> (FULL_SHIFT - 8);
        cover[x] = size > 255 ? 255 : (uint8_t)size;
    }
}

struct mask *path_mask(struct mask *to, uint32_t room) {
    struct rect bounds = rasterise((struct rect){-2048, -2048, 4096, 4096});
    if (rect_empty(bounds))
        bounds = (struct rect){0, 0, 0, 0};
    uint32_t needed = (uint32_t)(bounds.w * bounds.h) + sizeof(struct mask);
    if (!to) {
        if (!scratch)
            scratch = heap_take((size_t)(board.panel.width + 66) * (size_t)(board.panel.height + 64));
        to = scratch;
    } else if (needed > room) {
        return NULL;
    }
    to->left = (int16_t)bounds.x;
    to->top = (int16_t)bounds.y;
    to->width = (int16_t)bounds.w;
    to->height = (int16_t)bounds.h;
    for (int y = 0; y < bounds.h; y++)
        resolve_row(sums + y * (bounds.w + 2), to->cover + y * bounds.w, bounds.w);
    return to;
}

void path_fill(struct canvas *c, uint32_t color) {
    struct rect window = c->clip;
    window.x -= c->x;
    window.y -= c->y;
    struct rect bounds = rasterise(window);
    /* A row at a time, through a mask of one row. */
    static struct {
        struct mask head;
        uint8_t cover[2048];
    } line;
    bounds.w = min(bounds.w, (int)sizeof line.cover);
    for (int y = 0; y < bounds.h; y++) {
        line.head = (struct mask){(int16_t)bounds.x, (int16_t)(bounds.y + y), (int16_t)bounds.w, 1};
        resolve_row(sums + y * (bounds.w + 2), line.head.cover, bounds.w);
        draw_mask(c, &line.head, 0, 0, color);
    }
}
