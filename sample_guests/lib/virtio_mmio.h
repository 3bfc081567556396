/* The register block of virtio-mmio, version 2: virtio 1.2, 4.2.2. */
#ifndef GUEST_VIRTIO_MMIO_H
#define GUEST_VIRTIO_MMIO_H

#include <stdint.h>

enum {
    VIRTIO_MAGIC = 0x000,
    VIRTIO_VERSION = 0x004,
    VIRTIO_DEVICE_ID = 0x008,
    VIRTIO_DEVICE_FEATURES_SELECT = 0x014,
    VIRTIO_DRIVER_FEATURES = 0x020,
    VIRTIO_DRIVER_FEATURES_SELECT = 0x024,
    VIRTIO_QUEUE_SELECT = 0x030,
    VIRTIO_QUEUE_SIZE_MAX = 0x034,
    VIRTIO_QUEUE_SIZE = 0x038,
    VIRTIO_QUEUE_READY = 0x044,
    VIRTIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_INTERRUPT_ACKNOWLEDGE = 0x064,
    VIRTIO_STATUS = 0x070,
    VIRTIO_QUEUE_DESCRIPTORS = 0x080,
    VIRTIO_QUEUE_DRIVER = 0x090,
    VIRTIO_QUEUE_DEVICE = 0x0a0,
    VIRTIO_CONFIGURATION = 0x100,
};

enum { VIRTIO_MAGIC_VALUE = 0x74726976, VIRTIO_ID_INPUT = 18 };
enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8 };
enum { DESCRIPTOR_WRITE = 2, USED_NO_NOTIFY = 1 };

struct virtq_descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

struct virtq_used {
    uint16_t flags;
    volatile uint16_t index;
    struct {
        uint32_t id, bytes;
    } ring[];
};

struct virtq_available {
    uint16_t flags;
    volatile uint16_t index;
    uint16_t ring[];
};

#endif
