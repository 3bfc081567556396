/* The vCPU's life: opening, running, stopping at exact places, saving. See vcpu.h.
 *
 * Nothing but block_start() stops the engine, and it runs before a block's first instruction. Anything else
 * that wants the vCPU's attention lowers `trigger`, which every block start compares with the clock. */
#include <stdarg.h>
#include <stdio.h>

#include "vcpu_private.h"

const char vcpu_engine[] = "unicorn-2.1.4/cortex-a9/filtered-fill/2";

uint32_t read_register(struct vcpu *vcpu, int id) {
    uint32_t value = 0;
    uc_reg_read(vcpu->uc, id, &value);
    return value;
}

/* Not for PC: see exceptions.c. */
void write_register(struct vcpu *vcpu, int id, uint32_t value) {
    uc_reg_write(vcpu->uc, id, &value);
}

static uc_arm_cp_reg cp15_name(int id) {
    return (uc_arm_cp_reg){
        .cp = 15,
        .sec = 0, /* the engine starts in the non-secure state, and TrustZone is left out */
        .crn = id >> 12 & 15,
        .opc1 = id >> 8 & 15,
        .crm = id >> 4 & 15,
        .opc2 = id & 15,
    };
}

uint32_t cp15_read(struct vcpu *vcpu, int id) {
    uc_arm_cp_reg reg = cp15_name(id);
    uc_reg_read(vcpu->uc, UC_ARM_REG_CP_REG, &reg);
    return (uint32_t)reg.val;
}

void cp15_write(struct vcpu *vcpu, int id, uint32_t value) {
    uc_arm_cp_reg reg = cp15_name(id);
    reg.val = value;
    uc_reg_write(vcpu->uc, UC_ARM_REG_CP_REG, &reg);
}

void vcpu_fail(struct vcpu *vcpu, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(vcpu->error, sizeof vcpu->error, format, arguments);
    va_end(arguments);
    vcpu->stop = STOP_ERROR;
}

/* Stores the trigger before it looks at the flag; vcpu_attention() sets the flag before it stores. So one of
 * the two sees the other. */
void vcpu_arm_trigger(struct vcpu *vcpu) {
    uint64_t first = vcpu->limit < vcpu->debug.from ? vcpu->limit : vcpu->debug.from;
    atomic_store(&vcpu->trigger, vcpu->irq ? 0 : first);
    if (atomic_load(&vcpu->attention))
        atomic_store(&vcpu->trigger, 0);
}

void vcpu_attention(struct vcpu *vcpu) {
    atomic_store(&vcpu->attention, true);
    atomic_store(&vcpu->trigger, 0);
}

bool vcpu_take_attention(struct vcpu *vcpu) {
    bool asked = vcpu->asked;
    vcpu->asked = false;
    return atomic_exchange(&vcpu->attention, false) || asked;
}

void vcpu_set_irq(struct vcpu *vcpu, bool level) {
    vcpu->irq = level;
    vcpu_arm_trigger(vcpu);
}

bool vcpu_irq(const struct vcpu *vcpu) {
    return vcpu->irq;
}

void vcpu_set_limit(struct vcpu *vcpu, uint64_t bytes) {
    vcpu->limit = bytes;
    vcpu_arm_trigger(vcpu);
}

static bool irq_is_due(struct vcpu *vcpu) {
    return vcpu->irq && !(read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_I);
}

static bool stop(struct vcpu *vcpu, enum stop_reason reason) {
    vcpu->stop = reason;
    uc_emu_stop(vcpu->uc);
    return true;
}

/* The closer look, between two blocks. True: leave vcpu_run(). */
static bool look(struct vcpu *vcpu) {
    bool asked = atomic_exchange(&vcpu->attention, false);
    bool leave = false;
    if (asked || vcpu->clock->bytes >= vcpu->limit) {
        vcpu->asked = asked;
        leave = vcpu->host.attend(vcpu->host.machine);
        vcpu->asked = false;
    }
    vcpu_arm_trigger(vcpu);
    return leave;
}

