/* The guest's virtual clock: counted ticks at the handset's rate, plus corrections (each logged).
 * One tick is four bytes of executed code: an ARM instruction is one tick, a 16-bit Thumb instruction half.
 * The engine counts bytes, so that nothing is divided per block. */
#ifndef POCKETVISOR_CLOCK_H
#define POCKETVISOR_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t bytes; /* bytes of code executed since power on; ticks = bytes / 4 */
    uint64_t base;  /* value of `bytes` from which on tick_ps holds: a guest moves between handsets */
    uint64_t
        correction;   /* nanoseconds added to time counted from there: idle time, time the host took away */
    uint32_t tick_ps; /* picoseconds a tick takes at the handset's rate: 1e6 / MIPS */
};

static inline uint64_t clock_ticks(const struct clock *clock) {
    return clock->bytes >> 2;
}

/* Nanoseconds since power on. 128 bits hold the product for every uptime. */
static inline uint64_t clock_now_ns(const struct clock *clock) {
    return (uint64_t)((unsigned __int128)(clock->bytes - clock->base) * clock->tick_ps / 4000) +
           clock->correction;
}

/* The first value of `bytes` at which clock_now_ns() is at least `ns`. */
static inline uint64_t clock_bytes_at(const struct clock *clock, uint64_t ns) {
    if (ns <= clock->correction)
        return clock->base;
    unsigned __int128 scaled = (unsigned __int128)(ns - clock->correction) * 4000;
    unsigned __int128 bytes = (scaled + clock->tick_ps - 1) / clock->tick_ps + clock->base;
    return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}

/* Goes on at another rate from here; the time stays. */
static inline void clock_set_rate(struct clock *clock, uint32_t tick_ps) {
    if (tick_ps == clock->tick_ps)
        return;
    clock->correction = clock_now_ns(clock);
    clock->base = clock->bytes;
    clock->tick_ps = tick_ps;
}

#endif
