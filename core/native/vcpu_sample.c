/* A sample of where the guest is: its registers, its callers as far as frame pointers tell, and a piece of
 * its stack.
 *
 * Left out: memory that is still on its way, for a sample must not wait; unwinding by tables, which is for
 * who reads the sample. */
#include "vcpu_private.h"

enum { STACK_MAX = 64 << 10 };

/* Whether a call is right before this address, so that it may be a return address. */
static bool follows_call(struct vcpu *vcpu, uint32_t address, bool user) {
    uint32_t first, second;
    if (!(address & 1)) {
        if (address & 2 || !vcpu_trace_peek(vcpu, address - 4, 2, user, &second) ||
            !vcpu_trace_peek(vcpu, address - 2, 2, user, &first))
            return false;
        uint32_t word = first << 16 | second;
        return (word & 0x0f000000) == 0x0b000000 || (word & 0x0ffffff0) == 0x012fff30 ||
               (word & 0xfe000000) == 0xfa000000;
    }
    address &= ~1u;
    if (vcpu_trace_peek(vcpu, address - 2, 2, user, &second) && (second & 0xff87) == 0x4780)
        return true; /* blx rm */
    return vcpu_trace_peek(vcpu, address - 4, 2, user, &first) && (first & 0xf800) == 0xf000 &&
           (second & 0xc000) == 0xc000;
}

/* Where a compiler's code keeps the return address and the last frame, relative to a frame pointer: gcc's,
 * clang's and Thumb's, and the kernel's of old (APCS). */
static const struct {
    int back, last;
} layouts[] = {{0, -4}, {4, 0}, {-4, -12}};

static uint32_t walk_frames(struct vcpu *vcpu, uint32_t frame, uint32_t stack, bool user, uint32_t *frames) {
    uint32_t count = 0, back, last;
    while (count < TRACE_FRAMES && !(frame & 3) && frame - stack < STACK_MAX) {
        bool found = false;
        for (unsigned i = 0; i < 3 && !found; i++)
            found = vcpu_trace_peek(vcpu, frame + (uint32_t)layouts[i].back, 4, user, &back) &&
                    vcpu_trace_peek(vcpu, frame + (uint32_t)layouts[i].last, 4, user, &last) &&
                    (!last || (last > frame && last - frame < STACK_MAX)) && follows_call(vcpu, back, user);
        if (!found)
            break;
        frames[count++] = back;
        frame = last;
    }
    return count;
}

static uint32_t copy_stack(struct vcpu *vcpu, uint32_t stack, bool user, uint8_t *copy) {
    uint32_t size = 0;
    while (size < TRACE_STACK) {
        uint32_t at = stack + size, left = PAGE_SIZE - (at & (PAGE_SIZE - 1)), physical;
        uint32_t part = left < TRACE_STACK - size ? left : TRACE_STACK - size;
        int rights;
        if (at < stack || translate_walk(vcpu, at, ACCESS_READ, user, &physical, &rights) ||
            !memory_load(vcpu, physical, copy + size, part))
            break;
        size += part;
    }
    return size;
}

void vcpu_trace_sample(struct vcpu *vcpu) {
    struct trace_sample sample = {
        .position = vcpu->clock->bytes,
        .clock_ns = clock_now_ns(vcpu->clock),
        .pc = read_register(vcpu, UC_ARM_REG_PC),
        .lr = read_register(vcpu, UC_ARM_REG_LR),
        .sp = read_register(vcpu, UC_ARM_REG_SP),
        .cpsr = read_register(vcpu, UC_ARM_REG_CPSR),
        .context = cp15_read(vcpu, CP15_CONTEXTIDR),
    };
    bool user = (sample.cpsr & MODE_MASK) == MODE_USER;
    uint32_t frame = read_register(vcpu, sample.cpsr & CPSR_T ? UC_ARM_REG_R7 : UC_ARM_REG_R11);
    static const int saved[] = {UC_ARM_REG_R4, UC_ARM_REG_R5, UC_ARM_REG_R6,  UC_ARM_REG_R7,
                                UC_ARM_REG_R8, UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11};
    for (unsigned i = 0; i < 8; i++)
        sample.saved[i] = read_register(vcpu, saved[i]);
    if (vcpu_trace_all_there(vcpu))
        sample.stack_size = copy_stack(vcpu, sample.sp, user, sample.stack);
    if (vcpu_trace_all_there(vcpu))
        sample.frame_count = walk_frames(vcpu, frame, sample.sp, user, sample.frames);
    trace_sample(vcpu->trace.to, &sample);
}
