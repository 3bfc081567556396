/* What virtio-mmio of version 1 (VIRTIO 1.1, chapter 4.2.4) has in place of version 2's registers. A queue is
 * one piece of memory at a page that the driver names, laid out as chapter 2.6.2 says. A driver of that age
 * may kick before it has said that it is ready: the device then starts, as in QEMU.
 *
 * Left out: guests that are not little-endian, queues taken away or added once the device has started,
 * VIRTIO_F_NOTIFY_ON_EMPTY.
 */
#include "virtio_mmio.h"

enum {
    GUEST_PAGE_SIZE = 0x028,
    QUEUE_ALIGN = 0x03c,
    QUEUE_PFN = 0x040,
    QUEUE_READY = 0x044,
    QUEUE_DESC_LOW = 0x080,
    CONFIG_GENERATION = 0x0fc,
};
enum { DRIVER = 2 };

bool virtio_mmio_set_legacy(struct virtio_mmio *virtio, unsigned number) {
    struct virtio_slot *slot = &virtio->slots[number % VIRTIO_SLOTS];
    if (!slot->device_id)
        return false;
    slot->legacy = true;
    slot->features &= UINT32_MAX;
    return true;
}

static bool power_of_two(uint64_t value) {
    return value && !(value & (value - 1));
}

/* Where the parts of the selected queue are, if it can be there. */
static bool place(struct virtio_mmio *virtio, struct virtio_slot *slot, unsigned queue, uint32_t page) {
    uint64_t length = slot->queue_size[queue], align = slot->queue_align[queue];
    uint64_t descriptors = (uint64_t)page * slot->guest_page_size;
    uint64_t available = descriptors + 16 * length;
    if (!length || !power_of_two(slot->guest_page_size) || !power_of_two(align) || align < 4 ||
        slot->guest_page_size < 16)
        return false;
    uint64_t used = (available + 6 + 2 * length + align - 1) & ~(align - 1);
    const struct virtio_memory *memory = &virtio->memory;
    if (!memory->contains(memory->machine, descriptors, used - descriptors + 6 + 8 * length))
        return false;
    slot->queue_descriptors[queue] = descriptors;
    slot->queue_available[queue] = available;
    slot->queue_used[queue] = used;
    return true;
}

static void write_page(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t page) {
    unsigned queue = slot->queue_select;
    slot->queue_ready[queue] = 0;
    slot->queue_page[queue] = 0;
    if (!page)
        return;
    if (!place(virtio, slot, queue, page)) {
        virtio_needs_reset(virtio, slot);
        return;
    }
    slot->queue_page[queue] = page;
    slot->queue_ready[queue] = 1;
}

uint32_t virtio_legacy_read(const struct virtio_slot *slot, uint32_t offset) {
    return offset == QUEUE_PFN && slot->queue_select < slot->queues ? slot->queue_page[slot->queue_select]
                                                                    : 0;
}

bool virtio_legacy_register(uint32_t offset) {
    return offset == GUEST_PAGE_SIZE || offset == QUEUE_ALIGN || offset == QUEUE_PFN ||
           offset == QUEUE_READY || (offset >= QUEUE_DESC_LOW && offset <= CONFIG_GENERATION);
}

void virtio_legacy_write(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t offset,
                         uint32_t value) {
    if (slot->live)
        return;
    if (offset == GUEST_PAGE_SIZE)
        slot->guest_page_size = value;
    if (slot->queue_select >= slot->queues)
        return;
    if (offset == QUEUE_ALIGN)
        slot->queue_align[slot->queue_select] = value;
    if (offset == QUEUE_PFN)
        write_page(virtio, slot, value);
}

void virtio_legacy_kick(struct virtio_mmio *virtio, struct virtio_slot *slot, uint32_t queue) {
    if (slot->live || !(slot->status & DRIVER) || slot->status & VIRTIO_NEEDS_RESET ||
        queue >= slot->queues || !slot->queue_ready[queue])
        return;
    pthread_mutex_lock(&virtio->lock);
    slot->live = 1;
    slot->status |= VIRTIO_DRIVER_OK;
    pthread_mutex_unlock(&virtio->lock);
    virtio_ring(virtio, slot, VIRTIO_BELL_STATUS);
}
