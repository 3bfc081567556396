#include "load.h"
#include "timer.h"

static int8_t samples[LOAD_SAMPLES];
static uint32_t count;
static uint64_t last_time, last_idle;

int load_sample(uint64_t now) {
    if (now - last_time < SECONDS)
        return 0;
    uint32_t passed = (uint32_t)((now - last_time) / 1000),
             idle = (uint32_t)((idle_time() - last_idle) / 1000);
    uint32_t percent = passed > idle ? (uint32_t)((uint64_t)(passed - idle) * 100 / passed) : 0;
    samples[count++ % LOAD_SAMPLES] = (int8_t)percent;
    last_time = now;
    last_idle = idle_time();
    return 1;
}

int load_at(int seconds_ago) {
    if ((uint32_t)seconds_ago >= count || seconds_ago >= LOAD_SAMPLES)
        return -1;
    return samples[(count - 1 - (uint32_t)seconds_ago) % LOAD_SAMPLES];
}

uint64_t load_next(void) {
    return last_time + SECONDS;
}
