/* What a device in Python sends into the guest, checked and applied: see EVENT_VIRTIO_USED in virtio_mmio.h
 * and the used ring in VIRTIO 1.1, chapters 2.6.7 and 2.6.8.
 *
 * Left out: VIRTIO_F_IN_ORDER, packed queues.
 */
#include "virtio_mmio.h"

#include <string.h>

enum { HEADER = 12, WRITE_HEADER = 12, ELEMENT = 8, AVAIL_F_NO_INTERRUPT = 1 };

struct payload {
    const uint8_t *at;
    uint32_t left;
};

static uint16_t get16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* The next `size` bytes, NULL where the payload ends before. */
static const uint8_t *take(struct payload *payload, uint32_t size) {
    if (payload->left < size)
        return NULL;
    const uint8_t *bytes = payload->at;
    payload->at += size;
    payload->left -= size;
    return bytes;
}

/* Runs through the writes; with `memory->write` they are done, else only checked. */
static bool each_write(struct payload *payload, unsigned count, const struct virtio_memory *memory,
                       bool apply) {
    while (count--) {
        const uint8_t *head = take(payload, WRITE_HEADER);
        if (!head)
            return false;
        uint64_t address = get64(head);
        uint32_t size = get32(head + 8);
        bool zeros = size & VIRTIO_ZEROS;
        size &= ~VIRTIO_ZEROS;
        const uint8_t *bytes = zeros ? NULL : take(payload, size);
        if ((!bytes && !zeros) || !memory->contains(memory->machine, address, size))
            return false;
        if (!apply || !size)
            continue;
        if (zeros ? !memory->clear(memory->machine, address, size)
                  : !memory->write(memory->machine, address, bytes, size))
            return false;
    }
    return true;
}

/* Does the driver want to hear of the step from `before` to `after`? */
static bool wants_interrupt(const struct virtio_slot *slot, unsigned queue,
                            const struct virtio_memory *memory, uint16_t before, uint16_t after) {
    uint8_t bytes[2] = {0, 0};
    uint64_t available = slot->queue_available[queue];
    if (slot->driver_features & slot->features & VIRTIO_F_EVENT_IDX) {
        memory->read(memory->machine, available + 4 + 2u * slot->queue_size[queue], bytes, 2);
        uint16_t used_event = get16(bytes);
        return (uint16_t)(after - used_event - 1) < (uint16_t)(after - before);
    }
    memory->read(memory->machine, available, bytes, 2);
    return !(get16(bytes) & AVAIL_F_NO_INTERRUPT);
}

bool virtio_apply_used(struct virtio_slot *slot, const struct virtio_memory *memory, const uint8_t *bytes,
                       uint32_t size, bool *interrupt) {
    struct payload payload = {bytes, size};
    const uint8_t *head = take(&payload, HEADER);
    *interrupt = false;
    if (!head)
        return false;
    unsigned queue = get16(head + 4), writes = get16(head + 6), elements = get16(head + 8);
    if (queue >= slot->queues || !slot->queue_ready[queue] || elements > slot->queue_size[queue])
        return false;
    uint16_t length = slot->queue_size[queue];
    struct payload check = payload;
    if (!each_write(&check, writes, memory, false))
        return false;
    const uint8_t *used = take(&check, elements * ELEMENT);
    if (!used || check.left)
        return false;
    for (unsigned index = 0; index < elements; index++)
        if (get32(used + index * ELEMENT) >= length)
            return false;
    uint64_t ring = slot->queue_used[queue];
    if (!memory->contains(memory->machine, ring, 6 + (uint64_t)length * ELEMENT) ||
        !memory->contains(memory->machine, slot->queue_available[queue], 6 + (uint64_t)length * 2))
        return false;

    each_write(&payload, writes, memory, true);
    uint16_t before = slot->used_index[queue], after = (uint16_t)(before + elements);
    for (unsigned index = 0; index < elements; index++) {
        unsigned place = (uint16_t)(before + index) % length;
        memory->write(memory->machine, ring + 4 + (uint64_t)place * ELEMENT, used + index * ELEMENT, ELEMENT);
    }
    if (elements) {
        uint8_t index[2] = {(uint8_t)after, (uint8_t)(after >> 8)};
        memory->write(memory->machine, ring + 2, index, sizeof index);
        slot->used_index[queue] = after;
        *interrupt = wants_interrupt(slot, queue, memory, before, after);
    }
    return true;
}
