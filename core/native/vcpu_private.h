/* Shared by vcpu.c, vcpu_state.c, memory.c, translate.c, exceptions.c and traps.c; for nobody else. */
#ifndef POCKETVISOR_VCPU_PRIVATE_H
#define POCKETVISOR_VCPU_PRIVATE_H

#include <unicorn/unicorn.h>

#include "bus.h"
#include "debug_private.h"
#include "overrides.h"
#include "ram.h"
#include "trace.h"
#include "vcpu.h"

enum {
    PAGE_SIZE = 4096,
    PAGE_SHIFT = 12,
    MEMORIES_MAX = 8,
    /* Many programs fill less over and over: 32 MiB cost the installer a third. By default it is a GiB. */
    TCG_BUFFER = 64 << 20,
};

enum { MODE_USER = 0x10, MODE_IRQ = 0x12, MODE_SVC = 0x13, MODE_ABORT = 0x17, MODE_UNDEFINED = 0x1b };
enum {
    MODE_MASK = 0x1f,
    CPSR_T = 1 << 5,
    CPSR_F = 1 << 6,
    CPSR_I = 1 << 7,
    CPSR_A = 1 << 8,
    CPSR_E = 1 << 9
};
enum { CPSR_J = 1 << 24, CPSR_IT = 0x0600fc00 };
enum { SCTLR_M = 1 << 0, SCTLR_V = 1 << 13, SCTLR_EE = 1 << 25, SCTLR_AFE = 1 << 29, SCTLR_TE = 1 << 30 };

enum { TTBCR_PD0 = 1 << 4, TTBCR_PD1 = 1 << 5 };

/* A 32-bit register of coprocessor 15 as one number: how registers are named here and in vcpu_registers. */
#define CP15(crn, opc1, crm, opc2) (1 << 16 | (crn) << 12 | (opc1) << 8 | (crm) << 4 | (opc2))
#define CP15_SCTLR CP15(1, 0, 0, 0)
#define CP15_CPACR CP15(1, 0, 0, 2)
#define CP15_TTBR0 CP15(2, 0, 0, 0)
#define CP15_TTBR1 CP15(2, 0, 0, 1)
#define CP15_TTBCR CP15(2, 0, 0, 2)
#define CP15_DACR CP15(3, 0, 0, 0)
#define CP15_DFSR CP15(5, 0, 0, 0)
#define CP15_IFSR CP15(5, 0, 0, 1)
#define CP15_DFAR CP15(6, 0, 0, 0)
#define CP15_IFAR CP15(6, 0, 0, 2)
#define CP15_VBAR CP15(12, 0, 0, 0)
#define CP15_CONTEXTIDR CP15(13, 0, 0, 1)

struct memory {
    uint32_t base, size;
    uint8_t *host;
    bool writable;
    uint8_t *dirty;  /* bitmap of the machine's, or NULL */
    struct ram *ram; /* NULL: plain memory */
    void *tag;
    uint8_t *code; /* a byte a page: blocks may have been translated from it, and it is watched for writes */
};

/* One uc_mmio_map(): a run of pages that hold devices. */
struct window {
    struct vcpu *vcpu;
    uint64_t base;
};

enum fault_kind { FAULT_NONE, FAULT_WALK, FAULT_ALIGNMENT, FAULT_EXTERNAL };

/* The access that the engine is filling its TLB for; what is left here when an abort arrives caused it. */
struct fault {
    enum fault_kind kind;
    uint32_t address;
    int access, mmu_index;
};

enum { DOMAIN_FILLS_MAX = 64 };

/* domains.c: what of the TLB a change of DACR makes wrong. */
struct domains {
    bool known;     /* `access` is the guest's DACR */
    bool suspended; /* user mode's entries were filled under `suspended_access` and must not be used now */
    bool writing, flush_wanted;
    bool privileged_block; /* the block in translation is for a privileged mode */
    uint32_t access, suspended_access;
    uint32_t base;   /* access of the domains that privileged entries are of, but for those noted */
    unsigned filled; /* privileged fills noted since access was last granted; more than fit: all of them */
    uint32_t fills[DOMAIN_FILLS_MAX];
    void *cpu;
};

/* Sizes that vcpu_on_block() is given by generated code: see gate.c. */
enum { GATE_TRIGGERED = UINT32_MAX - 1, GATE_USER_ACCESS = UINT32_MAX };

