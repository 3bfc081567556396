/* The time of day without asking the RTC at every frame: it is read now and then, and the timer counts on. */
#include "shell.h"

static uint32_t base_seconds;
static uint64_t base_time;

void wall_adjust(void) {
    uint64_t now = timer_now();
    uint32_t real = rtc_seconds(), ours = base_seconds + (uint32_t)((now - base_time) / SECONDS);
    if (base_seconds && real - ours + 1 <= 2)
        return; /* within a second: the two do not tick at the same instant */
    base_seconds = real;
    base_time = now;
}

uint32_t wall_seconds(uint64_t now) {
    return base_seconds + (uint32_t)((now - base_time) / SECONDS);
}

struct date wall_date(void) {
    return date_of(wall_seconds(timer_now()));
}

uint64_t wall_next_second(uint64_t now) {
    return base_time + ((now - base_time) / SECONDS + 1) * SECONDS;
}

uint64_t wall_next_minute(uint64_t now) {
    return base_time + ((now - base_time) / SECONDS + 60 - wall_seconds(now) % 60) * SECONDS;
}
