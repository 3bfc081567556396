/* A capture answers the memory as it was at its beginning, however the writer and the reader race. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "fault.h"
#include "ram.h"

enum { PAGES = 64 + 5, SIZE = PAGES * RAM_PAGE, HEADER = 4096, WORDS = RAM_PAGE / 8, ROUNDS = 400 };

static int memory(size_t size) {
    int fd = memfd_create("test", 0);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    return fd;
}

static struct ram *opened(int own) {
    struct ram_options options = {own, SIZE, NULL, 0, -1, -1, -1};
    char error[RAM_ERROR];
    struct ram *ram = malloc(sizeof *ram);
    ram_init(ram);
    CHECK(ram_open(ram, &options, error));
    return ram;
}

static void closed(struct ram *ram) {
    ram_close(ram);
    free(ram);
}

static uint8_t byte_at(int fd, size_t at) {
    uint8_t byte = 0;
    CHECK(pread(fd, &byte, 1, (off_t)at) == 1);
    return byte;
}

static void test_pages_are_kept_once_and_only_those_that_are_wanted(void) {
    int own = memory(SIZE), shadow = memory(HEADER + SIZE);
    struct ram *ram = opened(own);
    char error[256];
    uint8_t wanted[PAGES / 8 + 1] = {0};
    wanted[0] = 1 << 3;
    wanted[PAGES / 8] = 1 << PAGES % 8 >> 1;
    memset(ram->host, 1, SIZE);
    CHECK(capture_end(&ram->capture)); /* where none is on, nothing is lost */
    CHECK(capture_begin(&ram->capture, shadow, PAGES, wanted, error));
    CHECK(!capture_begin(&ram->capture, shadow, PAGES, NULL, error));
    for (size_t page = 0; page < PAGES; page++)
        for (unsigned time = 2; time < 4; time++) {
            CHECK(ram_prepare(ram, page));
            memset(ram->host + page * RAM_PAGE, (int)time, RAM_PAGE);
        }
    for (size_t page = 0; page < PAGES; page++) {
        bool kept = page == 3 || page == PAGES - 1;
        CHECK_EQUAL(byte_at(shadow, page), kept ? CAPTURE_SHADOW : CAPTURE_RAM);
        CHECK_EQUAL(byte_at(shadow, HEADER + page * RAM_PAGE + 99), kept);
    }
    CHECK(capture_end(&ram->capture));
    CHECK(ram_prepare(ram, 5));
    closed(ram);
    close(own), close(shadow);
}

static void test_what_is_cleared_is_kept_before(void) {
    int own = memory(SIZE), next = memory(SIZE), shadow = memory(HEADER + SIZE);
    struct ram *ram = opened(own);
    char error[256];
    memset(ram->host, 1, SIZE);
    CHECK(ram_freeze(ram, next, error));
    CHECK(ram_prepare(ram, 2)); /* of its first block it is the own one by now, the second is the layer's */
    CHECK(capture_begin(&ram->capture, shadow, PAGES, NULL, error));
    CHECK(ram_clear(ram, 0, SIZE));
    for (size_t page = 0; page < PAGES; page++) {
        CHECK_EQUAL(byte_at(shadow, page), CAPTURE_SHADOW);
        CHECK_EQUAL(byte_at(shadow, HEADER + page * RAM_PAGE), 1);
        CHECK_EQUAL(ram->host[page * RAM_PAGE], 0);
    }
    closed(ram); /* with the capture on */
    close(own), close(next), close(shadow);
}

