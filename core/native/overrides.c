/* Functions of libunicorn, replaced by name. A library of its own, because it has to be in the process before
 * libunicorn is: by LD_PRELOAD, or linked ahead of it.
 *
 * - The exit check after each load and store goes: it halves their speed, and a stop in it repeats the
 * access.
 * - TLB fills and alignment faults go to a listener: the one place where a fault's exact address is known,
 * and where the rights of a page can be cut (write or execute, the dirty log).
 * - Block starts, whole flushes of the TLB and changes of domain access go to it as well: gate.c, domains.c.
 */
#define _GNU_SOURCE
#include "overrides.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* Names of libunicorn's build for ARM. */
void check_exit_request_arm(void *translator);
engine_fill arm_cpu_tlb_fill_arm;
engine_set_page tlb_set_page_with_attrs_arm;
engine_unaligned arm_cpu_do_unaligned_access_arm;
void tlb_flush_arm(void *cpu);
void tcg_gen_callN_arm(void *translator, void *function, void *result, int count, void **arguments);
void gen_intermediate_code_arm(void *cpu, void *block, int instructions);
void helper_set_cp_reg_arm(void *state, const void *reg, uint32_t value);
void helper_cpsr_write_arm(void *state, uint32_t value, uint32_t mask);
void helper_cpsr_write_eret_arm(void *state, uint32_t value);
void restore_state_to_opc_arm(void *state, void *block, uint32_t *data);

/* Initial-exec: a plain load in the fill path, and the library is there from the process's start. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    const struct overrides_listener *listener;
    void *vcpu;
    struct overrides_passes passes;
    /* place() asks, restore_state_to_opc_arm() answers. */
    bool asked, answered;
    uint32_t start, pc;
} here;

static struct engine_functions originals;

/* Originals that nobody but the overrides calls. */
static struct {
    void (*translate)(void *cpu, void *block, int instructions);
    void (*set_cp)(void *state, const void *reg, uint32_t value);
    void (*set_cpsr)(void *state, uint32_t value, uint32_t mask);
    void (*return_to)(void *state, uint32_t value);
    bool (*restore)(void *cpu, uintptr_t return_address, bool leaves);
    void (*restore_block)(void *state, void *block, uint32_t *data);
    void (*load_i32)(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index,
                     int operation);
    void (*load_i64)(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index,
                     int operation);
    void (*store_i32)(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index,
                      int operation);
    void (*store_i64)(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index,
                      int operation);
} inner;

/* Where each original goes, by libunicorn's name for it. */
static const struct {
    const char *name;
    void *place;
} wanted[] = {
    {"tlb_set_page_with_attrs_arm", &originals.set_page},
    {"arm_cpu_do_unaligned_access_arm", &originals.unaligned},
    {"arm_cpu_do_transaction_failed_arm", &originals.transaction_failed},
    {"tb_invalidate_phys_range_arm", &originals.invalidate},
    {"qemu_ram_addr_from_host_arm", &originals.number_of},
    {"tlb_flush_arm", &originals.flush},
    {"tlb_flush_by_mmuidx_arm", &originals.flush_indices},
    {"tlb_flush_page_by_mmuidx_arm", &originals.flush_page},
    {"tcg_gen_callN_arm", &originals.emit_call},
    {"tcg_gen_op1_arm", &originals.emit_1},
    {"tcg_gen_op3_arm", &originals.emit_3},
    {"tcg_gen_extu_i32_i64_arm", &originals.emit_extend},
    {"tcg_gen_brcond_i64_arm", &originals.emit_branch},
    {"tcg_temp_new_internal_arm", &originals.new_temporary},
    {"gen_new_label_arm", &originals.new_label},
    {"tcg_const_i32_arm", &originals.constant_i32},
    {"tcg_const_i64_arm", &originals.constant_i64},
    {"helper_check_exit_request_arm", &originals.check_exit},
    {"cpu_loop_exit_restore_arm", &originals.leave},
    {"tcg_func_start_arm", &originals.begin_block},
    {"tcg_tb_foreach_arm", &originals.each_block},
    {"tb_phys_invalidate_arm", &originals.drop_block},
    {"gen_intermediate_code_arm", &inner.translate},
    {"helper_set_cp_reg_arm", &inner.set_cp},
    {"helper_cpsr_write_arm", &inner.set_cpsr},
    {"helper_cpsr_write_eret_arm", &inner.return_to},
    {"cpu_restore_state_arm", &inner.restore},
    {"restore_state_to_opc_arm", &inner.restore_block},
    {"tcg_gen_qemu_ld_i32_arm", &inner.load_i32},
    {"tcg_gen_qemu_ld_i64_arm", &inner.load_i64},
    {"tcg_gen_qemu_st_i32_arm", &inner.store_i32},
    {"tcg_gen_qemu_st_i64_arm", &inner.store_i64},
    /* Last: once it is there, all are. */
    {"arm_cpu_tlb_fill_arm", &originals.fill},
};

