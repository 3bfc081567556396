/* The guest's memories: where they are, which pages were written, and which hold translated code.
 *
 * Code is kept right without trusting the guest to say when it changed: a page that code was fetched from is
 * marked here, and translate.c lets no write pass it by unnoticed. Left out: memory added while running. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu_private.h"

struct memory *memory_at(struct vcpu *vcpu, uint64_t physical) {
    for (unsigned i = 0; i < vcpu->memory_count; i++)
        if (physical - vcpu->memories[i].base < vcpu->memories[i].size)
            return &vcpu->memories[i];
    return NULL;
}

bool vcpu_map_memory(struct vcpu *vcpu, uint32_t base, uint32_t size, void *memory, bool writable,
                     uint8_t *dirty, void *tag, char error[256]) {
    uint64_t end = (uint64_t)base + size;
    if (size == 0 || (base | size) % PAGE_SIZE || end > (uint64_t)1 << 32) {
        snprintf(error, 256, "memory at 0x%08x of 0x%x bytes is not made of whole pages", base, size);
        return false;
    }
    if (vcpu->memory_count == MEMORIES_MAX) {
        snprintf(error, 256, "a guest has at most %d memories", MEMORIES_MAX);
        return false;
    }
    for (unsigned i = 0; i < vcpu->memory_count; i++) {
        const struct memory *other = &vcpu->memories[i];
        if (base < (uint64_t)other->base + other->size && other->base < end) {
            snprintf(error, 256, "memory at 0x%08x overlaps memory at 0x%08x", base, other->base);
            return false;
        }
    }
    if (bus_touches(&vcpu->bus, base, end)) {
        snprintf(error, 256, "memory at 0x%08x overlaps a device", base);
        return false;
    }
    uint8_t *code = calloc(size >> PAGE_SHIFT, 1);
    if (!code) {
        snprintf(error, 256, "no memory for the code map of the memory at 0x%08x", base);
        return false;
    }
    uc_err failed = uc_mem_map_ptr(vcpu->uc, base, size, UC_PROT_ALL, memory);
    if (failed) {
        snprintf(error, 256, "memory at 0x%08x: %s", base, uc_strerror(failed));
        free(code);
        return false;
    }
    vcpu->memories[vcpu->memory_count++] = (struct memory){
        .base = base,
        .size = size,
        .host = memory,
        .writable = writable,
        .dirty = dirty,
        .tag = tag,
        .code = code,
    };
    return true;
}

bool vcpu_map_ram(struct vcpu *vcpu, uint32_t base, struct ram *ram, uint8_t *dirty, void *tag,
                  char error[256]) {
    if (!vcpu_map_memory(vcpu, base, (uint32_t)ram->size, ram->host, true, dirty, tag, error))
        return false;
    vcpu->memories[vcpu->memory_count - 1].ram = vcpu->ram = ram;
    return true;
}

static uint64_t window_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    struct window *window = user;
    struct vcpu *vcpu = window->vcpu;
    if (vcpu->walking) {
        /* Page tables in a device: a fill may come at any time, so it must not be seen by the device.
         * translate_walk() calls it an external abort. */
        vcpu->counters.empty_accesses++;
        return 0;
    }
    uint64_t empty = vcpu->bus.empty;
    uint64_t value = bus_read(&vcpu->bus, window->base + offset, size);
    vcpu->counters.mmio++;
    vcpu->counters.empty_accesses += vcpu->bus.empty - empty;
    if (vcpu_traces_bus(vcpu))
        vcpu_trace_bus(vcpu, window->base + offset, size, false, value);
    return value;
}

static void window_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    struct window *window = user;
    struct vcpu *vcpu = window->vcpu;
    uint64_t empty = vcpu->bus.empty;
    bus_write(&vcpu->bus, window->base + offset, size, value);
    vcpu->counters.mmio++;
    vcpu->counters.empty_accesses += vcpu->bus.empty - empty;
    if (vcpu_traces_bus(vcpu))
        vcpu_trace_bus(vcpu, window->base + offset, size, true, value);
}

static bool map_window(struct vcpu *vcpu, uint64_t base, uint64_t size, char error[256]) {
    if (vcpu->window_count == BUS_RANGES_MAX) {
        snprintf(error, 256, "too many separate pages of devices");
        return false;
    }
    struct window *window = &vcpu->windows[vcpu->window_count++];
    *window = (struct window){vcpu, base};
    uc_err failed = uc_mmio_map(vcpu->uc, base, size, window_read, window, window_write, window);
    if (failed)
        snprintf(error, 256, "device at 0x%08x: %s", (uint32_t)base, uc_strerror(failed));
    return !failed;
}

bool vcpu_map_device(struct vcpu *vcpu, uint32_t base, uint32_t size, const struct device_ops *ops,
                     void *device, char error[256]) {
    const struct bus before = vcpu->bus;
    if (!bus_add(&vcpu->bus, base, size, ops, device, error))
        return false;
    uint64_t page = base & ~(uint64_t)(PAGE_SIZE - 1), run = page;
    uint64_t end = ((uint64_t)base + size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    for (uint64_t at = page; at < end; at += PAGE_SIZE) {
        if (memory_at(vcpu, at)) {
            snprintf(error, 256, "%s at 0x%08x overlaps memory", ops->name, base);
            vcpu->bus = before;
            return false;
        }
    }
    /* Pages that an earlier device brought in are mapped already. */
    for (; page <= end; page += PAGE_SIZE) {
        if (page < end && !bus_touches(&before, page, page + PAGE_SIZE))
            continue;
        if (page > run && !map_window(vcpu, run, page - run, error))
            return false;
        run = page + PAGE_SIZE;
    }
    return true;
}

static uint64_t sink_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc, (void)offset, (void)size, (void)user;
    return 0;
}

