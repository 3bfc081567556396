/* A driver and a host for the tests of virtio-mmio: registers as VIRTIO 1.1 chapter 4.2.2 names them. */
#ifndef POCKETVISOR_TESTS_VIRTIO_DRIVER_H
#define POCKETVISOR_TESTS_VIRTIO_DRIVER_H

#include "check.h"
#include "virtio_mmio.h"

enum {
    MagicValue = 0x000,
    Version = 0x004,
    DeviceID = 0x008,
    VendorID = 0x00c,
    DeviceFeatures = 0x010,
    DeviceFeaturesSel = 0x014,
    DriverFeatures = 0x020,
    DriverFeaturesSel = 0x024,
    QueueSel = 0x030,
    QueueNumMax = 0x034,
    QueueNum = 0x038,
    QueueReady = 0x044,
    QueueNotify = 0x050,
    InterruptStatus = 0x060,
    InterruptACK = 0x064,
    Status = 0x070,
    QueueDescLow = 0x080,
    QueueDriverLow = 0x090,
    QueueDeviceLow = 0x0a0,
    QueueDeviceHigh = 0x0a4,
    SHMLenLow = 0x0b0,
    ConfigGeneration = 0x0fc,
    Config = 0x100,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum {
    SLOT = 2,
    RAM = 0x40000000,
    RAM_SIZE = 0x10000,
    DESCRIPTORS = 0x1000,
    AVAILABLE = 0x2000,
    USED = 0x3000
};

static struct virtio_mmio virtio;
static uint8_t ram[RAM_SIZE];
static bool irq;
static unsigned rings;

static inline bool ram_contains(void *machine, uint64_t address, uint64_t size) {
    (void)machine;
    return address >= RAM && size <= RAM_SIZE && address - RAM <= RAM_SIZE - size;
}

static inline bool ram_read(void *machine, uint64_t address, void *data, uint32_t size) {
    CHECK(ram_contains(machine, address, size));
    memcpy(data, ram + (address - RAM), size);
    return true;
}

static inline bool ram_write(void *machine, uint64_t address, const void *data, uint32_t size) {
    CHECK(ram_contains(machine, address, size));
    memcpy(ram + (address - RAM), data, size);
    return true;
}

static inline bool ram_clear(void *machine, uint64_t address, uint32_t size) {
    CHECK(ram_contains(machine, address, size));
    memset(ram + (address - RAM), 0, size);
    return true;
}

static inline void on_ring(void *machine) {
    (void)machine;
    rings++;
}

static inline uint32_t get(uint32_t offset) {
    return (uint32_t)virtio_mmio_ops.read(&virtio, SLOT * VIRTIO_SLOT_SIZE + offset, 4);
}
static inline void set(uint32_t offset, uint32_t value) {
    virtio_mmio_ops.write(&virtio, SLOT * VIRTIO_SLOT_SIZE + offset, 4, value);
}

static inline void fresh(void) {
    static const struct virtio_memory memory = {NULL, ram_contains, ram_read, ram_write, ram_clear};
    static const uint16_t limits[] = {64, 128};
    static const uint8_t config[] = {0x11, 0x22, 0x33, 0x44, 0x55};
    static bool opened;
    if (opened)
        virtio_mmio_free(&virtio);
    opened = true;
    virtio_mmio_init(&virtio, &memory, on_ring);
    virtio.slots[SLOT].irq = check_wire(&irq);
    CHECK(virtio_mmio_fill(&virtio, SLOT, 18, 1 | VIRTIO_F_EVENT_IDX, limits, 2, config, sizeof config, NULL,
                           0));
    memset(ram, 0, sizeof ram);
    irq = false;
    rings = 0;
}

/* The driver's part of VIRTIO 1.1, 3.1.1. */
static inline void negotiate(uint64_t features) {
    set(Status, 0);
    set(Status, ACKNOWLEDGE);
    set(Status, ACKNOWLEDGE | DRIVER);
    set(DriverFeaturesSel, 0);
    set(DriverFeatures, (uint32_t)features);
    set(DriverFeaturesSel, 1);
    set(DriverFeatures, (uint32_t)(features >> 32));
    set(Status, ACKNOWLEDGE | DRIVER | FEATURES_OK);
}

static inline void set_up_queue(uint32_t queue, uint32_t size) {
    set(QueueSel, queue);
    set(QueueNum, size);
    set(QueueDescLow, RAM + DESCRIPTORS);
    set(QueueDriverLow, RAM + AVAILABLE);
    set(QueueDeviceLow, RAM + USED);
    set(QueueReady, 1);
}

static inline void go_live(uint64_t features) {
    negotiate(features | VIRTIO_F_VERSION_1);
    set_up_queue(1, 8);
    set(Status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    virtio_mmio_take_bell(&virtio, SLOT);
}

/* A payload under construction. */
static uint8_t payload[4096];
static uint32_t length;

static inline void put(uint64_t value, unsigned size) {
    memcpy(payload + length, &value, size);
    length += size;
}

static inline void begin(unsigned writes, unsigned elements) {
    length = 0;
    put(virtio.slots[SLOT].generation, 4), put(1, 2), put(writes, 2), put(elements, 2), put(0, 2);
}

static inline void put_write(uint64_t address, const char *text) {
    put(address, 8), put(strlen(text), 4);
    memcpy(payload + length, text, strlen(text));
    length += (uint32_t)strlen(text);
}

static inline void put_element(uint32_t id, uint32_t size) {
    put(id, 4), put(size, 4);
}
static inline void apply(void) {
    virtio_mmio_used(&virtio, SLOT, payload, length);
}

static inline uint32_t ram32(uint32_t offset) {
    uint32_t value;
    memcpy(&value, ram + offset, 4);
    return value;
}
static inline uint32_t used_index(void) {
    return ram32(USED) >> 16;
}

#endif
