/* The generic timer: time since power-on, one deadline, and idling. Times are nanoseconds unless named ticks.
 */
#ifndef GUEST_TIMER_H
#define GUEST_TIMER_H

#include <stdint.h>

#define MILLISECONDS 1000000ull
#define SECONDS 1000000000ull
#define NEVER UINT64_MAX

void timer_start(void);
uint32_t timer_frequency(void);
uint64_t timer_ticks(void);
uint64_t timer_now(void);
/* Waits for an interrupt or until `deadline`, unless an interrupt came since the last call. */
void idle_until(uint64_t deadline);
/* The sum of the time spent in idle_until(), and how often it woke. */
uint64_t idle_time(void);
uint32_t idle_wakeups(void);

#endif
