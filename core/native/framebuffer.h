/* Damage of the guest's framebuffer: which rectangles of it changed since the last look. The dirty log says
 * which pages were written, a shadow copy says which of their pixels changed.
 *
 * Left out: pixel formats other than 32-bit, mode setting, more than one scanout.
 */
#ifndef POCKETVISOR_FRAMEBUFFER_H
#define POCKETVISOR_FRAMEBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMEBUFFER_RECTANGLES = 4, FRAMEBUFFER_PAGE = 4096, FRAMEBUFFER_SIDE_MAX = 8192 };

struct framebuffer {
    const uint8_t *pixels; /* mapped by the caller, `size` bytes */
    size_t size;
    uint32_t width, height, stride;
    uint8_t *dirty; /* one bit a page, set by the vCPU */
    uint8_t *shadow;
    uint8_t *unknown; /* one bit a page: what was shown of it last is not in the shadow */
    bool all;
};

/* False where memory is short or the measures are impossible (the mapping must hold height * stride bytes).
 * Everything counts as dirty at first. */
bool framebuffer_init(struct framebuffer *framebuffer, const uint8_t *pixels, size_t size, uint32_t width,
                      uint32_t height, uint32_t stride);
void framebuffer_free(struct framebuffer *framebuffer);
/* All of it is the next damage, whatever is there: nothing is read for that. */
void framebuffer_show_all(struct framebuffer *framebuffer);
/* Compares the dirty pages and clears their bits; answers how many rectangles {x0, y0, x1, y1} it found. */
unsigned framebuffer_damage(struct framebuffer *framebuffer, uint16_t rectangles[FRAMEBUFFER_RECTANGLES][4]);

#endif
