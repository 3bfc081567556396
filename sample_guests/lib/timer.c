#include "timer.h"
#include "board.h"
#include "gic.h"

static uint32_t frequency;
static uint64_t first_tick, total_idle;
static uint32_t wakeups;

uint32_t timer_frequency(void) {
    return frequency;
}
uint64_t idle_time(void) {
    return total_idle;
}
uint32_t idle_wakeups(void) {
    return wakeups;
}

uint64_t timer_ticks(void) {
    uint32_t low, high;
    __asm__ volatile("isb\n mrrc p15, 1, %0, %1, c14" : "=r"(low), "=r"(high)); /* CNTVCT */
    return (uint64_t)high << 32 | low;
}

/* The board's timer runs at 62.5 MHz: 16 ns a tick, without a division. */
static uint64_t nanoseconds(uint64_t ticks) {
    return frequency == 62500000 ? ticks * 16
                                 : ticks / frequency * SECONDS + ticks % frequency * SECONDS / frequency;
}

uint64_t timer_now(void) {
    return nanoseconds(timer_ticks() - first_tick);
}

static void control(uint32_t value) {
    __asm__ volatile("mcr p15, 0, %0, c14, c3, 1\n isb" ::"r"(value));
}

static void timer_interrupt(unsigned irq) {
    (void)irq;
    control(0); /* the line is a level: it drops when the timer is off */
}

void timer_start(void) {
    __asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frequency));
    if (!frequency)
        frequency = 62500000;
    first_tick = timer_ticks();
    gic_connect(IRQ_VIRTUAL_TIMER, timer_interrupt);
}

void idle_until(uint64_t deadline) {
    uint64_t start = timer_now();
    if (deadline <= start)
        return;
    if (deadline != NEVER) {
        uint64_t compare =
            first_tick + (frequency == 62500000
                              ? (deadline + 15) / 16
                              : deadline / SECONDS * frequency + deadline % SECONDS * frequency / SECONDS);
        __asm__ volatile("mcrr p15, 3, %0, %1, c14" ::"r"((uint32_t)compare), "r"((uint32_t)(compare >> 32)));
        control(1);
    } else {
        control(0);
    }
    interrupts_off();
    if (!gic_pending) {
        __asm__ volatile("dsb\n wfi" ::: "memory");
        wakeups++;
    }
    interrupts_on();
    __asm__ volatile("isb"); /* the interrupt is taken here */
    gic_pending = false;
    total_idle += timer_now() - start;
}
