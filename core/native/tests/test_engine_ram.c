/* Whatever its RAM is made of, and whatever is done to it meanwhile, a guest runs as on plain memory. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine_guest.h"
#include "ram.h"

enum { BLOCKS = RAM_SIZE / RAM_BLOCK, PAGES = RAM_SIZE / RAM_PAGE, MAP_SIZE = RAM_MAP_HEADER + BLOCKS };
enum { TABLES = 0x40500000, PLACES = 0x40600000 };

static uint32_t seed = 5;

static uint32_t any(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static int memory(size_t size) {
    int fd = memfd_create("test", 0);
    check(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "there is memory");
    return fd;
}

/* Loads what is asked for and nothing else. */
struct loader {
    int own, map_fd, wanted, loaded;
    const uint8_t *source;
    _Atomic uint8_t *map;
    atomic_bool over;
    unsigned count, lost;
    pthread_t thread;
};

static void *load(void *pointer) {
    struct loader *loader = pointer;
    for (;;) {
        eventfd_t count;
        eventfd_read(loader->wanted, &count);
        if (atomic_load(&loader->over))
            return NULL;
        uint32_t block = *(_Atomic uint32_t *)loader->map - 1;
        check(block < BLOCKS, "what is wanted is a block");
        if (block >= BLOCKS || loader->map[RAM_MAP_HEADER + block] != RAM_ABSENT)
            continue;
        size_t at = (size_t)block << RAM_BLOCK_SHIFT;
        bool good = pwrite(loader->own, loader->source + at, RAM_BLOCK, (off_t)at) == RAM_BLOCK;
        check(good, "a block is loaded");
        loader->count++;
        atomic_store(&loader->map[RAM_MAP_HEADER + block], block == loader->lost ? RAM_LOST : RAM_OWN);
        eventfd_write(loader->loaded, 1);
    }
}

static struct ram *lazy(struct loader *loader, const uint8_t *source) {
    *loader = (struct loader){.own = memory(RAM_SIZE), .map_fd = memory(MAP_SIZE), .source = source};
    loader->lost = BLOCKS;
    loader->wanted = eventfd(0, 0);
    loader->loaded = eventfd(0, 0);
    loader->map = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, loader->map_fd, 0);
    memset((uint8_t *)loader->map + RAM_MAP_HEADER, RAM_ABSENT, BLOCKS);
    struct ram_options options = {loader->own,    RAM_SIZE,       NULL,          0,
                                  loader->map_fd, loader->wanted, loader->loaded};
    struct ram *ram = malloc(sizeof *ram);
    char error[RAM_ERROR] = "";
    ram_init(ram);
    check(ram_open(ram, &options, error), "RAM is opened: %s", error);
    pthread_create(&loader->thread, NULL, load, loader);
    return ram;
}

static void end(struct loader *loader, struct ram *ram) {
    atomic_store(&loader->over, true);
    eventfd_write(loader->wanted, 1);
    pthread_join(loader->thread, NULL);
    ram_close(ram);
    free(ram);
    munmap((void *)loader->map, MAP_SIZE);
    close(loader->own), close(loader->map_fd), close(loader->wanted), close(loader->loaded);
}

static uint8_t *copy_of(const uint8_t *memory) {
    uint8_t *copy = malloc(RAM_SIZE);
    memcpy(copy, memory, RAM_SIZE);
    return copy;
}

static void compare(struct guest *guest, struct guest *plain, struct ram *ram, const char *what) {
    for (uint32_t at = RESULTS; at < RESULTS + 64; at += 4) {
        ram_wait(ram, at - RAM_BASE, 4);
        check(guest_word(guest, at) == guest_word(plain, at), "%s: result %u is 0x%x, on plain memory 0x%x",
              what, (at - RESULTS) / 4, guest_word(guest, at), guest_word(plain, at));
    }
    check(guest->clock.bytes == plain->clock.bytes, "%s: the same count", what);
    ram_wait(ram, 0, RAM_SIZE);
    check(!memcmp(guest->ram, plain->ram, RAM_SIZE), "%s: the same memory", what);
}

