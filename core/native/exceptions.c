/* Entry into the guest's exceptions, which the engine leaves to us. Left out: FIQ, TrustZone, Hyp mode. */
#include "vcpu_private.h"

enum {
    VECTOR_UNDEFINED = 0x04,
    VECTOR_SVC = 0x08,
    VECTOR_PREFETCH = 0x0c,
    VECTOR_DATA = 0x10,
    VECTOR_IRQ = 0x18
};
/* The engine's numbers of exceptions. */
enum {
    ENGINE_SVC = 2,
    ENGINE_PREFETCH_ABORT = 3,
    ENGINE_DATA_ABORT = 4,
    ENGINE_BKPT = 7,
    ENGINE_HVC = 11,
    ENGINE_SMC = 13
};
enum { STATUS_DEBUG_EVENT = 2 };

/* `offset` leads from the PC, as the engine left it, to LR. */
static void enter(struct vcpu *vcpu, uint32_t mode, uint32_t vector, uint32_t offset) {
    uint32_t sctlr = cp15_read(vcpu, CP15_SCTLR);
    uint32_t base = sctlr & SCTLR_V ? 0xffff0000u : cp15_read(vcpu, CP15_VBAR);
    uint32_t spsr = read_register(vcpu, UC_ARM_REG_CPSR);
    uint32_t lr = read_register(vcpu, UC_ARM_REG_PC) + offset;
    uint32_t cpsr = (spsr & ~(uint32_t)(MODE_MASK | CPSR_T | CPSR_E | CPSR_J | CPSR_IT)) | mode | CPSR_I;
    if (mode == MODE_ABORT || mode == MODE_IRQ)
        cpsr |= CPSR_A;
    if (sctlr & SCTLR_TE)
        cpsr |= CPSR_T;
    if (sctlr & SCTLR_EE)
        cpsr |= CPSR_E;
    uint32_t pc = (base + vector) | (sctlr & SCTLR_TE ? 1 : 0);
    if (vcpu->trace.to)
        vcpu_trace_exception(vcpu, vector, lr - offset, spsr);
    /* CPSR first: it switches the banks that SPSR and LR are in. A batch, because uc_reg_write() of PC leaves
     * a flag behind that makes the next stop's PC stale. */
    const int ids[] = {UC_ARM_REG_CPSR, UC_ARM_REG_SPSR, UC_ARM_REG_LR, UC_ARM_REG_PC};
    void *const values[] = {&cpsr, &spsr, &lr, &pc};
    uc_reg_write_batch(vcpu->uc, ids, values, 4);
}

/* Its entry is a tick, so that no two block starts share one: an event logged at a tick has one place. */
void exceptions_enter_irq(struct vcpu *vcpu) {
    vcpu->counters.irqs++;
    vcpu->clock->bytes += 4;
    enter(vcpu, MODE_IRQ, VECTOR_IRQ, 4);
}

/* `past`: how far the PC is behind the instruction. */
static void enter_undefined(struct vcpu *vcpu, uint32_t past) {
    vcpu->counters.undefined++;
    bool thumb = read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T;
    enter(vcpu, MODE_UNDEFINED, VECTOR_UNDEFINED, (thumb ? 2 : 4) - past);
}

void exceptions_enter_undefined(struct vcpu *vcpu) {
    enter_undefined(vcpu, 0);
}

static void enter_prefetch_abort(struct vcpu *vcpu, uint32_t status) {
    vcpu->counters.prefetch_aborts++;
    cp15_write(vcpu, CP15_IFSR, status);
    enter(vcpu, MODE_ABORT, VECTOR_PREFETCH, 4);
}

/* The engine's hook, on the vCPU's thread, between blocks. It goes on from the PC written here. */
void exceptions_interrupt(uc_engine *uc, uint32_t number, void *user) {
    (void)uc;
    struct vcpu *vcpu = user;
    vcpu->walking = false; /* an abort jumps out of the fill */
    debug_piece_exception(vcpu);
    if (number == ENGINE_DATA_ABORT)
        debug_note_aborted(vcpu);
    switch (number) {
    case ENGINE_SVC:
        if (traps_semihosting(vcpu, false))
            break;
        vcpu->counters.supervisor_calls++;
        enter(vcpu, MODE_SVC, VECTOR_SVC, 0);
        break;
    case ENGINE_PREFETCH_ABORT:
        cp15_write(vcpu, CP15_IFAR, vcpu->fault.address);
        enter_prefetch_abort(vcpu, translate_fault_status(vcpu));
        break;
    case ENGINE_DATA_ABORT:
        vcpu->counters.data_aborts++;
        cp15_write(vcpu, CP15_DFSR, translate_fault_status(vcpu));
        cp15_write(vcpu, CP15_DFAR, vcpu->fault.address);
        enter(vcpu, MODE_ABORT, VECTOR_DATA, 8);
        break;
    case ENGINE_BKPT:
        if (!traps_semihosting(vcpu, true))
            enter_prefetch_abort(vcpu, STATUS_DEBUG_EVENT);
        break;
    case ENGINE_HVC:
    case ENGINE_SMC: /* of these the engine knows more than of undefined ones, and is past them */
        if (!traps_hypercall(vcpu))
            enter_undefined(vcpu, 4);
        break;
    default: /* what else the engine knows and this CPU has not */
        enter_undefined(vcpu, 0);
    }
    vcpu->fault.kind = FAULT_NONE;
    vcpu_count_exception(vcpu);
}
