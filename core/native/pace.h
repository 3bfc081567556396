/* Keeps a guest's time and real time together: how far it may run before the next look, when it has to wait,
 * what its clock lacks. Works on numbers alone; the machine sleeps and corrects.
 *
 * Left out: any memory of the past beyond a few milliseconds: time that a pause or a slow host took is not
 * made up for by running faster.
 */
#ifndef POCKETVISOR_PACE_H
#define POCKETVISOR_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_SLICE_NS = 2000000,  /* real time between two looks */
    PACE_SLACK_NS = 2000000,  /* a clock this far behind is corrected */
    PACE_CREDIT_NS = 2000000, /* a guest that used less than its rate may catch up by this much */
    PACE_SLEEP_NS = 1000000,  /* too far ahead by this much: worth a sleep */
};

struct pace {
    /* At real time `real`, the guest's clock should have shown `virtual_ns`. */
    uint64_t real, virtual_ns;
    /* The last look. */
    uint64_t looked_real, looked_bytes;
    uint64_t slice_bytes; /* what the host runs in a slice */
    int64_t ahead_ns;     /* of the rate; negative: credit */
};

static inline uint64_t pace_slice_at(const struct pace *pace) {
    return pace->looked_bytes + pace->slice_bytes;
}

/* Real and virtual time start together here (again). */
void pace_anchor(struct pace *pace, uint64_t real, uint64_t virtual_ns);
/* Begins counting what is run from here, at a rate in ticks a second (0 for none). */
void pace_begin(struct pace *pace, uint64_t real, uint64_t bytes, uint64_t rate);
/* Takes a look, which ends a slice where it was one: learns the host's speed and charges the rate. */
void pace_look(struct pace *pace, uint64_t real, uint64_t bytes, uint64_t rate);
/* Real time passed without running: a sleep. */
void pace_slept(struct pace *pace, uint64_t real);
/* Nanoseconds that the guest's clock is behind; 0 where that is less than `slack`. A clock that ran ahead
 * stays ahead: real time is counted from there. */
uint64_t pace_behind(struct pace *pace, uint64_t real, uint64_t virtual_ns, uint64_t slack);
/* The real time at which the guest's clock is to show `virtual_ns`. */
uint64_t pace_real_at(const struct pace *pace, uint64_t virtual_ns);

#endif
