/* The board as a guest sees it, checked from inside: each check says what it promises, and the last line is
 * PASS or FAIL, followed by a power-off. Also a pattern for test images of one's own: print a verdict, then
 * power off, and let the test wait for the one or the other.
 *
 * Boot argument: fail=1 fails on purpose, to test what watches. */
#include "board.h"
#include "console.h"
#include "exceptions.h"
#include "gic.h"
#include "heap.h"
#include "psci.h"
#include "rtc.h"
#include "runtime.h"
#include "text.h"
#include "timer.h"

static unsigned failures;

static void check(bool held, const char *promise) {
    print("%s  %s\n", held ? "ok  " : "FAIL", promise);
    failures += !held;
}

/* Where an access is expected to abort, the hook notes it and steps over the instruction. */
static volatile uint32_t aborts, last_address, last_kind;

static bool step_over(struct exception_frame *frame) {
    aborts++;
    last_kind = frame->kind;
    last_address = exception_address(frame);
    if (frame->kind == EXCEPTION_PREFETCH) {
        frame->pc = frame->lr;
    } else if (frame->kind != EXCEPTION_SVC) {
        frame->pc += 4;
    }
    return true;
}

static bool aborts_at(uint32_t address, bool writes) {
    aborts = 0;
    if (writes)
        write32(address, 1);
    else
        read32(address);
    return aborts == 1 && last_address == address && last_kind == EXCEPTION_DATA;
}

static void test_memory(void) {
    extern char image_start[], rodata_start[];
    uint32_t *memory = heap_take(1 << 20);
    bool same = true;
    for (uint32_t i = 0; i < 1 << 18; i++)
        memory[i] = i * 2654435761u;
    for (uint32_t i = 0; i < 1 << 18; i++)
        same &= memory[i] == i * 2654435761u;
    check(same, "a mebibyte of RAM keeps what is written to it");
    check(board.ram_bytes >= 8 << 20, "the device tree says how much RAM there is");
    check(aborts_at(0x10, false), "reading address 0x10, which is not mapped, aborts there");
    check(aborts_at((uint32_t)image_start, true), "writing the program's text aborts there");
    check(aborts_at((uint32_t)rodata_start + 4, true), "writing constants aborts there");
    aborts = 0;
    memory[0] = 0xe12fff1e; /* bx lr */
    ((void (*)(void))memory)();
    check(aborts == 1 && last_kind == EXCEPTION_PREFETCH && last_address == (uint32_t)memory,
          "executing data aborts there");
}

static void test_traps(void) {
    aborts = 0;
    __asm__ volatile(".inst 0xe7f000f0"); /* permanently undefined */
    check(aborts == 1 && last_kind == EXCEPTION_UNDEFINED, "an undefined instruction is an exception");
    aborts = 0;
    __asm__ volatile("svc #0" ::: "lr");
    check(aborts == 1 && last_kind == EXCEPTION_SVC, "a supervisor call is an exception");
    check(hypercall(PSCI_VERSION) >= 2, "PSCI answers with its version");
    check((int32_t)hypercall(0x8400ffff) == -1, "PSCI refuses a function it does not have");
}

static void test_time(void) {
    check(timer_frequency() == 62500000, "the timer runs at 62.5 MHz");
    uint64_t before = timer_ticks(), after = timer_ticks();
    check(after >= before, "the counter does not run backwards");
    uint64_t start = timer_now(), deadline = start + 20 * MILLISECONDS;
    while (timer_now() < deadline)
        idle_until(deadline);
    check(timer_now() >= deadline, "a wait of 20 ms does not end early");
    check(idle_wakeups() > 0, "WFI returns when the timer's interrupt is due");
    check(rtc_seconds() > 0, "the RTC knows a time");
}

static void test_devices(void) {
    uint32_t part = 0;
    for (uint32_t i = 0; i < 4; i++)
        part |= (read32(BOARD_UART + 0xfe0 + 4 * i) & 0xff) << (8 * i);
    check((part & 0xfffff) == 0x41011, "the UART says it is a PL011");
    check((read32(BOARD_RTC + 0xfe0) & 0xff) == 0x31, "the RTC says it is a PL031");
    check((read32(BOARD_GPIO + 0xfe0) & 0xff) == 0x61, "the GPIO block says it is a PL061");
    check((read32(BOARD_GIC_CPU) & 1) == 1, "the interrupt controller is on");
    check(board.virtio_count == 32, "the device tree has 32 virtio slots");
    check(read32(BOARD_VIRTIO) == 0x74726976, "the first virtio slot has the magic value");
}

void guest_main(void) {
    char value[8];
    print("self-test\n");
    exception_hook = step_over;
    test_memory();
    test_traps();
    test_time();
    test_devices();
    if (board_argument("fail", value, sizeof value))
        check(false, "no failure was asked for");
    print(failures ? "FAIL %u\n" : "PASS\n", failures);
}
