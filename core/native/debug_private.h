/* What a vCPU keeps of its debugger; part of vcpu_private.h, for debug*.c and the few places that ask them.
 */
#ifndef POCKETVISOR_DEBUG_PRIVATE_H
#define POCKETVISOR_DEBUG_PRIVATE_H

#include "debug.h"

struct memory;
struct engine_block;

/* A part of a block, executed by itself: see debug_piece.c. */
struct piece {
    bool on;
    bool entering;    /* its first instruction was not reached yet */
    bool translating; /* it is being translated */
    bool left;        /* an exception took the guest out of its block */
    bool unchecked;   /* its start looks for no stop request */
    uint32_t pc, size, rest;
    int instructions;
    uint64_t position;
    struct memory *memory; /* where its code is; NULL: nowhere */
    uint32_t offset;
};

struct debug {
    /* Clock bytes from which each block start is looked at: 0 for all, UINT64_MAX for none. */
    uint64_t from;
    uint64_t always; /* 0: what blocks with a breakpoint compare with instead of the trigger */

    struct debug_stop *stops; /* breakpoints first */
    unsigned count, breakpoints;
    uint8_t *pages; /* a bit for each virtual page that is watched, then one for each physical page */
    void *translator;
    uint32_t block_pc; /* of the block in translation */
    bool marking;      /* the block is translated again, with a look at its start */

    uint64_t begin; /* position where running began: no stop there */
    bool watch_begin;
    uint64_t target, steps;
    uint64_t stood; /* position of the last place where the guest was looked at */
    enum debug_reason reason;
    struct debug_hit hit;
    bool device_hit; /* met already, by a device or too late: stop at the next block start */

    bool noting;
    struct debug_hit *notes; /* DEBUG_NOTES_MAX of them, a ring */
    uint64_t noted;
    /* Breakpoints that were noted as the current block began: where it did, and how many. */
    uint32_t noted_pc;
    uint64_t noted_position;
    unsigned noted_here;

    struct piece piece;
};

/* debug.c */
void debug_free(struct vcpu *vcpu);
/* Is there anything that a block start might have to do with? */
bool debug_wants(const struct vcpu *vcpu);
void debug_plan(struct vcpu *vcpu);
/* The guest stands before the instruction at `pc`. True: it is to stop here. */
bool debug_stands(struct vcpu *vcpu, uint32_t pc, uint64_t position);
/* A block is about to be executed that ends `size` bytes on. True: not now. */
bool debug_block_start(struct vcpu *vcpu, uint32_t pc, uint32_t size);
/* How many of `size` bytes of code from `pc` on are executed before the guest is to be looked at again, and
 * how many instructions that is. */
uint32_t debug_stretch(struct vcpu *vcpu, uint32_t pc, uint64_t position, uint32_t size, int *instructions);
/* The breakpoint at an address, or NULL. */
const struct debug_stop *debug_break_at(struct vcpu *vcpu, uint32_t pc);
bool debug_has_break(struct vcpu *vcpu, uint32_t pc, uint32_t size);
/* The code of a block as far as it can be read: how many bytes. `code` holds a page. */
uint32_t debug_fetch_code(struct vcpu *vcpu, uint32_t pc, uint8_t *code, uint32_t size);
static inline uint32_t debug_length(const uint8_t *code, bool thumb) {
    return thumb && code[1] >> 3 < 0x1d ? 2 : 4;
}
/* Where code is. False: in no memory that the guest could fetch it from. */
bool debug_code_place(struct vcpu *vcpu, uint32_t pc, struct memory **memory, uint32_t *offset);
/* The override of translation. */
int debug_limit(void *vcpu, const struct engine_block *block, int instructions);
bool debug_again(void *vcpu, const struct engine_block *block);

/* debug_note.c */
void debug_note(struct vcpu *vcpu, const struct debug_hit *hit);
/* Breakpoints in code that is executed now. */
void debug_note_code(struct vcpu *vcpu, uint32_t pc, uint64_t position, uint32_t size);
/* A data abort at the instruction that the PC is at: what comes behind it in its block was not executed. */
void debug_note_aborted(struct vcpu *vcpu);

/* debug_piece.c */
void debug_piece_begin(struct vcpu *vcpu);
/* At its start, once it is known how large it is. */
void debug_piece_entered(struct vcpu *vcpu, uint32_t size);
/* The guest is behind it, before the instruction at `pc`. */
void debug_piece_left(struct vcpu *vcpu, uint32_t pc);
/* An exception, or an instruction that the engine leaves to us. */
void debug_piece_exception(struct vcpu *vcpu);

/* debug_watch.c */
/* Is a page watched, by its virtual address or its physical one? */
static inline bool debug_page(const struct debug *debug, uint32_t virtual_address, uint64_t physical) {
    if (!debug->pages)
        return false;
    uint32_t page = virtual_address >> 12, frame = (uint32_t)(physical >> 12 & 0xfffff);
    return (debug->pages[page >> 3] >> (page & 7) & 1) ||
           (debug->pages[(1 << 17) + (frame >> 3)] >> (frame & 7) & 1);
}
bool debug_watch_pages(struct vcpu *vcpu);
/* An access to a watched page. Does not return where it is to stop the guest. */
void debug_watch_access(struct vcpu *vcpu, void *cpu, uint64_t physical);
/* debug_restart.c: an access of the instruction at `pc`. False: it cannot begin again from here. *size
 * becomes what it is going to touch from `address` on, where it cannot begin again later. */
bool debug_restart(struct vcpu *vcpu, uint32_t pc, uint32_t address, uint32_t *size);
/* A device writes memory. */
void debug_watch_device(struct vcpu *vcpu, uint32_t physical, uint32_t size);

#endif
