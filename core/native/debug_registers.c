/* The registers of the CPU by name. Reading changes nothing: those of other modes come out of a saved
 * context, at places that are found once, with marks, on an engine that nobody uses.
 *
 * Left out: what only a monitor or hypervisor has. */
#define _GNU_SOURCE
#include <string.h>

#include "vcpu_private.h"

enum group { CORE, CP, VECTOR, BANK, TABLE, CONSTANT };
enum which { WHICH_SP = 0, WHICH_LR = 1, WHICH_SPSR = 2, WHICH_R8 = 8 };
enum { MODE_FIQ = 0x11, MODE_SYSTEM = 0x1f };
#define BANKED(mode, which) ((mode) << 8 | (which))

#define CORE_REGISTER(name, id) {name, 32, CORE, false, UC_ARM_REG_##id}
#define CP_REGISTER(name, crn, opc1, crm, opc2) {name, 32, CP, false, CP15(crn, opc1, crm, opc2)}
#define CP_CONSTANT(name, crn, opc1, crm, opc2) {name, 32, CP, true, CP15(crn, opc1, crm, opc2)}
#define BANK_REGISTER(name, mode, which) {name, 32, BANK, false, BANKED(mode, which)}
#define DOUBLE(n) {"d" #n, 64, VECTOR, false, UC_ARM_REG_D##n}
#define BANK_OF(name, mode)                                                                                  \
    BANK_REGISTER("sp_" name, mode, WHICH_SP), BANK_REGISTER("lr_" name, mode, WHICH_LR),                    \
        BANK_REGISTER("spsr_" name, mode, WHICH_SPSR)
#define HIGH_BANK_OF(name, mode)                                                                             \
    BANK_REGISTER("r8_" name, mode, WHICH_R8), BANK_REGISTER("r9_" name, mode, WHICH_R8 + 1),                \
        BANK_REGISTER("r10_" name, mode, WHICH_R8 + 2), BANK_REGISTER("r11_" name, mode, WHICH_R8 + 3),      \
        BANK_REGISTER("r12_" name, mode, WHICH_R8 + 4)

/* CP15 by ARM DDI 0406C, B4.1 (VMSA), and the Cortex-A9's own, ARM DDI 0388, 4.2. */
const struct debug_register debug_registers[] = {
    CORE_REGISTER("r0", R0),
    CORE_REGISTER("r1", R1),
    CORE_REGISTER("r2", R2),
    CORE_REGISTER("r3", R3),
    CORE_REGISTER("r4", R4),
    CORE_REGISTER("r5", R5),
    CORE_REGISTER("r6", R6),
    CORE_REGISTER("r7", R7),
    CORE_REGISTER("r8", R8),
    CORE_REGISTER("r9", R9),
    CORE_REGISTER("r10", R10),
    CORE_REGISTER("r11", R11),
    CORE_REGISTER("r12", R12),
    CORE_REGISTER("sp", SP),
    CORE_REGISTER("lr", LR),
    CORE_REGISTER("pc", PC),
    CORE_REGISTER("cpsr", CPSR),
    CORE_REGISTER("spsr", SPSR),
    HIGH_BANK_OF("usr", MODE_USER),
    BANK_REGISTER("sp_usr", MODE_USER, WHICH_SP),
    BANK_REGISTER("lr_usr", MODE_USER, WHICH_LR),
    HIGH_BANK_OF("fiq", MODE_FIQ),
    BANK_OF("fiq", MODE_FIQ),
    BANK_OF("irq", MODE_IRQ),
    BANK_OF("svc", MODE_SVC),
    BANK_OF("abt", MODE_ABORT),
    BANK_OF("und", MODE_UNDEFINED),
    CORE_REGISTER("fpscr", FPSCR),
    CORE_REGISTER("fpexc", FPEXC),
    {"fpsid", 32, CORE, true, UC_ARM_REG_FPSID},
    {"mvfr0", 32, CONSTANT, true, 0x11110222}, /* ARM DDI 0409, 2.5 */
    {"mvfr1", 32, CONSTANT, true, 0x00011111},
    DOUBLE(0),
    DOUBLE(1),
    DOUBLE(2),
    DOUBLE(3),
    DOUBLE(4),
    DOUBLE(5),
    DOUBLE(6),
    DOUBLE(7),
    DOUBLE(8),
    DOUBLE(9),
    DOUBLE(10),
    DOUBLE(11),
    DOUBLE(12),
    DOUBLE(13),
    DOUBLE(14),
    DOUBLE(15),
    DOUBLE(16),
    DOUBLE(17),
    DOUBLE(18),
    DOUBLE(19),
    DOUBLE(20),
    DOUBLE(21),
    DOUBLE(22),
    DOUBLE(23),
    DOUBLE(24),
    DOUBLE(25),
    DOUBLE(26),
    DOUBLE(27),
    DOUBLE(28),
    DOUBLE(29),
    DOUBLE(30),
    DOUBLE(31),
    CP_CONSTANT("midr", 0, 0, 0, 0),
    CP_CONSTANT("ctr", 0, 0, 0, 1),
    CP_CONSTANT("mpidr", 0, 0, 0, 5),
    CP_CONSTANT("id_pfr0", 0, 0, 1, 0),
    CP_CONSTANT("id_pfr1", 0, 0, 1, 1),
    CP_CONSTANT("id_mmfr0", 0, 0, 1, 4),
    CP_REGISTER("sctlr", 1, 0, 0, 0),
    CP_REGISTER("actlr", 1, 0, 0, 1),
    CP_REGISTER("cpacr", 1, 0, 0, 2),
    CP_REGISTER("ttbr0", 2, 0, 0, 0),
    CP_REGISTER("ttbr1", 2, 0, 0, 1),
    CP_REGISTER("ttbcr", 2, 0, 0, 2),
    {"ttbr0_64", 64, TABLE, false, 0},
    {"ttbr1_64", 64, TABLE, false, 1},
    CP_REGISTER("dacr", 3, 0, 0, 0),
    CP_REGISTER("dfsr", 5, 0, 0, 0),
    CP_REGISTER("ifsr", 5, 0, 0, 1),
    CP_REGISTER("dfar", 6, 0, 0, 0),
    CP_REGISTER("ifar", 6, 0, 0, 2),
    CP_REGISTER("par", 7, 0, 4, 0),
    CP_REGISTER("prrr", 10, 0, 2, 0),
    CP_REGISTER("nmrr", 10, 0, 2, 1),
    CP_REGISTER("vbar", 12, 0, 0, 0),
    CP_REGISTER("contextidr", 13, 0, 0, 1),
    CP_REGISTER("tpidrurw", 13, 0, 0, 2),
    CP_REGISTER("tpidruro", 13, 0, 0, 3),
    CP_REGISTER("tpidrprw", 13, 0, 0, 4),
    {NULL, 0, 0, false, 0},
};

