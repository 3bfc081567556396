/* The guest's translation. The engine walks the page tables and fills its TLB; its fills are filtered here:
 *
 * - the address, access and mode of each are remembered, so that an abort knows its exact cause;
 * - a page is writable or executable in the TLB, not both: the engine sends every store to a page that is
 *   both down its slow path;
 * - the first write to a clean page comes here, for the dirty log;
 * - code is watched: a page that was fetched from is writable only where the engine checks each store (the
 *   guest's own tables allow execution of it there), or after its translations are dropped (another alias);
 * - memory that is still on its way is waited for: a page before it gets into the TLB, the page tables before
 * the engine reads them;
 * - what is neither memory nor device is an external abort.
 *
 * Left out: the ARMv5 table format (SCTLR.XP clear), alignment checks of SCTLR.A.
 */
#include "vcpu_private.h"

enum { RESPONSE_DECODE_ERROR = 2 };

static void set_page(void *context, void *cpu, uint32_t virtual_address, uint64_t physical,
                     uint32_t attributes, int rights, int mmu_index, uint32_t size);

/* Whose index it is: user mode's of the three translation regimes. */
static bool is_user_index(int mmu_index) {
    return mmu_index == 0 || mmu_index == 1 || mmu_index == 7;
}

/* In place of the engine's walk, which does not know long descriptors. */
static bool fill_long(struct vcpu *vcpu, void *cpu, uint32_t address, int access, int mmu_index) {
    uint64_t physical;
    int rights;
    if (!long_descriptors_walk(vcpu, address, access, is_user_index(mmu_index), &physical, &rights)) {
        set_page(vcpu, cpu, address & ~(PAGE_SIZE - 1u), physical & ~(PAGE_SIZE - 1ull), 0, rights, mmu_index,
                 PAGE_SIZE);
        return true;
    }
    if (!vcpu->fill.probe) /* raises the abort, whose status exceptions.c asks for */
        vcpu->engine->transaction_failed(cpu, address, address, (unsigned)vcpu->fill.size, access, mmu_index,
                                         0, RESPONSE_DECODE_ERROR, vcpu->fill.return_address);
    return false;
}

static bool descriptor_at(struct vcpu *vcpu, uint32_t physical, bool big_endian, uint32_t *descriptor) {
    if (!memory_load(vcpu, physical, descriptor, 4))
        return false;
    if (big_endian)
        *descriptor = __builtin_bswap32(*descriptor);
    return true;
}

/* Where an address's first-level descriptor is. False: walks of it are off. */
static bool first_level(struct vcpu *vcpu, uint32_t address, uint32_t *physical) {
    uint32_t control = cp15_read(vcpu, CP15_TTBCR), split = control & 7, table;
    bool high = split && address >> (32 - split);
    if (high)
        table = cp15_read(vcpu, CP15_TTBR1) & ~0x3fffu;
    else
        table = cp15_read(vcpu, CP15_TTBR0) & ~((1u << (14 - split)) - 1);
    *physical = table | (address >> 20 << 2);
    return !(control & (high ? TTBCR_PD1 : TTBCR_PD0));
}

/* The engine reads the tables past us: what it will read is waited for, of the ARMv5 format too. */
static void await_tables(void *context, uint32_t address) {
    struct vcpu *vcpu = context;
    uint32_t at, entry;
    if (!vcpu->ram || !atomic_load_explicit(&vcpu->ram->incomplete, memory_order_acquire))
        return;
    uint32_t sctlr = cp15_read(vcpu, CP15_SCTLR);
    if (!(sctlr & SCTLR_M) || long_descriptors_on(vcpu) || !first_level(vcpu, address, &at) ||
        !descriptor_at(vcpu, at, sctlr & SCTLR_EE, &entry))
        return;
    if ((entry & 3) == 1)
        descriptor_at(vcpu, (entry & ~0x3ffu) | (address >> 12 & 0xff) << 2, false, &entry);
    else if ((entry & 3) == 3)
        descriptor_at(vcpu, (entry & ~0xfffu) | (address >> 10 & 0x3ff) << 2, false, &entry);
}

