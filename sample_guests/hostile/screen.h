/* The panel: a button for each way to misbehave. */
#ifndef HOSTILE_SCREEN_H
#define HOSTILE_SCREEN_H

#include "modes.h"

#include <stdbool.h>
#include <stdint.h>

/* A board without a panel is well: everything here then does nothing. */
void screen_start(void);
/* The mode whose button is at x, y, or NULL; the button is drawn pressed. */
const struct mode *screen_press(int x, int y);
void screen_release(void);
void screen_running(const struct mode *mode);
void screen_noise(uint32_t seed);

#endif
