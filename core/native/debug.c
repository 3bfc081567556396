/* Where a guest is to stop, and the look at each place where it might: see debug.h.
 *
 * A block that holds a breakpoint is translated with a start that always calls the block hook, in place of
 * the comparison with the trigger: nothing else is slower. The hook then has the block executed in pieces
 * (debug_piece.c). The same is done near a position, and for each instruction of a step. */
#include <stdlib.h>
#include <string.h>

#include "vcpu_private.h"

enum { BLOCK_MOST = PAGE_SIZE };

void debug_free(struct vcpu *vcpu) {
    free(vcpu->debug.stops);
    free(vcpu->debug.pages);
    free(vcpu->debug.notes);
}

bool debug_wants(const struct vcpu *vcpu) {
    const struct debug *debug = &vcpu->debug;
    return debug->breakpoints || debug->from != UINT64_MAX;
}

void debug_plan(struct vcpu *vcpu) {
    struct debug *debug = &vcpu->debug;
    if (debug->steps || debug->device_hit || debug->piece.on)
        debug->from = 0;
    else
        debug->from = debug->target > BLOCK_MOST && debug->target != UINT64_MAX ? debug->target - BLOCK_MOST
                      : debug->target == UINT64_MAX                             ? UINT64_MAX
                                                                                : 0;
    vcpu_arm_trigger(vcpu);
}

void vcpu_aim(struct vcpu *vcpu, uint64_t position, uint64_t steps) {
    struct debug *debug = &vcpu->debug;
    uint64_t now = vcpu->clock->bytes;
    if (debug->reason != DEBUG_NONE && debug->stood == now) {
        /* A step to a place, or a breakpoint there, says nothing of what the instruction there will touch. */
        debug->watch_begin = debug->reason == DEBUG_WATCH;
        debug->begin = now;
    } else if (debug->begin != now) {
        /* It came here and left for another reason, to be looked at for instance: the stops of this place are
         * to be met yet. A step goes on all the same, or it would not be one. */
        debug->watch_begin = false;
        debug->begin = steps ? now : UINT64_MAX;
    }
    debug->stood = now;
    debug->target = position;
    debug->steps = steps;
    debug->reason = DEBUG_NONE;
    debug_plan(vcpu);
}

enum debug_reason vcpu_debug_reason(const struct vcpu *vcpu) {
    return vcpu->debug.reason;
}

const struct debug_hit *vcpu_debug_hit(const struct vcpu *vcpu) {
    bool hit = vcpu->debug.reason == DEBUG_BREAK || vcpu->debug.reason == DEBUG_WATCH;
    return hit ? &vcpu->debug.hit : NULL;
}

bool vcpu_in_block(const struct vcpu *vcpu) {
    return vcpu->extra.rest != 0;
}

static bool is_thumb(struct vcpu *vcpu) {
    return read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T;
}

/* The breakpoint at an address, or NULL. Those by physical address are few, and need a walk. */
const struct debug_stop *debug_break_at(struct vcpu *vcpu, uint32_t pc) {
    const struct debug *debug = &vcpu->debug;
    uint32_t physical = 0;
    int walked = 0, rights;
    for (unsigned i = 0; i < debug->breakpoints; i++) {
        const struct debug_stop *stop = &debug->stops[i];
        if (!stop->physical && stop->address == pc)
            return stop;
        if (stop->physical && ((stop->address ^ pc) & (PAGE_SIZE - 1)) == 0) {
            bool user = (read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) == MODE_USER;
            if (!walked)
                walked = translate_walk(vcpu, pc, ACCESS_FETCH, user, &physical, &rights) ? -1 : 1;
            if (walked > 0 && physical == stop->address)
                return stop;
        }
    }
    return NULL;
}

/* Whether a block may hold a breakpoint. */
bool debug_has_break(struct vcpu *vcpu, uint32_t pc, uint32_t size) {
    const struct debug *debug = &vcpu->debug;
    for (unsigned i = 0; i < debug->breakpoints; i++) {
        const struct debug_stop *stop = &debug->stops[i];
        if (stop->physical ? ((stop->address - pc) & (PAGE_SIZE - 1)) < size : stop->address - pc < size)
            return true;
    }
    return false;
}

