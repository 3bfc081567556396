/* virtio-mmio transports, version 2 or 1 (VIRTIO 1.1, chapters 4.2.2 and 4.2.4), as 32 slots of 0x200 bytes
 * in one range. The devices behind them are in Python: a kick only signals, and what a device writes comes as
 * an event.
 *
 * EVENT_VIRTIO_USED, little endian: u32 generation, u16 queue, u16 n_writes, u16 n_used, u16 zero; n_writes
 * times {u64 address, u32 length, bytes}; n_used times {u32 id, u32 length}. A length with VIRTIO_ZEROS set
 * is that of zeros, and no bytes follow: memory that a balloon gives back. It is applied whole or not at all:
 * the writes, the used elements, the used index, then the interrupt unless the driver suppresses it. An event
 * of an older generation (before the driver reset the device) is dropped. A malformed one, or a ring or
 * address outside of RAM, needs a reset of the device, which the driver is told, and is counted.
 *
 * Left out: packed queues, shared memory regions, resetting a single queue.
 */
#ifndef POCKETVISOR_VIRTIO_MMIO_H
#define POCKETVISOR_VIRTIO_MMIO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "wire.h"

enum {
    VIRTIO_SLOTS = 32,
    VIRTIO_SLOT_SIZE = 0x200,
    VIRTIO_QUEUES = 16,
    VIRTIO_QUEUE_MAX = 1024,
    VIRTIO_CONFIG = 0x100,
    VIRTIO_WINDOWS = 256,
};

/* Bits of a slot's doorbell besides one for each queue. */
enum { VIRTIO_BELL_STATUS = 31, VIRTIO_BELL_CONFIG = 30 };

/* In the length of a write. */
#define VIRTIO_ZEROS 0x80000000u

#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

/* The guest's RAM as a device sees it. False: not wholly in RAM. */
struct virtio_memory {
    void *machine;
    bool (*contains)(void *machine, uint64_t address, uint64_t size);
    bool (*read)(void *machine, uint64_t address, void *data, uint32_t size);
    bool (*write)(void *machine, uint64_t address, const void *data, uint32_t size);
    /* Write zeros; whole pages of them cost the host no memory afterwards. */
    bool (*clear)(void *machine, uint64_t address, uint32_t size);
};

/* What the configuration space shows for one pair of its first two bytes (virtio-input's select, subsel). */
struct virtio_window {
    uint8_t select, subselect, size;
    uint8_t bytes[128];
};

/* A queue as the driver set it up. */
struct virtio_queue {
    uint16_t size;
    bool ready, event_index;
    uint64_t descriptors, available, used;
};

struct virtio_slot {
    uint32_t device_features_select, driver_features_select, queue_select;
    uint64_t driver_features;
    uint32_t status, interrupt_status, config_generation;
    uint32_t generation; /* counts resets */
    uint32_t live;       /* the driver has set DRIVER_OK, the queues are frozen */
    uint8_t config[VIRTIO_CONFIG];
    uint64_t needed_resets; /* times that something the driver gave made one necessary */
    uint16_t queue_size[VIRTIO_QUEUES];
    uint8_t queue_ready[VIRTIO_QUEUES];
    uint64_t queue_descriptors[VIRTIO_QUEUES], queue_available[VIRTIO_QUEUES], queue_used[VIRTIO_QUEUES];
    uint16_t used_index[VIRTIO_QUEUES];
    uint32_t guest_page_size; /* and what else a legacy driver sets */
    uint32_t queue_align[VIRTIO_QUEUES], queue_page[VIRTIO_QUEUES];

    /* Given once; not state. */
    uint32_t device_id; /* 0: empty */
    uint64_t features;
    bool legacy; /* version 1 */
    uint32_t queues;
    uint16_t queue_limit[VIRTIO_QUEUES];
    uint32_t config_size;
    struct virtio_window *windows; /* owned */
    uint32_t window_count;
    struct wire irq;
    atomic_uint bell; /* one bit a queue kicked since it was last taken */
};

struct virtio_mmio {
    struct virtio_slot slots[VIRTIO_SLOTS];
    uint32_t count; /* slots that the board has */
    struct virtio_memory memory;
    pthread_mutex_t lock; /* what other threads read: status, generation, driver_features, live, queues */
    void (*ring)(void *machine); /* a doorbell waits */
};

void virtio_mmio_init(struct virtio_mmio *virtio, const struct virtio_memory *memory,
                      void (*ring)(void *machine));
void virtio_mmio_free(struct virtio_mmio *virtio);
/* False where something is out of bounds. Takes ownership of `windows` (malloc'd) if it succeeds. */
bool virtio_mmio_fill(struct virtio_mmio *virtio, unsigned slot, uint32_t device_id, uint64_t features,
                      const uint16_t *queue_limits, uint32_t queues, const uint8_t *config,
                      uint32_t config_size, struct virtio_window *windows, uint32_t window_count);
/* A filled slot shows itself in version 1, with the low 32 features alone. False: it is empty. */
bool virtio_mmio_set_legacy(struct virtio_mmio *virtio, unsigned slot);

/* On the vCPU's thread, or not running. */
void virtio_mmio_used(struct virtio_mmio *virtio, unsigned slot, const uint8_t *payload, uint32_t size);
void virtio_mmio_configure(struct virtio_mmio *virtio, unsigned slot, const uint8_t *config, uint32_t size);
/* After a restore: the devices look at everything anew. */
void virtio_mmio_ring_all(struct virtio_mmio *virtio);

/* From any thread. */
/* Bits: one a queue, VIRTIO_BELL_STATUS, VIRTIO_BELL_CONFIG. */
uint32_t virtio_mmio_take_bell(struct virtio_mmio *virtio, unsigned slot);
void virtio_mmio_status(struct virtio_mmio *virtio, unsigned slot, uint32_t *status, uint32_t *generation,
                        uint64_t *driver_features);
/* A queue of a live device; not ready otherwise. False: no such queue. */
bool virtio_mmio_queue(struct virtio_mmio *virtio, unsigned slot, unsigned queue,
                       struct virtio_queue *answer);
/* The configuration space, of which the driver may have written parts; answers its size. */
uint32_t virtio_mmio_config(struct virtio_mmio *virtio, unsigned slot, uint8_t config[VIRTIO_CONFIG]);

/* The bus sees the whole; fields and restored are those of one slot. */
extern const struct device_ops virtio_mmio_ops;
extern const struct device_ops virtio_slot_ops;

/* Between virtio_mmio.c (the registers), virtio_legacy.c, virtio_slots.c (the host's side) and virtio_used.c.
 */
enum { VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8, VIRTIO_NEEDS_RESET = 64 };
void virtio_drive_line(struct virtio_slot *slot);
void virtio_ring(struct virtio_mmio *virtio, struct virtio_slot *slot, unsigned bit);
/* Something the driver gave cannot be: VIRTIO 1.1, 2.1.2. */
void virtio_needs_reset(struct virtio_mmio *virtio, struct virtio_slot *slot);
/* Is it a register that the two versions do not share? */
bool virtio_legacy_register(uint32_t offset);
uint32_t virtio_legacy_read(const struct virtio_slot *slot, uint32_t offset);
void virtio_legacy_write(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t offset,
                         uint32_t value);
/* Before the kick itself. */
void virtio_legacy_kick(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t queue);
/* Checks and applies a payload; false: the device needs a reset. */
bool virtio_apply_used(struct virtio_slot *slot, const struct virtio_memory *memory, const uint8_t *payload,
                       uint32_t size, bool *interrupt);

#endif
