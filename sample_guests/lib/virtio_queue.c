#include "virtio_queue.h"
#include "board.h"
#include "gic.h"

#include <stddef.h>

static void barrier(void) {
    __asm__ volatile("dmb" ::: "memory");
}

static void acknowledge(unsigned irq) {
    for (int i = 0; i < board.virtio_count; i++)
        if (board.virtio[i].irq == irq) {
            uint32_t base = board.virtio[i].base;
            write32(base + VIRTIO_INTERRUPT_ACKNOWLEDGE, read32(base + VIRTIO_INTERRUPT_STATUS));
        }
}

static bool agree(uint32_t base) {
    write32(base + VIRTIO_STATUS, 0);
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    write32(base + VIRTIO_DRIVER_FEATURES_SELECT, 0);
    write32(base + VIRTIO_DRIVER_FEATURES, 0);
    write32(base + VIRTIO_DRIVER_FEATURES_SELECT, 1);
    write32(base + VIRTIO_DRIVER_FEATURES, 1); /* VERSION_1 */
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    return read32(base + VIRTIO_STATUS) & STATUS_FEATURES_OK;
}

uint32_t virtio_open(unsigned device_id) {
    for (int i = 0; i < board.virtio_count; i++) {
        uint32_t base = board.virtio[i].base;
        if (read32(base + VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE || read32(base + VIRTIO_VERSION) != 2 ||
            read32(base + VIRTIO_DEVICE_ID) != device_id || !agree(base))
            continue;
        gic_connect(board.virtio[i].irq, acknowledge);
        return base;
    }
    return 0;
}

bool virtio_queue_start(struct virtio_queue *queue, uint32_t base, unsigned number) {
    queue->base = base;
    queue->number = number;
    write32(base + VIRTIO_QUEUE_SELECT, number);
    if (read32(base + VIRTIO_QUEUE_SIZE_MAX) < VIRTIO_BUFFERS || read32(base + VIRTIO_QUEUE_READY))
        return false;
    write32(base + VIRTIO_QUEUE_SIZE, VIRTIO_BUFFERS);
    write32(base + VIRTIO_QUEUE_DESCRIPTORS, (uint32_t)queue->descriptors);
    write32(base + VIRTIO_QUEUE_DESCRIPTORS + 4, 0);
    write32(base + VIRTIO_QUEUE_DRIVER, (uint32_t)&queue->available);
    write32(base + VIRTIO_QUEUE_DRIVER + 4, 0);
    write32(base + VIRTIO_QUEUE_DEVICE, (uint32_t)&queue->used);
    write32(base + VIRTIO_QUEUE_DEVICE + 4, 0);
    write32(base + VIRTIO_QUEUE_READY, 1);
    return true;
}

void virtio_go(uint32_t base) {
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

void virtio_queue_put(struct virtio_queue *queue, unsigned buffer, const void *at, uint32_t bytes,
                      bool writable) {
    struct virtq_available *available = &queue->available.head;
    queue->descriptors[buffer] =
        (struct virtq_descriptor){(uintptr_t)at, bytes, writable ? DESCRIPTOR_WRITE : 0, 0};
    available->ring[available->index % VIRTIO_BUFFERS] = (uint16_t)buffer;
    barrier();
    available->index++;
}

void virtio_queue_kick(struct virtio_queue *queue) {
    barrier();
    if (!(*(volatile uint16_t *)&queue->used.head.flags & USED_NO_NOTIFY))
        write32(queue->base + VIRTIO_QUEUE_NOTIFY, queue->number);
}

int virtio_queue_take(struct virtio_queue *queue, uint32_t *bytes) {
    if (queue->seen == queue->used.head.index)
        return -1;
    barrier();
    unsigned at = queue->seen++ % VIRTIO_BUFFERS;
    if (bytes)
        *bytes = queue->used.head.ring[at].bytes;
    return (int)(queue->used.head.ring[at].id % VIRTIO_BUFFERS);
}
