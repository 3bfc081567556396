/* The host's side of the virtio-mmio slots: filling them, doorbells, events, what other threads ask. */
#include "virtio_mmio.h"

#include <stdlib.h>
#include <string.h>

enum { INTERRUPT_USED = 1, INTERRUPT_CONFIG = 2, WINDOWED_CONFIG = 136 };

void virtio_drive_line(struct virtio_slot *slot) {
    wire_set(&slot->irq, slot->interrupt_status != 0);
}

void virtio_ring(struct virtio_mmio *virtio, struct virtio_slot *slot, unsigned bit) {
    atomic_fetch_or(&slot->bell, 1u << bit);
    virtio->ring(virtio->memory.machine);
}

static void raise_interrupt(struct virtio_slot *slot, uint32_t bit) {
    slot->interrupt_status |= bit;
    virtio_drive_line(slot);
}

void virtio_needs_reset(struct virtio_mmio *virtio, struct virtio_slot *slot) {
    pthread_mutex_lock(&virtio->lock);
    slot->needed_resets++;
    slot->status |= VIRTIO_NEEDS_RESET;
    pthread_mutex_unlock(&virtio->lock);
    if (slot->live)
        raise_interrupt(slot, INTERRUPT_CONFIG);
    virtio_ring(virtio, slot, VIRTIO_BELL_STATUS);
}

void virtio_mmio_init(struct virtio_mmio *virtio, const struct virtio_memory *memory,
                      void (*ring)(void *machine)) {
    memset(virtio, 0, sizeof *virtio);
    virtio->memory = *memory;
    virtio->ring = ring;
    virtio->count = VIRTIO_SLOTS;
    pthread_mutex_init(&virtio->lock, NULL);
}

void virtio_mmio_free(struct virtio_mmio *virtio) {
    for (unsigned slot = 0; slot < VIRTIO_SLOTS; slot++)
        free(virtio->slots[slot].windows);
    pthread_mutex_destroy(&virtio->lock);
}

bool virtio_mmio_fill(struct virtio_mmio *virtio, unsigned number, uint32_t device_id, uint64_t features,
                      const uint16_t *queue_limits, uint32_t queues, const uint8_t *config,
                      uint32_t config_size, struct virtio_window *windows, uint32_t window_count) {
    if (number >= virtio->count || !device_id || virtio->slots[number].device_id || queues > VIRTIO_QUEUES ||
        config_size > VIRTIO_CONFIG || window_count > VIRTIO_WINDOWS ||
        (window_count && config_size != WINDOWED_CONFIG))
        return false;
    for (uint32_t queue = 0; queue < queues; queue++) {
        uint16_t limit = queue_limits[queue];
        if (!limit || limit & (limit - 1) || limit > VIRTIO_QUEUE_MAX)
            return false;
    }
    struct virtio_slot *slot = &virtio->slots[number];
    slot->device_id = device_id;
    slot->features = features | VIRTIO_F_VERSION_1;
    slot->queues = queues;
    memcpy(slot->queue_limit, queue_limits, queues * sizeof *queue_limits);
    slot->config_size = config_size;
    if (config_size)
        memcpy(slot->config, config, config_size);
    slot->windows = windows;
    slot->window_count = window_count;
    return true;
}

void virtio_mmio_used(struct virtio_mmio *virtio, unsigned number, const uint8_t *payload, uint32_t size) {
    if (number >= VIRTIO_SLOTS)
        return;
    struct virtio_slot *slot = &virtio->slots[number];
    uint32_t generation = slot->generation;
    if (size >= 4)
        memcpy(&generation, payload, 4);
    if (!slot->live || slot->status & VIRTIO_NEEDS_RESET || generation != slot->generation)
        return;
    bool interrupt;
    if (!virtio_apply_used(slot, &virtio->memory, payload, size, &interrupt))
        virtio_needs_reset(virtio, slot);
    else if (interrupt)
        raise_interrupt(slot, INTERRUPT_USED);
}

void virtio_mmio_configure(struct virtio_mmio *virtio, unsigned number, const uint8_t *config,
                           uint32_t size) {
    if (number >= VIRTIO_SLOTS)
        return;
    struct virtio_slot *slot = &virtio->slots[number];
    if (!slot->device_id || slot->window_count || size != slot->config_size)
        return;
    pthread_mutex_lock(&virtio->lock);
    if (size)
        memcpy(slot->config, config, size);
    pthread_mutex_unlock(&virtio->lock);
    slot->config_generation++;
    if (slot->live)
        raise_interrupt(slot, INTERRUPT_CONFIG);
}