static bool find_all(void *library) {
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *found = dlsym(library, wanted[i].name);
        if (!found)
            return false;
        memcpy(wanted[i].place, &found, sizeof found);
    }
    return true;
}

/* Without an engine that bound them, say another user of libunicorn in a preloaded process: the next ones. */
static void find_next(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!originals.fill)
        find_all(RTLD_NEXT);
    pthread_mutex_unlock(&lock);
}

static bool place(void *cpu, uintptr_t return_address, uint32_t *start, uint32_t *pc) {
    here.asked = true;
    here.answered = false;
    inner.restore(cpu, return_address, false);
    here.asked = false;
    *start = here.start;
    *pc = here.pc;
    return here.answered;
}

static const struct engine_functions *bind(void *library) {
    /* A handle that searches this library first would make every override call itself. By name alone they
     * cannot be told apart: where this library came too late, its own names lead to libunicorn. */
    Dl_info theirs, ours;
    void *fill = dlsym(library, "arm_cpu_tlb_fill_arm");
    if (!fill || !dladdr(fill, &theirs) || !dladdr((void *)bind, &ours) || theirs.dli_fbase == ours.dli_fbase)
        return NULL;
    originals.place = place;
    return find_all(library) && dlsym(library, "check_exit_request_arm") ? &originals : NULL;
}

static void listen(const struct overrides_listener *listener, void *vcpu) {
    here.listener = listener;
    here.vcpu = vcpu;
}

static struct overrides_passes passes(void) {
    return here.passes;
}

const struct overrides pocketvisor_overrides = {OVERRIDES_VERSION, bind, listen, passes};

void check_exit_request_arm(void *translator) {
    (void)translator;
    here.passes.exit_checks++;
}

bool arm_cpu_tlb_fill_arm(void *cpu, uint64_t address, int size, int access, int mmu_index, bool probe,
                          uintptr_t return_address) {
    here.passes.fills++;
    if (here.listener && here.listener->fill)
        return here.listener->fill(here.vcpu, cpu, address, size, access, mmu_index, probe, return_address);
    if (!originals.fill)
        find_next();
    return originals.fill(cpu, address, size, access, mmu_index, probe, return_address);
}

void tlb_set_page_with_attrs_arm(void *cpu, uint32_t virtual_address, uint64_t physical, uint32_t attributes,
                                 int rights, int mmu_index, uint32_t size) {
    here.passes.pages++;
    if (here.listener && here.listener->set_page) {
        here.listener->set_page(here.vcpu, cpu, virtual_address, physical, attributes, rights, mmu_index,
                                size);
        return;
    }
    if (!originals.set_page)
        find_next();
    originals.set_page(cpu, virtual_address, physical, attributes, rights, mmu_index, size);
}

void arm_cpu_do_unaligned_access_arm(void *cpu, uint64_t address, int access, int mmu_index,
                                     uintptr_t return_address) {
    here.passes.unaligned++;
    if (here.listener && here.listener->unaligned) {
        here.listener->unaligned(here.vcpu, cpu, address, access, mmu_index, return_address);
        return;
    }
    if (!originals.unaligned)
        find_next();
    originals.unaligned(cpu, address, access, mmu_index, return_address);
}

