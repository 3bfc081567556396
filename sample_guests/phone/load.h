/* How busy the processor is: the share of each second not spent waiting. */
#ifndef PHONE_LOAD_H
#define PHONE_LOAD_H

#include <stdint.h>

enum { LOAD_SAMPLES = 60 };

/* Takes a sample where the last is a second old; true where it did. */
int load_sample(uint64_t now);
/* Percent; 0 is the newest. -1: none yet. */
int load_at(int seconds_ago);
uint64_t load_next(void);

#endif