bool debug_stands(struct vcpu *vcpu, uint32_t pc, uint64_t position) {
    struct debug *debug = &vcpu->debug;
    const struct debug_stop *stop;
    bool stepped = debug->steps && position != debug->stood && --debug->steps == 0;
    debug->stood = position;
    if (debug->device_hit) {
        debug->device_hit = false;
        debug->hit.position = position;
        debug->reason = DEBUG_WATCH;
    } else if (stepped) {
        debug->reason = DEBUG_STEP;
    } else if (position >= debug->target) {
        debug->reason = DEBUG_POSITION;
    } else if (!debug->noting && position != debug->begin && (stop = debug_break_at(vcpu, pc))) {
        debug->reason = DEBUG_BREAK;
        debug->hit = (struct debug_hit){position, stop->id, pc, stop->address, is_thumb(vcpu) ? 2 : 4, false};
    } else {
        return false;
    }
    return true;
}

bool debug_code_place(struct vcpu *vcpu, uint32_t pc, struct memory **memory, uint32_t *offset) {
    bool user = (read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) == MODE_USER;
    uint32_t physical;
    int rights;
    if (translate_walk(vcpu, pc, ACCESS_FETCH, user, &physical, &rights) != 0 ||
        !(*memory = memory_at(vcpu, physical)))
        return false;
    *offset = physical - (*memory)->base;
    return true;
}

uint32_t debug_fetch_code(struct vcpu *vcpu, uint32_t pc, uint8_t *code, uint32_t size) {
    uint32_t offset, within = PAGE_SIZE - (pc & (PAGE_SIZE - 1));
    struct memory *memory;
    size = size < within ? size : within; /* of an instruction across the edge the first half tells all */
    if (!debug_code_place(vcpu, pc, &memory, &offset) || !memory_await(vcpu, memory, offset, size))
        return 0;
    memcpy(code, memory->host + offset, size);
    return size;
}

uint32_t debug_stretch(struct vcpu *vcpu, uint32_t pc, uint64_t position, uint32_t size, int *instructions) {
    const struct debug *debug = &vcpu->debug;
    uint8_t code[PAGE_SIZE];
    bool thumb = is_thumb(vcpu), breaks = !debug->noting && debug_has_break(vcpu, pc, size);
    uint32_t readable = debug_fetch_code(vcpu, pc, code, size), at = 0;
    *instructions = 0;
    while (at < readable) {
        at += debug_length(code + at, thumb);
        ++*instructions;
        if (at < size &&
            (debug->steps || position + at >= debug->target || (breaks && debug_break_at(vcpu, pc + at))))
            return at;
    }
    return size;
}

static bool looks_inside(struct vcpu *vcpu, uint32_t pc, uint32_t size) {
    const struct debug *debug = &vcpu->debug;
    return debug->steps || debug->target - vcpu->clock->bytes < size ||
           (!debug->noting && debug_has_break(vcpu, pc, size));
}

bool debug_block_start(struct vcpu *vcpu, uint32_t pc, uint32_t size) {
    uint64_t position = vcpu->clock->bytes;
    int instructions;
    if (debug_stands(vcpu, pc, position)) {
        vcpu->stop = STOP_DEBUG;
        return true;
    }
    if (looks_inside(vcpu, pc, size) && debug_stretch(vcpu, pc, position, size, &instructions) < size) {
        vcpu->extra.rest = size; /* and go on inside of it */
        vcpu->stop = STOP_AGAIN;
        return true;
    }
    debug_note_code(vcpu, pc, position, size);
    return false;
}

int debug_limit(void *context, const struct engine_block *block, int instructions) {
    struct vcpu *vcpu = context;
    struct piece *piece = &vcpu->debug.piece;
    vcpu->debug.marking = false;
    vcpu->debug.block_pc = block->pc;
    piece->translating = piece->on && piece->entering && block->pc == piece->pc;
    return piece->translating && piece->instructions < instructions ? piece->instructions : instructions;
}

bool debug_again(void *context, const struct engine_block *block) {
    struct vcpu *vcpu = context;
    struct debug *debug = &vcpu->debug;
    bool again =
        !debug->piece.translating && !debug->marking && debug_has_break(vcpu, block->pc, block->size);
    if (again) {
        debug->marking = true;
        vcpu->gate_label = NULL;
        vcpu->engine->begin_block(debug->translator);
    } else {
        debug->piece.translating = debug->marking = false;
    }
    return again;
}
