/* Writing down what was met, in place of stopping there: how a debugger finds the last time that something
 * happened, by running through a recording once.
 *
 * The breakpoints of a block are written down as it begins. Where an access in it then faults, those behind
 * that access were not met, and are taken back. */
#include <stdlib.h>

#include "vcpu_private.h"

bool vcpu_note(struct vcpu *vcpu, bool on) {
    struct debug *debug = &vcpu->debug;
    if (on && !debug->notes && !(debug->notes = calloc(DEBUG_NOTES_MAX, sizeof *debug->notes)))
        return false;
    debug->noting = on;
    if (on)
        debug->noted = debug->noted_here = 0;
    return true;
}

uint64_t vcpu_noted(const struct vcpu *vcpu, const struct debug_hit **notes, size_t *count,
                    const struct debug_hit **more, size_t *more_count) {
    const struct debug *debug = &vcpu->debug;
    size_t next = debug->noted % DEBUG_NOTES_MAX;
    bool wrapped = debug->noted > DEBUG_NOTES_MAX;
    *notes = wrapped ? debug->notes + next : debug->notes;
    *count = wrapped ? DEBUG_NOTES_MAX - next : (size_t)debug->noted;
    *more = debug->notes;
    *more_count = wrapped ? next : 0;
    return debug->noted;
}

void debug_note(struct vcpu *vcpu, const struct debug_hit *hit) {
    struct debug *debug = &vcpu->debug;
    debug->notes[debug->noted++ % DEBUG_NOTES_MAX] = *hit;
}

void debug_note_code(struct vcpu *vcpu, uint32_t pc, uint64_t position, uint32_t size) {
    struct debug *debug = &vcpu->debug;
    uint8_t code[PAGE_SIZE];
    if (!debug->noting || !debug_has_break(vcpu, pc, size))
        return;
    bool thumb = read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T;
    uint32_t readable = debug_fetch_code(vcpu, pc, code, size);
    debug->noted_pc = pc;
    debug->noted_position = position;
    debug->noted_here = 0;
    for (uint32_t at = 0; at < readable; at += debug_length(code + at, thumb)) {
        const struct debug_stop *stop = debug_break_at(vcpu, pc + at);
        if (!stop)
            continue;
        debug_note(vcpu, &(struct debug_hit){position + at, stop->id, pc + at, stop->address,
                                             debug_length(code + at, thumb), false});
        debug->noted_here++;
    }
}

void debug_note_aborted(struct vcpu *vcpu) {
    struct debug *debug = &vcpu->debug;
    uint64_t position = debug->noted_position + (read_register(vcpu, UC_ARM_REG_PC) - debug->noted_pc);
    /* An access of that block that is noted itself lies before the fault. */
    while (debug->noting && debug->noted_here && debug->noted &&
           debug->notes[(debug->noted - 1) % DEBUG_NOTES_MAX].position > position) {
        debug->noted--;
        debug->noted_here--;
    }
    debug->noted_here = 0;
}