/* Each table, and each page behind them, in a block of its own. */
static struct guest *open_lazy_program(void) {
    struct guest *guest = guest_open("lazy");
    guest_map_usual(guest);
    for (uint32_t table = 0; table < 6; table++) {
        uint32_t at = TABLES + table * RAM_BLOCK;
        guest_map(guest, TABLE, 0x406 + table, COARSE(at, 0));
        for (uint32_t page = 0; page < 16 && table < 5; page++) {
            uint32_t physical = PLACES + ((page * 7 + table) % 100) * RAM_BLOCK + page * RAM_PAGE;
            guest_map(guest, at, page, SMALL_PAGE(physical, table == 3 ? 1 : 3, 0));
            for (uint32_t word = 0; word < RAM_PAGE; word += 4)
                guest_set_word(guest, physical + word, physical + word * 3);
        }
    }
    guest_map(guest, TABLES + 4 * RAM_BLOCK, 0, 0);
    guest_map(guest, TABLES + 5 * RAM_BLOCK, 0, SMALL_PAGE(PLACES, 5, 0));
    uint32_t code = PLACES + (15 * 7 % 100) * RAM_BLOCK + 15 * RAM_PAGE;
    guest_set_word(guest, code, 0xe2811029);     /* add r1, r1, #41 */
    guest_set_word(guest, code + 4, 0xe12fff1e); /* bx lr */
    return guest;
}

static void test_every_way_to_reach_memory_waits_for_it(void) {
    struct guest *plain = open_lazy_program();
    uint8_t *source = copy_of(plain->ram);
    struct loader loader;
    struct ram *ram = lazy(&loader, source);
    struct guest *guest = guest_open_in(ram);
    guest_run(plain);
    guest_run(guest);
    check(guest_word(plain, RESULTS + 20) == 42, "the program ran to its code");
    check(loader.count > 20 && loader.count < 40, "what is reached is loaded, and no more: %u", loader.count);
    compare(guest, plain, ram, "absent");
    check(ram_complete(ram), "all is there in the end");
    guest_close(guest);
    end(&loader, ram);
    guest_close(plain);
    free(source);
}

static void test_devices_wait_as_well(void) {
    struct guest *plain = open_lazy_program();
    struct loader loader;
    struct ram *ram = lazy(&loader, plain->ram);
    struct guest *guest = guest_open_in(ram);
    uint32_t word, physical;
    int rights;
    check(vcpu_read_memory(guest->vcpu, PLACES + 8, &word, 4) && word == PLACES + 24, "a device reads");
    check(vcpu_write_memory(guest->vcpu, PLACES + RAM_BLOCK * 2 - 2, "abcd", 4), "a device writes");
    check(!memcmp(guest->ram + (PLACES - RAM_BASE) + RAM_BLOCK * 2 - 2, "abcd", 4),
          "what it writes is there");
    check(guest_word(guest, PLACES + RAM_BLOCK + 4) == guest_word(plain, PLACES + RAM_BLOCK + 4),
          "and what is around it as well");
    check(vcpu_clear_memory(guest->vcpu, PLACES + 3 * RAM_BLOCK, RAM_BLOCK), "memory is given back");
    check(guest->ram[PLACES - RAM_BASE + 3 * RAM_BLOCK] == 0 && loader.count == 4, "after it was loaded");
    check(vcpu_translate(guest->vcpu, RAM_BASE, &physical, &rights), "translation with the MMU off");
    loader.lost = 9;
    check(!vcpu_read_memory(guest->vcpu, RAM_BASE + 9 * RAM_BLOCK, &word, 4), "what is lost is not read");
    check(!vcpu_write_memory(guest->vcpu, RAM_BASE + 9 * RAM_BLOCK, &word, 4), "nor written");
    check(!vcpu_clear_memory(guest->vcpu, RAM_BASE + 9 * RAM_BLOCK, 4), "nor cleared");
    check(guest->failed == 3, "and the machine is told: %u", guest->failed);
    guest_close(guest);
    end(&loader, ram);
    guest_close(plain);
}

static struct guest *prepared(struct guest *guest, uint32_t rounds) {
    guest->time_is_clock = true;
    vcpu_set_register(guest->vcpu, guest_register("r4"), 5);
    vcpu_set_register(guest->vcpu, guest_register("r5"), rounds);
    return guest;
}

static bool leave(struct guest *guest) {
    (void)guest;
    return true;
}

/* What a reader of a capture gets: see capture.h. */
static void check_capture(const struct ram *ram, int shadow, const uint8_t *before) {
    static uint8_t page[RAM_PAGE], bytes[PAGES];
    check(pread(shadow, bytes, PAGES, 0) == PAGES, "the shadow has a byte a page");
    unsigned kept = 0;
    for (size_t number = 0; number < PAGES; number++) {
        const uint8_t *now = ram->host + number * RAM_PAGE;
        if (bytes[number]) {
            check(pread(shadow, page, RAM_PAGE, (off_t)(PAGES + number * RAM_PAGE)) == RAM_PAGE, "a page");
            now = page;
            kept++;
        }
        check(!memcmp(now, before + number * RAM_PAGE, RAM_PAGE), "page %zu is as it was", number);
    }
    check(kept > 0, "something was written meanwhile");
}

