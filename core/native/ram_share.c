/* Blocks that are the same in several guests: each maps the one copy that a layer holds. See ram.h.
 *
 * What is in the layer decides, not what somebody says is in it: a block is compared with all of it before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "ram_private.h"

bool ram_add_layer(struct ram *ram, int fd, char error[RAM_ERROR]) {
    if (ram->layers == RAM_LAYERS)
        return ram_refuse(error, "RAM has at most %d layers.", RAM_LAYERS);
    if (!ram_holds(fd, ram->size))
        return ram_refuse(error, "Layer %u of the RAM holds less than its 0x%zx bytes.", ram->layers + 1,
                          ram->size);
    int layer = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (layer < 0)
        return ram_refuse(error, "No descriptor can be had: %s.", strerror(errno));
    ram->layer_fds[ram->layers++] = layer;
    return true;
}

static bool is_same(const struct ram *ram, size_t start, size_t end, int layer) {
    uint8_t piece[RAM_PAGE];
    for (size_t at = start; at < end; at += RAM_PAGE)
        if (pread(layer, piece, RAM_PAGE, (off_t)at) != RAM_PAGE || memcmp(piece, ram->host + at, RAM_PAGE))
            return false;
    return true;
}

/* An own page that is given back reads as zeros. Where the host cannot, it stays. */
static bool punch(const struct ram *ram, size_t start, size_t end) {
    return fallocate(ram->own, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
                     (off_t)(end - start)) == 0;
}

bool ram_share(struct ram *ram, size_t block, unsigned layer) {
    if (block >= ram->blocks || layer < 1 || layer > ram->layers || state_of(ram, block) != RAM_OWN)
        return false;
    size_t start = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    int fd = ram->layer_fds[layer - 1];
    /* Its pages are there already: to have them mapped spares a fault for each. */
    if (!is_same(ram, start, end, fd) || fault_hit("map") ||
        mmap(ram->host + start, end - start, PROT_READ, MAP_SHARED | MAP_NORESERVE | MAP_FIXED | MAP_POPULATE,
             fd, (off_t)start) == MAP_FAILED)
        return false;
    /* Who reads behind our back looks at the state again after: so it changes before the content goes. */
    ram_set_state(ram, block, (uint8_t)layer);
    punch(ram, start, end);
    return true;
}

bool ram_unshare(struct ram *ram, size_t block) {
    return block < ram->blocks && ram_wait(ram, block << RAM_BLOCK_SHIFT, 1) && ram_thaw(ram, block);
}

static bool is_zero(const uint8_t *page) {
    return page[0] == 0 && memcmp(page, page + 1, RAM_PAGE - 1) == 0;
}

size_t ram_drop_zeros(struct ram *ram, size_t block) {
    size_t dropped = 0;
    if (block >= ram->blocks || state_of(ram, block) != RAM_OWN)
        return 0;
    size_t at = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    while ((at = ram_seek(ram->own, at, SEEK_DATA, end)) < end) {
        size_t stop = ram_seek(ram->own, at, SEEK_HOLE, end);
        for (size_t after; at < stop; at = after) { /* both are of whole pages */
            bool zero = is_zero(ram->host + at);
            for (after = at + RAM_PAGE; after < stop && is_zero(ram->host + after) == zero;)
                after += RAM_PAGE;
            if (zero && punch(ram, at, after))
                dropped += after - at;
        }
    }
    return dropped;
}