/* vcpu_trace.c */
struct vcpu_trace {
    struct trace *to;                    /* NULL: off */
    const struct device_ops *interrupts; /* of the GIC's CPU interface */
    struct trace_block *block;           /* in translation */
    unsigned devices;                    /* on the bus when they were told */
    uint16_t timer;                      /* its index */
};

enum stop_reason { STOP_NONE, STOP_AGAIN, STOP_LOOK, STOP_LEAVE, STOP_PIECE, STOP_DEBUG, STOP_ERROR };

/* Saved beside the engine's block. */
struct vcpu_extra {
    uint8_t waiting;        /* the last run ended in WFI and nothing has run since */
    uint64_t exception;     /* clock bytes at the last exception: see vcpu_count_exception() */
    uint32_t long_control;  /* long_descriptors.c: TTBCR with EAE set, else 0 */
    uint64_t long_table[2]; /* TTBR0 and TTBR1, 64-bit */
    uint32_t rest;          /* bytes of the block that it is in the midst of; 0: at a block start */
};

struct vcpu {
    /* What each block start reads. */
    struct clock *clock;
    _Atomic uint64_t trigger; /* clock bytes from which block_start() is to look closer; 0: at once */
    uint64_t before;          /* clock bytes at the last block start */
    void *gate_label;         /* between the two calls of a block start that is being translated */
    bool no_gate;             /* the hook is called at every block */
    bool trial;               /* gate_works(): no machine */
    struct domains domains;
    struct vcpu_counters counters;

    uint64_t limit;
    atomic_bool attention;
    bool asked; /* within attend(): it was called for attention */
    bool irq;
    bool dropped; /* translations went: the block about to start may be gone */
    bool semihosting;
    enum stop_reason stop;
    struct vcpu_extra extra;
    bool told_waiting;
    bool ran;              /* since its engine was last emptied */
    uintptr_t called_from; /* within generated code */
    uc_hook block_hook;
    struct {
        int size, mod;
    } empty_notes; /* of the engine's about blocks; 0: not known */

    uc_engine *uc;
    struct vcpu_host host;
    struct bus bus;
    struct window windows[BUS_RANGES_MAX];
    unsigned window_count;
    struct memory memories[MEMORIES_MAX];
    struct ram *ram; /* that of one of them, or NULL */
    unsigned memory_count;

    const struct overrides *overrides;
    const struct engine_functions *engine;
    struct fault fault;
    bool walking; /* the engine reads page tables */
    bool nothing; /* the fill met neither memory nor device */
    struct {
        int size;
        bool probe;
        uintptr_t return_address;
        void *cpu;
    } fill;
    struct vcpu_trace trace;
    struct debug debug;

    uc_context *context, *power_on;
    size_t context_header, context_size;
    char error[256];
};

