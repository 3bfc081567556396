/* The PL031, and dates. The clock counts seconds of Unix time; there are no time zones. */
#ifndef GUEST_RTC_H
#define GUEST_RTC_H

#include <stdint.h>

#include "board.h"

struct date {
    int year, month, day; /* month 1 to 12 */
    int weekday;          /* 0 is Sunday */
    int hour, minute, second;
};

static inline uint32_t rtc_seconds(void) {
    return read32(BOARD_RTC);
}
struct date date_of(uint32_t seconds);
extern const char *const month_names[12], *const weekday_names[7];

#endif
