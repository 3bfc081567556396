/* A device of virtio-mmio, version 2, and its virtqueues, for drivers whose buffers are single and their own:
 * buffer N is descriptor N. Leaves out chains, indirect descriptors and all features but VERSION_1. */
#ifndef GUEST_VIRTIO_QUEUE_H
#define GUEST_VIRTIO_QUEUE_H

#include "virtio_mmio.h"

#include <stdbool.h>
#include <stdint.h>

enum { VIRTIO_BUFFERS = 16 };

struct virtio_queue {
    uint32_t base;
    unsigned number;
    uint16_t seen;
    struct virtq_descriptor descriptors[VIRTIO_BUFFERS] __attribute__((aligned(16)));
    struct {
        struct virtq_available head;
        uint16_t ring[VIRTIO_BUFFERS + 1];
    } available __attribute__((aligned(4)));
    struct {
        struct virtq_used head;
        uint32_t ring[2 * VIRTIO_BUFFERS + 1];
    } used __attribute__((aligned(4)));
};

/* The first device of that kind, with its features agreed on and its interrupt connected; its registers, or 0
 * where there is none. */
uint32_t virtio_open(unsigned device_id);
bool virtio_queue_start(struct virtio_queue *queue, uint32_t base, unsigned number);
/* After its queues have started. */
void virtio_go(uint32_t base);
/* Hands a buffer to the device, for it to read or, if `writable`, to write. */
void virtio_queue_put(struct virtio_queue *queue, unsigned buffer, const void *at, uint32_t bytes,
                      bool writable);
void virtio_queue_kick(struct virtio_queue *queue);
/* The next buffer that the device is done with, and how much it wrote; -1 where there is none. */
int virtio_queue_take(struct virtio_queue *queue, uint32_t *bytes);

#endif
