/* Framebuffer damage; see framebuffer.h for what is left out. */
#define _GNU_SOURCE
#include "framebuffer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Two rectangles become one where the pixels painted in vain stay below this. */
enum { WASTE = 4096, GAP = 8 };

struct damage {
    uint16_t (*rectangles)[4];
    unsigned count;
};

static uint32_t area(const uint16_t rectangle[4]) {
    return (uint32_t)(rectangle[2] - rectangle[0]) * (uint32_t)(rectangle[3] - rectangle[1]);
}

static void unite(uint16_t into[4], const uint16_t other[4]) {
    into[0] = other[0] < into[0] ? other[0] : into[0];
    into[1] = other[1] < into[1] ? other[1] : into[1];
    into[2] = other[2] > into[2] ? other[2] : into[2];
    into[3] = other[3] > into[3] ? other[3] : into[3];
}

/* Spans come row by row, so a span can only join the newest rectangle. */
static void add_span(struct damage *damage, uint32_t y, uint32_t x0, uint32_t x1) {
    uint16_t span[4] = {(uint16_t)x0, (uint16_t)y, (uint16_t)x1, (uint16_t)(y + 1)};
    if (damage->count) {
        uint16_t *last = damage->rectangles[damage->count - 1], both[4];
        memcpy(both, last, sizeof both);
        unite(both, span);
        bool near = y <= (uint32_t)last[3] + GAP && area(both) <= area(last) + area(span) + WASTE;
        if (near || damage->count == FRAMEBUFFER_RECTANGLES) {
            memcpy(last, both, sizeof both);
            return;
        }
    }
    memcpy(damage->rectangles[damage->count++], span, sizeof span);
}

/* The bytes [from, to) of the framebuffer, which lie within one row. */
static void compare(struct framebuffer *framebuffer, struct damage *damage, size_t from, size_t to,
                    bool known) {
    const uint8_t *now = framebuffer->pixels;
    uint8_t *before = framebuffer->shadow;
    size_t y = from / framebuffer->stride, row = y * framebuffer->stride;
    size_t end = row + (size_t)framebuffer->width * 4;
    to = to < end ? to : end;
    if (from >= to || (known && memcmp(now + from, before + from, to - from) == 0))
        return;
    while (known && now[from] == before[from])
        from++;
    while (known && now[to - 1] == before[to - 1])
        to--;
    memcpy(before + from, now + from, to - from);
    add_span(damage, (uint32_t)y, (uint32_t)((from - row) / 4), (uint32_t)((to - row + 3) / 4));
}

static size_t bitmap_size(const struct framebuffer *framebuffer) {
    return framebuffer->size / FRAMEBUFFER_PAGE / 8 + 1;
}

static bool take_bit(uint8_t *bits, size_t index) {
    uint8_t bit = (uint8_t)(1u << (index & 7));
    bool set = bits[index >> 3] & bit;
    bits[index >> 3] &= (uint8_t)~bit;
    return set;
}

unsigned framebuffer_damage(struct framebuffer *framebuffer, uint16_t rectangles[FRAMEBUFFER_RECTANGLES][4]) {
    struct damage damage = {rectangles, 0};
    size_t end = (size_t)framebuffer->height * framebuffer->stride;
    size_t pages = (framebuffer->size + FRAMEBUFFER_PAGE - 1) / FRAMEBUFFER_PAGE;
    if (framebuffer->all) {
        const uint16_t whole[4] = {0, 0, (uint16_t)framebuffer->width, (uint16_t)framebuffer->height};
        framebuffer->all = false;
        memset(framebuffer->dirty, 0, bitmap_size(framebuffer));
        memcpy(rectangles[0], whole, sizeof whole);
        return 1;
    }
    for (size_t page = 0; page < pages; page++) {
        if (!framebuffer->dirty[page >> 3]) {
            page |= 7;
            continue;
        }
        if (!take_bit(framebuffer->dirty, page))
            continue;
        bool known = !take_bit(framebuffer->unknown, page);
        size_t from = page * FRAMEBUFFER_PAGE, to = from + FRAMEBUFFER_PAGE;
        for (to = to < end ? to : end; from < to;) {
            size_t next = (from / framebuffer->stride + 1) * framebuffer->stride;
            compare(framebuffer, &damage, from, next < to ? next : to, known);
            from = next;
        }
    }
    return damage.count;
}

void framebuffer_show_all(struct framebuffer *framebuffer) {
    memset(framebuffer->unknown, 0xff, bitmap_size(framebuffer));
    framebuffer->all = true;
}

bool framebuffer_init(struct framebuffer *framebuffer, const uint8_t *pixels, size_t size, uint32_t width,
                      uint32_t height, uint32_t stride) {
    memset(framebuffer, 0, sizeof *framebuffer);
    if (!width || !height || width > FRAMEBUFFER_SIDE_MAX || height > FRAMEBUFFER_SIDE_MAX ||
        stride < width * 4 || stride > 65536 || (size_t)stride * height > size)
        return false;
    framebuffer->pixels = pixels;
    framebuffer->size = size;
    framebuffer->width = width;
    framebuffer->height = height;
    framebuffer->stride = stride;
    framebuffer->dirty = calloc(1, bitmap_size(framebuffer));
    framebuffer->unknown = calloc(1, bitmap_size(framebuffer));
    /* Not calloc(), which clears what it takes from the heap: pages never shown cost nothing so. */
    void *shadow = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    framebuffer->shadow = shadow == MAP_FAILED ? NULL : shadow;
    if (!framebuffer->dirty || !framebuffer->unknown || !framebuffer->shadow) {
        framebuffer_free(framebuffer);
        return false;
    }
    memset(framebuffer->dirty, 0xff, bitmap_size(framebuffer));
    return true;
}

void framebuffer_free(struct framebuffer *framebuffer) {
    free(framebuffer->dirty);
    free(framebuffer->unknown);
    if (framebuffer->shadow)
        munmap(framebuffer->shadow, framebuffer->size);
    framebuffer->dirty = framebuffer->unknown = framebuffer->shadow = NULL;
}
