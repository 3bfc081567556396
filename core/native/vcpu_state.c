/* Opening, resetting, saving and restoring a vCPU. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcpu_private.h"

/* What the engine keeps behind its CPU state in a saved context: ten lengths of things that an A9 lacks. A
 * length from elsewhere would be believed. */
enum { CONTEXT_LENGTHS = 10 * 4, CONTEXT_BREAKPOINTS = 16 * sizeof(void *) };
/* Behind the registers of 32 and 64 bits: the address where the engine was last started, which says where the
 * guest was stopped before, and nothing else. Without it equal guests have equal states. */
enum { CONTEXT_STARTED = 16 * 4 + 32 * 8 };

static const struct overrides *overrides;
static const struct engine_functions *engine;
static char problem[256];
static _Atomic(struct vcpu *) spare;
static bool gated; /* block starts are generated code: see gate.c */

static void on_probe_interrupt(uc_engine *uc, uint32_t number, void *user) {
    (void)number, (void)user;
    uc_emu_stop(uc);
}

/* Runs an aligned load, a store and a load that must not be unaligned, and looks whether they came through.
 */
static bool overrides_work(void) {
    static const uint32_t code[] = {0xe5910000, 0xe5810000, 0xe1920f9f}; /* ldr, str [r1]; ldrex r0, [r2] */
    uc_engine *uc;
    uc_hook hook;
    uint32_t address = 0x100, unaligned_address = 0x102;
    struct overrides_passes before = overrides->passes(), after;
    if (uc_open(UC_ARCH_ARM, UC_MODE_ARM, &uc))
        return false;
    uc_ctl_set_cpu_model(uc, UC_CPU_ARM_CORTEX_A9);
    uc_ctl_set_tcg_buffer_size(uc, 1 << 20);
    uc_ctl_tlb_mode(uc, UC_TLB_CPU);
    uc_mem_map(uc, 0, PAGE_SIZE, UC_PROT_ALL);
    uc_mem_write(uc, 0, code, sizeof code);
    uc_reg_write(uc, UC_ARM_REG_R1, &address);
    uc_reg_write(uc, UC_ARM_REG_R2, &unaligned_address);
    uc_hook_add(uc, &hook, UC_HOOK_INTR, (void *)on_probe_interrupt, NULL, 1, 0);
    uc_emu_start(uc, 0, sizeof code, 0, 0);
    debug_find_banks(uc);
    uc_close(uc);
    after = overrides->passes();
    return after.fills > before.fills && after.pages > before.pages &&
           after.exit_checks > before.exit_checks && after.unaligned > before.unaligned;
}

static void find_overrides(void) {
    static const char *const advice = "start with LD_PRELOAD set to pocketvisor's _overrides library";
    overrides = dlsym(RTLD_DEFAULT, "pocketvisor_overrides");
    if (!overrides) {
        snprintf(problem, sizeof problem, "the engine's overrides are not loaded: %s", advice);
        return;
    }
    if (overrides->version != OVERRIDES_VERSION) {
        snprintf(problem, sizeof problem, "the engine's overrides are of version %u, not %d: reinstall",
                 overrides->version, OVERRIDES_VERSION);
        return;
    }
    Dl_info info;
    void *library = NULL;
    if (dladdr((void *)uc_open, &info))
        library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library)
        engine = overrides->bind(library);
    if (!engine)
        snprintf(problem, sizeof problem,
                 "this libunicorn lacks what the overrides need: unicorn 2.1.4 has it");
    else if (!overrides_work())
        snprintf(problem, sizeof problem, "the engine's overrides came too late to take effect: %s", advice);
    else
        gated = gate_works(overrides, engine);
}

const char *vcpu_overrides_problem(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_overrides);
    return problem[0] ? problem : NULL;
}

/* The saved block begins with the CPU's registers, behind a header that is the engine's own. */
static bool measure_context(struct vcpu *vcpu) {
    const uint32_t mark = 0x5aa5c33c;
    uint32_t found;
    size_t whole = uc_context_size(vcpu->uc);
    memcpy(&vcpu->context_size, vcpu->context, sizeof vcpu->context_size);
    if (vcpu->context_size >= whole || vcpu->context_size < CONTEXT_LENGTHS + CONTEXT_BREAKPOINTS)
        return false;
    vcpu->context_header = whole - vcpu->context_size;
    uint32_t old = read_register(vcpu, UC_ARM_REG_R0);
    write_register(vcpu, UC_ARM_REG_R0, mark);
    uc_context_save(vcpu->uc, vcpu->context);
    memcpy(&found, (uint8_t *)vcpu->context + vcpu->context_header, sizeof found);
    write_register(vcpu, UC_ARM_REG_R0, old);
    return found == mark;
}

