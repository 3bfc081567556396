/* RAM of several memfds: who sees what, whatever is frozen, loaded, cleared and written, in whatever order.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "fault.h"
#include "ram.h"

enum {
    BLOCKS = 9,
    SIZE = (BLOCKS - 1) * RAM_BLOCK + 3 * RAM_PAGE, /* the last block is not whole */
    PAGES = SIZE / RAM_PAGE,
    SHADOW_HEADER = 4096,
};

static uint32_t seed = 1;

static uint32_t any(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static int memory(size_t size) {
    int fd = memfd_create("test", 0);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    return fd;
}

static size_t used(int fd) {
    struct stat status;
    CHECK(fstat(fd, &status) == 0);
    return (size_t)status.st_blocks * 512;
}

static void put(int fd, const void *bytes, size_t size, size_t at) {
    CHECK(pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size);
}

static struct ram_options options_of(int own) {
    return (struct ram_options){own, SIZE, NULL, 0, -1, -1, -1};
}

static struct ram *opened(const struct ram_options *options) {
    char error[RAM_ERROR] = "";
    struct ram *ram = malloc(sizeof *ram);
    ram_init(ram);
    if (!ram_open(ram, options, error)) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return ram;
}

static void closed(struct ram *ram) {
    ram_close(ram);
    free(ram);
}

static void set(struct ram *ram, size_t at, uint8_t value) {
    CHECK(ram_prepare(ram, at >> RAM_PAGE_SHIFT));
    ram->host[at] = value;
}

static void test_layers_are_shared_until_they_are_written(void) {
    int own = memory(SIZE), here = memory(SIZE), there = memory(SIZE), map = memory(RAM_MAP_HEADER + BLOCKS);
    struct ram_options options = options_of(own);
    struct ram *origin = opened(&options);
    char error[RAM_ERROR];
    set(origin, 5, 1);
    set(origin, 3 * RAM_BLOCK + 7, 2);
    set(origin, SIZE - 1, 3);
    CHECK(ram_freeze(origin, here, error));

    uint8_t states[BLOCKS] = {1, 0, 0, 1, 0, 0, 0, 0, 1}; /* what was never touched stays nobody's */
    for (unsigned block = 0; block < BLOCKS; block++)
        CHECK_EQUAL(origin->map[block], states[block]);
    put(map, states, BLOCKS, RAM_MAP_HEADER);
    options = (struct ram_options){there, SIZE, &own, 1, map, -1, -1};
    struct ram *clone = opened(&options);
    CHECK(origin->host[5] == 1 && clone->host[5] == 1 && clone->host[SIZE - 1] == 3);
    CHECK_EQUAL(used(here) + used(there), 0); /* bytes of either's own, so far */

    set(clone, 6, 9);
    set(clone, SIZE - 2, 8);
    set(origin, 5, 7);
    CHECK(clone->host[5] == 1 && clone->host[6] == 9 && origin->host[5] == 7 && origin->host[6] == 0);
    CHECK(clone->host[SIZE - 1] == 3 && clone->host[SIZE - 2] == 8 && origin->host[SIZE - 2] == 0);
    CHECK(clone->map[0] == RAM_OWN && clone->map[3] == 1 && clone->map[BLOCKS - 1] == RAM_OWN);
    uint8_t byte;
    CHECK(pread(own, &byte, 1, 5) == 1 && byte == 1);              /* the layer stays what it was */
    CHECK(pread(there, &byte, 1, 6) == 1 && byte == 9);            /* the handset finds what is new */
    CHECK_EQUAL(used(there), (1 + 1) * RAM_PAGE);                  /* holes of the layer are not copied */
    CHECK(pread(map, &byte, 1, RAM_MAP_HEADER) == 1 && byte == 0); /* and where it is */

    closed(clone);
    closed(origin);
    close(own), close(here), close(there), close(map);
}

static void test_nothing_that_is_given_back_comes_from_a_layer(void) {
    int own = memory(SIZE), next = memory(SIZE);
    struct ram_options options = options_of(own);
    struct ram *ram = opened(&options);
    char error[RAM_ERROR];
    for (size_t page = 0; page < PAGES; page++)
        set(ram, page * RAM_PAGE + 1, (uint8_t)(page + 1));
    CHECK(ram_freeze(ram, next, error));
    size_t kept = used(own);
    /* From the middle of block 1 up to the middle of block 4, and not aligned to pages. */
    size_t from = RAM_BLOCK + 5 * RAM_PAGE + 100, to = 4 * RAM_BLOCK + 2 * RAM_PAGE + 2;
    CHECK(ram_clear(ram, from, to - from));
    CHECK_EQUAL(used(own), kept);
    /* Blocks 2 and 3 cost nothing; of 1 and 4 the parts that are left, and a page at either edge. */
    CHECK_EQUAL(used(next), (6 + 14) * RAM_PAGE);
    for (size_t page = 0; page < PAGES; page++) {
        size_t at = page * RAM_PAGE + 1;
        uint8_t byte;
        CHECK_EQUAL(ram->host[at], at >= from && at < to ? 0 : (uint8_t)(page + 1));
        CHECK(pread(own, &byte, 1, (off_t)at) == 1 && byte == (uint8_t)(page + 1));
    }
    CHECK(ram_clear(ram, 0, SIZE));
    CHECK_EQUAL(used(next), 0);
    CHECK(ram_clear(ram, SIZE, 0));
    closed(ram);
    close(own), close(next);
}

static void test_what_cannot_be_is_refused(void) {
    int own = memory(SIZE), small = memory(SIZE - RAM_PAGE), map = memory(RAM_MAP_HEADER + BLOCKS);
    const uint8_t absent = RAM_ABSENT, second = 2;
    char error[RAM_ERROR];
    const struct ram_options impossible[] = {
        {own, 0, NULL, 0, -1, -1, -1},           {own, SIZE - 1, NULL, 0, -1, -1, -1},
        {small, SIZE, NULL, 0, -1, -1, -1},      {-1, SIZE, NULL, 0, -1, -1, -1},
        {own, SIZE, &small, 1, -1, -1, -1},      {own, SIZE, &small, RAM_LAYERS + 1, -1, -1, -1},
        {own, SIZE, NULL, 0, own + 900, -1, -1}, {own, SIZE, NULL, 0, memory(RAM_MAP_HEADER), -1, -1},
    };
    for (size_t index = 0; index < sizeof impossible / sizeof *impossible; index++) {
        struct ram ram;
        ram_init(&ram);
        CHECK(!ram_open(&ram, &impossible[index], error) && error[0]);
        ram_close(&ram);
    }
    struct ram_options options = {own, SIZE, &own, 1, map, -1, -1};
    struct ram ram;
    put(map, &second, 1, RAM_MAP_HEADER + 2); /* a layer that is not there */
    ram_init(&ram);
    CHECK(!ram_open(&ram, &options, error));
    ram_close(&ram);
    put(map, &absent, 1, RAM_MAP_HEADER + 2); /* and nobody who loads it */
    ram_init(&ram);
    CHECK(!ram_open(&ram, &options, error));
    ram_close(&ram);

    options = options_of(own);
    struct ram *good = opened(&options);
    set(good, 1, 1);
    CHECK(!ram_freeze(good, small, error) && !ram_freeze(good, -1, error));
    CHECK(fault_arm("map"));
    CHECK(!ram_freeze(good, own, error));
    set(good, 1, 2); /* as if nothing had been tried */
    CHECK_EQUAL(good->layers, 0);
    for (unsigned layer = 0; layer < RAM_LAYERS; layer++) {
        int next = memory(SIZE);
        CHECK(ram_freeze(good, next, error));
        close(next);
        set(good, 1, (uint8_t)layer);
    }
    int next = memory(SIZE);
    CHECK(!ram_freeze(good, next, error)); /* one too many */
    CHECK_EQUAL(good->host[1], RAM_LAYERS - 1);
    closed(good);
    close(own), close(small), close(map), close(next);
}

static void test_a_host_without_memory_is_told_of(void) {
    static const char *const steps[] = {"thaw", "map"};
    for (unsigned step = 0; step < 2; step++) {
        int own = memory(SIZE), next = memory(SIZE);
        struct ram_options options = options_of(own);
        struct ram *ram = opened(&options);
        char error[RAM_ERROR];
        set(ram, 1, 1);
        set(ram, 2 * RAM_BLOCK, 2);
        CHECK(ram_freeze(ram, next, error));
        CHECK(fault_arm(steps[step]));
        CHECK(!ram_prepare(ram, 0));
        CHECK_EQUAL(ram->host[1], 1);
        set(ram, 1, 5); /* the next time it goes well */
        CHECK(fault_arm(steps[step]));
        CHECK(!ram_clear(ram, 2 * RAM_BLOCK, step ? RAM_BLOCK : RAM_PAGE));
        CHECK_EQUAL(ram->host[2 * RAM_BLOCK], 2);
        closed(ram);
        close(own), close(next);
    }
}

/* Loading. */

struct loader {
    int own, map_fd, wanted, loaded;
    _Atomic uint8_t *map;
    atomic_bool over;
    unsigned delay, asked, lost; /* block `lost` cannot be had */
};

static void load_block(struct loader *loader, size_t block) {
    uint8_t bytes[RAM_BLOCK];
    size_t at = block << RAM_BLOCK_SHIFT, size = at + RAM_BLOCK < SIZE ? RAM_BLOCK : SIZE - at;
    memset(bytes, (int)block + 1, size);
    if (block != loader->lost)
        put(loader->own, bytes, size, at);
    atomic_store(&loader->map[RAM_MAP_HEADER + block], block == loader->lost ? RAM_LOST : RAM_OWN);
    eventfd_write(loader->loaded, 1);
}

static void *load(void *pointer) {
    struct loader *loader = pointer;
    eventfd_t count;
    while (!atomic_load(&loader->over)) {
        if (eventfd_read(loader->wanted, &count) != 0) {
            sched_yield();
            continue;
        }
        uint32_t wanted = *(_Atomic uint32_t *)loader->map;
        CHECK(wanted >= 1 && wanted <= BLOCKS);
        loader->asked++;
        if (atomic_load(&loader->map[RAM_MAP_HEADER + wanted - 1]) == RAM_ABSENT)
            load_block(loader, wanted - 1);
    }
    return NULL;
}

static struct loader loader_of(int own, unsigned lost) {
    struct loader loader = {.own = own, .map_fd = memory(RAM_MAP_HEADER + BLOCKS), .lost = lost};
    loader.wanted = eventfd(0, EFD_NONBLOCK);
    loader.loaded = eventfd(0, 0);
    loader.map = mmap(NULL, RAM_MAP_HEADER + BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, loader.map_fd, 0);
    CHECK((void *)loader.map != MAP_FAILED);
    memset((uint8_t *)loader.map + RAM_MAP_HEADER, RAM_ABSENT, BLOCKS);
    return loader;
}

static void *look_at_all(void *pointer) {
    struct ram *ram = pointer;
    for (size_t page = 0; page < PAGES; page++) {
        size_t at = page * RAM_PAGE;
        CHECK(ram_wait(ram, at, RAM_PAGE));
        CHECK_EQUAL(ram->host[at + 77], (at >> RAM_BLOCK_SHIFT) + 1);
    }
    return NULL;
}

static void *look_at_ends(void *pointer) {
    struct ram *ram = pointer;
    for (size_t block = BLOCKS; block-- > 1;) { /* across the border of two */
        CHECK(ram_wait(ram, (block << RAM_BLOCK_SHIFT) - 2, 4));
        CHECK_EQUAL(ram->host[(block << RAM_BLOCK_SHIFT) - 1], block);
        CHECK_EQUAL(ram->host[block << RAM_BLOCK_SHIFT], block + 1);
    }
    return NULL;
}

static void test_absent_blocks_are_waited_for_by_several_at_once(void) {
    for (unsigned round = 0; round < 50; round++) {
        int own = memory(SIZE);
        struct loader loader = loader_of(own, BLOCKS);
        struct ram_options options = {own, SIZE, NULL, 0, loader.map_fd, loader.wanted, loader.loaded};
        struct ram *ram = opened(&options);
        char error[RAM_ERROR];
        CHECK(!ram_complete(ram));
        CHECK(!ram_freeze(ram, own, error));
        pthread_t threads[4];
        CHECK(pthread_create(&threads[0], NULL, load, &loader) == 0);
        CHECK(pthread_create(&threads[1], NULL, look_at_all, ram) == 0);
        CHECK(pthread_create(&threads[2], NULL, look_at_ends, ram) == 0);
        CHECK(pthread_create(&threads[3], NULL, look_at_all, ram) == 0);
        for (unsigned index = 1; index < 4; index++)
            pthread_join(threads[index], NULL);
        atomic_store(&loader.over, true);
        pthread_join(threads[0], NULL);
        CHECK(loader.asked >= BLOCKS);
        CHECK(ram_complete(ram) && !ram->incomplete);
        closed(ram);
        munmap((void *)loader.map, RAM_MAP_HEADER + BLOCKS);
        close(own), close(loader.map_fd), close(loader.wanted), close(loader.loaded);
    }
}

static void test_what_is_written_or_cleared_is_loaded_before(void) {
    int own = memory(SIZE);
    struct loader loader = loader_of(own, 5);
    struct ram_options options = {own, SIZE, NULL, 0, loader.map_fd, loader.wanted, loader.loaded};
    struct ram *ram = opened(&options);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, load, &loader) == 0);
    set(ram, 9, 100);
    CHECK(ram->host[9] == 100 && ram->host[10] == 1);
    CHECK(ram_clear(ram, RAM_BLOCK, 2 * RAM_BLOCK)); /* else the loader could bring it back */
    CHECK(ram->host[RAM_BLOCK] == 0 && ram->map[1] == RAM_OWN && ram->map[2] == RAM_OWN);
    CHECK(!ram_wait(ram, 5 * RAM_BLOCK, 1)); /* what could not be had ends the wait */
    CHECK(!ram_prepare(ram, 5 * RAM_BLOCK / RAM_PAGE) && !ram_clear(ram, 4 * RAM_BLOCK, 2 * RAM_BLOCK));
    CHECK(!ram_wait(ram, 4 * RAM_BLOCK, 2 * RAM_BLOCK));
    CHECK(!ram_complete(ram));
    atomic_store(&loader.over, true);
    pthread_join(thread, NULL);
    closed(ram);
    munmap((void *)loader.map, RAM_MAP_HEADER + BLOCKS);
    close(own), close(loader.map_fd), close(loader.wanted), close(loader.loaded);
}

