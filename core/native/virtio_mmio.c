/* The virtio-mmio register block; see virtio_mmio.h for what is left out. */
#include "virtio_mmio.h"

#include <string.h>

enum {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_LEN_LOW = 0x0b0,
    SHM_BASE_HIGH = 0x0bc,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
};

enum { MAGIC = 0x74726976, VENDOR = 0x554d4551 };
/* The configuration space as it was given is the device's: it outlives a reset. */
static void reset_slot(struct virtio_slot *slot) {
    slot->device_features_select = slot->driver_features_select = slot->queue_select = 0;
    slot->driver_features = 0;
    slot->status = slot->interrupt_status = slot->live = 0;
    slot->generation++;
    memset(slot->queue_size, 0, sizeof slot->queue_size);
    memset(slot->queue_ready, 0, sizeof slot->queue_ready);
    memset(slot->queue_descriptors, 0, sizeof slot->queue_descriptors);
    memset(slot->queue_available, 0, sizeof slot->queue_available);
    memset(slot->queue_used, 0, sizeof slot->queue_used);
    memset(slot->used_index, 0, sizeof slot->used_index);
    memset(slot->queue_align, 0, sizeof slot->queue_align);
    memset(slot->queue_page, 0, sizeof slot->queue_page);
    slot->guest_page_size = 0;
    virtio_drive_line(slot);
}

static void write_status(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t value) {
    uint32_t before = slot->status;
    bool tell = false;
    value &= 0xff;
    pthread_mutex_lock(&virtio->lock);
    if (value == 0) {
        uint32_t page_size = slot->guest_page_size; /* said once, before the driver's first reset */
        reset_slot(slot);
        slot->guest_page_size = page_size;
        tell = before != 0;
    } else {
        uint64_t features = slot->driver_features;
        if (!slot->legacy && value & VIRTIO_FEATURES_OK && !(before & VIRTIO_FEATURES_OK) &&
            (features & ~slot->features || !(features & VIRTIO_F_VERSION_1)))
            value &= ~(uint32_t)VIRTIO_FEATURES_OK; /* the driver reads it back and gives up */
        if (!slot->legacy && !(value & VIRTIO_FEATURES_OK))
            value &= ~(uint32_t)VIRTIO_DRIVER_OK;
        /* A driver must not clear a bit: neither does it here. */
        slot->status = before | value;
        if (slot->status & VIRTIO_DRIVER_OK && !slot->live) {
            slot->live = 1;
            tell = true;
        }
    }
    pthread_mutex_unlock(&virtio->lock);
    if (tell)
        virtio_ring(virtio, slot, VIRTIO_BELL_STATUS);
}

/* May the driver still set up the queue that it has selected? */
static bool settable(const struct virtio_slot *slot) {
    return slot->queue_select < slot->queues && !slot->queue_ready[slot->queue_select] && !slot->live;
}

static bool aligned_in_ram(const struct virtio_memory *memory, uint64_t address, uint64_t size,
                           uint64_t align) {
    return address % align == 0 && memory->contains(memory->machine, address, size);
}

static void write_queue_ready(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t value) {
    unsigned queue = slot->queue_select;
    if (queue >= slot->queues || slot->live)
        return;
    if (!value) {
        slot->queue_ready[queue] = 0;
        return;
    }
    uint64_t length = slot->queue_size[queue];
    if (length && aligned_in_ram(&virtio->memory, slot->queue_descriptors[queue], 16 * length, 16) &&
        aligned_in_ram(&virtio->memory, slot->queue_available[queue], 6 + 2 * length, 2) &&
        aligned_in_ram(&virtio->memory, slot->queue_used[queue], 6 + 8 * length, 4)) {
        slot->queue_ready[queue] = 1;
    } else {
        virtio_needs_reset(virtio, slot);
    }
}

static void set_half(uint64_t *address, bool high, uint32_t value) {
    *address = high ? (*address & 0xffffffff) | (uint64_t)value << 32 : (*address & ~0xffffffffull) | value;
}

static void write_features(struct virtio_slot *slot, uint32_t value) {
    if (slot->legacy) { /* there is no answer to features that are not there */
        if (slot->driver_features_select == 0 && !slot->live)
            slot->driver_features = value & slot->features;
    } else if (slot->driver_features_select < 2 && !(slot->status & VIRTIO_FEATURES_OK))
        set_half(&slot->driver_features, slot->driver_features_select, value);
}

static void write_queue_num(struct virtio_slot *slot, uint32_t value) {
    bool power_of_two = value && !(value & (value - 1));
    if (settable(slot))
        slot->queue_size[slot->queue_select] =
            power_of_two && value <= slot->queue_limit[slot->queue_select] ? (uint16_t)value : 0;
}

static void kick(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t queue) {
    if (slot->legacy)
        virtio_legacy_kick(virtio, slot, queue);
    if (slot->live && !(slot->status & VIRTIO_NEEDS_RESET) && queue < slot->queues &&
        slot->queue_ready[queue])
        virtio_ring(virtio, slot, queue);
}

static uint32_t read_register(const struct virtio_slot *slot, uint32_t offset) {
    switch (offset) {
    case MAGIC_VALUE:
        return MAGIC;
    case VERSION:
        return slot->legacy ? 1 : 2;
    case VENDOR_ID:
        return VENDOR;
    case DEVICE_ID:
        return slot->device_id;
    }
    if (!slot->device_id)
        return 0;
    if (slot->legacy && virtio_legacy_register(offset))
        return virtio_legacy_read(slot, offset);
    switch (offset) {
    case DEVICE_FEATURES:
        return slot->device_features_select < 2
                   ? (uint32_t)(slot->features >> 32 * slot->device_features_select)
                   : 0;
    case QUEUE_NUM_MAX:
        return slot->queue_select < slot->queues ? slot->queue_limit[slot->queue_select] : 0;
    case QUEUE_READY:
        return slot->queue_select < slot->queues ? slot->queue_ready[slot->queue_select] : 0;
    case INTERRUPT_STATUS:
        return slot->interrupt_status;
    case STATUS:
        return slot->status;
    case CONFIG_GENERATION:
        return slot->config_generation;
    }
    /* No shared memory region has a length of all ones. */
    return offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH ? ~0u : 0;
}

