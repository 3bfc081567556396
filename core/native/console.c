/* See console.h. Left out: anything about what the bytes mean. */
#include "console.h"

#include <stdlib.h>
#include <string.h>

bool console_init(struct console *console) {
    memset(console, 0, sizeof *console);
    pthread_mutex_init(&console->lock, NULL);
    console->ring = malloc(CONSOLE_RING);
    return console->ring != NULL;
}

void console_free(struct console *console) {
    free(console->ring);
    pthread_mutex_destroy(&console->lock);
}

bool console_put(struct console *console, const uint8_t *bytes, size_t size) {
    pthread_mutex_lock(&console->lock);
    bool first = console->length == 0 && size;
    for (size_t index = 0; index < size; index++) {
        console->ring[(console->at + console->length) % CONSOLE_RING] = bytes[index];
        if (console->length < CONSOLE_RING) {
            console->length++;
        } else {
            console->at = (console->at + 1) % CONSOLE_RING;
            console->dropped++;
        }
    }
    pthread_mutex_unlock(&console->lock);
    return first;
}

size_t console_length(struct console *console) {
    pthread_mutex_lock(&console->lock);
    size_t length = console->length;
    pthread_mutex_unlock(&console->lock);
    return length;
}

size_t console_take(struct console *console, uint8_t *bytes, size_t size) {
    pthread_mutex_lock(&console->lock);
    size_t taken = size < console->length ? size : console->length;
    size_t straight = CONSOLE_RING - console->at < taken ? CONSOLE_RING - console->at : taken;
    memcpy(bytes, console->ring + console->at, straight);
    memcpy(bytes + straight, console->ring, taken - straight);
    console->at = (console->at + taken) % CONSOLE_RING;
    console->length -= taken;
    pthread_mutex_unlock(&console->lock);
    return taken;
}
