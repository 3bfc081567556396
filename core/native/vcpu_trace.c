/* What the vCPU tells a trace, and how translated code counts into it.
 *
 * While devices are traced their pages are kept out of the TLB, so that each access comes to translate.c's
 * fill with the place it is from. Executed blocks count themselves: three operations behind the block's
 * start. Both are gone with the trace; without one there is a test of a pointer at accesses of devices and at
 * exceptions.
 *
 * Left out: counts of blocks where the gate does not work (gate.c); interpreted division, which is no trap
 * here. */
#include <stdio.h>

#include "vcpu_private.h"

/* Of libunicorn 2.1.4's intermediate language, as in gate.c. */
enum { OP_LOAD_I64 = 73, OP_STORE_I64 = 77, OP_ADD_I64 = 78, TYPE_I64 = 1 };
/* Where its translator counts operations: it ends a block at 4000 of them, and a trace must not end one
 * earlier. */
enum { OPERATIONS_AT = 0x38, OPERATIONS_OURS = 16 };

enum { GIC_ACKNOWLEDGE = 0x0c, GIC_END = 0x10, NO_ADDRESS = UINT32_MAX };

bool vcpu_device_counts(const struct vcpu *vcpu, unsigned index, struct trace_device *counts) {
    if (index >= vcpu->bus.count)
        return false;
    const struct bus_range *range = &vcpu->bus.ranges[index];
    *counts = (struct trace_device){.base = (uint32_t)range->base,
                                    .size = (uint32_t)(range->end - range->base),
                                    .reads = range->reads,
                                    .writes = range->writes};
    snprintf(counts->name, sizeof counts->name, "%s", range->ops->name);
    return true;
}

static void add_devices(struct vcpu *vcpu) {
    struct trace *trace = vcpu->trace.to;
    atomic_store(&trace->page->device_count, 0);
    for (unsigned index = 0; index < vcpu->bus.count; index++) {
        const struct bus_range *range = &vcpu->bus.ranges[index];
        trace_add_device(trace, range->ops->name, (uint32_t)range->base,
                         (uint32_t)(range->end - range->base));
    }
    vcpu->trace.timer = trace_add_device(trace, "timer", 0, 0);
    vcpu->trace.devices = vcpu->bus.count;
}

void vcpu_set_trace(struct vcpu *vcpu, struct trace *trace, const struct device_ops *interrupts) {
    uint32_t before = vcpu->trace.to ? vcpu->trace.to->kinds : 0, now = trace ? trace->kinds : 0;
    vcpu->trace = (struct vcpu_trace){.to = trace, .interrupts = interrupts};
    if ((before | now) & TRACE_OF_BLOCKS)
        memory_forget_code(vcpu);
    uc_ctl_flush_tlb(vcpu->uc);
    if (!trace)
        return;
    trace->page->begin_position = vcpu->clock->bytes;
    trace->page->begin_ns = clock_now_ns(vcpu->clock);
    trace->page->tick_ps = vcpu->clock->tick_ps;
    add_devices(vcpu);
}

/* When the clock came to a position that is not far behind. */
static uint64_t ns_at(const struct vcpu *vcpu, uint64_t position) {
    struct clock clock = *vcpu->clock;
    if (position >= clock.base)
        clock.bytes = position;
    return clock_now_ns(&clock);
}

/* The instruction whose access came to the last fill. */
static void place_of_fill(struct vcpu *vcpu, uint64_t *position, uint32_t *pc) {
    uint32_t start;
    if (vcpu->fill.return_address && vcpu->fill.cpu &&
        vcpu->engine->place(vcpu->fill.cpu, vcpu->fill.return_address, &start, pc)) {
        *position = vcpu->before + (*pc - start);
    } else {
        *position = vcpu->clock->bytes;
        *pc = read_register(vcpu, UC_ARM_REG_PC);
    }
}

