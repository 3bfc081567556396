/* The guest's RAM as the host holds it: a memfd of the machine's own, frozen layers that it shares with
 * others, and blocks that are still on their way.
 *
 * THE MAP, a memfd shared with the handset, or memory of our own: 4096 bytes, of which the first four say
 * what block is wanted (its number + 1), then a byte for each block of 64 KiB: 0, it is in the machine's own
 * memfd; 1 to 253, in that layer, as long as nobody writes it; 254, it could not be loaded; 255, it is
 * absent: in the own memfd, once the loader has put it there and made its byte 0. All zeros: there is one
 * memfd, all present.
 *
 * A layer is mapped read only. A block of it is copied into the own memfd before it is first written. An own
 * block that a layer holds as well can be given up for that one's.
 *
 * Threads: one writes, the vCPU's, and it alone changes what is mapped; others read (a mapping is replaced by
 * one with the same content) and wait for blocks. Left out: taking layers together again, and letting one go
 * before the end. */
#ifndef POCKETVISOR_RAM_H
#define POCKETVISOR_RAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"

enum {
    RAM_PAGE_SHIFT = 12,
    RAM_PAGE = 1 << RAM_PAGE_SHIFT,
    RAM_BLOCK_SHIFT = 16,
    RAM_BLOCK = 1 << RAM_BLOCK_SHIFT,
    RAM_MAP_HEADER = 4096,
    RAM_OWN = 0,
    RAM_LAYERS = 253,
    RAM_LOST = 254,
    RAM_ABSENT = 255,
    RAM_ERROR = 256,
};

struct ram_options {
    int own_fd;
    uint32_t size;
    const int *layer_fds;
    unsigned layers;
    int map_fd, wanted_fd, loaded_fd; /* -1: none */
};

struct ram {
    uint8_t *host;
    size_t size, blocks;
    int own, layer_fds[RAM_LAYERS];
    unsigned layers;
    _Atomic uint8_t *map; /* a byte a block */
    void *map_memory;
    size_t map_size; /* 0: the map is our own */
    int wanted, loaded;
    atomic_bool incomplete;  /* blocks may be absent */
    pthread_mutex_t waiting; /* one asks the loader at a time */
    struct capture capture;
};

/* So that ram_close() is good. */
void ram_init(struct ram *ram);
/* False with a sentence in `error`. Descriptors stay the caller's. */
bool ram_open(struct ram *ram, const struct ram_options *options, char error[RAM_ERROR]);
void ram_close(struct ram *ram);

/* Waits until all of it is there. False: it never will be. From any thread. */
bool ram_wait_for(struct ram *ram, size_t offset, size_t size);
static inline bool ram_wait(struct ram *ram, size_t offset, size_t size) {
    return !atomic_load_explicit(&ram->incomplete, memory_order_acquire) || ram_wait_for(ram, offset, size);
}
/* From here on nothing is waited for. False, and nothing happens, where a block is absent yet. */
bool ram_complete(struct ram *ram);

/* Is this page in the machine's own memfd? */
static inline bool ram_owns(const struct ram *ram, size_t page) {
    return atomic_load_explicit(&ram->map[page >> (RAM_BLOCK_SHIFT - RAM_PAGE_SHIFT)],
                                memory_order_relaxed) == RAM_OWN;
}
/* Before a page is written that was not since the last harvest, or that is not our own. False: the host has
 * no memory for it, or it could not be loaded. */
bool ram_prepare(struct ram *ram, size_t page);
/* Zeros, of any alignment; whole pages are given back to the host until they are touched. False as above. */
bool ram_clear(struct ram *ram, size_t offset, size_t size);

/* Nobody writes meanwhile: the own memfd becomes the next layer, `own_fd`, which is empty, the own one. False
 * with a sentence. */
bool ram_freeze(struct ram *ram, int own_fd, char error[RAM_ERROR]);

/* The next layer, which nobody of the guest's writes. The descriptor stays the caller's. */
bool ram_add_layer(struct ram *ram, int fd, char error[RAM_ERROR]);
/* Nobody writes meanwhile, and what may be written is to come to ram_prepare() again: the own block is that
 * layer's (1: the first) from now on, if that holds the very same, and its memory is given back. */
bool ram_share(struct ram *ram, size_t block, unsigned layer);
/* Nobody writes meanwhile: the block is the machine's own again. False: the host has no memory for it. */
bool ram_unshare(struct ram *ram, size_t block);
/* Nobody writes meanwhile: own pages of the block that are zeros are given back. How many bytes. */
size_t ram_drop_zeros(struct ram *ram, size_t block);

#endif
