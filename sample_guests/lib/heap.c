#include "heap.h"
#include "board.h"
#include "exceptions.h"
#include "text.h"

extern char image_end[];
static uintptr_t next, end, first;

void heap_start(void) {
    first = next = ((uintptr_t)image_end + 0xfffff) & ~(uintptr_t)0xfffff;
    end = BOARD_RAM + board.ram_bytes;
    /* On a development board the framebuffer may be a piece of RAM. */
    uintptr_t pixels = (uintptr_t)board.panel.pixels;
    if (pixels > next && pixels < end)
        end = pixels;
}

void *heap_try(size_t bytes) {
    bytes = (bytes + 63) & ~(size_t)63;
    if (bytes > end - next)
        return NULL;
    void *memory = (void *)next;
    next += bytes;
    return memory;
}

void *heap_take(size_t bytes) {
    void *memory = heap_try(bytes);
    if (!memory)
        panic("out of memory: %u bytes wanted, %u left of %u MiB", (unsigned)bytes, (unsigned)heap_free(),
              (unsigned)(board.ram_bytes >> 20));
    memset(memory, 0, bytes);
    return memory;
}

size_t heap_used(void) {
    return next - first;
}
size_t heap_free(void) {
    return end - next;
}