static bool fill(void *context, void *cpu, uint64_t address, int size, int access, int mmu_index, bool probe,
                 uintptr_t return_address) {
    struct vcpu *vcpu = context;
    vcpu->counters.fills++;
    vcpu->fault = (struct fault){FAULT_WALK, (uint32_t)address, access, mmu_index};
    vcpu->fill.size = size;
    vcpu->fill.probe = probe;
    vcpu->fill.return_address = return_address;
    vcpu->fill.cpu = cpu;
    vcpu->nothing = false;
    vcpu->walking = true;
    await_tables(vcpu, (uint32_t)address);
    bool found = long_descriptors_on(vcpu) && cp15_read(vcpu, CP15_SCTLR) & SCTLR_M
                     ? fill_long(vcpu, cpu, (uint32_t)address, access, mmu_index)
                     : vcpu->engine->fill(cpu, address, size, access, mmu_index, probe, return_address);
    vcpu->walking = false;
    vcpu->fault.kind = FAULT_NONE;
    return found && !vcpu->nothing;
}

static void unaligned(void *context, void *cpu, uint64_t address, int access, int mmu_index,
                      uintptr_t return_address) {
    struct vcpu *vcpu = context;
    vcpu->fault = (struct fault){FAULT_ALIGNMENT, (uint32_t)address, access, mmu_index};
    vcpu->fill.return_address = return_address;
    vcpu->fill.cpu = cpu;
    vcpu->engine->unaligned(cpu, address, access, mmu_index, return_address);
}

/* The page is there, and for a write it is marked. */
static bool prepare(struct vcpu *vcpu, struct memory *memory, uint32_t page, int access) {
    return access == ACCESS_WRITE && memory->writable
               ? memory_mark(vcpu, memory, page)
               : memory_await(vcpu, memory, page << PAGE_SHIFT, PAGE_SIZE);
}

/* Rights of a page of memory for the access at hand. `rights` are what the guest's tables give. */
static int filter(struct vcpu *vcpu, struct memory *memory, uint32_t page, int access, int rights) {
    uint8_t *code = &memory->code[page];
    bool executable = rights & RIGHT_EXECUTE;
    switch (access) {
    case ACCESS_FETCH:
        if (!*code) {
            /* Entries that let writes pass unseen may be in the TLB under any alias. */
            *code = 1;
            vcpu->counters.first_fetches++;
            uc_ctl_flush_tlb(vcpu->uc);
        }
        return rights & ~RIGHT_WRITE;
    case ACCESS_WRITE:
        if (*code && !executable) {
            *code = 0;
            uc_ctl_flush_tlb(vcpu->uc);
            memory_drop_code(vcpu, memory, page << PAGE_SHIFT, PAGE_SIZE);
        }
        break;
    default:
        if (!memory->writable || !memory_is_open(memory, page) || (*code && !executable))
            rights &= ~RIGHT_WRITE;
    }
    return *code ? rights : rights & ~RIGHT_EXECUTE;
}

static void set_page(void *context, void *cpu, uint32_t virtual_address, uint64_t physical,
                     uint32_t attributes, int rights, int mmu_index, uint32_t size) {
    struct vcpu *vcpu = context;
    const int access = vcpu->fault.access;
    vcpu->walking = false;
    bool watched = debug_page(&vcpu->debug, virtual_address, physical);
    if (watched && access != ACCESS_FETCH)
        debug_watch_access(vcpu, cpu, physical | (vcpu->fault.address & (PAGE_SIZE - 1)));
    struct memory *memory = memory_at(vcpu, physical);
    uint32_t page = memory ? (uint32_t)(physical - memory->base) >> PAGE_SHIFT : 0;
    if (memory && !prepare(vcpu, memory, page, access))
        memory = NULL; /* the machine stops soon: what the guest meets until then is an external abort */
    if (memory && access == ACCESS_WRITE && !memory->writable) {
        physical = SINK;
        rights = RIGHT_WRITE;
    } else if (memory) {
        rights = filter(vcpu, memory, page, access, rights);
    } else if (access != ACCESS_FETCH && bus_touches(&vcpu->bus, physical & ~(uint64_t)(PAGE_SIZE - 1),
                                                     (physical | (PAGE_SIZE - 1)) + 1)) {
        rights &= ~RIGHT_EXECUTE;
        if (vcpu_traces_bus(vcpu))
            size = 1; /* less than a page: the next access comes here too */
    } else {
        vcpu->nothing = true;
        if (vcpu->fill.probe)
            return;
        vcpu->fault.kind = FAULT_EXTERNAL;
        vcpu->engine->transaction_failed(cpu, physical, vcpu->fault.address, (unsigned)vcpu->fill.size,
                                         access, mmu_index, attributes, RESPONSE_DECODE_ERROR,
                                         vcpu->fill.return_address);
    }
    if (!watched) {
        domains_filled(vcpu, vcpu->fault.address, mmu_index);
    } else if (access == ACCESS_FETCH) {
        rights &= RIGHT_EXECUTE;
    } else { /* good for this access; no domain needs to know */
        rights &= ~RIGHT_EXECUTE;
        size = 1;
    }
    vcpu->engine->set_page(cpu, virtual_address, physical, attributes, rights, mmu_index, size);
}

