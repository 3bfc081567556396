/* Shared by ram.c, ram_layers.c and ram_share.c; for nobody else. */
#ifndef POCKETVISOR_RAM_PRIVATE_H
#define POCKETVISOR_RAM_PRIVATE_H

#include "ram.h"

/* False, with a sentence in `error`. */
bool ram_refuse(char error[RAM_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Does the file have so many bytes? */
bool ram_holds(int fd, size_t size);
/* Puts a memfd where the RAM is mapped. */
bool ram_place(struct ram *ram, size_t start, size_t end, int fd, int rights);
/* The next data or hole at or after `at`, at most `end`. Where the host cannot tell, all is data. */
size_t ram_seek(int fd, size_t at, int what, size_t end);
/* A block goes from its layer into the own memfd. False: the host has no memory for it. */
bool ram_thaw(struct ram *ram, size_t block);

static inline size_t block_end(const struct ram *ram, size_t block) {
    size_t end = (block + 1) << RAM_BLOCK_SHIFT;
    return end < ram->size ? end : ram->size;
}

static inline uint8_t state_of(const struct ram *ram, size_t block) {
    return atomic_load_explicit(&ram->map[block], memory_order_acquire);
}

static inline void ram_set_state(struct ram *ram, size_t block, uint8_t state) {
    atomic_store_explicit(&ram->map[block], state, memory_order_release);
}

#endif
