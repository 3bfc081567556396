/* Watchpoints. A page that is watched gets entries into the TLB that are good for one access: the engine
 * fills again at each, and the fill knows its exact address, size and kind (translate.c). Fetches have
 * entries of their own, of whole pages, so that blocks end where they always do.
 *
 * An access across the edge of a page comes as two, each told by the aligned words that hold it: a watchpoint
 * beside what it touches there is hit as well. */
#include <stdlib.h>
#include <string.h>

#include "vcpu_private.h"

enum { PAGES_BYTES = 1 << 17, INSTRUCTION_MOST = 64 /* bytes that one touches */ };

static void mark_pages(uint8_t *bits, uint32_t address, uint32_t size) {
    uint32_t last = (uint32_t)(((uint64_t)address + (size ? size - 1 : 0)) >> PAGE_SHIFT);
    last = last > 0xfffff ? 0xfffff : last;
    for (uint32_t page = address >> PAGE_SHIFT; page <= last; page++)
        bits[page >> 3] |= (uint8_t)(1 << (page & 7));
}

bool debug_watch_pages(struct vcpu *vcpu) {
    struct debug *debug = &vcpu->debug;
    free(debug->pages);
    debug->pages = NULL;
    if (vcpu->ran)
        uc_ctl_flush_tlb(vcpu->uc);
    if (debug->count == debug->breakpoints)
        return true;
    debug->pages = calloc(2, PAGES_BYTES);
    if (!debug->pages)
        return false;
    for (unsigned i = debug->breakpoints; i < debug->count; i++)
        mark_pages(debug->pages + (debug->stops[i].physical ? PAGES_BYTES : 0), debug->stops[i].address,
                   debug->stops[i].size);
    return true;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
    return a < b + b_size && b < a + a_size;
}

static void leave(struct vcpu *vcpu, void *cpu) {
    vcpu->walking = false;
    vcpu->fault.kind = FAULT_NONE;
    vcpu->stop = STOP_DEBUG;
    uc_emu_stop(vcpu->uc);
    vcpu->engine->leave(cpu, vcpu->fill.return_address); /* with the PC at the instruction */
}

/* May an instruction that begins with this access meet a watchpoint for reading? */
static bool near(const struct debug *debug, uint32_t address, uint64_t physical) {
    for (unsigned i = debug->breakpoints; i < debug->count; i++) {
        const struct debug_stop *stop = &debug->stops[i];
        if (stop->kind & DEBUG_READ &&
            overlap(stop->physical ? physical : address, INSTRUCTION_MOST, stop->address, stop->size))
            return true;
    }
    return false;
}

void debug_watch_access(struct vcpu *vcpu, void *cpu, uint64_t physical) {
    struct debug *debug = &vcpu->debug;
    uint32_t address = vcpu->fault.address, size = (uint32_t)vcpu->fill.size, start, pc;
    bool is_write = vcpu->fault.access == ACCESS_WRITE, placed = false, in_time = true;
    uint64_t position = 0;
    if (vcpu->fill.probe || !size)
        return;
    if (!is_write && !debug->noting && near(debug, address, physical)) {
        if (!vcpu->engine->place(cpu, vcpu->fill.return_address, &start, &pc))
            return;
        in_time = debug_restart(vcpu, pc, address, &size);
    }
    for (unsigned i = debug->breakpoints; i < debug->count; i++) {
        const struct debug_stop *stop = &debug->stops[i];
        if (!(stop->kind & (is_write ? DEBUG_WRITE : DEBUG_READ)) ||
            !overlap(stop->physical ? physical : address, size, stop->address, stop->size))
            continue;
        if (!placed) {
            if (!vcpu->engine->place(cpu, vcpu->fill.return_address, &start, &pc))
                return;
            position = vcpu->before + (pc - start);
            placed = true;
        }
        struct debug_hit hit = {position, stop->id, pc, stop->physical ? (uint32_t)physical : address,
                                size,     is_write};
        if (debug->noting) {
            debug_note(vcpu, &hit);
        } else if (position == debug->begin && debug->watch_begin) {
            continue;
        } else if (!in_time) {
            debug->hit = hit;
            debug->device_hit = true;
            debug_plan(vcpu);
            return;
        } else {
            debug->hit = hit;
            debug->reason = DEBUG_WATCH;
            debug->stood = position;
            vcpu->extra.rest = (uint32_t)(vcpu->clock->bytes - position);
            vcpu->clock->bytes = position;
            leave(vcpu, cpu);
        }
    }
}

void debug_watch_device(struct vcpu *vcpu, uint32_t physical, uint32_t size) {
    struct debug *debug = &vcpu->debug;
    for (unsigned i = debug->breakpoints; debug->pages && i < debug->count; i++) {
        const struct debug_stop *stop = &debug->stops[i];
        uint32_t at = stop->address;
        int rights;
        if (!(stop->kind & DEBUG_WRITE) ||
            (!stop->physical && (!debug->noting || !vcpu_translate(vcpu, at, &at, &rights))) ||
            !overlap(physical, size, at, stop->size))
            continue;
        struct debug_hit hit = {vcpu->clock->bytes, stop->id, DEBUG_NO_PC, physical, size, true};
        if (debug->noting) {
            debug_note(vcpu, &hit);
        } else if (!debug->device_hit) {
            debug->hit = hit;
            debug->device_hit = true;
            debug_plan(vcpu);
        }
    }
}
