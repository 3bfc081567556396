/* Copied text, here and on the handset's clipboard. The protocol is written down in Pocketvisor's
 * clipboard_wire.py. */
#ifndef PHONE_CLIPBOARD_H
#define PHONE_CLIPBOARD_H

#include <stdint.h>

void clipboard_start(void);
/* Reads what has come. */
void clipboard_poll(uint64_t now);
/* When to poll though nothing comes. */
uint64_t clipboard_wake(void);
/* Keeps the text, and tells the handset. Where its policy does not let it out the user sees that. */
void clipboard_copy(const char *text);
/* `take` gets the text that was copied last, wherever that was, as soon as it is here. */
void clipboard_paste(void (*take)(const char *text), uint64_t now);

#endif