const struct debug_register *debug_register_named(const char *name) {
    for (const struct debug_register *reg = debug_registers; reg->name; reg++)
        if (strcmp(reg->name, name) == 0)
            return reg;
    return NULL;
}

/* Where the registers of each mode are in a saved context, from its first register on, while another mode
 * is on. 0: not found. */
static const int modes[] = {MODE_USER, MODE_FIQ, MODE_IRQ, MODE_SVC, MODE_ABORT, MODE_UNDEFINED};
enum { MODES = sizeof modes / sizeof *modes };
static size_t places[MODES][3], high_places[2]; /* r8 to r12 of user mode, and of FIQ mode */

static size_t find(const uint8_t *context, size_t size, size_t first, uint32_t mark) {
    const uint8_t *found = memmem(context + first, size - first, &mark, sizeof mark);
    return found ? (size_t)(found - context) - first : 0;
}

static uint32_t mark_of(int mode, int which) {
    return 0xbead0000u | (uint32_t)mode << 8 | (uint32_t)which;
}

static void enter(uc_engine *uc, int mode) {
    uint32_t cpsr = (uint32_t)mode | CPSR_A | CPSR_I | CPSR_F;
    uc_reg_write(uc, UC_ARM_REG_CPSR, &cpsr);
}

static void put_marks(uc_engine *uc, int mode) {
    static const int ids[] = {UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_SPSR};
    enter(uc, mode);
    for (int which = WHICH_SP; which <= WHICH_SPSR; which++) {
        uint32_t mark = mark_of(mode, which);
        if (which != WHICH_SPSR || mode != MODE_USER)
            uc_reg_write(uc, ids[which], &mark);
    }
    for (int high = 0; high < 5 && (mode == MODE_USER || mode == MODE_FIQ); high++) {
        uint32_t mark = mark_of(mode, WHICH_R8 + high);
        uc_reg_write(uc, UC_ARM_REG_R8 + high, &mark);
    }
}