/* Frozen, captured, harvested and gone on with, at odd moments. */
static void test_nothing_done_to_it_is_seen_by_the_guest(bool is_lazy) {
    struct guest *plain = guest_open("work");
    guest_map_usual(plain);
    uint8_t *source = copy_of(plain->ram), *before = NULL;
    struct loader loader;
    struct ram *ram = lazy(&loader, source);
    if (!is_lazy) {
        ram_wait(ram, 0, RAM_SIZE);
        check(ram_complete(ram), "all is there");
    }
    struct guest *guest = prepared(guest_open_in(ram), 15000);
    guest_run(prepared(plain, 15000));
    unsigned freezes = 0, captures = 0;
    int shadow = -1;
    char error[RAM_ERROR];
    guest->attend = leave;
    for (unsigned step = 0;; step++) {
        vcpu_set_limit(guest->vcpu, guest->clock.bytes + plain->clock.bytes / 60 + any(1000));
        if (vcpu_run(guest->vcpu) != VCPU_LEFT)
            break;
        if (shadow >= 0) {
            check_capture(ram, shadow, before);
            check(capture_end(&ram->capture), "nothing of the capture is lost");
            free(before);
            close(shadow);
            shadow = -1;
        }
        if (any(3) == 0 && ram_complete(ram)) {
            int next = memory(RAM_SIZE);
            check(ram_freeze(ram, next, error), "RAM is frozen");
            close(next);
            freezes++;
        } else if (any(2)) {
            memset(guest->dirty, 0, sizeof guest->dirty);
        }
        if (any(2)) {
            ram_wait(ram, 0, is_lazy ? 0 : RAM_SIZE);
            before = copy_of(guest->ram);
            shadow = memory(PAGES + RAM_SIZE);
            check(capture_begin(&ram->capture, shadow, PAGES, NULL, error), "a capture begins");
            memset(guest->dirty, 0, sizeof guest->dirty);
            captures++;
        }
        vcpu_harvest(guest->vcpu);
    }
    if (shadow >= 0)
        free(before), close(shadow);
    check(captures > 10 && (is_lazy || freezes > 5), "often: %u captures, %u freezes", captures, freezes);
    compare(guest, plain, ram, is_lazy ? "absent, captured" : "frozen, captured");
    guest_close(guest);
    end(&loader, ram);
    guest_close(plain);
    free(source);
}

/* Many on the same layer, each with its own seed, by turns. */
static void test_clones_do_not_see_each_other(void) {
    enum { CLONES = 4 };
    struct guest *plain = guest_open("work"), *clones[CLONES];
    guest_map_usual(plain);
    struct ram rams[CLONES];
    int layer = memory(RAM_SIZE), own[CLONES], map[CLONES];
    uint8_t all[BLOCKS];
    char error[RAM_ERROR] = "";
    memset(all, 1, sizeof all);
    check(pwrite(layer, plain->ram, RAM_SIZE, 0) == RAM_SIZE, "the layer is written");
    for (unsigned index = 0; index < CLONES; index++) {
        own[index] = memory(RAM_SIZE);
        map[index] = memory(MAP_SIZE);
        check(pwrite(map[index], all, BLOCKS, RAM_MAP_HEADER) == BLOCKS, "the map is written");
        struct ram_options options = {own[index], RAM_SIZE, &layer, 1, map[index], -1, -1};
        ram_init(&rams[index]);
        check(ram_open(&rams[index], &options, error), "RAM is opened: %s", error);
        clones[index] = prepared(guest_open_in(&rams[index]), 3000 + 500 * index);
        clones[index]->attend = leave;
    }
    bool over[CLONES] = {false};
    for (unsigned left = CLONES; left;)
        for (unsigned index = 0; index < CLONES; index++) {
            vcpu_set_limit(clones[index]->vcpu, clones[index]->clock.bytes + 50000);
            if (over[index] || vcpu_run(clones[index]->vcpu) == VCPU_LEFT)
                continue;
            over[index] = true;
            left--;
        }
    for (unsigned index = 0; index < CLONES; index++) {
        struct guest *alone = guest_open("work");
        guest_map_usual(alone);
        guest_run(prepared(alone, 3000 + 500 * index));
        compare(clones[index], alone, &rams[index], "a clone");
        guest_close(alone);
        guest_close(clones[index]);
        ram_close(&rams[index]);
        close(own[index]), close(map[index]);
    }
    guest_close(plain);
    close(layer);
}

int main(void) {
    test_every_way_to_reach_memory_waits_for_it();
    test_devices_wait_as_well();
    test_nothing_done_to_it_is_seen_by_the_guest(false);
    test_nothing_done_to_it_is_seen_by_the_guest(true);
    test_clones_do_not_see_each_other();
    return finish();
}
