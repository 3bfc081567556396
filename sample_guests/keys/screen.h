/* What the service shows on its panel: its callers, and what they owe. */
#ifndef KEYS_SCREEN_H
#define KEYS_SCREEN_H

#include <stdint.h>

void screen_start(void);
/* Draws where either is another than last time, a few times a second at most; when to come again. `callers`:
 * how often one has come or gone. */
uint64_t screen_show(uint32_t answered, uint32_t callers);

#endif