static void translate(void *context, const struct engine_block *block) {
    struct vcpu *vcpu = context;
    domains_translate(vcpu);
    if (vcpu_traces(vcpu, TRACE_OF_BLOCKS))
        vcpu_trace_translate(vcpu, block);
}

static void translated(void *context, const struct engine_block *block) {
    vcpu_trace_translated(context, block);
}

const struct overrides_listener translate_listener = {
    .fill = fill,
    .set_page = set_page,
    .unaligned = unaligned,
    .emit_call = gate_emit,
    .translate = translate,
    .translated = translated,
    .limit = debug_limit,
    .again = debug_again,
    .emit_access = domains_emit_access,
    .flush = domains_flush,
    .domains = domains_write,
    .table_control = long_descriptors_control,
    .mode = domains_mode,
    .asks = await_tables,
};

/* Fault status: the short-descriptor codes for the first level; the second level's are 2 more, but for the
 * access flag's. */
enum {
    STATUS_ALIGNMENT = 0x1,
    STATUS_DEBUG = 0x2,
    STATUS_ACCESS_FLAG = 0x3,
    STATUS_ACCESS_FLAG_2 = 0x6,
    STATUS_TRANSLATION = 0x5,
    STATUS_EXTERNAL = 0x8,
    STATUS_DOMAIN = 0x9,
    STATUS_EXTERNAL_WALK = 0xc,
    STATUS_PERMISSION = 0xd,
    STATUS_WRITE = 1 << 11,
};

/* The same causes in the long format: bit 9 says so. */
enum { LONG_ALIGNMENT = 0x221, LONG_EXTERNAL = 0x210, LONG_DEBUG = 0x222, LONG_TRANSLATION = 0x205 };

/* AP[2:0] to rights in privileged and in user mode. */
static const uint8_t rights_of_ap[8][2] = {{0, 0}, {3, 0}, {3, 1}, {3, 3}, {0, 0}, {1, 0}, {1, 1}, {1, 1}};
/* AP[2:1] with SCTLR.AFE set. */
static const uint8_t rights_of_simple_ap[4][2] = {{3, 0}, {3, 3}, {1, 0}, {1, 1}};

