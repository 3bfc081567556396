/* What the bus needs of a device. A device knows offsets, not addresses, and belongs to one guest. */
#ifndef POCKETVISOR_DEVICE_H
#define POCKETVISOR_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

struct device_ops {
    const char *name;
    /* size is 1, 2, 4 or 8 bytes; an access never crosses the end of the device's range. */
    uint64_t (*read)(void *device, uint32_t offset, unsigned size);
    void (*write)(void *device, uint32_t offset, unsigned size, uint64_t value);
    void (*reset)(void *device);
    /* The state struct starts at the device's own address; see state.h. */
    const struct state_field *fields;
    /* Called after a restore, to drive wires from the restored state; may be NULL. Answers false where the
     * restored state is not possible (an index out of range): the restore is then refused. */
    bool (*restored)(void *device);
};

#endif
