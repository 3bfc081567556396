/* Opening RAM, and waiting for what of it is absent: see ram.h. */
#define _GNU_SOURCE
#include "ram_private.h"

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

bool ram_refuse(char error[RAM_ERROR], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, RAM_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

bool ram_place(struct ram *ram, size_t start, size_t end, int fd, int rights) {
    return !fault_hit("map") && mmap(ram->host + start, end - start, rights,
                                     MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, (off_t)start) != MAP_FAILED;
}

/* Opening. */

bool ram_holds(int fd, size_t size) {
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_size >= 0 && (size_t)status.st_size >= size;
}

static bool open_map(struct ram *ram, int fd, char error[RAM_ERROR]) {
    if (fd < 0) {
        ram->map = calloc(ram->blocks, 1);
        return ram->map || ram_refuse(error, "Out of memory for the map of the RAM.");
    }
    size_t size = RAM_MAP_HEADER + ram->blocks;
    if (!ram_holds(fd, size))
        return ram_refuse(error, "The map of the RAM is shorter than its %zu bytes.", size);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return ram_refuse(error, "The map of the RAM cannot be mapped: %s.", strerror(errno));
    ram->map_memory = memory;
    ram->map_size = size;
    ram->map = (_Atomic uint8_t *)memory + RAM_MAP_HEADER;
    return true;
}

static bool open_descriptors(struct ram *ram, const struct ram_options *options, char error[RAM_ERROR]) {
    if (options->layers > RAM_LAYERS)
        return ram_refuse(error, "RAM has at most %d layers.", RAM_LAYERS);
    for (; ram->layers < options->layers; ram->layers++) {
        int fd = options->layer_fds[ram->layers];
        if (!ram_holds(fd, ram->size))
            return ram_refuse(error, "Layer %u of the RAM holds less than its 0x%zx bytes.", ram->layers + 1,
                              ram->size);
        if ((ram->layer_fds[ram->layers] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
            return ram_refuse(error, "No descriptor can be had: %s.", strerror(errno));
    }
    ram->own = fcntl(options->own_fd, F_DUPFD_CLOEXEC, 0);
    ram->wanted = options->wanted_fd < 0 ? -1 : fcntl(options->wanted_fd, F_DUPFD_CLOEXEC, 0);
    ram->loaded = options->loaded_fd < 0 ? -1 : fcntl(options->loaded_fd, F_DUPFD_CLOEXEC, 0);
    return ram->own >= 0 || ram_refuse(error, "No descriptor can be had: %s.", strerror(errno));
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
                return ram_refuse(error, "Blocks of the RAM are absent, and nobody loads them.");
            atomic_store(&ram->incomplete, true);
        } else if (state > ram->layers) {
            return ram_refuse(error, "The map of the RAM names layer %u of %u.", state, ram->layers);
        } else if (state != RAM_OWN && !ram_place(ram, block << RAM_BLOCK_SHIFT, block_end(ram, end - 1),
                                                  ram->layer_fds[state - 1], PROT_READ)) {
            return ram_refuse(error, "A layer of the RAM cannot be mapped: %s.", strerror(errno));
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
        return ram_refuse(error, "A memory of 0x%zx bytes is not whole pages.", ram->size);
    ram->blocks = (ram->size + RAM_BLOCK - 1) >> RAM_BLOCK_SHIFT;
    if (!ram_holds(options->own_fd, ram->size))
        return ram_refuse(error, "The descriptor of a memory holds less than its 0x%zx bytes.", ram->size);
    if (!open_descriptors(ram, options, error) || !open_map(ram, options->map_fd, error))
        return false;
    void *host =
        mmap(NULL, ram->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, options->own_fd, 0);
    if (host == MAP_FAILED)
        return ram_refuse(error, "A memory cannot be mapped: %s.", strerror(errno));
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