/* At a block start that is triggered, the clock being at it. True: the block is not executed now. */
static __attribute__((noinline)) bool block_start(struct vcpu *vcpu, uint32_t pc, uint32_t size) {
    if (vcpu->trial)
        return vcpu->clock->bytes >= vcpu->limit && stop(vcpu, STOP_LEAVE);
    if (vcpu->debug.piece.on) {
        debug_piece_left(vcpu, pc);
        if (vcpu->extra.rest)
            return stop(vcpu, STOP_PIECE);
    }
    if (look(vcpu))
        return stop(vcpu, STOP_LEAVE);
    /* Linux unmasks for a moment only, so a masked interrupt is looked at again at each block. */
    if (vcpu->dropped || irq_is_due(vcpu))
        return stop(vcpu, STOP_AGAIN);
    return debug_wants(vcpu) && debug_block_start(vcpu, pc, size) && stop(vcpu, vcpu->stop);
}

/* The block at hand has counted itself. */
static void triggered(struct vcpu *vcpu, uint32_t pc, uintptr_t return_address) {
    vcpu->called_from = return_address;
    uint64_t after = vcpu->clock->bytes;
    uint32_t size = (uint32_t)(after - vcpu->before);
    if (vcpu->debug.piece.on && vcpu->debug.piece.entering && vcpu->debug.piece.pc == pc) {
        debug_piece_entered(vcpu, size);
        return;
    }
    bool unstoppable = vcpu->debug.piece.on && vcpu->debug.piece.unchecked && vcpu->debug.piece.pc == pc;
    vcpu->clock->bytes = vcpu->before;
    if (!block_start(vcpu, pc, size))
        vcpu->clock->bytes = after;
    else if (unstoppable) /* a piece that branches to itself, its code having changed at the last moment */
        vcpu->engine->leave(vcpu->fill.cpu, return_address);
}

/* A guest whose vectors cannot be fetched takes one abort after the other and starts no block. So that time
 * goes on and the vCPU can be stopped, an exception without a block since the last one counts as one. */
void vcpu_count_exception(struct vcpu *vcpu) {
    if (vcpu->extra.exception == vcpu->clock->bytes) {
        vcpu->clock->bytes += 4;
        if (vcpu->clock->bytes >= atomic_load_explicit(&vcpu->trigger, memory_order_relaxed))
            stop(vcpu, STOP_LOOK);
    }
    vcpu->extra.exception = vcpu->clock->bytes;
}

/* The one hook. Gated blocks (gate.c) have counted themselves and call it when they are triggered alone. */
void vcpu_on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    (void)uc;
    struct vcpu *vcpu = user;
    if (size == GATE_USER_ACCESS) {
        domains_user_access(vcpu);
    } else if (size == GATE_TRIGGERED) {
        triggered(vcpu, (uint32_t)address, (uintptr_t)__builtin_return_address(0));
    } else {
        vcpu->before = vcpu->clock->bytes;
        vcpu->clock->bytes += size;
        if (vcpu->before >= atomic_load_explicit(&vcpu->trigger, memory_order_relaxed) ||
            vcpu->debug.breakpoints)
            triggered(vcpu, (uint32_t)address, (uintptr_t)__builtin_return_address(0));
    }
}

/* The engine has left, for a reason that block_start() did not give. */
static void left_early(struct vcpu *vcpu) {
    uint32_t pc = read_register(vcpu, UC_ARM_REG_PC);
    if (vcpu->debug.piece.on)
        debug_piece_left(vcpu, pc);
    if (vcpu->stop == STOP_LOOK && look(vcpu))
        vcpu->stop = STOP_LEAVE;
    else if ((vcpu->stop == STOP_LOOK || (vcpu->stop == STOP_PIECE && vcpu->extra.rest)) &&
             debug_wants(vcpu) && debug_stands(vcpu, pc, vcpu->clock->bytes))
        vcpu->stop = STOP_DEBUG;
}

