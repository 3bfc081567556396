/* virtio-rng: numbers that nobody foresees, not even from an older state of this guest. */
#ifndef GUEST_VIRTIO_RNG_H
#define GUEST_VIRTIO_RNG_H

#include <stdbool.h>
#include <stdint.h>

/* False where the board has none. */
bool virtio_rng_start(void);
/* Waits for them. They are asked for when they are wanted and never kept: a guest that goes on from a
 * snapshot twice gets others each time. */
void virtio_rng_read(void *to, uint32_t bytes);

#endif