static void set_power_on_state(struct vcpu *vcpu) {
    uint32_t zero = 0;
    write_register(vcpu, UC_ARM_REG_CPSR, MODE_SVC | CPSR_A | CPSR_I | CPSR_F);
    write_register(vcpu, UC_ARM_REG_ESR, ESR_NONE);
    write_register(vcpu, UC_ARM_REG_FPEXC, 0); /* the engine starts with VFP on */
    cp15_write(vcpu, CP15_CPACR, 0);
    vcpu_set_register(vcpu, UC_ARM_REG_PC, zero);
}

static uc_err set_up_engine(struct vcpu *vcpu, const char **step) {
    uc_engine *uc = vcpu->uc;
    uc_hook hook;
    uc_err failed;
    *step = "its settings";
    if ((failed = uc_ctl_set_cpu_model(uc, UC_CPU_ARM_CORTEX_A9)) ||
        (failed = uc_ctl_set_page_size(uc, PAGE_SIZE)) ||
        (failed = uc_ctl_set_tcg_buffer_size(uc, TCG_BUFFER)) || (failed = uc_ctl_exits_enable(uc)) ||
        (failed = uc_ctl_tlb_mode(uc, UC_TLB_CPU)))
        return failed;
    *step = "its hooks";
    if ((failed = uc_hook_add(uc, &hook, UC_HOOK_INTR, (void *)exceptions_interrupt, vcpu, 1, 0)) ||
        (failed = uc_hook_add(uc, &hook, UC_HOOK_INSN_INVALID, (void *)traps_invalid, vcpu, 1, 0)) ||
        (failed = uc_hook_add(uc, &vcpu->block_hook, UC_HOOK_BLOCK, (void *)vcpu_on_block, vcpu, 1, 0)))
        return failed;
    vcpu_note_hook(vcpu);
    *step = "its contexts";
    if ((failed = uc_context_alloc(uc, &vcpu->context)) || (failed = uc_context_alloc(uc, &vcpu->power_on)))
        return failed;
    *step = "the place for writes to read-only memory";
    return memory_add_sink(vcpu) ? UC_ERR_OK : UC_ERR_MAP;
}

static struct vcpu *open_alone(char error[256]) {
    const char *missing = vcpu_overrides_problem(), *step = "opening";
    if (missing) {
        snprintf(error, 256, "%s", missing);
        return NULL;
    }
    struct vcpu *vcpu = calloc(1, sizeof *vcpu);
    if (!vcpu) {
        snprintf(error, 256, "no memory for a vCPU");
        return NULL;
    }
    vcpu->overrides = overrides;
    vcpu->engine = engine;
    vcpu->limit = UINT64_MAX;
    vcpu->no_gate = !gated;
    vcpu->extra.exception = UINT64_MAX;
    vcpu->debug.from = vcpu->debug.target = UINT64_MAX;
    uc_err failed = uc_open(UC_ARCH_ARM, UC_MODE_ARM, &vcpu->uc);
    if (!failed)
        failed = set_up_engine(vcpu, &step);
    if (failed || !measure_context(vcpu)) {
        snprintf(error, 256, "the engine failed at %s: %s", step,
                 failed ? uc_strerror(failed) : "a context of an unknown shape");
        vcpu_close(vcpu);
        return NULL;
    }
    set_power_on_state(vcpu);
    uc_context_save(vcpu->uc, vcpu->power_on);
    vcpu_note_buffers();
    return vcpu;
}

void vcpu_prepare(void) {
    char error[256];
    if (!atomic_load(&spare)) {
        struct vcpu *none = NULL, *made = open_alone(error);
        if (made && !atomic_compare_exchange_strong(&spare, &none, made))
            vcpu_close(made);
    }
}