/* vcpu.c */
void vcpu_on_block(uc_engine *uc, uint64_t address, uint32_t size, void *vcpu);
void vcpu_arm_trigger(struct vcpu *vcpu);
void vcpu_count_exception(struct vcpu *vcpu);
void vcpu_fail(struct vcpu *vcpu, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint32_t read_register(struct vcpu *vcpu, int id);
void write_register(struct vcpu *vcpu, int id, uint32_t value);
uint32_t cp15_read(struct vcpu *vcpu, int id);
void cp15_write(struct vcpu *vcpu, int id, uint32_t value);

/* memory.c */
struct memory *memory_at(struct vcpu *vcpu, uint64_t physical);
/* Before the page is written. False: it cannot be, and the machine knows. */
bool memory_mark(struct vcpu *vcpu, struct memory *memory, uint32_t page);
/* Until the bytes are there. False: they never will be, and the machine knows. */
bool memory_await(struct vcpu *vcpu, const struct memory *memory, uint32_t offset, uint32_t size);
/* Of a writable memory. False: it cannot be written, and the machine knows. */
bool memory_write(struct vcpu *vcpu, struct memory *memory, uint32_t offset, const void *data, uint32_t size);
void memory_drop_code(struct vcpu *vcpu, struct memory *memory, uint32_t offset, uint32_t size);
void memory_forget_code(struct vcpu *vcpu);
bool memory_load(struct vcpu *vcpu, uint32_t physical, void *data, uint32_t size);
bool memory_add_sink(struct vcpu *vcpu);
/* Writes to read-only memory are led to this page, above all that a guest can name. */
#define SINK ((uint64_t)1 << 32)

static inline bool memory_is_dirty(const struct memory *memory, uint32_t page) {
    return !memory->dirty || memory->dirty[page >> 3] >> (page & 7) & 1;
}

/* A write to this page needs nobody's attention. */
static inline bool memory_is_open(const struct memory *memory, uint32_t page) {
    return memory_is_dirty(memory, page) && (!memory->ram || ram_owns(memory->ram, page));
}

/* translate.c */
extern const struct overrides_listener translate_listener;
/* 0, or the fault status (short descriptors, without WnR) that an access would meet. */
uint32_t translate_walk(struct vcpu *vcpu, uint32_t address, int access, bool user, uint32_t *physical,
                        int *rights);
uint32_t translate_fault_status(struct vcpu *vcpu);

/* long_descriptors.c */
bool long_descriptors_on(const struct vcpu *vcpu);
/* TTBCR was written. */
void long_descriptors_control(void *vcpu, uint32_t value);
/* MRRC or MCRR of a 64-bit TTBR; false where it is no such register, or there is none now. */
bool long_descriptors_register(struct vcpu *vcpu, const struct cp_register *reg, bool privileged, bool read,
                               uint64_t *value);
/* As translate_walk(), with the status in the long format. */
uint32_t long_descriptors_walk(struct vcpu *vcpu, uint32_t address, int access, bool user, uint64_t *physical,
                               int *rights);

/* exceptions.c */
void exceptions_interrupt(uc_engine *uc, uint32_t number, void *vcpu);
void exceptions_enter_irq(struct vcpu *vcpu);
void exceptions_enter_undefined(struct vcpu *vcpu);

/* gate.c */
bool gate_emit(void *vcpu, void *translator, void *function, int count, void **arguments);
void gate_emit_user_access(struct vcpu *vcpu, void *translator);
bool gate_works(const struct overrides *overrides, const struct engine_functions *engine);

/* domains.c */
void domains_forget(struct vcpu *vcpu);
void domains_filled(struct vcpu *vcpu, uint32_t address, int mmu_index);
void domains_user_access(struct vcpu *vcpu);
bool domains_flush(void *vcpu, void *cpu);
void domains_write(void *vcpu, uint32_t value, bool written);
void domains_mode(void *vcpu, uint32_t mode);
void domains_translate(void *vcpu);
void domains_emit_access(void *vcpu, void *translator, uintptr_t mmu_index);

/* vcpu_trace.c: only while there is a trace. */
void vcpu_trace_bus(struct vcpu *vcpu, uint64_t address, unsigned size, bool write, uint64_t value);
void vcpu_trace_exception(struct vcpu *vcpu, uint32_t vector, uint32_t pc, uint32_t cpsr);
void vcpu_trace_translate(struct vcpu *vcpu, const struct engine_block *block);
void vcpu_trace_translated(struct vcpu *vcpu, const struct engine_block *block);
void vcpu_trace_emit_count(struct vcpu *vcpu, void *translator);
/* Guest memory by virtual address; first ask whether all of it is there, or it may be waited for. */
bool vcpu_trace_peek(struct vcpu *vcpu, uint32_t address, uint32_t size, bool user, uint32_t *value);
static inline bool vcpu_trace_all_there(const struct vcpu *vcpu) {
    return !vcpu->ram || !atomic_load_explicit(&vcpu->ram->incomplete, memory_order_acquire);
}
/* Device pages are kept out of the TLB. */
static inline bool vcpu_traces_bus(const struct vcpu *vcpu) {
    return vcpu->trace.to && vcpu->trace.to->kinds & (TRACE_OF_DEVICES | TRACE_OF_EXCEPTIONS);
}

/* vcpu_state.c */
bool vcpu_is_mode(uint32_t mode);

/* vcpu_code.c: after an engine was opened, and its block hook added. */
void vcpu_note_buffers(void);
void vcpu_note_hook(struct vcpu *vcpu);

/* debug_registers.c, which finds its way about on an engine that is of no use otherwise. */
void debug_find_banks(uc_engine *uc);

/* traps.c */
bool traps_invalid(uc_engine *uc, void *vcpu);
bool traps_hypercall(struct vcpu *vcpu);
/* Was the SVC, or BKPT, that the engine met a semihosting call? If so it is done. */
bool traps_semihosting(struct vcpu *vcpu, bool breakpoint);
/* ESR where no exception was: tells WFE and YIELD, which leave it alone, from undefined instructions. */
#define ESR_NONE 0xfc000000u

#endif
