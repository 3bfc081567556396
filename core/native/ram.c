/* See ram.h. */
#define _GNU_SOURCE
#include "ram.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

enum { ASK_AGAIN_MS = 1000 };

__attribute__((format(printf, 2, 3))) static bool refuse(char error[RAM_ERROR], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, RAM_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

static size_t block_end(const struct ram *ram, size_t block) {
    size_t end = (block + 1) << RAM_BLOCK_SHIFT;
    return end < ram->size ? end : ram->size;
}

static uint8_t state_of(const struct ram *ram, size_t block) {
    return atomic_load_explicit(&ram->map[block], memory_order_acquire);
}

static void set_state(struct ram *ram, size_t block, uint8_t state) {
    atomic_store_explicit(&ram->map[block], state, memory_order_release);
}

/* Puts a memfd where the RAM is mapped. */
static bool place(struct ram *ram, size_t start, size_t end, int fd, int rights) {
    return !fault_hit("map") && mmap(ram->host + start, end - start, rights,
                                     MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, (off_t)start) != MAP_FAILED;
}

/* Opening. */

static bool holds(int fd, size_t size) {
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_size >= 0 && (size_t)status.st_size >= size;
}

static bool open_map(struct ram *ram, int fd, char error[RAM_ERROR]) {
    if (fd < 0) {
        ram->map = calloc(ram->blocks, 1);
        return ram->map || refuse(error, "Out of memory for the map of the RAM.");
    }
    size_t size = RAM_MAP_HEADER + ram->blocks;
    if (!holds(fd, size))
        return refuse(error, "The map of the RAM is shorter than its %zu bytes.", size);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return refuse(error, "The map of the RAM cannot be mapped: %s.", strerror(errno));
    ram->map_memory = memory;
    ram->map_size = size;
    ram->map = (_Atomic uint8_t *)memory + RAM_MAP_HEADER;
    return true;
}

static bool open_descriptors(struct ram *ram, const struct ram_options *options, char error[RAM_ERROR]) {
    if (options->layers > RAM_LAYERS)
        return refuse(error, "RAM has at most %d layers.", RAM_LAYERS);
    for (; ram->layers < options->layers; ram->layers++) {
        int fd = options->layer_fds[ram->layers];
        if (!holds(fd, ram->size))
            return refuse(error, "Layer %u of the RAM holds less than its 0x%zx bytes.", ram->layers + 1,
                          ram->size);
        if ((ram->layer_fds[ram->layers] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
            return refuse(error, "No descriptor can be had: %s.", strerror(errno));
    }
    ram->own = fcntl(options->own_fd, F_DUPFD_CLOEXEC, 0);
    ram->wanted = options->wanted_fd < 0 ? -1 : fcntl(options->wanted_fd, F_DUPFD_CLOEXEC, 0);
    ram->loaded = options->loaded_fd < 0 ? -1 : fcntl(options->loaded_fd, F_DUPFD_CLOEXEC, 0);
    return ram->own >= 0 || refuse(error, "No descriptor can be had: %s.", strerror(errno));
}

/* Layers over the own memfd, where the map says so. */
static bool place_layers(struct ram *ram, char error[RAM_ERROR]) {
    size_t end;
    for (size_t block = 0; block < ram->blocks; block = end) {
        uint8_t state = state_of(ram, block);
        for (end = block + 1; end < ram->blocks && state_of(ram, end) == state;)
            end++;
        if (state == RAM_ABSENT || state == RAM_LOST) {
            if (ram->wanted < 0 || ram->loaded < 0)
                return refuse(error, "Blocks of the RAM are absent, and nobody loads them.");
            atomic_store(&ram->incomplete, true);
        } else if (state > ram->layers) {
            return refuse(error, "The map of the RAM names layer %u of %u.", state, ram->layers);
        } else if (state != RAM_OWN && !place(ram, block << RAM_BLOCK_SHIFT, block_end(ram, end - 1),
                                              ram->layer_fds[state - 1], PROT_READ)) {
            return refuse(error, "A layer of the RAM cannot be mapped: %s.", strerror(errno));
        }
    }
    return true;
}

void ram_init(struct ram *ram) {
    *ram = (struct ram){.own = -1, .wanted = -1, .loaded = -1};
    pthread_mutex_init(&ram->waiting, NULL);
    capture_init(&ram->capture);
}

bool ram_open(struct ram *ram, const struct ram_options *options, char error[RAM_ERROR]) {
    ram->size = options->size;
    if (ram->size == 0 || ram->size % RAM_PAGE)
        return refuse(error, "A memory of 0x%zx bytes is not whole pages.", ram->size);
    ram->blocks = (ram->size + RAM_BLOCK - 1) >> RAM_BLOCK_SHIFT;
    if (!holds(options->own_fd, ram->size))
        return refuse(error, "The descriptor of a memory holds less than its 0x%zx bytes.", ram->size);
    if (!open_descriptors(ram, options, error) || !open_map(ram, options->map_fd, error))
        return false;
    void *host =
        mmap(NULL, ram->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, options->own_fd, 0);
    if (host == MAP_FAILED)
        return refuse(error, "A memory cannot be mapped: %s.", strerror(errno));
    ram->host = host;
    return place_layers(ram, error);
}

void ram_close(struct ram *ram) {
    capture_free(&ram->capture);
    if (ram->host)
        munmap(ram->host, ram->size);
    if (ram->map_size)
        munmap(ram->map_memory, ram->map_size);
    else
        free((void *)ram->map);
    for (unsigned layer = 0; layer < ram->layers; layer++)
        close(ram->layer_fds[layer]);
    for (int index = 0; index < 3; index++) {
        int fd = index == 0 ? ram->own : index == 1 ? ram->wanted : ram->loaded;
        if (fd >= 0)
            close(fd);
    }
    pthread_mutex_destroy(&ram->waiting);
}

/* Blocks that are not there yet. */

static void signal_wanted(const struct ram *ram) {
    const uint64_t one = 1;
    ssize_t size = write(ram->wanted, &one, sizeof one);
    (void)size; /* it cannot be full: the loader takes it away */
}

static void await_loaded(const struct ram *ram) {
    struct pollfd loaded = {ram->loaded, POLLIN, 0};
    uint64_t count;
    if (poll(&loaded, 1, ASK_AGAIN_MS) > 0) {
        ssize_t size = read(ram->loaded, &count, sizeof count);
        (void)size;
    }
}

static bool wait_for_block(struct ram *ram, size_t block) {
    _Atomic uint32_t *wanted = ram->map_memory;
    uint8_t state;
    if (state_of(ram, block) < RAM_LOST)
        return true;
    pthread_mutex_lock(&ram->waiting);
    while ((state = state_of(ram, block)) == RAM_ABSENT) {
        /* Each time: other blocks are loaded as well, and the word may have been somebody else's. */
        atomic_store(wanted, (uint32_t)block + 1);
        if (state_of(ram, block) != RAM_ABSENT)
            continue;
        signal_wanted(ram);
        await_loaded(ram);
    }
    pthread_mutex_unlock(&ram->waiting);
    return state != RAM_LOST;
}

bool ram_wait_for(struct ram *ram, size_t offset, size_t size) {
    if (size == 0)
        return true;
    for (size_t block = offset >> RAM_BLOCK_SHIFT; block <= (offset + size - 1) >> RAM_BLOCK_SHIFT; block++)
        if (!wait_for_block(ram, block))
            return false;
    return true;
}

bool ram_complete(struct ram *ram) {
    for (size_t block = 0; block < ram->blocks; block++)
        if (state_of(ram, block) >= RAM_LOST)
            return false;
    atomic_store_explicit(&ram->incomplete, false, memory_order_release);
    return true;
}

/* Writing. */

/* The next data or hole at or after `at`, at most `end`. Where the host cannot tell, all is data. */
static size_t seek(int fd, size_t at, int what, size_t end) {
    off_t found = lseek(fd, (off_t)at, what);
    if (found < 0)
        return what == SEEK_DATA && errno != ENXIO ? at : end;
    return (size_t)found < end ? (size_t)found : end;
}

/* Only what is there: a hole of the layer stays one. */
static bool copy_to_own(struct ram *ram, int layer, size_t at, size_t end) {
    while ((at = seek(layer, at, SEEK_DATA, end)) < end) {
        size_t stop = seek(layer, at, SEEK_HOLE, end);
        while (at < stop) {
            ssize_t count = fault_hit("thaw") ? 0 : pwrite(ram->own, ram->host + at, stop - at, (off_t)at);
            if (count == 0 || (count < 0 && errno != EINTR))
                return false;
            at += count > 0 ? (size_t)count : 0;
        }
    }
    return true;
}

/* From its layer into the own memfd. */
static bool thaw(struct ram *ram, size_t block) {
    uint8_t state = state_of(ram, block);
    if (state == RAM_OWN)
        return true;
    size_t start = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    if (state > ram->layers || !copy_to_own(ram, ram->layer_fds[state - 1], start, end) ||
        !place(ram, start, end, ram->own, PROT_READ | PROT_WRITE))
        return false;
    set_state(ram, block, RAM_OWN);
    return true;
}

bool ram_prepare(struct ram *ram, size_t page) {
    if (!ram_wait(ram, page << RAM_PAGE_SHIFT, RAM_PAGE))
        return false;
    capture_page(&ram->capture, ram->host, page);
    return thaw(ram, page >> (RAM_BLOCK_SHIFT - RAM_PAGE_SHIFT));
}

/* A block that is cleared as a whole needs no copy of what its layer holds. */
static bool own_for_clearing(struct ram *ram, size_t block, size_t offset, size_t size) {
    size_t start = block << RAM_BLOCK_SHIFT, end = block_end(ram, block);
    if (state_of(ram, block) == RAM_OWN)
        return true;
    if (offset > start || end > offset + size)
        return thaw(ram, block);
    if (!place(ram, start, end, ram->own, PROT_READ | PROT_WRITE))
        return false;
    set_state(ram, block, RAM_OWN);
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
        size_t data = seek(layer, at, SEEK_DATA, end);
        size_t first = data < end ? data & ~(size_t)(RAM_BLOCK - 1) : end;
        after = data < end ? seek(layer, data, SEEK_HOLE, end) : end;
        after = (after + RAM_BLOCK - 1) & ~(size_t)(RAM_BLOCK - 1);
        after = after < end ? after : end;
        /* Where it cannot be mapped it is the layer's, which has zeros there as well. */
        if (first > at && !place(ram, at, first, ram->own, PROT_READ | PROT_WRITE))
            first = at;
        for (size_t block = first >> RAM_BLOCK_SHIFT; block << RAM_BLOCK_SHIFT < after; block++)
            set_state(ram, block, (uint8_t)ram->layers);
    }
    return true;
}

bool ram_freeze(struct ram *ram, int own_fd, char error[RAM_ERROR]) {
    if (atomic_load(&ram->incomplete) && !ram_complete(ram))
        return refuse(error, "RAM that is not all loaded cannot be frozen.");
    if (ram->layers == RAM_LAYERS)
        return refuse(error, "RAM has at most %d layers.", RAM_LAYERS);
    if (!holds(own_fd, ram->size))
        return refuse(error, "The descriptor of a memory holds less than its 0x%zx bytes.", ram->size);
    int own = fcntl(own_fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return refuse(error, "No descriptor can be had: %s.", strerror(errno));
    if (!each_own_run(ram, protect)) {
        refuse(error, "The RAM cannot be frozen: %s.", strerror(errno));
        each_own_run(ram, unprotect);
        close(own);
        return false;
    }
    ram->layer_fds[ram->layers++] = ram->own;
    ram->own = own;
    return each_own_run(ram, divide);
}
