/* Undefined instructions: those that the board emulates, those that stay undefined, and the hints. */
#include "engine_guest.h"

static const struct promise traps[] = {
    {62500000, "MRC of CNTFRQ comes from the host"},
    {1, "MRRC of CNTVCT, low"},
    {7, "MRRC of CNTVCT, high"},
    {7, "MRCNE is skipped where equal"},
    {62500000, "MRCEQ is executed where equal"},
    {0xa, "MRC to the flags"},
    {3, "a register that the host refuses leaves its target alone"},
    {1, "and is undefined"},
    {0x00010001, "HVC, r0"},
    {11, "HVC, r1"},
    {22, "HVC, r2"},
    {33, "HVC, r3"},
    {0x00010001, "SMC"},
    {1, "HVC that the host refuses is undefined"},
    {2, "and so is SMC"},
    {(uint32_t)-20, "with its address and 4 in LR"},
    {2, "HVC in user mode is undefined"},
    {0x1234, "a register that user mode may read"},
    {1, "a register that user mode may not read"},
    {14, "UDIV 100, 7"},
    {0x7fffffff, "UDIV 0xffffffff, 2"},
    {0, "UDIV by zero"},
    {0xfffffff2, "SDIV -100, 7"},
    {0x80000000, "SDIV of the least number by -1"},
    {0xfffffffd, "SDIV 7, -2"},
    {0, "SDIV by zero"},
    {1, "UDIVNE is skipped where equal"},
    {9, "SDIVEQ is executed where equal"},
    {62500000, "Thumb: MRC"},
    {22, "Thumb: UDIV"},
    {0xfffffff2, "Thumb: SDIV"},
    {2, "Thumb: MRRC, low"},
    {7, "Thumb: MRRC, high"},
    {0x00020002, "Thumb: HVC and SMC"},
    {10, "IT block: UDIVEQ between skipped instructions"},
    {1, "IT block: SDIVEQ"},
    {5, "IT block: what follows an emulated instruction"},
    {62500000, "IT block: MRCEQ"},
    {4, "undefined: LR is the address and 4"},
    {0x600001d3, "undefined: SPSR"},
    {1, "undefined: its vector"},
    {2, "undefined in Thumb: LR is the address and 2"},
    {1, "VFMA is undefined"},
    {1, "VFP switched off is undefined"},
    {1, "VFP switched on is not"},
    {3, "BKPT is a prefetch abort"},
    {2, "BKPT: status"},
    {4, "BKPT: LR is the address and 4"},
    {2, "SVC: its vector"},
    {4, "SVC: LR is the address and 4"},
    {3, "YIELD, WFE and SEV go on, each once"},
    {3, "and in Thumb, in an IT block too"},
    {0, "and are no exceptions"},
    {1, "an undefined instruction between two hints"},
    {4, "the hint behind it"},
    {0x5e, "SCTLR.TE: exceptions begin in Thumb"},
    {0x5f, "SCTLR.V: exceptions at 0xffff0000"},
};

int main(void) {
    struct guest *guest = guest_open("traps");
    guest_map_usual(guest);
    guest_map(guest, TABLE, 0xfff, SECTION(0x40300000u, 0, 3, 0));
    guest_run(guest);
    CHECK_RESULTS(guest, traps);
    check(guest->written[0] == 0x55, "MCR reaches the host");
    check(guest->written[1] == 0x9abcdef012345678, "MCRR reaches the host");
    const struct vcpu_counters *counters = vcpu_get_counters(guest->vcpu);
    check(counters->traps == 26, "emulated instructions are counted: %lu", counters->traps);
    check(counters->undefined == 10, "undefined ones are counted: %lu", counters->undefined);
    guest_close(guest);
    return finish();
}