static void note(struct vcpu *vcpu, enum trace_exception_kind kind, uint64_t position, uint32_t pc,
                 uint32_t address, uint32_t status) {
    struct trace_exception exception = {
        .position = position,
        .clock_ns = ns_at(vcpu, position),
        .pc = pc,
        .context = cp15_read(vcpu, CP15_CONTEXTIDR),
        .address = address,
        .status = status,
        .kind = (uint8_t)kind,
        .mode = (uint8_t)(read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK),
    };
    trace_exception(vcpu->trace.to, &exception);
}

bool vcpu_traces(const struct vcpu *vcpu, uint32_t kinds) {
    return vcpu->trace.to && vcpu->trace.to->kinds & kinds;
}

void vcpu_trace_event(struct vcpu *vcpu, enum trace_exception_kind kind, uint32_t address, uint32_t status) {
    if (vcpu_traces(vcpu, TRACE_OF_EXCEPTIONS))
        note(vcpu, kind, vcpu->clock->bytes, read_register(vcpu, UC_ARM_REG_PC), address, status);
}

void vcpu_trace_bus(struct vcpu *vcpu, uint64_t address, unsigned size, bool write, uint64_t value) {
    struct vcpu_trace *tracing = &vcpu->trace;
    const struct bus *bus = &vcpu->bus;
    const struct bus_range *range = &bus->ranges[bus->last];
    bool met = bus->last < bus->count && address >= range->base && address < range->end;
    struct trace_access access = {.value = value,
                                  .offset = (uint32_t)address,
                                  .device = TRACE_NO_DEVICE,
                                  .size = (uint8_t)size,
                                  .write = write};
    if (tracing->devices != bus->count)
        add_devices(vcpu);
    if (met) {
        access.offset = (uint32_t)(address - range->base);
        access.device = (uint16_t)bus->last;
    }
    place_of_fill(vcpu, &access.position, &access.pc);
    if (tracing->to->kinds & TRACE_OF_DEVICES) {
        access.context = cp15_read(vcpu, CP15_CONTEXTIDR);
        trace_access(tracing->to, &access);
    }
    if (!(tracing->to->kinds & TRACE_OF_EXCEPTIONS) || !met || range->ops != tracing->interrupts)
        return;
    if (access.offset == GIC_ACKNOWLEDGE && !write)
        note(vcpu, TRACE_ACKNOWLEDGED, access.position, access.pc, (uint32_t)value, 0);
    else if (access.offset == GIC_END && write)
        note(vcpu, TRACE_INTERRUPT_ENDED, access.position, access.pc, (uint32_t)value, 0);
}

/* The engine is at the instruction, which has ended its block. */
void vcpu_trace_timer(struct vcpu *vcpu, const struct cp_register *reg, bool write, uint64_t value) {
    if (!vcpu_traces(vcpu, TRACE_OF_DEVICES))
        return;
    if (vcpu->trace.devices != vcpu->bus.count)
        add_devices(vcpu);
    struct trace_access access = {
        .position = vcpu->clock->bytes - 4,
        .value = value,
        .pc = read_register(vcpu, UC_ARM_REG_PC),
        .context = cp15_read(vcpu, CP15_CONTEXTIDR),
        .offset = (uint32_t)(reg->is64 << 16 | reg->crn << 12 | reg->opc1 << 8 | reg->crm << 4 | reg->opc2),
        .device = vcpu->trace.timer,
        .size = reg->is64 ? 8 : 4,
        .write = write,
    };
    trace_access(vcpu->trace.to, &access);
}

bool vcpu_trace_peek(struct vcpu *vcpu, uint32_t address, uint32_t size, bool user, uint32_t *value) {
    uint32_t physical;
    int rights;
    *value = 0;
    return !translate_walk(vcpu, address, size == 2 ? ACCESS_FETCH : ACCESS_READ, user, &physical, &rights) &&
           memory_load(vcpu, physical, value, size);
}

static bool is_wide(uint32_t half) {
    return half >> 11 >= 0x1d;
}

