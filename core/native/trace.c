/* The writing side of a trace; see trace.h for what is left out. */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fault.h"

enum { BUCKETS = TRACE_BLOCKS * 2 };

static void begin(struct trace *trace) {
    struct trace_page *page = trace->page;
    /* Nobody counts into blocks while kinds is 0; a reader that comes now finds nothing. */
    atomic_store(&page->kinds, 0);
    atomic_store(&page->accesses, 0);
    atomic_store(&page->exceptions, 0);
    atomic_store(&page->samples, 0);
    atomic_store(&page->blocks, 0);
    atomic_store(&page->blocks_lost, 0);
    atomic_store(&page->device_count, 0);
    for (unsigned kind = 0; kind < TRACE_EXCEPTION_KINDS; kind++)
        atomic_store(&page->by_kind[kind], 0);
    memset(page->device, 0, sizeof page->device);
    page->version = TRACE_VERSION;
    page->magic = TRACE_MAGIC;
    atomic_store(&page->kinds, trace->kinds);
}

struct trace *trace_open(int fd, uint32_t kinds, char error[TRACE_ERROR]) {
    struct stat status;
    struct trace *trace = NULL;
    if (fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(struct trace_page)) {
        snprintf(error, TRACE_ERROR, "The descriptor of a trace holds less than its 0x%zx bytes.",
                 sizeof(struct trace_page));
        return NULL;
    }
    void *page =
        mmap(NULL, sizeof(struct trace_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (page == MAP_FAILED) {
        snprintf(error, TRACE_ERROR, "A trace cannot be mapped: %s.", strerror(errno));
        return NULL;
    }
    uint32_t *buckets = NULL;
    if (!fault_hit("alloc"))
        trace = calloc(1, sizeof *trace);
    if (trace && kinds & TRACE_OF_BLOCKS)
        buckets = calloc(BUCKETS, sizeof *buckets);
    if (!trace || (kinds & TRACE_OF_BLOCKS && !buckets)) {
        snprintf(error, TRACE_ERROR, "Out of memory for a trace.");
        munmap(page, sizeof(struct trace_page));
        free(trace);
        return NULL;
    }
    trace->page = page;
    trace->kinds = kinds;
    trace->buckets = buckets;
    begin(trace);
    return trace;
}

void trace_close(struct trace *trace) {
    if (!trace)
        return;
    atomic_store(&trace->page->kinds, 0);
    munmap(trace->page, sizeof(struct trace_page));
    free(trace->buckets);
    free(trace);
}

uint16_t trace_add_device(struct trace *trace, const char *name, uint32_t base, uint32_t size) {
    uint32_t index = atomic_load(&trace->page->device_count);
    if (index >= TRACE_DEVICES)
        return TRACE_NO_DEVICE;
    struct trace_device *device = &trace->page->device[index];
    *device = (struct trace_device){.base = base, .size = size};
    snprintf(device->name, sizeof device->name, "%s", name);
    atomic_store_explicit(&trace->page->device_count, index + 1, memory_order_release);
    return (uint16_t)index;
}

void trace_access(struct trace *trace, const struct trace_access *access) {
    struct trace_page *page = trace->page;
    if (access->device < TRACE_DEVICES) {
        struct trace_device *device = &page->device[access->device];
        uint64_t *count = access->write ? &device->writes : &device->reads;
        ++*count;
    }
    page->access[trace->accesses % TRACE_ACCESSES] = *access;
    atomic_store_explicit(&page->accesses, ++trace->accesses, memory_order_release);
}

void trace_exception(struct trace *trace, const struct trace_exception *exception) {
    struct trace_page *page = trace->page;
    _Atomic uint64_t *count = &page->by_kind[exception->kind % TRACE_EXCEPTION_KINDS];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
    page->exception[trace->exceptions % TRACE_EXCEPTIONS] = *exception;
    atomic_store_explicit(&page->exceptions, ++trace->exceptions, memory_order_release);
}

void trace_sample(struct trace *trace, const struct trace_sample *sample) {
    trace->page->sample[trace->samples % TRACE_SAMPLES] = *sample;
    atomic_store_explicit(&trace->page->samples, ++trace->samples, memory_order_release);
}

static uint32_t bucket_of(uint32_t pc, uint32_t physical, uint16_t kind) {
    uint64_t key = ((uint64_t)physical << 32 | (pc ^ kind)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(key >> 40) % BUCKETS;
}

struct trace_block *trace_block(struct trace *trace, uint32_t pc, uint32_t physical, uint16_t kind) {
    struct trace_page *page = trace->page;
    uint32_t bucket = bucket_of(pc, physical, kind);
    for (; trace->buckets[bucket]; bucket = (bucket + 1) % BUCKETS) {
        struct trace_block *block = &page->block[trace->buckets[bucket] - 1];
        if (block->pc == pc && block->physical == physical && block->kind == kind)
            return block;
    }
    if (trace->blocks == TRACE_BLOCKS) {
        atomic_fetch_add_explicit(&page->blocks_lost, 1, memory_order_relaxed);
        return NULL;
    }
    struct trace_block *block = &page->block[trace->blocks];
    *block = (struct trace_block){.pc = pc, .physical = physical, .kind = kind};
    trace->buckets[bucket] = ++trace->blocks;
    atomic_store_explicit(&page->blocks, trace->blocks, memory_order_release);
    return block;
}
