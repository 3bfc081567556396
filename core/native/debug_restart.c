/* Instructions that the engine cannot begin again: they load the register that their address comes from, and
 * then load more. A watchpoint there stops at the first access, for all that the instruction will touch.
 * Where the first access was out of sight (on a page that is not watched) the stop comes at the next block.
 *
 * They are LDM of user mode's registers with its base among them, by which Linux returns to user mode, and
 * LDRD into its own base or index. */
#include "vcpu_private.h"

static uint32_t value_of(struct vcpu *vcpu, uint32_t number, uint32_t pc) {
    return number < 13    ? read_register(vcpu, UC_ARM_REG_R0 + (int)number)
           : number == 13 ? read_register(vcpu, UC_ARM_REG_SP)
           : number == 14 ? read_register(vcpu, UC_ARM_REG_LR)
                          : (pc + 8) & ~3u;
}

/* Bytes that the instruction loads, and where from as its registers are now; 0: it can begin again. */
static uint32_t arm(struct vcpu *vcpu, uint32_t word, uint32_t pc, uint32_t *from) {
    uint32_t rn = word >> 16 & 15, rt = word >> 12 & 15, base = value_of(vcpu, rn, pc);
    bool up = word & 1 << 23, before = word & 1 << 24;
    if (word >> 28 == 15)
        return 0;
    if ((word & 0x0e508000) == 0x08500000 && word >> rn & 1) {
        uint32_t size = 4 * (uint32_t)__builtin_popcount(word & 0xffff);
        *from = up ? base + (before ? 4 : 0) : base - size + (before ? 0 : 4);
        return size;
    }
    if ((word & 0x0e1000f0) == 0x000000d0) {
        bool immediate = word & 1 << 22;
        uint32_t rm = word & 15, offset = immediate ? (word >> 4 & 0xf0) | rm : value_of(vcpu, rm, pc);
        *from = !before ? base : up ? base + offset : base - offset;
        return rt == rn || (!immediate && rt == rm) ? 8 : 0;
    }
    return 0;
}

static uint32_t thumb(struct vcpu *vcpu, uint32_t first, uint32_t second, uint32_t *from) {
    uint32_t rn = first & 15, offset = (second & 0xff) * 4, base;
    bool up = first & 1 << 7, before = first & 1 << 8, back = first & 1 << 5;
    if ((first & 0xfe50) != 0xe850 || !(before || back) || rn == 15 || second >> 12 != rn)
        return 0;
    base = value_of(vcpu, rn, 0);
    *from = !before ? base : up ? base + offset : base - offset;
    return 8;
}

bool debug_restart(struct vcpu *vcpu, uint32_t pc, uint32_t address, uint32_t *size) {
    uint8_t code[PAGE_SIZE];
    uint32_t from = 0, all, got = debug_fetch_code(vcpu, pc, code, 4);
    bool is_thumb = read_register(vcpu, UC_ARM_REG_CPSR) & CPSR_T;
    if (got < 4)
        return true;
    uint32_t first = code[0] | (uint32_t)code[1] << 8, second = code[2] | (uint32_t)code[3] << 8;
    all = is_thumb ? thumb(vcpu, first, second, &from) : arm(vcpu, first | second << 16, pc, &from);
    if (!all)
        return true;
    if (address != from)
        return false;
    *size = all;
    return true;
}