uint32_t translate_walk(struct vcpu *vcpu, uint32_t address, int access, bool user, uint32_t *physical,
                        int *rights) {
    uint32_t sctlr = cp15_read(vcpu, CP15_SCTLR);
    *rights = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE;
    *physical = address;
    if (!(sctlr & SCTLR_M))
        return 0;
    if (long_descriptors_on(vcpu)) {
        uint64_t far = 0;
        uint32_t status = long_descriptors_walk(vcpu, address, access, user, &far, rights);
        *physical = (uint32_t)far;
        return far >> 32 && !status ? LONG_EXTERNAL : status;
    }
    const bool big_endian = sctlr & SCTLR_EE;
    uint32_t entry, domain = 0, ap, never, level = 0, at;
    *rights = 0;
    if (!first_level(vcpu, address, &at))
        return STATUS_TRANSLATION;
    if (!descriptor_at(vcpu, at, big_endian, &entry))
        return STATUS_EXTERNAL_WALK;
    if ((entry & 3) == 0 || (entry & 3) == 3)
        return STATUS_TRANSLATION;
    if ((entry & 3) == 2) {
        if (entry & 1 << 18) { /* supersection: of domain 0 */
            *physical = (entry & 0xff000000u) | (address & 0x00ffffffu);
        } else {
            domain = entry >> 5 & 15;
            *physical = (entry & 0xfff00000u) | (address & 0x000fffffu);
        }
        ap = (entry >> 10 & 3) | (entry >> 13 & 4);
        never = entry >> 4 & 1;
    } else {
        domain = entry >> 5 & 15;
        level = 2;
        if (!descriptor_at(vcpu, (entry & ~0x3ffu) | (address >> 12 & 0xff) << 2, big_endian, &entry))
            return (STATUS_EXTERNAL_WALK + 2) | domain << 4;
        if (!(entry & 3))
            return (STATUS_TRANSLATION + 2) | domain << 4;
        ap = (entry >> 4 & 3) | (entry >> 7 & 4);
        if (entry & 2) {
            *physical = (entry & ~0xfffu) | (address & 0xfff);
            never = entry & 1;
        } else {
            *physical = (entry & 0xffff0000u) | (address & 0xffff);
            never = entry >> 15 & 1;
        }
    }
    uint32_t control = cp15_read(vcpu, CP15_DACR) >> domain * 2 & 3;
    if (!(control & 1))
        return (STATUS_DOMAIN + level) | domain << 4;
    if (control == 3) {
        *rights = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE;
        return 0;
    }
    if (sctlr & SCTLR_AFE) {
        if (!(ap & 1))
            return (level ? STATUS_ACCESS_FLAG_2 : STATUS_ACCESS_FLAG) | domain << 4;
        *rights = rights_of_simple_ap[ap >> 1][user];
    } else {
        *rights = rights_of_ap[ap][user];
    }
    if ((*rights & RIGHT_READ) && !never)
        *rights |= RIGHT_EXECUTE;
    return *rights & 1 << access ? 0 : (STATUS_PERMISSION + level) | domain << 4;
}

uint32_t translate_fault_status(struct vcpu *vcpu) {
    const struct fault *fault = &vcpu->fault;
    const bool is_long = long_descriptors_on(vcpu);
    uint32_t status = is_long ? LONG_DEBUG : STATUS_DEBUG, physical;
    int rights;
    switch (fault->kind) {
    case FAULT_NONE: /* no access of the guest's: a watchpoint of the guest's own debugger */
        return status;
    case FAULT_WALK:
        status = translate_walk(vcpu, fault->address, fault->access, is_user_index(fault->mmu_index),
                                &physical, &rights);
        /* The engine met a fault that this walk does not know (the ARMv5 table format). */
        if (status == 0)
            status = is_long ? LONG_TRANSLATION : STATUS_TRANSLATION;
        break;
    case FAULT_ALIGNMENT:
        status = is_long ? LONG_ALIGNMENT : STATUS_ALIGNMENT;
        break;
    case FAULT_EXTERNAL:
        status = is_long ? LONG_EXTERNAL : STATUS_EXTERNAL;
        vcpu->counters.external_aborts++;
        break;
    }
    if (fault->access == ACCESS_FETCH)
        return is_long ? status : status & ~0xf0u; /* IFSR has no domain */
    return status | (fault->access == ACCESS_WRITE ? STATUS_WRITE : 0);
}

bool vcpu_translate(struct vcpu *vcpu, uint32_t virtual_address, uint32_t *physical, int *rights) {
    bool user = (read_register(vcpu, UC_ARM_REG_CPSR) & MODE_MASK) == MODE_USER;
    uint32_t status = translate_walk(vcpu, virtual_address, ACCESS_READ, user, physical, rights);
    if (long_descriptors_on(vcpu))
        return !status || *rights;
    status &= 0xf;
    /* A page that this mode may not read is mapped all the same. */
    return (status & ~2u) != STATUS_TRANSLATION && (status & ~2u) != STATUS_EXTERNAL_WALK;
}
