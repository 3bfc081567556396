/* See pace.h. */
#include "pace.h"

enum { LEAST_SLICE = 4096, MOST_SLICE = 64 << 20, FIRST_SLICE = 1 << 18 };

void pace_anchor(struct pace *pace, uint64_t real, uint64_t virtual_ns) {
    pace->real = real;
    pace->virtual_ns = virtual_ns;
}

/* A slice must not be longer than the rate allows in its time. */
static void limit_slice(struct pace *pace, uint64_t rate) {
    if (!rate)
        return;
    uint64_t slice = (uint64_t)((unsigned __int128)rate * 4 * PACE_SLICE_NS / 1000000000);
    slice = slice < LEAST_SLICE ? LEAST_SLICE : slice;
    pace->slice_bytes = pace->slice_bytes < slice ? pace->slice_bytes : slice;
}

void pace_begin(struct pace *pace, uint64_t real, uint64_t bytes, uint64_t rate) {
    pace->looked_real = real;
    pace->looked_bytes = bytes;
    if (!pace->slice_bytes)
        pace->slice_bytes = FIRST_SLICE;
    limit_slice(pace, rate);
}

/* Slices follow the host's speed by at most a factor of two at a time, so that one hiccup means little. */
static void learn(struct pace *pace, uint64_t ran, uint64_t took) {
    if (ran < pace->slice_bytes / 2 || !took)
        return; /* ended early: says nothing */
    uint64_t fitting = (uint64_t)((unsigned __int128)ran * PACE_SLICE_NS / took);
    uint64_t least = pace->slice_bytes / 2, most = pace->slice_bytes * 2;
    fitting = fitting < least ? least : fitting > most ? most : fitting;
    pace->slice_bytes = fitting < LEAST_SLICE ? LEAST_SLICE : fitting > MOST_SLICE ? MOST_SLICE : fitting;
}

static void pass(struct pace *pace, int64_t ns) {
    pace->ahead_ns += ns;
    if (pace->ahead_ns < -PACE_CREDIT_NS)
        pace->ahead_ns = -PACE_CREDIT_NS;
}

void pace_look(struct pace *pace, uint64_t real, uint64_t bytes, uint64_t rate) {
    uint64_t ran = bytes - pace->looked_bytes, took = real - pace->looked_real;
    learn(pace, ran, took);
    if (rate) {
        uint64_t due = (uint64_t)((unsigned __int128)ran * (1000000000 / 4) / rate);
        pass(pace, (int64_t)(due < INT64_MAX / 2 ? due : INT64_MAX / 2));
        limit_slice(pace, rate);
    } else {
        pace->ahead_ns = 0;
    }
    pass(pace, -(int64_t)took);
    pace->looked_real = real;
    pace->looked_bytes = bytes;
}

void pace_slept(struct pace *pace, uint64_t real) {
    pass(pace, -(int64_t)(real - pace->looked_real));
    pace->looked_real = real;
}

uint64_t pace_behind(struct pace *pace, uint64_t real, uint64_t virtual_ns, uint64_t slack) {
    uint64_t target = pace->virtual_ns + (real - pace->real);
    if (virtual_ns > target + PACE_SLACK_NS)
        pace_anchor(pace, real, virtual_ns);
    return target > virtual_ns + slack ? target - virtual_ns : 0;
}

uint64_t pace_real_at(const struct pace *pace, uint64_t virtual_ns) {
    int64_t after = (int64_t)(virtual_ns - pace->virtual_ns);
    if (after < 0)
        return pace->real;
    uint64_t most = UINT64_MAX - pace->real;
    return (uint64_t)after > most ? UINT64_MAX : pace->real + (uint64_t)after;
}
