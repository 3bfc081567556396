/* The writing side of a trace: rings that go round, a table of blocks that fills up, a memfd that is too
 * small. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "trace.h"

static int memory(off_t size) {
    int fd = memfd_create("trace", 0);
    CHECK(fd >= 0 && ftruncate(fd, size) == 0);
    return fd;
}

static void test_rings(void) {
    char error[TRACE_ERROR] = "";
    int fd = memory(sizeof(struct trace_page));
    struct trace *trace = trace_open(fd, TRACE_OF_ALL, error);
    CHECK(trace);
    struct trace_page *page = trace->page;
    CHECK_EQUAL(
        trace_add_device(trace, "a device with a name that is far too long for its field", 0x1000, 16), 0);
    CHECK_EQUAL(page->device[0].name[31], 0);
    for (uint64_t n = 0; n < TRACE_ACCESSES + 10; n++) {
        struct trace_access access = {.position = n, .device = n % 3 ? TRACE_NO_DEVICE : 0, .write = n & 1};
        trace_access(trace, &access);
        struct trace_exception exception = {.position = n, .kind = (uint8_t)n};
        trace_exception(trace, &exception);
        struct trace_sample sample = {.position = n};
        trace_sample(trace, &sample);
    }
    CHECK_EQUAL(page->accesses, TRACE_ACCESSES + 10);
    CHECK_EQUAL(page->access[9].position, TRACE_ACCESSES + 9);
    CHECK_EQUAL(page->access[10].position, 10);
    CHECK_EQUAL(page->exception[0].position, TRACE_EXCEPTIONS);
    CHECK_EQUAL(page->sample[0].position, TRACE_ACCESSES);
    CHECK_EQUAL(page->device[0].reads + page->device[0].writes, (TRACE_ACCESSES + 10 + 2) / 3);
    /* Whatever another process writes there, we write where we were. */
    page->accesses = UINT64_MAX;
    struct trace_access access = {.position = 1};
    trace_access(trace, &access);
    CHECK_EQUAL(page->accesses, TRACE_ACCESSES + 11);
    for (unsigned device = 1; device < TRACE_DEVICES; device++)
        CHECK_EQUAL(trace_add_device(trace, "device", 0, 0), device);
    CHECK_EQUAL(trace_add_device(trace, "device", 0, 0), TRACE_NO_DEVICE);
    trace_close(trace);
    trace = trace_open(fd, TRACE_OF_DEVICES, error);
    CHECK(trace && !trace->page->accesses && !trace->page->device_count && !trace->buckets);
    trace_close(trace);
    close(fd);
}

static void test_blocks(void) {
    char error[TRACE_ERROR] = "";
    int fd = memory(sizeof(struct trace_page));
    struct trace *trace = trace_open(fd, TRACE_OF_BLOCKS, error);
    struct trace_block *first = trace_block(trace, 0x1000, 0x2000, 0);
    CHECK(first && first->pc == 0x1000 && first->physical == 0x2000);
    CHECK(trace_block(trace, 0x1000, 0x2000, 0) == first);
    CHECK(trace_block(trace, 0x1000, 0x2000, 1) != first);
    CHECK(trace_block(trace, 0x1000, 0x3000, 0) != first);
    for (uint32_t n = trace->blocks; n < TRACE_BLOCKS; n++)
        CHECK(trace_block(trace, n * 4, n * 4096, 0));
    CHECK_EQUAL(trace->page->blocks, TRACE_BLOCKS);
    CHECK(!trace_block(trace, 1, 1, 0));
    CHECK(!trace_block(trace, 2, 1, 0));
    CHECK_EQUAL(trace->page->blocks_lost, 2);
    CHECK(trace_block(trace, 0x1000, 0x2000, 0) == first);
    trace_close(trace);
    close(fd);
}

static void test_refusals(void) {
    char error[TRACE_ERROR] = "";
    int fd = memory(sizeof(struct trace_page) - 1);
    CHECK(!trace_open(fd, TRACE_OF_ALL, error) && strstr(error, "holds less"));
    close(fd);
    CHECK(!trace_open(fd, TRACE_OF_ALL, error));
    trace_close(NULL);
}

int main(void) {
    test_rings();
    test_blocks();
    test_refusals();
    puts("trace: all held");
    return 0;
}
