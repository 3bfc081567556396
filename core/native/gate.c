/* The start of each translated block: counting, and the look whether the vCPU is wanted.
 *
 * The engine calls a block hook at each block start, and then a helper that looks for a stop request:
 * together a third of the time of a Linux boot. Here both calls are caught as the engine generates them, and
 * a few operations of its intermediate language take their place:
 *
 *     before = clock.bytes;  clock.bytes = before + size;
 *     if (before >= trigger) { block hook;  stop request? }
 *
 * `size` is an operand that the engine fills in when the block is complete, so it must be the call's own.
 *
 * Left out: hosts with 32-bit registers, and engines other than the pinned one: the numbers of operations are
 * of its build. Where the trial at start fails the hook is called at every block, which counts the same.
 */
#include "vcpu_private.h"

/* libunicorn 2.1.4's intermediate language (QEMU 5.0.1's tcg-opc.h and tcg.h, for a 64-bit host). */
enum { OP_SET_LABEL = 1, OP_LOAD_I64 = 73, OP_STORE_I64 = 77, OP_ADD_I64 = 78 };
enum { TYPE_I64 = 1, CONDITION_BELOW = 4 };

static void *constant_i64(const struct vcpu *vcpu, void *translator, uint64_t value) {
    return (char *)translator + vcpu->engine->constant_i64(translator, (int64_t)value);
}

/* A call of the block hook with a size that no block has: what it means is its own. */
static void emit_hook_call(const struct vcpu *vcpu, void *translator, uint32_t address, uint32_t size) {
    void *arguments[] = {
        constant_i64(vcpu, translator, (uintptr_t)vcpu->uc),
        constant_i64(vcpu, translator, address),
        (char *)translator + vcpu->engine->constant_i32(translator, (int32_t)size),
        constant_i64(vcpu, translator, (uintptr_t)vcpu),
    };
    vcpu->engine->emit_call(translator, (void *)vcpu_on_block, NULL, 4, arguments);
}

void gate_emit_user_access(struct vcpu *vcpu, void *translator) {
    emit_hook_call(vcpu, translator, 0, GATE_USER_ACCESS);
}

static void emit_block_start(struct vcpu *vcpu, void *translator, void *size) {
    const struct engine_functions *engine = vcpu->engine;
    void *before = engine->new_temporary(translator, TYPE_I64, false);
    void *after = engine->new_temporary(translator, TYPE_I64, false);
    void *trigger = engine->new_temporary(translator, TYPE_I64, false);
    uintptr_t clock = (uintptr_t)constant_i64(vcpu, translator, (uintptr_t)&vcpu->clock->bytes);
    uintptr_t gate = (uintptr_t)constant_i64(vcpu, translator, (uintptr_t)&vcpu->trigger);
    uintptr_t base = (uintptr_t)translator;
    /* With a breakpoint in it the hook is called in any case: as many operations, so that the block's end,
     * which their number may decide, stays where it is. */
    size_t compared =
        vcpu->debug.marking ? offsetof(struct vcpu, debug.always) : offsetof(struct vcpu, trigger);
    engine->emit_3(translator, OP_LOAD_I64, (uintptr_t)before, clock, 0);
    engine->emit_3(translator, OP_LOAD_I64, (uintptr_t)trigger, gate,
                   compared - offsetof(struct vcpu, trigger));
    engine->emit_3(translator, OP_STORE_I64, (uintptr_t)before, gate,
                   offsetof(struct vcpu, before) - offsetof(struct vcpu, trigger));
    engine->emit_extend(translator, (uintptr_t)after - base, (uintptr_t)size - base);
    engine->emit_3(translator, OP_ADD_I64, (uintptr_t)after, (uintptr_t)after, (uintptr_t)before);
    engine->emit_3(translator, OP_STORE_I64, (uintptr_t)after, clock, 0);
    vcpu->gate_label = engine->new_label(translator);
    /* Ends a basic block of the intermediate language: no temporary outlives it. */
    engine->emit_branch(translator, CONDITION_BELOW, (uintptr_t)before - base, (uintptr_t)trigger - base,
                        vcpu->gate_label);
    emit_hook_call(vcpu, translator, vcpu->debug.block_pc, GATE_TRIGGERED);
}

bool gate_emit(void *context, void *translator, void *function, int count, void **arguments) {
    struct vcpu *vcpu = context;
    vcpu->debug.translator = translator;
    if (function == vcpu->engine->check_exit && vcpu->debug.piece.translating &&
        vcpu->debug.piece.unchecked) {
        /* It was asked to stop, and runs to its end. */
        if (vcpu->gate_label)
            vcpu->engine->emit_1(translator, OP_SET_LABEL, (uintptr_t)vcpu->gate_label);
        vcpu->gate_label = NULL;
        if (vcpu->trace.to)
            vcpu_trace_emit_count(vcpu, translator);
        return true;
    }
    if (vcpu->no_gate)
        return false;
    if (function == (void *)vcpu_on_block && count == 4) {
        vcpu->counters.blocks++;
        emit_block_start(vcpu, translator, arguments[2]);
        return true;
    }
    if (function == vcpu->engine->check_exit && vcpu->gate_label) {
        /* The engine's stop check belongs to the rare path: its label comes behind it. */
        void *label = vcpu->gate_label;
        vcpu->gate_label = NULL;
        vcpu->engine->emit_call(translator, function, NULL, count, arguments);
        vcpu->engine->emit_1(translator, OP_SET_LABEL, (uintptr_t)label);
        if (vcpu->trace.to)
            vcpu_trace_emit_count(vcpu, translator);
        return true;
    }
    return false;
}

/* Runs two blocks of two and three instructions, gated, and looks at the count and at a stop. */
bool gate_works(const struct overrides *overrides, const struct engine_functions *engine) {
    static const uint32_t code[] = {0xe2800001, 0xeaffffff, 0xe2800001, 0xe2800001, 0xeafffffa};
    struct clock clock = {0};
    struct vcpu trial = {.clock = &clock, .overrides = overrides, .engine = engine, .limit = 5 * sizeof code};
    uc_hook hook;
    bool works = false;
    uint32_t version = uc_version(NULL, NULL);
    if (version != (2 << 24 | 1 << 16 | 4 << 8 | 255) || uc_open(UC_ARCH_ARM, UC_MODE_ARM, &trial.uc))
        return false;
    trial.trial = true;
    vcpu_arm_trigger(&trial);
    if (!uc_ctl_set_cpu_model(trial.uc, UC_CPU_ARM_CORTEX_A9) && !uc_ctl_exits_enable(trial.uc) &&
        !uc_ctl_set_tcg_buffer_size(trial.uc, 1 << 20) && !uc_ctl_tlb_mode(trial.uc, UC_TLB_CPU) &&
        !uc_mem_map(trial.uc, 0, PAGE_SIZE, UC_PROT_ALL) && !uc_mem_write(trial.uc, 0, code, sizeof code) &&
        !uc_hook_add(trial.uc, &hook, UC_HOOK_BLOCK, (void *)vcpu_on_block, &trial, 1, 0)) {
        static const struct overrides_listener listener = {.emit_call = gate_emit};
        overrides->listen(&listener, &trial);
        uc_err failed = uc_emu_start(trial.uc, 0, 0, 0, 0);
        overrides->listen(NULL, NULL);
        works = !failed && trial.stop == STOP_LEAVE && clock.bytes == trial.limit &&
                read_register(&trial, UC_ARM_REG_R0) == 5 * 3;
    }
    uc_close(trial.uc);
    return works;
}
