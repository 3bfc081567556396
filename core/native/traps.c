/* Instructions that the Cortex-A9 model does not know and the board has: the generic timer's registers, HVC
 * and SMC, integer division (the Cortex-A15 has it, and code built for one is common). The engine has checked
 * the condition, of ARM code as of a Thumb IT block, before it calls an instruction undefined.
 *
 * Left out: fused multiply (VFMA, VFMS), undefined as on a real A9; ThumbEE; the banked MRS and MSR. */
#include "vcpu_private.h"

struct instruction {
    uint32_t word; /* a 32-bit Thumb instruction has its first half in the upper half */
    bool thumb, wide;
};

static bool fetch(struct vcpu *vcpu, uint32_t address, uint32_t size, bool user, uint32_t *value) {
    uint32_t physical;
    int rights;
    *value = 0;
    if (translate_walk(vcpu, address, ACCESS_FETCH, user, &physical, &rights) != 0)
        return false;
    return memory_load(vcpu, physical, value, size);
}

static bool fetch_instruction(struct vcpu *vcpu, uint32_t pc, uint32_t cpsr,
                              struct instruction *instruction) {
    bool user = (cpsr & MODE_MASK) == MODE_USER;
    uint32_t second;
    instruction->thumb = cpsr & CPSR_T;
    instruction->wide = true;
    if (!instruction->thumb)
        return fetch(vcpu, pc, 4, user, &instruction->word);
    if (!fetch(vcpu, pc, 2, user, &instruction->word))
        return false;
    instruction->wide = instruction->word >> 11 >= 0x1d;
    if (!instruction->wide)
        return true;
    if (!fetch(vcpu, pc + 2, 2, user, &second))
        return false;
    instruction->word = instruction->word << 16 | second;
    return true;
}

static const int general[] = {UC_ARM_REG_R0,  UC_ARM_REG_R1,  UC_ARM_REG_R2,  UC_ARM_REG_R3, UC_ARM_REG_R4,
                              UC_ARM_REG_R5,  UC_ARM_REG_R6,  UC_ARM_REG_R7,  UC_ARM_REG_R8, UC_ARM_REG_R9,
                              UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR};

/* MRC, MCR, MRRC and MCRR of coprocessors 14 and 15. PC as an operand is unpredictable, but for MRC, where it
 * means the flags. */
static bool coprocessor(struct vcpu *vcpu, uint32_t word, uint32_t *cpsr) {
    bool privileged = (*cpsr & MODE_MASK) != MODE_USER;
    struct cp_register reg = {.coprocessor = word >> 8 & 15, .crm = word & 15};
    uint32_t rt = word >> 12 & 15, rt2 = word >> 16 & 15;
    bool read = word >> 20 & 1;
    uint64_t value = 0;
    if (reg.coprocessor < 14)
        return false;
    reg.is64 = (word >> 21 & 0x7f) == 0x62; /* 1100 010 */
    if (reg.is64) {
        reg.opc1 = word >> 4 & 15;
        if (rt == 15 || rt2 == 15 || (read && rt == rt2))
            return false;
    } else {
        if ((word >> 24 & 15) != 0xe || !(word & 1 << 4) || (rt == 15 && !read))
            return false;
        reg.opc1 = word >> 21 & 7;
        reg.crn = word >> 16 & 15;
        reg.opc2 = word >> 5 & 7;
    }
    if (!read) {
        value = read_register(vcpu, general[rt]);
        if (reg.is64)
            value |= (uint64_t)read_register(vcpu, general[rt2]) << 32;
        if (long_descriptors_register(vcpu, &reg, privileged, false, &value))
            return true;
        return vcpu->host.cp_write && vcpu->host.cp_write(vcpu->host.machine, &reg, privileged, value);
    }
    if (!long_descriptors_register(vcpu, &reg, privileged, true, &value) &&
        (!vcpu->host.cp_read || !vcpu->host.cp_read(vcpu->host.machine, &reg, privileged, &value)))
        return false;
    if (rt == 15) {
        *cpsr = (*cpsr & 0x0fffffffu) | ((uint32_t)value & 0xf0000000u);
        return true;
    }
    write_register(vcpu, general[rt], (uint32_t)value);
    if (reg.is64)
        write_register(vcpu, general[rt2], (uint32_t)(value >> 32));
    return true;
}

static bool hypercall(struct vcpu *vcpu) {
    uint32_t r[4];
    if ((read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) == MODE_USER || !vcpu->host.hypercall)
        return false;
    for (int i = 0; i < 4; i++)
        r[i] = read_register(vcpu, general[i]);
    vcpu_trace_event(vcpu, TRACE_HYPERCALL, r[0], 0);
    if (!vcpu->host.hypercall(vcpu->host.machine, r))
        return false;
    for (int i = 0; i < 4; i++)
        write_register(vcpu, general[i], r[i]);
    return true;
}

bool traps_hypercall(struct vcpu *vcpu) {
    bool done = hypercall(vcpu);
    vcpu->counters.traps += done;
    return done;
}

/* CPSR holds IT[1:0] in bits 26:25 and IT[7:2] in bits 15:10. */
static uint32_t advance_it(uint32_t cpsr) {
    uint32_t it = (cpsr >> 25 & 3) | (cpsr >> 8 & 0xfc);
    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    return (cpsr & ~(uint32_t)CPSR_IT) | (it & 3) << 25 | (it & 0xfc) << 8;
}

