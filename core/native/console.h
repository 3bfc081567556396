/* Output of a serial line on its way to the host: bounded, oldest dropped, safe between threads. */
#ifndef POCKETVISOR_CONSOLE_H
#define POCKETVISOR_CONSOLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONSOLE_RING = 1 << 20 };

struct console {
    pthread_mutex_t lock;
    uint8_t *ring; /* CONSOLE_RING bytes */
    size_t at, length;
    uint64_t dropped;
};

bool console_init(struct console *console);
void console_free(struct console *console);
/* True where nothing waited before: whoever takes it has to be told. */
bool console_put(struct console *console, const uint8_t *bytes, size_t size);
size_t console_length(struct console *console);
/* Takes up to `size` bytes, oldest first. */
size_t console_take(struct console *console, uint8_t *bytes, size_t size);

#endif