enum vcpu_stop vcpu_run(struct vcpu *vcpu) {
    if (vcpu->extra.waiting && !vcpu->told_waiting) { /* restored in the middle of a wait */
        vcpu->told_waiting = true;
        return VCPU_WAITS;
    }
    vcpu->extra.waiting = 0;
    vcpu->told_waiting = false;
    vcpu_arm_trigger(vcpu);
    vcpu->overrides->listen(&translate_listener, vcpu);
    uc_err failed;
    bool looked = true; /* an interrupt enters behind a look, not behind a piece */
    do {
        vcpu->stop = STOP_NONE;
        vcpu->dropped = false;
        if (vcpu->extra.rest)
            debug_piece_begin(vcpu);
        else if (looked && irq_is_due(vcpu))
            exceptions_enter_irq(vcpu);
        uint32_t pc = read_register(vcpu, UC_ARM_REG_PC);
        uint32_t thumb = read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T ? 1 : 0;
        vcpu->ran = true;
        failed = uc_emu_start(vcpu->uc, pc | thumb, 0, 0, 0);
        if (failed)
            vcpu_fail(vcpu, "the engine stopped at 0x%08x: %s", read_register(vcpu, UC_ARM_REG_PC),
                      uc_strerror(failed));
        left_early(vcpu);
        looked = vcpu->stop != STOP_PIECE;
    } while (vcpu->stop == STOP_AGAIN || vcpu->stop == STOP_LOOK || vcpu->stop == STOP_PIECE);
    vcpu->overrides->listen(NULL, NULL);
    switch (vcpu->stop) {
    case STOP_NONE: /* the engine left by itself: WFI */
        vcpu->counters.waits++;
        vcpu->extra.waiting = 1;
        vcpu->told_waiting = true;
        return VCPU_WAITS;
    case STOP_LEAVE:
        return VCPU_LEFT;
    case STOP_DEBUG:
        return VCPU_DEBUG;
    default:
        return VCPU_ERROR;
    }
}

const char *vcpu_error(const struct vcpu *vcpu) {
    return vcpu->error;
}

const struct vcpu_counters *vcpu_get_counters(const struct vcpu *vcpu) {
    return &vcpu->counters;
}

const struct vcpu_register vcpu_registers[] = {
    {"r0", UC_ARM_REG_R0},     {"r1", UC_ARM_REG_R1}, {"r2", UC_ARM_REG_R2},   {"r3", UC_ARM_REG_R3},
    {"r4", UC_ARM_REG_R4},     {"r5", UC_ARM_REG_R5}, {"r6", UC_ARM_REG_R6},   {"r7", UC_ARM_REG_R7},
    {"r8", UC_ARM_REG_R8},     {"r9", UC_ARM_REG_R9}, {"r10", UC_ARM_REG_R10}, {"r11", UC_ARM_REG_R11},
    {"r12", UC_ARM_REG_R12},   {"sp", UC_ARM_REG_SP}, {"lr", UC_ARM_REG_LR},   {"pc", UC_ARM_REG_PC},
    {"cpsr", UC_ARM_REG_CPSR}, {"sctlr", CP15_SCTLR}, {"ttbr0", CP15_TTBR0},   {"ttbr1", CP15_TTBR1},
    {"ttbcr", CP15_TTBCR},     {"dacr", CP15_DACR},   {"vbar", CP15_VBAR},     {"dfsr", CP15_DFSR},
    {"dfar", CP15_DFAR},       {"ifsr", CP15_IFSR},   {"ifar", CP15_IFAR},     {NULL, 0},
};

uint32_t vcpu_get_register(struct vcpu *vcpu, int id) {
    return id & 1 << 16 ? cp15_read(vcpu, id) : read_register(vcpu, id);
}

/* Bit 0 of a PC asks for Thumb; without it the state stays as CPSR says. */
void vcpu_set_register(struct vcpu *vcpu, int id, uint32_t value) {
    if (id & 1 << 16) {
        cp15_write(vcpu, id, value);
        uc_ctl_flush_tlb(vcpu->uc);
        domains_forget(vcpu);
    } else if (id == UC_ARM_REG_PC) {
        value |= read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T ? 1 : 0;
        void *const values[] = {&value};
        uc_reg_write_batch(vcpu->uc, &id, values, 1);
    } else {
        write_register(vcpu, id, value);
    }
}
