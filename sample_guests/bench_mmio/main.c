/* The cost of an access to a device with logic behind it, for benchmarks against other emulators.
 *
 * Each round runs between a BEGIN and an END line on the console: whoever watches takes the time between
 * the two, because a guest's own clock may not be the host's. Runs without a framebuffer.
 * Boot arguments: rounds=N accesses a round (200000), repeat=N (3). */
#include "board.h"
#include "console.h"
#include "psci.h"
#include "runtime.h"
#include "text.h"

enum { FLAGS = BOARD_UART + 0x18, MASK = BOARD_UART + 0x38, CPU_PRIORITY = BOARD_GIC_CPU + 0x04 };

static void empty_loop(uint32_t count) {
    do
        __asm__ volatile("" ::: "memory");
    while (--count);
}

static void read_flags(uint32_t count) {
    do
        read32(FLAGS);
    while (--count);
}

static void write_mask(uint32_t count) {
    do
        write32(MASK, 0x50);
    while (--count);
}

static void read_gic(uint32_t count) {
    do
        read32(CPU_PRIORITY);
    while (--count);
}

static void write_gic(uint32_t count) {
    do
        write32(CPU_PRIORITY, 0xf0);
    while (--count);
}

static uint32_t number(const char *name, uint32_t otherwise) {
    char value[16];
    uint32_t parsed;
    return board_argument(name, value, sizeof value) && text_number(value, &parsed) && parsed ? parsed
                                                                                              : otherwise;
}

void guest_main(void) {
    static const struct {
        const char *name;
        void (*run)(uint32_t count);
        uint32_t factor; /* the empty loop is too fast for the same count */
    } kinds[] = {
        {"empty", empty_loop, 10}, {"pl011-read", read_flags, 1}, {"pl011-write", write_mask, 1},
        {"gic-read", read_gic, 1}, {"gic-write", write_gic, 1},
    };
    uint32_t rounds = number("rounds", 200000), repeat = number("repeat", 3);
    print("bench_mmio: %u accesses a round\n", rounds);
    for (uint32_t turn = 0; turn < repeat; turn++)
        for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            uint32_t count = rounds * kinds[i].factor;
            print("BEGIN %s %u\n", kinds[i].name, count);
            kinds[i].run(count);
            print("END %s %u\n", kinds[i].name, count);
        }
    print("DONE\n");
}
