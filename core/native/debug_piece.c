/* Executing a part of a block by itself, so that a guest can stand in the midst of it.
 *
 * A block is what the guest executes without being looked at: its whole size is counted at its start, events
 * and interrupts enter between blocks alone. That must not change where a guest is stopped. So what is left
 * of a block (`rest`, which is saved) is executed as a piece, or several: translated with exactly so many
 * instructions, entered silently, with the clock at the block's end as if it had been entered at its start.
 * A piece that ends in the midst of its block is not followed by anything: the engine is asked to stop at its
 * start already, and no check for that is in it. (The last piece has one: a loop's block comes back to it.)
 * The piece's translation is dropped afterwards, for other blocks may begin where it did. */
#include "vcpu_private.h"

enum { INSTRUCTIONS_MOST = 1024 };

/* Blocks that were translated from where the piece begins. */
static void drop_code(struct vcpu *vcpu) {
    struct piece *piece = &vcpu->debug.piece;
    if (piece->memory)
        memory_drop_code(vcpu, piece->memory, piece->offset, 1);
}

void debug_piece_begin(struct vcpu *vcpu) {
    struct piece *piece = &vcpu->debug.piece;
    uint32_t pc = read_register(vcpu, UC_ARM_REG_PC), rest = vcpu->extra.rest;
    uint64_t position = vcpu->clock->bytes;
    *piece = (struct piece){.on = true, .entering = true, .pc = pc, .rest = rest, .position = position};
    piece->size = debug_stretch(vcpu, pc, position, rest, &piece->instructions);
    piece->unchecked = piece->size < rest;
    if (!piece->instructions) /* it cannot be read, and will not be executed */
        piece->instructions = INSTRUCTIONS_MOST;
    if (!debug_code_place(vcpu, pc, &piece->memory, &piece->offset))
        piece->memory = NULL;
    drop_code(vcpu);
    vcpu->dropped = false;
    debug_plan(vcpu);
}

void debug_piece_entered(struct vcpu *vcpu, uint32_t size) {
    struct piece *piece = &vcpu->debug.piece;
    piece->entering = false;
    piece->size = size;
    if (piece->rest < size) /* the code has changed under it */
        piece->rest = size;
    debug_note_code(vcpu, piece->pc, piece->position, size);
    vcpu->clock->bytes = piece->position + piece->rest;
    if (piece->unchecked) {
        vcpu->stop = STOP_PIECE;
        uc_emu_stop(vcpu->uc);
    }
}

void debug_piece_exception(struct vcpu *vcpu) {
    struct piece *piece = &vcpu->debug.piece;
    if (!piece->on)
        return;
    if (piece->entering) { /* its instructions cannot be fetched */
        piece->entering = false;
        vcpu->clock->bytes = piece->position + piece->rest;
    }
    piece->left = true;
}

void debug_piece_left(struct vcpu *vcpu, uint32_t pc) {
    struct piece *piece = &vcpu->debug.piece;
    piece->on = false;
    if (vcpu->stop == STOP_DEBUG) { /* in the midst: a watchpoint, which knows all */
    } else if (piece->entering) {   /* the engine failed */
        vcpu->clock->bytes = piece->position;
    } else if (!piece->left && piece->size < piece->rest && pc == piece->pc + piece->size) {
        vcpu->clock->bytes = piece->position + piece->size;
        vcpu->extra.rest = piece->rest - piece->size;
    } else {
        vcpu->extra.rest = 0;
    }
    drop_code(vcpu);
    debug_plan(vcpu);
}
