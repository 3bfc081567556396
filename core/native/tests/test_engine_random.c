/* Garbage never ends the vCPU: random instructions in all modes, ARM and Thumb, with the MMU on and off,
 * random system registers and page tables among it. Each round runs a while and is thrown away. */
#include <stdlib.h>
#include <string.h>

#include "engine_guest.h"

enum { ROUNDS = 300, ROUND_BYTES = 40000 };

static uint64_t state = 88172645463325252u;

static uint32_t random_word(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static bool leave(struct guest *guest) {
    (void)guest;
    return true;
}

/* Mostly instructions of a kind that runs on, with system registers and jumps sprinkled in. */
static uint32_t random_instruction(bool thumb) {
    uint32_t word = random_word();
    switch (random_word() % 8) {
    case 0: /* coprocessors 14 and 15: reads and writes of whatever there is */
        return thumb ? (0x0e10u | (word & 0xf1ff)) << 16 | 0xee00 | (word >> 16 & 0xff)
                     : 0xee000e10 | (word & 0x00fff1ef);
    case 1: /* loads and stores */
        return thumb ? (word & 0x3fff3fff) | 0x60006000 : 0xe4000000 | (word & 0x03ffffff);
    case 2: /* branches nearby */
        return thumb ? 0xe000d000 | (word & 0x007f0f7f) : 0xea000000 | (word & 0x3f);
    case 3: /* CPS, MSR, hints and their neighbours */
        return thumb ? 0xbf00b660 | (word & 0x00ff001f) : 0xe320f000 | (word & 0x00cf0fff);
    default:
        return word;
    }
}

static void test_round(struct guest *guest, unsigned round) {
    bool thumb = round & 1;
    for (uint32_t at = 0; at < RAM_SIZE / 16; at += 4)
        guest_set_word(guest, RAM_BASE + at, random_instruction(thumb));
    for (uint32_t i = 0; i < 4096; i++) /* page tables that lead into memory most of the time */
        guest_map(guest, TABLE, i,
                  random_word() % 8
                      ? SECTION(RAM_BASE + (i % 16 << 20), 0, random_word() & 7, random_word() & 1)
                      : random_word());
    vcpu_reset(guest->vcpu);
    vcpu_set_register(guest->vcpu, guest_register("ttbr0"), TABLE);
    vcpu_set_register(guest->vcpu, guest_register("dacr"), 0x55555555);
    vcpu_set_register(guest->vcpu, guest_register("vbar"), RAM_BASE + (random_word() & 0x3ffe0));
    vcpu_set_register(guest->vcpu, guest_register("sctlr"),
                      0x00c50078 | (round >> 1 & 1) | (random_word() % 4 ? 0 : random_word() & 0x62002002));
    for (int i = 0; i < 15; i++)
        vcpu_set_register(guest->vcpu, vcpu_registers[i].id, RAM_BASE + (random_word() & 0xffffff));
    vcpu_set_register(guest->vcpu, guest_register("pc"), (RAM_BASE + (random_word() & 0xffffc)) | thumb);
    if (round % 4 ==
        0) { /* with VFP and NEON on: mvn r0, #0; mcr p15, 0, r0, c1, c0, 2; mov; vmsr fpexc, r0 */
        const uint32_t enable[] = {0xe3e00000, 0xee010f50, 0xe3a00101, 0xeee80a10};
        uint32_t pc = vcpu_get_register(guest->vcpu, guest_register("pc"));
        memcpy(guest->ram + (pc - RAM_BASE), enable, sizeof enable);
    }
    guest->irq_at = UINT64_MAX;
    uint64_t end = guest->clock.bytes + ROUND_BYTES;
    for (unsigned exits = 0; guest->clock.bytes < end && exits < 1000; exits++) {
        vcpu_set_limit(guest->vcpu, end);
        enum vcpu_stop stop = vcpu_run(guest->vcpu);
        check(stop != VCPU_ERROR, "round %u: garbage is the guest's matter: %s", round,
              vcpu_error(guest->vcpu));
        if (stop == VCPU_ERROR)
            return;
        vcpu_set_irq(guest->vcpu, exits & 1);
    }
}

int main(int count, char **arguments) {
    struct guest *guest = guest_open("work");
    unsigned rounds = count > 1 ? (unsigned)atoi(arguments[1]) : ROUNDS;
    if (count > 2)
        state += strtoull(arguments[2], NULL, 0);
    guest->attend = leave;
    for (unsigned round = 0; round < rounds; round++)
        test_round(guest, round);
    const struct vcpu_counters *counters = vcpu_get_counters(guest->vcpu);
    check(counters->undefined > rounds && counters->data_aborts > rounds &&
              counters->prefetch_aborts > rounds,
          "the rounds met faults: %lu, %lu, %lu", counters->undefined, counters->data_aborts,
          counters->prefetch_aborts);
    printf("%lu ticks, %lu undefined, %lu data aborts, %lu prefetch aborts, %lu external, %lu supervisor "
           "calls\n",
           guest->clock.bytes / 4, counters->undefined, counters->data_aborts, counters->prefetch_aborts,
           counters->external_aborts, counters->supervisor_calls);
    guest_close(guest);
    return finish();
}