/* Semihosting for AArch32 and AArch64, ARM 100863, chapter 3: r0 is the operation, r1 its parameter. The
 * engine is past an SVC, and at a BKPT. */
bool traps_semihosting(struct vcpu *vcpu, bool breakpoint) {
    uint32_t pc = read_register(vcpu, UC_ARM_REG_PC), cpsr = read_register(vcpu, UC_ARM_REG_CPSR), word;
    bool thumb = cpsr & CPSR_T, user = (cpsr & MODE_MASK) == MODE_USER;
    uint32_t size = thumb ? 2 : 4;
    if (!vcpu->semihosting || !fetch(vcpu, breakpoint ? pc : pc - size, size, user, &word))
        return false;
    if (breakpoint ? word != (thumb ? 0xbeab : 0xe1200a7b)
        : thumb    ? word != 0xdfab
                   : (word & 0x0fffffff) != 0x0f123456)
        return false;
    vcpu->counters.traps++;
    write_register(vcpu, UC_ARM_REG_R0,
                   vcpu->host.semihosting(vcpu->host.machine, read_register(vcpu, UC_ARM_REG_R0),
                                          read_register(vcpu, UC_ARM_REG_R1)));
    if (breakpoint) {
        cpsr = advance_it(cpsr);
        pc = (pc + size) | thumb;
        const int ids[] = {UC_ARM_REG_CPSR, UC_ARM_REG_PC};
        void *const values[] = {&cpsr, &pc};
        uc_reg_write_batch(vcpu->uc, ids, values, 2);
    }
    return true;
}

void vcpu_set_semihosting(struct vcpu *vcpu, bool on) {
    vcpu->semihosting = on;
}

static bool divide(struct vcpu *vcpu, bool is_signed, uint32_t rd, uint32_t rn, uint32_t rm) {
    if (rd == 15 || rn == 15 || rm == 15)
        return false;
    uint32_t dividend = read_register(vcpu, general[rn]), divisor = read_register(vcpu, general[rm]),
             quotient;
    if (divisor == 0)
        quotient = 0;
    else if (!is_signed)
        quotient = dividend / divisor;
    else if (divisor == UINT32_MAX) /* by -1: the one quotient that does not fit wraps */
        quotient = 0u - dividend;
    else
        quotient = (uint32_t)((int32_t)dividend / (int32_t)divisor);
    write_register(vcpu, general[rd], quotient);
    return true;
}

static bool emulate_arm(struct vcpu *vcpu, uint32_t word, uint32_t *cpsr) {
    if (word >> 28 == 0xf)
        return false;
    if ((word & 0x0f000000) == 0x0e000000 || (word & 0x0fe00000) == 0x0c400000)
        return coprocessor(vcpu, word, cpsr);
    if ((word & 0xfff000f0) == 0xe1400070 || (word & 0x0ffffff0) == 0x01600070) /* HVC, SMC */
        return hypercall(vcpu);
    if ((word & 0x0fd0f0f0) == 0x0710f010) /* SDIV, UDIV */
        return divide(vcpu, !(word & 1 << 21), word >> 16 & 15, word & 15, word >> 8 & 15);
    return false;
}

static bool emulate_thumb(struct vcpu *vcpu, uint32_t word, uint32_t *cpsr) {
    if ((word & 0xff000000) == 0xee000000 || (word & 0xffe00000) == 0xec400000)
        return coprocessor(vcpu, word, cpsr);
    if ((word & 0xfff0f000) == 0xf7e08000 || (word & 0xfff0ffff) == 0xf7f08000) /* HVC, SMC */
        return hypercall(vcpu);
    if ((word & 0xffd0f0f0) == 0xfb90f0f0) /* SDIV, UDIV */
        return divide(vcpu, !(word & 1 << 21), word >> 8 & 15, word >> 16 & 15, word & 15);
    return false;
}

/* The engine's hook for undefined instructions, WFE and YIELD. True: go on from the PC. */
bool traps_invalid(uc_engine *uc, void *user) {
    struct vcpu *vcpu = user;
    uint32_t syndrome = read_register(vcpu, UC_ARM_REG_ESR), class = syndrome >> 26;
    /* WFE and YIELD: hints, and the engine is past them. With one vCPU there is nobody to wait for. */
    if (syndrome != 0x02000000 && (class < 1 || class > 0xe))
        return true;
    debug_piece_exception(vcpu);
    write_register(vcpu, UC_ARM_REG_ESR, ESR_NONE);
    uint32_t pc = read_register(vcpu, UC_ARM_REG_PC), cpsr = read_register(vcpu, UC_ARM_REG_CPSR);
    struct instruction instruction;
    if (!fetch_instruction(vcpu, pc, cpsr, &instruction) || !instruction.wide ||
        !(instruction.thumb ? emulate_thumb : emulate_arm)(vcpu, instruction.word, &cpsr)) {
        exceptions_enter_undefined(vcpu);
        return true;
    }
    vcpu->counters.traps++;
    cpsr = advance_it(cpsr);
    pc = (pc + 4) | instruction.thumb;
    const int ids[] = {UC_ARM_REG_CPSR, UC_ARM_REG_PC};
    void *const values[] = {&cpsr, &pc};
    uc_reg_write_batch(uc, ids, values, 2);
    return true;
}