void tlb_flush_arm(void *cpu) {
    if (here.listener && here.listener->flush && here.listener->flush(here.vcpu, cpu))
        return;
    if (!originals.fill)
        find_next();
    originals.flush(cpu);
}

void tcg_gen_callN_arm(void *translator, void *function, void *result, int count, void **arguments) {
    if (here.listener && here.listener->emit_call &&
        here.listener->emit_call(here.vcpu, translator, function, count, arguments))
        return;
    if (!originals.fill)
        find_next();
    originals.emit_call(translator, function, result, count, arguments);
}

void gen_intermediate_code_arm(void *cpu, void *block, int instructions) {
    if (here.listener && here.listener->translate)
        here.listener->translate(here.vcpu, block);
    if (!originals.fill)
        find_next();
    if (here.listener && here.listener->limit)
        instructions = here.listener->limit(here.vcpu, block, instructions);
    inner.translate(cpu, block, instructions);
    if (here.listener && here.listener->again && here.listener->again(here.vcpu, block))
        inner.translate(cpu, block, instructions);
    if (here.listener && here.listener->translated)
        here.listener->translated(here.vcpu, block);
}

/* Called for an instruction in the midst of a block, to write its address into the CPU's state. */
void restore_state_to_opc_arm(void *state, void *block, uint32_t *data) {
    if (here.asked) {
        here.answered = true;
        here.start = ((const struct engine_block *)block)->pc;
        here.pc = data[0];
        return;
    }
    if (!originals.fill)
        find_next();
    inner.restore_block(state, block, data);
}

/* The four ways to put a load or store into a block. */
#define ACCESS_OVERRIDE(name, original)                                                                      \
    void name(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index, int operation);     \
    void name(void *translator, uintptr_t value, uintptr_t address, uintptr_t mmu_index, int operation) {    \
        if (here.listener && here.listener->emit_access)                                                     \
            here.listener->emit_access(here.vcpu, translator, mmu_index);                                    \
        if (!originals.fill)                                                                                 \
            find_next();                                                                                     \
        inner.original(translator, value, address, mmu_index, operation);                                    \
    }
ACCESS_OVERRIDE(tcg_gen_qemu_ld_i32_arm, load_i32)
ACCESS_OVERRIDE(tcg_gen_qemu_ld_i64_arm, load_i64)
ACCESS_OVERRIDE(tcg_gen_qemu_st_i32_arm, store_i32)
ACCESS_OVERRIDE(tcg_gen_qemu_st_i64_arm, store_i64)

void helper_set_cp_reg_arm(void *state, const void *reg, uint32_t value) {
    const char *name = *(const char *const *)reg; /* ARMCPRegInfo begins with it */
    bool told = here.listener && here.listener->domains && !strcmp(name, "DACR");
    if (!originals.fill)
        find_next();
    if (told)
        here.listener->domains(here.vcpu, value, false);
    else if (here.listener && here.listener->asks && !strcmp(name, "ATS"))
        here.listener->asks(here.vcpu, value);
    inner.set_cp(state, reg, value);
    if (told)
        here.listener->domains(here.vcpu, value, true);
    else if (here.listener && here.listener->table_control && !strcmp(name, "TTBCR"))
        here.listener->table_control(here.vcpu, value);
}

void helper_cpsr_write_arm(void *state, uint32_t value, uint32_t mask) {
    if (here.listener && here.listener->mode && (mask & 0x1f))
        here.listener->mode(here.vcpu, value & 0x1f);
    if (!originals.fill)
        find_next();
    inner.set_cpsr(state, value, mask);
}

void helper_cpsr_write_eret_arm(void *state, uint32_t value) {
    if (here.listener && here.listener->mode)
        here.listener->mode(here.vcpu, value & 0x1f);
    if (!originals.fill)
        find_next();
    inner.return_to(state, value);
}
