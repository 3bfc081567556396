/* A wire carries one level from a device to whatever listens: an interrupt line handed in at wiring time.
 * A device never knows which interrupt number, or which controller, is at the other end. */
#ifndef POCKETVISOR_WIRE_H
#define POCKETVISOR_WIRE_H

#include <stdbool.h>

struct wire {
    void (*set)(void *sink, unsigned line, bool level);
    void *sink;
    unsigned line;
};

static inline void wire_set(const struct wire *wire, bool level) {
    if (wire->set)
        wire->set(wire->sink, wire->line, level);
}

#endif