static void sink_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc, (void)offset, (void)size, (void)value;
    ((struct vcpu *)user)->counters.empty_accesses++;
}

bool memory_add_sink(struct vcpu *vcpu) {
    return uc_mmio_map(vcpu->uc, SINK, PAGE_SIZE, sink_read, vcpu, sink_write, vcpu) == UC_ERR_OK;
}

static bool fail(struct vcpu *vcpu, const char *sentence) {
    if (vcpu->host.failed)
        vcpu->host.failed(vcpu->host.machine, sentence);
    return false;
}

bool memory_await(struct vcpu *vcpu, const struct memory *memory, uint32_t offset, uint32_t size) {
    return !memory->ram || ram_wait(memory->ram, offset, size) ||
           fail(vcpu, "A part of the guest's memory could not be loaded.");
}

static void set_dirty(struct vcpu *vcpu, struct memory *memory, uint32_t page) {
    if (memory_is_dirty(memory, page))
        return;
    memory->dirty[page >> 3] |= (uint8_t)(1 << (page & 7));
    vcpu->counters.dirty_marks++;
    if (vcpu->host.dirtied)
        vcpu->host.dirtied(vcpu->host.machine, memory->tag, page);
}

bool memory_mark(struct vcpu *vcpu, struct memory *memory, uint32_t page) {
    if (memory_is_open(memory, page))
        return true;
    if (!memory_await(vcpu, memory, page << PAGE_SHIFT, PAGE_SIZE))
        return false;
    if (memory->ram && !ram_prepare(memory->ram, page))
        return fail(vcpu, "This computer has no memory left for the guest.");
    set_dirty(vcpu, memory, page);
    return true;
}

void memory_drop_code(struct vcpu *vcpu, struct memory *memory, uint32_t offset, uint32_t size) {
    uint64_t start = vcpu->engine->number_of(vcpu->uc, memory->host + offset);
    vcpu->engine->invalidate(vcpu->uc, start, start + size);
    vcpu->dropped = true;
}

void memory_forget_code(struct vcpu *vcpu) {
    if (!vcpu->ran) /* nothing was ever translated, and a flush would cost a millisecond */
        return;
    vcpu->ran = false;
    for (unsigned i = 0; i < vcpu->memory_count; i++)
        memset(vcpu->memories[i].code, 0, vcpu->memories[i].size >> PAGE_SHIFT);
    uc_ctl_flush_tlb(vcpu->uc);
    uc_ctl_flush_tb(vcpu->uc);
}

bool memory_load(struct vcpu *vcpu, uint32_t physical, void *data, uint32_t size) {
    struct memory *memory = memory_at(vcpu, physical);
    if (!memory || size > memory->size - (physical - memory->base))
        return false;
    uint32_t offset = physical - memory->base;
    if (!memory_await(vcpu, memory, offset, size))
        return false;
    memcpy(data, memory->host + offset, size);
    return true;
}

bool vcpu_read_memory(struct vcpu *vcpu, uint32_t address, void *data, uint32_t size) {
    return memory_load(vcpu, address, data, size);
}

/* A range that is wholly in one writable memory. */
static struct memory *writable_at(struct vcpu *vcpu, uint32_t address, uint32_t size) {
    struct memory *memory = memory_at(vcpu, address);
    return memory && memory->writable && size <= memory->size - (address - memory->base) ? memory : NULL;
}

bool vcpu_write_memory(struct vcpu *vcpu, uint32_t address, const void *data, uint32_t size) {
    struct memory *memory = writable_at(vcpu, address, size);
    if (!memory || size == 0)
        return memory != NULL;
    debug_watch_device(vcpu, address, size);
    return memory_write(vcpu, memory, address - memory->base, data, size);
}

bool memory_write(struct vcpu *vcpu, struct memory *memory, uint32_t offset, const void *data,
                  uint32_t size) {
    uint32_t last = (uint32_t)((uint64_t)offset + size - 1) >> PAGE_SHIFT;
    bool code = false;
    for (uint32_t page = offset >> PAGE_SHIFT; page <= last; page++) {
        if (!memory_mark(vcpu, memory, page))
            return false;
        code |= memory->code[page];
    }
    memcpy(memory->host + offset, data, size);
    if (code)
        memory_drop_code(vcpu, memory, offset, size);
    return true;
}

bool vcpu_clear_memory(struct vcpu *vcpu, uint32_t address, uint32_t size) {
    struct memory *memory = writable_at(vcpu, address, size);
    if (!memory || size == 0)
        return memory != NULL;
    uint32_t offset = address - memory->base;
    debug_watch_device(vcpu, address, size);
    uint32_t first = offset >> PAGE_SHIFT, last = (uint32_t)((uint64_t)offset + size - 1) >> PAGE_SHIFT;
    if (!memory_await(vcpu, memory, offset, size))
        return false;
    if (!memory->ram)
        memset(memory->host + offset, 0, size);
    else if (!ram_clear(memory->ram, offset, size))
        return fail(vcpu, "This computer has no memory left for the guest.");
    for (uint32_t page = first; page <= last; page++) {
        set_dirty(vcpu, memory, page);
        if (memory->code[page])
            memory_drop_code(vcpu, memory, page << PAGE_SHIFT, PAGE_SIZE);
    }
    return true;
}

void vcpu_harvest(struct vcpu *vcpu) {
    uc_ctl_flush_tlb(vcpu->uc);
}