/* What came since the driver read the status stays, and is told by an edge of its own: the device tree calls
 * the line one of edges, as QEMU's does, so that one which merely stayed high would never be heard again. */
static void acknowledge(struct virtio_slot *slot, uint32_t value) {
    bool some = slot->interrupt_status & value;
    slot->interrupt_status &= ~value;
    if (some)
        wire_set(&slot->irq, false);
    virtio_drive_line(slot);
}

static void write_register(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t offset,
                           uint32_t value) {
    unsigned queue = slot->queue_select;
    if (slot->legacy && virtio_legacy_register(offset)) {
        virtio_legacy_write(virtio, slot, offset, value);
        return;
    }
    switch (offset) {
    case DEVICE_FEATURES_SEL:
        slot->device_features_select = value;
        break;
    case DRIVER_FEATURES:
        write_features(slot, value);
        break;
    case DRIVER_FEATURES_SEL:
        slot->driver_features_select = value;
        break;
    case QUEUE_SEL:
        slot->queue_select = value;
        break;
    case QUEUE_NUM:
        write_queue_num(slot, value);
        break;
    case QUEUE_READY:
        write_queue_ready(virtio, slot, value);
        break;
    case QUEUE_NOTIFY:
        kick(virtio, slot, value);
        break;
    case INTERRUPT_ACK:
        acknowledge(slot, value);
        break;
    case STATUS:
        write_status(virtio, slot, value);
        break;
    case QUEUE_DESC_LOW:
    case QUEUE_DESC_HIGH:
        if (settable(slot))
            set_half(&slot->queue_descriptors[queue], offset == QUEUE_DESC_HIGH, value);
        break;
    case QUEUE_DRIVER_LOW:
    case QUEUE_DRIVER_HIGH:
        if (settable(slot))
            set_half(&slot->queue_available[queue], offset == QUEUE_DRIVER_HIGH, value);
        break;
    case QUEUE_DEVICE_LOW:
    case QUEUE_DEVICE_HIGH:
        if (settable(slot))
            set_half(&slot->queue_used[queue], offset == QUEUE_DEVICE_HIGH, value);
        break;
    }
}

/* Byte 2 says how many bytes follow from byte 8 on (struct virtio_input_config). */
static void show_window(struct virtio_slot *slot) {
    memset(slot->config + 2, 0, slot->config_size - 2);
    for (uint32_t index = 0; index < slot->window_count; index++) {
        const struct virtio_window *window = &slot->windows[index];
        if (window->select != slot->config[0] || window->subselect != slot->config[1])
            continue;
        slot->config[2] = window->size;
        memcpy(slot->config + 8, window->bytes, window->size);
        return;
    }
}

static uint64_t virtio_read(void *device, uint32_t offset, unsigned size) {
    struct virtio_mmio *virtio = device;
    const struct virtio_slot *slot = &virtio->slots[offset / VIRTIO_SLOT_SIZE % VIRTIO_SLOTS];
    offset %= VIRTIO_SLOT_SIZE;
    if (offset < CONFIG)
        return size == 4 ? read_register(slot, offset) : 0;
    uint64_t value = 0;
    for (unsigned byte = 0; byte < size; byte++)
        if (offset - CONFIG + byte < slot->config_size)
            value |= (uint64_t)slot->config[offset - CONFIG + byte] << byte * 8;
    return value;
}

static void virtio_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    struct virtio_mmio *virtio = device;
    struct virtio_slot *slot = &virtio->slots[offset / VIRTIO_SLOT_SIZE % VIRTIO_SLOTS];
    offset %= VIRTIO_SLOT_SIZE;
    if (!slot->device_id)
        return;
    if (offset < CONFIG) {
        if (size == 4)
            write_register(virtio, slot, offset, (uint32_t)value);
        return;
    }
    uint32_t writable = slot->window_count ? 2 : slot->config_size;
    pthread_mutex_lock(&virtio->lock);
    for (unsigned byte = 0; byte < size; byte++)
        if (offset - CONFIG + byte < writable)
            slot->config[offset - CONFIG + byte] = (uint8_t)(value >> byte * 8);
    if (slot->window_count)
        show_window(slot);
    pthread_mutex_unlock(&virtio->lock);
    if (!slot->window_count)
        virtio_ring(virtio, slot, VIRTIO_BELL_CONFIG);
}

static void virtio_reset(void *device) {
    struct virtio_mmio *virtio = device;
    pthread_mutex_lock(&virtio->lock);
    for (unsigned slot = 0; slot < VIRTIO_SLOTS; slot++)
        if (virtio->slots[slot].device_id)
            reset_slot(&virtio->slots[slot]);
    pthread_mutex_unlock(&virtio->lock);
    for (unsigned slot = 0; slot < VIRTIO_SLOTS; slot++)
        if (virtio->slots[slot].device_id)
            virtio_ring(virtio, &virtio->slots[slot], VIRTIO_BELL_STATUS);
}

const struct device_ops virtio_mmio_ops = {
    .name = "virtio",
    .read = virtio_read,
    .write = virtio_write,
    .reset = virtio_reset,
};