static void test_a_lost_page_is_told_of(void) {
    int own = memory(SIZE), small = memory(HEADER + SIZE - 1), shadow = memory(HEADER + SIZE);
    struct ram *ram = opened(own);
    char error[256];
    CHECK(!capture_begin(&ram->capture, small, PAGES, NULL, error));
    CHECK(!capture_begin(&ram->capture, -1, PAGES, NULL, error));
    CHECK(capture_begin(&ram->capture, shadow, PAGES, NULL, error));
    CHECK(fault_arm("shadow"));
    CHECK(ram_prepare(ram, 7)); /* the guest goes on */
    CHECK(ram_prepare(ram, 8));
    CHECK_EQUAL(byte_at(shadow, 7), CAPTURE_LOST);
    CHECK_EQUAL(byte_at(shadow, 8), CAPTURE_SHADOW);
    CHECK(!capture_end(&ram->capture));
    CHECK(capture_begin(&ram->capture, shadow, PAGES, NULL, error)); /* the next one is another */
    CHECK(capture_end(&ram->capture));
    closed(ram);
    close(own), close(small), close(shadow);
}

/* The race: the writer fills page after page with the number of its round, all words alike, and begins a
 * capture at a known round. */

struct race {
    struct ram *ram;
    int own, next, shadow;
    atomic_bool begun, over;
};

static void *write_on(void *pointer) {
    struct race *race = pointer;
    uint32_t seed = 7;
    while (!atomic_load(&race->over)) {
        seed = seed * 1664525 + 1013904223;
        size_t page = (seed >> 8) % PAGES;
        CHECK(ram_prepare(race->ram, page));
        uint64_t *words = (uint64_t *)(race->ram->host + page * RAM_PAGE);
        for (unsigned word = 0; word < WORDS; word++)
            __atomic_store_n(&words[word], seed, __ATOMIC_RELAXED);
        atomic_store(&race->begun, true);
    }
    return NULL;
}

/* As a reader in another process does it: through descriptors, with a copy of the map. */
static void read_page(const struct race *race, const uint8_t *map, size_t page, uint64_t words[WORDS]) {
    int fd = map[page >> 4] ? race->own : race->next;
    CHECK(pread(fd, words, RAM_PAGE, (off_t)(page * RAM_PAGE)) == RAM_PAGE);
    if (byte_at(race->shadow, page))
        CHECK(pread(race->shadow, words, RAM_PAGE, (off_t)(HEADER + page * RAM_PAGE)) == RAM_PAGE);
}

static void test_a_reader_races_with_a_writer(void) {
    char error[256];
    uint64_t words[WORDS];
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct race race = {.own = memory(SIZE), .next = memory(SIZE), .shadow = memory(HEADER + SIZE)};
        race.ram = opened(race.own);
        for (size_t page = 0; page < PAGES; page++)
            memset(race.ram->host + page * RAM_PAGE, (int)(page + round), RAM_PAGE);
        CHECK(ram_freeze(race.ram, race.next, error)); /* some blocks are the layer's, some are not */
        CHECK(ram_prepare(race.ram, 0) && ram_prepare(race.ram, 40));
        uint8_t map[PAGES / 16 + 1];
        memcpy(map, (const void *)race.ram->map, sizeof map);
        CHECK(capture_begin(&race.ram->capture, race.shadow, PAGES, NULL, error));
        pthread_t writer;
        CHECK(pthread_create(&writer, NULL, write_on, &race) == 0);
        while (!atomic_load(&race.begun))
            sched_yield();
        for (size_t count = 0; count < PAGES; count++) {
            size_t page = (count * 11 + round) % PAGES;
            uint64_t expected;
            memset(&expected, (int)(page + round), sizeof expected);
            read_page(&race, map, page, words);
            for (unsigned word = 0; word < WORDS; word++)
                CHECK_EQUAL(words[word], expected);
        }
        CHECK(capture_end(&race.ram->capture)); /* while the writer goes on */
        atomic_store(&race.over, true);
        pthread_join(writer, NULL);
        closed(race.ram);
        close(race.own), close(race.next), close(race.shadow);
    }
}

int main(void) {
    test_pages_are_kept_once_and_only_those_that_are_wanted();
    test_what_is_cleared_is_kept_before();
    test_a_lost_page_is_told_of();
    test_a_reader_races_with_a_writer();
    return 0;
}
