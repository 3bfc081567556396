/* A picture that changes everywhere, 60 times a second: what a benchmark of the panel is made of. */
#ifndef PHONE_ANIMATION_H
#define PHONE_ANIMATION_H

#include <stdbool.h>
#include <stdint.h>

void animation_set(bool on);
bool animation_on(void);
void animation_frame(uint64_t now);

#endif
