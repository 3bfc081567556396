/* Long descriptors (LPAE), for firmware that was built for a Cortex-A15 and asks nobody: Debian's U-Boot.
 *
 * The engine's Cortex-A9 has no LPAE. A guest that sets TTBCR.EAE all the same, and then writes 64-bit TTBRs,
 * is translated by this walk instead of the engine's: ARM DDI 0406C, B3.6. The ID registers go on saying that
 * there is none, so that no operating system takes it up.
 *
 * Left out: reading TTBCR.EAE back, memory attributes (there are no caches), ASIDs (a write of a TTBR
 * flushes), the operations that translate an address (ATS1CPR and so on). */
#include "vcpu_private.h"

enum { EAE = 1u << 31, EPD0 = 1 << 7, EPD1 = 1 << 23 };
enum {
    STATUS_LONG = 1 << 9,
    STATUS_TRANSLATION = 0x04, /* with the level in bits 1:0, as the next two */
    STATUS_ACCESS_FLAG = 0x08,
    STATUS_PERMISSION = 0x0c,
    STATUS_EXTERNAL_WALK = 0x14,
};
enum { BLOCK = 1, TABLE = 3, KIND = 3 };
#define ACCESS_FLAG (1ull << 10)
#define ADDRESS 0xfffffff000ull
#define NEVER_EXECUTE (1ull << 54)
#define PRIVILEGED_NEVER_EXECUTE (1ull << 53)
#define NEVER_EXECUTE_TABLE (1ull << 60)
#define PRIVILEGED_NEVER_EXECUTE_TABLE (1ull << 59)
#define NO_USER_TABLE (1ull << 61)
#define READ_ONLY_TABLE (1ull << 62)
#define USER (1ull << 6)
#define READ_ONLY (1ull << 7)

bool long_descriptors_on(const struct vcpu *vcpu) {
    return vcpu->extra.long_control & EAE;
}

void long_descriptors_control(void *context, uint32_t value) {
    struct vcpu *vcpu = context;
    uint32_t before = vcpu->extra.long_control;
    vcpu->extra.long_control = value & EAE ? value : 0;
    if (before != vcpu->extra.long_control)
        uc_ctl_flush_tlb(vcpu->uc);
}

bool long_descriptors_register(struct vcpu *vcpu, const struct cp_register *reg, bool privileged, bool read,
                               uint64_t *value) {
    if (!reg->is64 || reg->coprocessor != 15 || reg->crm != 2 || reg->opc1 > 1 || !privileged ||
        !long_descriptors_on(vcpu))
        return false;
    uint64_t *table = &vcpu->extra.long_table[reg->opc1];
    if (read) {
        *value = *table;
    } else {
        *table = *value;
        uc_ctl_flush_tlb(vcpu->uc);
    }
    return true;
}

/* The descriptor at a physical address; false where there is no memory. */
static bool load(struct vcpu *vcpu, uint64_t physical, bool big_endian, uint64_t *descriptor) {
    if (physical >> 32 || !memory_load(vcpu, (uint32_t)physical, descriptor, 8))
        return false;
    if (big_endian)
        *descriptor = __builtin_bswap64(*descriptor);
    return true;
}

/* Which table an address is translated by, and how many of its bits are: 0 where none translates it. */
static unsigned region(const struct vcpu *vcpu, uint32_t address, uint64_t *table) {
    uint32_t control = vcpu->extra.long_control, low = control & 7, high = control >> 16 & 7;
    bool in_low = !low || !(address >> (32 - low));
    bool in_high = high ? address >> (32 - high) == (1u << high) - 1 : low && !in_low;
    if (in_low && !(in_high && high)) {
        *table = vcpu->extra.long_table[0];
        return control & EPD0 ? 0 : 32 - low;
    }
    *table = vcpu->extra.long_table[1];
    return !in_high || control & EPD1 ? 0 : 32 - high;
}

uint32_t long_descriptors_walk(struct vcpu *vcpu, uint32_t address, int access, bool user, uint64_t *physical,
                               int *rights) {
    const bool big_endian = cp15_read(vcpu, CP15_SCTLR) & SCTLR_EE;
    uint64_t table, descriptor = 0, above = 0;
    *rights = 0;
    unsigned bits = region(vcpu, address, &table), level = bits > 30 ? 1 : 2;
    if (!bits)
        return STATUS_LONG | STATUS_TRANSLATION | 1;
    uint64_t within = bits == 32 ? address : address & ((1u << bits) - 1);
    /* The first table has as many entries as the bits above its level's make, and is aligned to its size. */
    unsigned shift = 39 - 9 * level;
    uint64_t base = table & ADDRESS & ~((8ull << (bits - shift)) - 1);
    if (bits - shift < 9) /* smaller than a page: its base has bits below 12 */
        base = table & 0xfffffffff8ull & ~((8ull << (bits - shift)) - 1);
    for (;; level++, shift -= 9) {
        uint64_t index = within >> shift;
        if (!load(vcpu, base + 8 * index, big_endian, &descriptor))
            return STATUS_LONG | STATUS_EXTERNAL_WALK | level;
        unsigned kind = descriptor & KIND;
        if (!(kind & 1) || (level == 3 && kind == BLOCK))
            return STATUS_LONG | STATUS_TRANSLATION | level;
        if (level == 3 || kind == BLOCK)
            break;
        above |= descriptor;
        base = descriptor & ADDRESS;
        within &= (1ull << shift) - 1;
    }
    uint64_t mask = (1ull << shift) - 1;
    *physical = (descriptor & ADDRESS & ~mask) | (address & mask);
    if (!(descriptor & ACCESS_FLAG))
        return STATUS_LONG | STATUS_ACCESS_FLAG | level;
    bool for_user = descriptor & USER && !(above & NO_USER_TABLE);
    bool read_only = descriptor & READ_ONLY || above & READ_ONLY_TABLE;
    bool never = descriptor & NEVER_EXECUTE || above & NEVER_EXECUTE_TABLE;
    never |= !user && (descriptor & PRIVILEGED_NEVER_EXECUTE || above & PRIVILEGED_NEVER_EXECUTE_TABLE);
    if (!user || for_user)
        *rights = RIGHT_READ | (read_only ? 0 : RIGHT_WRITE) | (never ? 0 : RIGHT_EXECUTE);
    return *rights & 1 << access ? 0 : STATUS_LONG | STATUS_PERMISSION | level;
}