/* Guests that clone each other, write, clear and freeze at random, against a model that copies everything. */
static void test_random_clones_are_as_if_copied(void) {
    enum { GUESTS = 4, STEPS = 3000 };
    struct guest {
        struct ram *ram;
        int fds[RAM_LAYERS + 1];
        unsigned layers;
        uint8_t model[SIZE];
    } *guests = calloc(GUESTS, sizeof *guests);
    char error[RAM_ERROR];
    for (unsigned index = 0; index < GUESTS; index++) {
        guests[index].fds[0] = memory(SIZE);
        struct ram_options options = options_of(guests[index].fds[0]);
        guests[index].ram = opened(&options);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        struct guest *one = &guests[any(GUESTS)], *other = &guests[any(GUESTS)];
        size_t at = any(SIZE), size = any(3) ? any(300) : any(3 * RAM_BLOCK);
        size = at + size > SIZE ? SIZE - at : size;
        switch (any(40)) {
        case 0:
            if (one == other || one->layers + 1 >= 60)
                break;
            int next = memory(SIZE), own = memory(SIZE), map = memory(RAM_MAP_HEADER + BLOCKS);
            CHECK(ram_freeze(one->ram, next, error));
            one->fds[++one->layers] = next;
            put(map, (const void *)one->ram->map, BLOCKS, RAM_MAP_HEADER);
            closed(other->ram);
            for (unsigned layer = 0; layer <= other->layers; layer++)
                close(other->fds[layer]);
            for (unsigned layer = 0; layer < one->layers; layer++)
                other->fds[layer] = dup(one->fds[layer]);
            other->layers = one->layers;
            other->fds[other->layers] = own;
            struct ram_options options = {own, SIZE, other->fds, other->layers, map, -1, -1};
            other->ram = opened(&options);
            close(map);
            memcpy(other->model, one->model, SIZE);
            break;
        case 1:
        case 2:
        case 3:
            CHECK(ram_clear(one->ram, at, size));
            memset(one->model + at, 0, size);
            break;
        default:
            for (size_t page = at >> RAM_PAGE_SHIFT; page << RAM_PAGE_SHIFT < at + size; page++)
                CHECK(ram_prepare(one->ram, page));
            memset(one->ram->host + at, (int)step, size);
            memset(one->model + at, (int)step, size);
        }
        if (step % 50 == 0 || step == STEPS - 1)
            for (unsigned index = 0; index < GUESTS; index++)
                CHECK(memcmp(guests[index].ram->host, guests[index].model, SIZE) == 0);
    }
    for (unsigned index = 0; index < GUESTS; index++) {
        closed(guests[index].ram);
        for (unsigned layer = 0; layer <= guests[index].layers; layer++)
            close(guests[index].fds[layer]);
    }
    free(guests);
}

int main(void) {
    test_layers_are_shared_until_they_are_written();
    test_nothing_that_is_given_back_comes_from_a_layer();
    test_what_cannot_be_is_refused();
    test_a_host_without_memory_is_told_of();
    test_absent_blocks_are_waited_for_by_several_at_once();
    test_what_is_written_or_cleared_is_loaded_before();
    test_random_clones_are_as_if_copied();
    return 0;
}