void debug_find_banks(uc_engine *uc) {
    uc_context *context;
    uint32_t first = 0x5aa5c33c;
    size_t size = uc_context_size(uc);
    if (uc_context_alloc(uc, &context))
        return;
    uc_reg_write(uc, UC_ARM_REG_R0, &first);
    for (int i = 0; i < MODES; i++)
        put_marks(uc, modes[i]);
    for (int i = 0; i < MODES; i++) {
        enter(uc, modes[i] == MODE_SVC ? MODE_FIQ : MODE_SVC);
        uc_context_save(uc, context);
        const uint8_t *bytes = (const uint8_t *)context;
        size_t start = find(bytes, size, 0, first);
        for (int which = WHICH_SP; which <= WHICH_SPSR; which++)
            places[i][which] = find(bytes, size, start, mark_of(modes[i], which));
        if (modes[i] == MODE_FIQ)
            high_places[1] = find(bytes, size, start, mark_of(MODE_FIQ, WHICH_R8));
        if (modes[i] == MODE_SVC)
            high_places[0] = find(bytes, size, start, mark_of(MODE_USER, WHICH_R8));
    }
    enter(uc, MODE_SVC);
    uc_context_free(context);
}

/* The id by which a register of another mode is at hand, because its mode is on; else 0, and its place. */
static int at_hand(struct vcpu *vcpu, int id, size_t *place) {
    static const int ids[] = {UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_SPSR};
    int mode = id >> 8, which = id & 0xff, now = (int)(read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK);
    now = now == MODE_SYSTEM ? MODE_USER : now;
    *place = 0;
    if (which >= WHICH_R8) {
        if ((now == MODE_FIQ) == (mode == MODE_FIQ))
            return UC_ARM_REG_R8 + which - WHICH_R8;
        *place = high_places[mode == MODE_FIQ];
        *place += *place ? 4 * (size_t)(which - WHICH_R8) : 0;
        return 0;
    }
    if (mode == now)
        return ids[which];
    for (int i = 0; i < MODES; i++)
        if (modes[i] == mode)
            *place = places[i][which];
    return 0;
}

static uint32_t *saved(struct vcpu *vcpu, size_t place) {
    uc_context_save(vcpu->uc, vcpu->context);
    return (uint32_t *)((uint8_t *)vcpu->context + vcpu->context_header + place);
}

uint64_t vcpu_read_named(struct vcpu *vcpu, const struct debug_register *reg) {
    uint64_t value = 0;
    size_t place;
    int id;
    switch (reg->group) {
    case VECTOR:
        uc_reg_read(vcpu->uc, reg->id, &value);
        return value;
    case CONSTANT:
        return (uint32_t)reg->id;
    case TABLE:
        return long_descriptors_on(vcpu) ? vcpu->extra.long_table[reg->id]
                                         : cp15_read(vcpu, reg->id ? CP15_TTBR1 : CP15_TTBR0);
    case BANK:
        id = at_hand(vcpu, reg->id, &place);
        return id ? read_register(vcpu, id) : place ? *saved(vcpu, place) : 0;
    case CP:
        if (reg->id == CP15_TTBCR && long_descriptors_on(vcpu))
            return vcpu->extra.long_control;
    }
    return vcpu_get_register(vcpu, reg->id);
}

/* What is left of the block is another one's now. */
static void leave_block(struct vcpu *vcpu) {
    vcpu->extra.rest = 0;
    vcpu->extra.waiting = 0;
    vcpu->told_waiting = false;
}

static bool write_core(struct vcpu *vcpu, int id, uint32_t value) {
    uint32_t old = read_register(vcpu, id);
    if (id == UC_ARM_REG_CPSR) {
        if (!vcpu_is_mode(value & MODE_MASK))
            return false;
        if ((old ^ value) & (MODE_MASK | CPSR_T))
            leave_block(vcpu);
    } else if (id == UC_ARM_REG_PC && old != value) {
        leave_block(vcpu);
    }
    vcpu_set_register(vcpu, id, value);
    return true;
}

bool vcpu_write_named(struct vcpu *vcpu, const struct debug_register *reg, uint64_t value) {
    size_t place;
    int id;
    if (reg->read_only)
        return false;
    switch (reg->group) {
    case VECTOR:
        uc_reg_write(vcpu->uc, reg->id, &value);
        return true;
    case TABLE:
        if (long_descriptors_on(vcpu)) {
            vcpu->extra.long_table[reg->id] = value;
            uc_ctl_flush_tlb(vcpu->uc);
            return true;
        }
        if (value >> 32)
            return false;
        vcpu_set_register(vcpu, reg->id ? CP15_TTBR1 : CP15_TTBR0, (uint32_t)value);
        return true;
    case BANK:
        id = at_hand(vcpu, reg->id, &place);
        if (id) {
            write_register(vcpu, id, (uint32_t)value);
        } else if (place) {
            *saved(vcpu, place) = (uint32_t)value;
            uc_context_restore(vcpu->uc, vcpu->context);
        }
        return id || place;
    case CORE:
        return write_core(vcpu, reg->id, (uint32_t)value);
    }
    vcpu_set_register(vcpu, reg->id, (uint32_t)value);
    if (reg->id == CP15_TTBCR)
        long_descriptors_control(vcpu, (uint32_t)value);
    return true;
}