/* Kinds and places by exception vector; `pc` as the engine left it. */
void vcpu_trace_exception(struct vcpu *vcpu, uint32_t vector, uint32_t pc, uint32_t cpsr) {
    if (!(vcpu->trace.to->kinds & TRACE_OF_EXCEPTIONS))
        return;
    bool thumb = cpsr & CPSR_T, user = (cpsr & MODE_MASK) == MODE_USER;
    uint64_t now = vcpu->clock->bytes, position;
    uint32_t size = thumb ? 2 : 4, status, half, from;
    switch (vector) {
    case 0x04: /* undefined: it ended its block */
        if (thumb && vcpu_trace_all_there(vcpu) && vcpu_trace_peek(vcpu, pc, 2, user, &half) && is_wide(half))
            size = 4;
        note(vcpu, TRACE_UNDEFINED, now - size, pc, 0, 0);
        break;
    case 0x08:
        note(vcpu, TRACE_SUPERVISOR_CALL, now - size, pc - size, read_register(vcpu, UC_ARM_REG_R7), 0);
        break;
    case 0x0c: /* of an instruction that could not be fetched, or of a breakpoint, which ended its block */
        status = cp15_read(vcpu, CP15_IFSR);
        note(vcpu, TRACE_PREFETCH_ABORT, (status & 0x40f) == 2 ? now - size : now, pc,
             cp15_read(vcpu, CP15_IFAR), status);
        break;
    case 0x10:
        place_of_fill(vcpu, &position, &from);
        note(vcpu, TRACE_DATA_ABORT, from == pc ? position : now, pc, cp15_read(vcpu, CP15_DFAR),
             cp15_read(vcpu, CP15_DFSR));
        break;
    default: /* it has counted its own tick already */
        note(vcpu, TRACE_INTERRUPT, now - 4, pc, 0, 0);
    }
}

/* Blocks. The vCPU is between two of them: its clock is where the new one begins. */
void vcpu_trace_translate(struct vcpu *vcpu, const struct engine_block *block) {
    bool user = (read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) == MODE_USER;
    uint32_t physical;
    int rights;
    if (translate_walk(vcpu, block->pc, ACCESS_FETCH, user, &physical, &rights))
        physical = NO_ADDRESS;
    const struct piece *piece = &vcpu->debug.piece;
    uint32_t kind = block->flags & BLOCK_THUMB ? 1 : 0;
    if (piece->on && piece->entering && piece->pc == block->pc)
        kind |= piece->size << 1;
    struct trace_block *traced = trace_block(vcpu->trace.to, block->pc, physical, (uint16_t)kind);
    vcpu->trace.block = traced;
    if (traced && !traced->size && !traced->position) {
        traced->position = vcpu->clock->bytes;
        traced->context = cp15_read(vcpu, CP15_CONTEXTIDR);
    }
}

void vcpu_trace_translated(struct vcpu *vcpu, const struct engine_block *block) {
    if (vcpu->trace.block && block->size > vcpu->trace.block->size)
        vcpu->trace.block->size = block->size;
    vcpu->trace.block = NULL;
}

void vcpu_trace_emit_count(struct vcpu *vcpu, void *translator) {
    const struct engine_functions *engine = vcpu->engine;
    int *operations = (int *)((char *)translator + OPERATIONS_AT), before = *operations;
    if (!vcpu->trace.block)
        return;
    uintptr_t base = (uintptr_t)translator;
    uintptr_t at = base + engine->constant_i64(translator, (int64_t)(uintptr_t)&vcpu->trace.block->count);
    uintptr_t one = base + engine->constant_i64(translator, 1);
    uintptr_t count = (uintptr_t)engine->new_temporary(translator, TYPE_I64, false);
    engine->emit_3(translator, OP_LOAD_I64, count, at, 0);
    engine->emit_3(translator, OP_ADD_I64, count, count, one);
    engine->emit_3(translator, OP_STORE_I64, count, at, 0);
    if (*operations > before && *operations <= before + OPERATIONS_OURS)
        *operations = before;
}