uint32_t virtio_mmio_take_bell(struct virtio_mmio *virtio, unsigned slot) {
    return atomic_exchange(&virtio->slots[slot].bell, 0);
}

void virtio_mmio_ring_all(struct virtio_mmio *virtio) {
    for (unsigned number = 0; number < VIRTIO_SLOTS; number++) {
        struct virtio_slot *slot = &virtio->slots[number];
        if (!slot->device_id)
            continue;
        for (unsigned queue = 0; queue < slot->queues; queue++)
            if (slot->live && slot->queue_ready[queue])
                atomic_fetch_or(&slot->bell, 1u << queue);
        virtio_ring(virtio, slot, VIRTIO_BELL_STATUS);
    }
}

void virtio_mmio_status(struct virtio_mmio *virtio, unsigned number, uint32_t *status, uint32_t *generation,
                        uint64_t *driver_features) {
    const struct virtio_slot *slot = &virtio->slots[number % VIRTIO_SLOTS];
    pthread_mutex_lock(&virtio->lock);
    *status = slot->status;
    *generation = slot->generation;
    *driver_features = slot->driver_features;
    pthread_mutex_unlock(&virtio->lock);
}

bool virtio_mmio_queue(struct virtio_mmio *virtio, unsigned number, unsigned queue,
                       struct virtio_queue *answer) {
    if (number >= VIRTIO_SLOTS || queue >= virtio->slots[number].queues)
        return false;
    const struct virtio_slot *slot = &virtio->slots[number];
    pthread_mutex_lock(&virtio->lock);
    *answer = (struct virtio_queue){0};
    if (slot->live && slot->queue_ready[queue])
        *answer = (struct virtio_queue){
            .size = slot->queue_size[queue],
            .ready = true,
            .event_index = (slot->driver_features & VIRTIO_F_EVENT_IDX) != 0,
            .descriptors = slot->queue_descriptors[queue],
            .available = slot->queue_available[queue],
            .used = slot->queue_used[queue],
        };
    pthread_mutex_unlock(&virtio->lock);
    return true;
}

uint32_t virtio_mmio_config(struct virtio_mmio *virtio, unsigned number, uint8_t config[VIRTIO_CONFIG]) {
    const struct virtio_slot *slot = &virtio->slots[number % VIRTIO_SLOTS];
    pthread_mutex_lock(&virtio->lock);
    memcpy(config, slot->config, VIRTIO_CONFIG);
    pthread_mutex_unlock(&virtio->lock);
    return slot->config_size;
}

static bool slot_restored(void *device) {
    struct virtio_slot *slot = device;
    if (!slot->device_id || slot->live > 1 || slot->status > 0xff)
        return false;
    if ((slot->legacy || slot->status & VIRTIO_FEATURES_OK) && slot->driver_features & ~slot->features)
        return false;
    for (unsigned queue = 0; queue < VIRTIO_QUEUES; queue++) {
        uint16_t size = slot->queue_size[queue];
        uint16_t limit = queue < slot->queues ? slot->queue_limit[queue] : 0;
        if (size & (size - 1) || size > limit || slot->queue_ready[queue] > 1 ||
            (slot->queue_ready[queue] && !size))
            return false;
    }
    virtio_drive_line(slot);
    return true;
}

static const struct state_field fields[] = {
    STATE_FIELD(struct virtio_slot, device_features_select),
    STATE_FIELD(struct virtio_slot, driver_features_select),
    STATE_FIELD(struct virtio_slot, queue_select),
    STATE_FIELD(struct virtio_slot, driver_features),
    STATE_FIELD(struct virtio_slot, status),
    STATE_FIELD(struct virtio_slot, interrupt_status),
    STATE_FIELD(struct virtio_slot, config_generation),
    STATE_FIELD(struct virtio_slot, generation),
    STATE_FIELD(struct virtio_slot, live),
    STATE_ARRAY(struct virtio_slot, config),
    STATE_FIELD(struct virtio_slot, needed_resets),
    STATE_ARRAY(struct virtio_slot, queue_size),
    STATE_ARRAY(struct virtio_slot, queue_ready),
    STATE_ARRAY(struct virtio_slot, queue_descriptors),
    STATE_ARRAY(struct virtio_slot, queue_available),
    STATE_ARRAY(struct virtio_slot, queue_used),
    STATE_ARRAY(struct virtio_slot, used_index),
    STATE_FIELD(struct virtio_slot, guest_page_size),
    STATE_ARRAY(struct virtio_slot, queue_align),
    STATE_ARRAY(struct virtio_slot, queue_page),
    STATE_END,
};

const struct device_ops virtio_slot_ops = {
    .name = "virtio",
    .fields = fields,
    .restored = slot_restored,
};
