/* Blocks that are taken together: whoever has them sees what it had, and gets back what it writes. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "fault.h"
#include "ram.h"

enum { BLOCKS = 5, SIZE = (BLOCKS - 1) * RAM_BLOCK + 3 * RAM_PAGE, GUESTS = 3, STEPS = 4000 };

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

static void open_ram(struct ram *ram, int own, int layer) {
    char error[RAM_ERROR] = "";
    struct ram_options options = {own, SIZE, NULL, 0, -1, -1, -1};
    ram_init(ram);
    CHECK(ram_open(ram, &options, error));
    CHECK(ram_add_layer(ram, layer, error));
}

static size_t length(size_t block) {
    return block == BLOCKS - 1 ? SIZE % RAM_BLOCK : RAM_BLOCK;
}

static void write_to(struct ram *ram, size_t at, uint8_t value, size_t size) {
    for (size_t page = at >> RAM_PAGE_SHIFT; page << RAM_PAGE_SHIFT < at + size; page++)
        CHECK(ram_prepare(ram, page));
    memset(ram->host + at, value, size);
}

static void test_a_block_is_taken_only_where_it_is_the_same(void) {
    int own = memory(SIZE), layer = memory(SIZE);
    struct ram ram;
    uint8_t content[RAM_BLOCK];
    open_ram(&ram, own, layer);
    memset(content, 7, sizeof content);
    write_to(&ram, RAM_BLOCK, 7, RAM_BLOCK);
    write_to(&ram, (BLOCKS - 1) * RAM_BLOCK, 7, length(BLOCKS - 1));
    content[RAM_BLOCK - 1] = 6;
    CHECK(pwrite(layer, content, RAM_BLOCK, RAM_BLOCK) == RAM_BLOCK);
    CHECK(!ram_share(&ram, 1, 1)); /* but for its last byte */
    content[RAM_BLOCK - 1] = 7;
    CHECK(pwrite(layer, content, RAM_BLOCK, RAM_BLOCK) == RAM_BLOCK);
    CHECK(!ram_share(&ram, 1, 0) && !ram_share(&ram, 1, 2) && !ram_share(&ram, BLOCKS, 1));
    CHECK(fault_arm("map") && !ram_share(&ram, 1, 1));
    CHECK(ram.map[1] == RAM_OWN && ram.host[RAM_BLOCK] == 7);
    size_t before = used(own);
    CHECK(ram_share(&ram, 1, 1));
    CHECK(ram.map[1] == 1 && before - used(own) == RAM_BLOCK && ram.host[RAM_BLOCK + 5] == 7);
    CHECK(!ram_share(&ram, 1, 1)); /* it is already */

    CHECK(pwrite(layer, content, length(BLOCKS - 1), SIZE - (off_t)length(BLOCKS - 1)) > 0);
    CHECK(ram_share(&ram, BLOCKS - 1, 1)); /* the last, which is not whole */
    CHECK(ram.host[SIZE - 1] == 7);

    CHECK(fault_arm("thaw") && !ram_unshare(&ram, 1));
    CHECK(ram.map[1] == 1 && ram.host[RAM_BLOCK] == 7);
    CHECK(ram_unshare(&ram, 1) && ram.map[1] == RAM_OWN && ram.host[2 * RAM_BLOCK - 1] == 7);
    CHECK(!ram_unshare(&ram, BLOCKS));
    ram_close(&ram);
    close(own), close(layer);
}

static void test_zeros_cost_nothing(void) {
    int own = memory(SIZE), layer = memory(SIZE);
    struct ram ram;
    open_ram(&ram, own, layer);
    write_to(&ram, 0, 0, RAM_BLOCK);
    write_to(&ram, 3 * RAM_PAGE, 1, 1);
    write_to(&ram, 6 * RAM_PAGE - 1, 1, 1);
    CHECK_EQUAL(ram_drop_zeros(&ram, 0), 14 * RAM_PAGE);
    CHECK_EQUAL(used(own), 2 * RAM_PAGE);
    CHECK(ram.host[3 * RAM_PAGE] == 1 && ram.host[6 * RAM_PAGE - 1] == 1 && ram.host[RAM_PAGE] == 0);
    CHECK(ram_drop_zeros(&ram, BLOCKS) == 0 && ram_drop_zeros(&ram, 2) == 0);
    ram_close(&ram);
    close(own), close(layer);
}

static void test_too_short_a_layer_is_refused(void) {
    int own = memory(SIZE), layer = memory(SIZE), little = memory(SIZE - RAM_PAGE);
    struct ram ram;
    char error[RAM_ERROR] = "";
    open_ram(&ram, own, layer);
    CHECK(!ram_add_layer(&ram, little, error) && strstr(error, "Layer 2"));
    for (unsigned layers = 1; layers < RAM_LAYERS; layers++)
        CHECK(ram_add_layer(&ram, layer, error));
    CHECK(!ram_add_layer(&ram, layer, error) && strstr(error, "at most"));
    ram_close(&ram);
    close(own), close(layer), close(little);
}

/* Whatever is written, cleared, shared and taken back, in whatever order: each has what it would have had. */
static void test_random_sharing_is_never_seen(void) {
    int layer = memory(SIZE), owns[GUESTS];
    static struct ram rams[GUESTS];
    static uint8_t models[GUESTS][SIZE];
    bool taken[BLOCKS] = {false};
    unsigned shared = 0;
    for (unsigned index = 0; index < GUESTS; index++)
        open_ram(&rams[index], owns[index] = memory(SIZE), layer);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned index = any(GUESTS);
        size_t block = any(BLOCKS), start = block << RAM_BLOCK_SHIFT, size = length(block);
        switch (any(8)) {
        case 0: /* nobody has it: another content comes into the layer */
            taken[block] = false;
            for (unsigned other = 0; other < GUESTS; other++)
                taken[block] |= rams[other].map[block] == 1;
            if (!taken[block])
                CHECK(pwrite(layer, models[index] + start, size, (off_t)start) == (ssize_t)size);
            break;
        case 1:
        case 2:
            shared += ram_share(&rams[index], block, 1);
            break;
        case 3:
            CHECK(ram_unshare(&rams[index], block));
            break;
        case 4:
            ram_drop_zeros(&rams[index], block);
            break;
        case 5:
            CHECK(ram_clear(&rams[index], start, size));
            memset(models[index] + start, 0, size);
            break;
        default:
            size = any(3) ? size : 1 + any((uint32_t)size);
            write_to(&rams[index], start, (uint8_t)any(2), size);
            memset(models[index] + start, rams[index].host[start], size);
        }
        CHECK(memcmp(rams[index].host + start, models[index] + start, length(block)) == 0);
        if (step % 100 == 0)
            for (unsigned other = 0; other < GUESTS; other++)
                CHECK(memcmp(rams[other].host, models[other], SIZE) == 0);
    }
    CHECK(shared > STEPS / 40);
    for (unsigned index = 0; index < GUESTS; index++) {
        ram_close(&rams[index]);
        close(owns[index]);
    }
    close(layer);
}

int main(void) {
    test_a_block_is_taken_only_where_it_is_the_same();
    test_zeros_cost_nothing();
    test_too_short_a_layer_is_refused();
    test_random_sharing_is_never_seen();
    return 0;
}
