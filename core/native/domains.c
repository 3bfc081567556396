/* Domain access control without a TLB flush at each change.
 *
 * Linux on ARMv7 keeps user memory in a domain of its own and takes the access away (DACR) whenever the
 * kernel does not need it: two changes for each system call. The engine, like QEMU, does not keep a page's
 * domain in its TLB and flushes all of it each time: 99 % of the flushes of a boot, and their refills.
 *
 * Exact, without knowing a page's domain:
 * - Access granted where there was none: no entry can be wrong, as a domain without access fills none.
 * - What was granted, and no more, taken away: privileged entries that were filled since the grant go, one by
 * one. User mode's entries stay but are suspended: a privileged LDRT or STRT, and an entry to user mode,
 * first drop them. When the very same access is granted again they are good again.
 * - Any other change flushes all.
 *
 * Left out: translation regimes other than the non-secure one, which the engine starts in and never leaves.
 */
#include "vcpu_private.h"

/* libunicorn's MMU indices (ARMMMUIdx_E10_0 and _E10_1), as a bit map. */
enum { USER = 1 << 0, PRIVILEGED_INDEX = 2, PRIVILEGED = 1 << PRIVILEGED_INDEX };

/* The TLB is empty: its privileged entries are of no domain. */
static void start_over(struct domains *domains) {
    domains->suspended = false;
    domains->filled = 0;
    domains->base = 0;
}

void domains_forget(struct vcpu *vcpu) {
    vcpu->domains.known = false;
    start_over(&vcpu->domains);
}

void domains_filled(struct vcpu *vcpu, uint32_t address, int mmu_index) {
    struct domains *domains = &vcpu->domains;
    if (mmu_index != PRIVILEGED_INDEX)
        return;
    if (domains->filled < DOMAIN_FILLS_MAX)
        domains->fills[domains->filled] = address & ~(uint32_t)(PAGE_SIZE - 1);
    if (domains->filled <= DOMAIN_FILLS_MAX)
        domains->filled++;
}

void domains_user_access(struct vcpu *vcpu) {
    if (!vcpu->domains.suspended)
        return;
    vcpu->domains.suspended = false;
    vcpu->engine->flush_indices(vcpu->domains.cpu, USER);
}

static void flush_all(struct vcpu *vcpu) {
    start_over(&vcpu->domains);
    vcpu->engine->flush(vcpu->domains.cpu);
}

static void take_away(struct vcpu *vcpu, uint32_t old) {
    struct domains *domains = &vcpu->domains;
    if (domains->filled > DOMAIN_FILLS_MAX)
        vcpu->engine->flush_indices(domains->cpu, PRIVILEGED);
    else
        for (unsigned i = 0; i < domains->filled; i++)
            vcpu->engine->flush_page(domains->cpu, domains->fills[i], PRIVILEGED);
    domains->filled = 0;
    domains->suspended = true;
    domains->suspended_access = old;
}

/* Whether each domain with access in `base` has the same in `access`. */
static bool still_has(uint32_t access, uint32_t base) {
    uint32_t some = (base | base >> 1) & 0x55555555;
    return ((access ^ base) & (some | some << 1)) == 0;
}

/* Two bits a domain: 0 no access, 1 client (the page's rights count), 3 manager (they do not). */
static void change(struct vcpu *vcpu, uint32_t old, uint32_t new) {
    struct domains *domains = &vcpu->domains;
    bool granted = true, revoked = true;
    for (uint32_t bits = 3; bits; bits <<= 2) {
        if ((old & bits) == (new & bits))
            continue;
        granted &= (old & bits) == 0;
        revoked &= (new & bits) == 0;
    }
    if (old == new)
        return;
    if (granted && (!domains->suspended || new == domains->suspended_access)) {
        /* All entries, noted or not, are of domains that had access. */
        domains->suspended = false;
        domains->filled = 0;
        domains->base = old;
    } else if (revoked && !domains->suspended && still_has(new, domains->base)) {
        take_away(vcpu, old);
    } else {
        flush_all(vcpu);
    }
}

bool domains_flush(void *context, void *cpu) {
    struct vcpu *vcpu = context;
    struct domains *domains = &vcpu->domains;
    domains->cpu = cpu;
    if (domains->writing) {
        domains->flush_wanted = true;
        return true;
    }
    start_over(domains);
    return false;
}

void domains_write(void *context, uint32_t value, bool written) {
    struct vcpu *vcpu = context;
    struct domains *domains = &vcpu->domains;
    domains->writing = !written;
    if (!written) {
        domains->flush_wanted = false;
        return;
    }
    if (!domains->flush_wanted)
        return;
    if (domains->known)
        change(vcpu, domains->access, value);
    else
        flush_all(vcpu);
    domains->known = true;
    domains->access = value;
}

void domains_mode(void *context, uint32_t mode) {
    if (mode == MODE_USER)
        domains_user_access(context);
}

void domains_translate(void *context) {
    struct vcpu *vcpu = context;
    vcpu->domains.privileged_block = (read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) != MODE_USER;
}

void domains_emit_access(void *context, void *translator, uintptr_t mmu_index) {
    struct vcpu *vcpu = context;
    if (mmu_index != PRIVILEGED_INDEX && vcpu->domains.privileged_block)
        gate_emit_user_access(vcpu, translator);
}
