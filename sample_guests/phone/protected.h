/* A photograph that this phone cannot open by itself: the keys service in another guest of the handset does,
 * as often as its licence says. The messages are those of keys/PROTOCOL.md. */
#ifndef PHONE_PROTECTED_H
#define PHONE_PROTECTED_H

#include <stdint.h>

void protected_start(void);
/* Hears what has come from the service. */
void protected_poll(uint64_t now);
/* When to poll though nothing comes. */
uint64_t protected_wake(void);
/* For the console: asks for the photograph, or puts it away, and says how it is. */
void protected_ask(void);
void protected_hide(void);
void protected_print(void);

#endif
