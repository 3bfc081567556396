/* Writing, clearing and freezing RAM of several memfds: see ram.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "ram_private.h"

size_t ram_seek(int fd, size_t at, int what, size_t end) {
    off_t found = lseek(fd, (off_t)at, what);
    if (found < 0)
        return what == SEEK_DATA && errno != ENXIO ? at : end;
    return (size_t)found < end ? (size_t)found : end;
}

/* Only what is there: a hole of the layer stays one. */
static bool copy_to_own(struct ram *ram, int layer, size_t at, size_t end) {
    while ((at = ram_seek(layer, at, SEEK_DATA, end)) < end) {
        size_t stop = ram_seek(layer, at, SEEK_HOLE, end);
        while (at < stop) {
            ssize_t count = fault_hit("thaw") ? 0 : pwrite(ram->own, ram->host + at, stop - at, (off_t)at);
            if (count == 0 || (count < 0 && errno != EINTR))
                return false;
            at += count > 0 ? (size_t)count : 0;
        }
    }
    return true;
}

bool ram_thaw(struct ram *ram, size_t block) {
    uint8_t state = state_of(ram, block);
    if (state == RAM_OWN)
        return true;
    size_t start = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    if (state > ram->layers || !copy_to_own(ram, ram->layer_fds[state - 1], start, end) ||
        !ram_place(ram, start, end, ram->own, PROT_READ | PROT_WRITE))
        return false;
    ram_set_state(ram, block, RAM_OWN);
    return true;
}

bool ram_prepare(struct ram *ram, size_t page) {
    if (!ram_wait(ram, page << RAM_PAGE_SHIFT, RAM_PAGE))
        return false;
    capture_page(&ram->capture, ram->host, page);
    return ram_thaw(ram, page >> (RAM_BLOCK_SHIFT - RAM_PAGE_SHIFT));
}

/* A block that is cleared as a whole needs no copy of what its layer holds. */
static bool own_for_clearing(struct ram *ram, size_t block, size_t offset, size_t size) {
    size_t start = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    if (state_of(ram, block) == RAM_OWN)
        return true;
    if (offset > start || end > offset + size)
        return ram_thaw(ram, block);
    if (!ram_place(ram, start, end, ram->own, PROT_READ | PROT_WRITE))
        return false;
    ram_set_state(ram, block, RAM_OWN);
    return true;
}

bool ram_clear(struct ram *ram, size_t offset, size_t size) {
    if (size == 0)
        return true;
    size_t end = offset + size;
    if (!ram_wait(ram, offset, size))
        return false;
    for (size_t page = offset >> RAM_PAGE_SHIFT; page << RAM_PAGE_SHIFT < end; page++)
        capture_page(&ram->capture, ram->host, page);
    for (size_t block = offset >> RAM_BLOCK_SHIFT; block << RAM_BLOCK_SHIFT < end; block++)
        if (!own_for_clearing(ram, block, offset, size))
            return false;
    size_t first = (offset + RAM_PAGE - 1) & ~(size_t)(RAM_PAGE - 1), after = end & ~(size_t)(RAM_PAGE - 1);
    if (first < after && madvise(ram->host + first, after - first, MADV_REMOVE) == 0) {
        memset(ram->host + offset, 0, first - offset);
        memset(ram->host + after, 0, end - after);
    } else {
        memset(ram->host + offset, 0, size); /* not of a kind that can be given back */
    }
    return true;
}

/* Freezing. */

/* Calls for each run of blocks that are in the own memfd. */
static bool each_own_run(struct ram *ram, bool (*call)(struct ram *ram, size_t start, size_t end)) {
    size_t end;
    for (size_t block = 0; block < ram->blocks; block = end) {
        bool own = state_of(ram, block) == RAM_OWN;
        for (end = block + 1; end < ram->blocks && (state_of(ram, end) == RAM_OWN) == own;)
            end++;
        if (own && !call(ram, block << RAM_BLOCK_SHIFT, block_end(ram, end - 1)))
            return false;
    }
    return true;
}

static bool protect(struct ram *ram, size_t start, size_t end) {
    return !fault_hit("map") && mprotect(ram->host + start, end - start, PROT_READ) == 0;
}

static bool unprotect(struct ram *ram, size_t start, size_t end) {
    return mprotect(ram->host + start, end - start, PROT_READ | PROT_WRITE) == 0;
}

/* Of a run in what was the own memfd: blocks that hold something are the new layer's, the rest stay our own.
 */
static bool divide(struct ram *ram, size_t start, size_t end) {
    const int layer = ram->layer_fds[ram->layers - 1];
    for (size_t at = start, after; at < end; at = after) {
        size_t data = ram_seek(layer, at, SEEK_DATA, end);
        size_t first = data < end ? data & ~(size_t)(RAM_BLOCK - 1) : end;
        after = data < end ? ram_seek(layer, data, SEEK_HOLE, end) : end;
        after = (after + RAM_BLOCK - 1) & ~(size_t)(RAM_BLOCK - 1);
        after = after < end ? after : end;
        /* Where it cannot be mapped it is the layer's, which has zeros there as well. */
        if (first > at && !ram_place(ram, at, first, ram->own, PROT_READ | PROT_WRITE))
            first = at;
        for (size_t block = first >> RAM_BLOCK_SHIFT; block << RAM_BLOCK_SHIFT < after; block++)
            ram_set_state(ram, block, (uint8_t)ram->layers);
    }
    return true;
}

bool ram_freeze(struct ram *ram, int own_fd, char error[RAM_ERROR]) {
    if (atomic_load(&ram->incomplete) && !ram_complete(ram))
        return ram_refuse(error, "RAM that is not all loaded cannot be frozen.");
    if (ram->layers == RAM_LAYERS)
        return ram_refuse(error, "RAM has at most %d layers.", RAM_LAYERS);
    if (!ram_holds(own_fd, ram->size))
        return ram_refuse(error, "The descriptor of a memory holds less than its 0x%zx bytes.", ram->size);
    int own = fcntl(own_fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return ram_refuse(error, "No descriptor can be had: %s.", strerror(errno));
    if (!each_own_run(ram, protect)) {
        ram_refuse(error, "The RAM cannot be frozen: %s.", strerror(errno));
        each_own_run(ram, unprotect);
        close(own);
        return false;
    }
    ram->layer_fds[ram->layers++] = ram->own;
    ram->own = own;
    return each_own_run(ram, divide);
}