struct vcpu *vcpu_open(struct clock *clock, const struct vcpu_host *host, char error[256]) {
    struct vcpu *vcpu = atomic_exchange(&spare, NULL);
    if (!vcpu)
        vcpu = open_alone(error);
    if (!vcpu)
        return NULL;
    vcpu->clock = clock;
    vcpu->host = *host;
    vcpu_arm_trigger(vcpu);
    return vcpu;
}

void vcpu_close(struct vcpu *vcpu) {
    if (!vcpu)
        return;
    if (vcpu->context)
        uc_context_free(vcpu->context);
    if (vcpu->power_on)
        uc_context_free(vcpu->power_on);
    if (vcpu->uc)
        uc_close(vcpu->uc);
    for (unsigned i = 0; i < vcpu->memory_count; i++)
        free(vcpu->memories[i].code);
    debug_free(vcpu);
    free(vcpu);
}

/* Whatever ran before may have left blocks of memory that now holds something else. */
static void forget_run(struct vcpu *vcpu) {
    memory_forget_code(vcpu);
    domains_forget(vcpu);
    vcpu->fault.kind = FAULT_NONE;
    vcpu->walking = false;
    vcpu->error[0] = 0;
    vcpu->told_waiting = false;
}

void vcpu_reset(struct vcpu *vcpu) {
    uc_context_restore(vcpu->uc, vcpu->power_on);
    forget_run(vcpu);
    vcpu->extra = (struct vcpu_extra){.exception = UINT64_MAX};
    vcpu_set_irq(vcpu, false);
}

size_t vcpu_state_size(const struct vcpu *vcpu) {
    return vcpu->context_size;
}

/* Where the engine keeps pointers to its breakpoints, set by a guest that debugs itself: not saved. */
static uint8_t *breakpoints_of(const struct vcpu *vcpu, uint8_t *state) {
    return state + vcpu->context_size - CONTEXT_LENGTHS - CONTEXT_BREAKPOINTS;
}

void vcpu_save(struct vcpu *vcpu, void *state) {
    /* What is there tells of the last exception, or of none: nobody looks until the next one is. */
    write_register(vcpu, UC_ARM_REG_ESR, ESR_NONE);
    uc_context_save(vcpu->uc, vcpu->context);
    memcpy(state, (uint8_t *)vcpu->context + vcpu->context_header, vcpu->context_size);
    memset(breakpoints_of(vcpu, state), 0, CONTEXT_BREAKPOINTS);
    memset((uint8_t *)state + CONTEXT_STARTED, 0, sizeof(uint64_t));
}

bool vcpu_is_mode(uint32_t mode) {
    return mode == 0x10 || mode == 0x11 || mode == 0x12 || mode == 0x13 || mode == 0x17 || mode == 0x1b ||
           mode == 0x1f;
}

bool vcpu_restore(struct vcpu *vcpu, const void *state, size_t size) {
    static const uint8_t zeros[CONTEXT_LENGTHS + CONTEXT_BREAKPOINTS];
    if (size != vcpu->context_size ||
        memcmp((const uint8_t *)state + size - sizeof zeros, zeros, sizeof zeros) != 0)
        return false;
    uint8_t *block = (uint8_t *)vcpu->context + vcpu->context_header;
    uc_context_save(vcpu->uc, vcpu->context);
    memcpy(block, state, size);
    uint32_t cpsr = 0;
    uc_context_reg_read(vcpu->context, UC_ARM_REG_CPSR, &cpsr);
    if (!vcpu_is_mode(cpsr & MODE_MASK))
        return false;
    uc_context_restore(vcpu->uc, vcpu->context);
    forget_run(vcpu);
    return true;
}

const struct state_field vcpu_extra_fields[] = {
    STATE_FIELD(struct vcpu_extra, waiting),      STATE_FIELD(struct vcpu_extra, exception),
    STATE_FIELD(struct vcpu_extra, long_control), STATE_ARRAY(struct vcpu_extra, long_table),
    STATE_LATER_FIELD(struct vcpu_extra, rest),   STATE_END};

bool vcpu_extra_possible(void *state) {
    const struct vcpu_extra *extra = state;
    return extra->waiting <= 1 && extra->rest <= PAGE_SIZE;
}

void *vcpu_extra_state(struct vcpu *vcpu) {
    return &vcpu->extra;
}
