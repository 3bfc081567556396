/* virtio-mmio, by register as VIRTIO 1.1 chapter 4.2.2 names them, and what the host may send. */
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

static bool ram_contains(void *machine, uint64_t address, uint64_t size) {
    (void)machine;
    return address >= RAM && size <= RAM_SIZE && address - RAM <= RAM_SIZE - size;
}

static bool ram_read(void *machine, uint64_t address, void *data, uint32_t size) {
    CHECK(ram_contains(machine, address, size));
    memcpy(data, ram + (address - RAM), size);
    return true;
}

static bool ram_write(void *machine, uint64_t address, const void *data, uint32_t size) {
    CHECK(ram_contains(machine, address, size));
    memcpy(ram + (address - RAM), data, size);
    return true;
}

static void on_ring(void *machine) {
    (void)machine;
    rings++;
}

static uint32_t get(uint32_t offset) {
    return (uint32_t)virtio_mmio_ops.read(&virtio, SLOT * VIRTIO_SLOT_SIZE + offset, 4);
}
static void set(uint32_t offset, uint32_t value) {
    virtio_mmio_ops.write(&virtio, SLOT * VIRTIO_SLOT_SIZE + offset, 4, value);
}

static void fresh(void) {
    static const struct virtio_memory memory = {NULL, ram_contains, ram_read, ram_write};
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
static void negotiate(uint64_t features) {
    set(Status, 0);
    set(Status, ACKNOWLEDGE);
    set(Status, ACKNOWLEDGE | DRIVER);
    set(DriverFeaturesSel, 0);
    set(DriverFeatures, (uint32_t)features);
    set(DriverFeaturesSel, 1);
    set(DriverFeatures, (uint32_t)(features >> 32));
    set(Status, ACKNOWLEDGE | DRIVER | FEATURES_OK);
}

static void set_up_queue(uint32_t queue, uint32_t size) {
    set(QueueSel, queue);
    set(QueueNum, size);
    set(QueueDescLow, RAM + DESCRIPTORS);
    set(QueueDriverLow, RAM + AVAILABLE);
    set(QueueDeviceLow, RAM + USED);
    set(QueueReady, 1);
}

static void go_live(uint64_t features) {
    negotiate(features | VIRTIO_F_VERSION_1);
    set_up_queue(1, 8);
    set(Status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    virtio_mmio_take_bell(&virtio, SLOT);
}

/* A payload under construction. */
static uint8_t payload[4096];
static uint32_t length;

static void put(uint64_t value, unsigned size) {
    memcpy(payload + length, &value, size);
    length += size;
}

static void begin(unsigned writes, unsigned elements) {
    length = 0;
    put(virtio.slots[SLOT].generation, 4), put(1, 2), put(writes, 2), put(elements, 2), put(0, 2);
}

static void put_write(uint64_t address, const char *text) {
    put(address, 8), put(strlen(text), 4);
    memcpy(payload + length, text, strlen(text));
    length += (uint32_t)strlen(text);
}

static void put_element(uint32_t id, uint32_t size) {
    put(id, 4), put(size, 4);
}
static void apply(void) {
    virtio_mmio_used(&virtio, SLOT, payload, length);
}

static uint32_t ram32(uint32_t offset) {
    uint32_t value;
    memcpy(&value, ram + offset, 4);
    return value;
}
static uint32_t used_index(void) {
    return ram32(USED) >> 16;
}

static void test_empty_and_filled_slots(void) {
    fresh();
    uint32_t empty = 5 * VIRTIO_SLOT_SIZE;
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, empty + MagicValue, 4), 0x74726976);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, empty + Version, 4), 2);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, empty + DeviceID, 4), 0);
    virtio_mmio_ops.write(&virtio, empty + Status, 4, 1);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, empty + Status, 4), 0);
    CHECK_EQUAL(get(MagicValue), 0x74726976);
    CHECK_EQUAL(get(DeviceID), 18);
    CHECK_EQUAL(get(VendorID), 0x554d4551);
    CHECK_EQUAL(get(SHMLenLow), 0xffffffff);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, SLOT * VIRTIO_SLOT_SIZE + MagicValue, 1), 0); /* words alone */
}

static void test_filling_is_bounded(void) {
    fresh();
    static const uint16_t odd[] = {24}, large[] = {2048}, good[] = {16};
    uint16_t many[VIRTIO_QUEUES + 1] = {0};
    uint8_t config[VIRTIO_CONFIG + 1] = {0};
    struct virtio_window window = {0};
    CHECK(!virtio_mmio_fill(&virtio, SLOT, 1, 0, good, 1, config, 0, NULL, 0)); /* full */
    CHECK(!virtio_mmio_fill(&virtio, VIRTIO_SLOTS, 1, 0, good, 1, config, 0, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 0, 0, good, 1, config, 0, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 1, 0, odd, 1, config, 0, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 1, 0, large, 1, config, 0, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 1, 0, many, VIRTIO_QUEUES + 1, config, 0, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 1, 0, good, 1, config, sizeof config, NULL, 0));
    CHECK(!virtio_mmio_fill(&virtio, 0, 1, 0, good, 1, config, 100, &window, 1));
}

static void test_features_are_negotiated(void) {
    fresh();
    CHECK_EQUAL(get(DeviceFeatures), 1 | (uint32_t)VIRTIO_F_EVENT_IDX);
    set(DeviceFeaturesSel, 1);
    CHECK_EQUAL(get(DeviceFeatures), 1); /* VERSION_1 */
    set(DeviceFeaturesSel, 2);
    CHECK_EQUAL(get(DeviceFeatures), 0);
    negotiate(1); /* without VERSION_1 */
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER);
    negotiate(2 | VIRTIO_F_VERSION_1); /* not offered */
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER); /* nor alive without them */
    negotiate(1 | VIRTIO_F_VERSION_1);
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER | FEATURES_OK);
    set(DriverFeatures, 0); /* frozen */
    uint32_t status, generation;
    uint64_t features;
    virtio_mmio_status(&virtio, SLOT, &status, &generation, &features);
    CHECK_EQUAL(features, 1 | VIRTIO_F_VERSION_1);
    CHECK_EQUAL(status, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    CHECK_EQUAL(generation, 3);
}

static void test_queues_are_set_up_and_frozen(void) {
    fresh();
    struct virtio_queue queue;
    negotiate(VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1);
    set(QueueSel, 1);
    CHECK_EQUAL(get(QueueNumMax), 128);
    set(QueueSel, 2);
    CHECK_EQUAL(get(QueueNumMax), 0);
    set(QueueNum, 8), set(QueueReady, 1);
    CHECK_EQUAL(get(QueueReady), 0);
    set_up_queue(1, 8);
    CHECK_EQUAL(get(QueueReady), 1);
    set(QueueNum, 16); /* it is ready: no more */
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue) && !queue.ready);
    set(Status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_STATUS);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue));
    CHECK(queue.ready && queue.event_index);
    CHECK_EQUAL(queue.size, 8);
    CHECK_EQUAL(queue.descriptors, RAM + DESCRIPTORS);
    CHECK_EQUAL(queue.available, RAM + AVAILABLE);
    CHECK_EQUAL(queue.used, RAM + USED);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 0, &queue) && !queue.ready);
    CHECK(!virtio_mmio_queue(&virtio, SLOT, 2, &queue));
    set(QueueReady, 0); /* alive: frozen */
    CHECK_EQUAL(get(QueueReady), 1);
}

static void test_impossible_queues_need_a_reset(void) {
    static const struct {
        uint32_t offset, value;
    } cases[] = {{QueueNum, 0},
                 {QueueNum, 3},
                 {QueueNum, 256},
                 {QueueDescLow, RAM + 8},
                 {QueueDriverLow, RAM + 1},
                 {QueueDeviceLow, RAM + 2},
                 {QueueDescLow, 0},
                 {QueueDriverLow, RAM + RAM_SIZE - 20},
                 {QueueDeviceLow, RAM + RAM_SIZE},
                 {QueueDeviceHigh, 1}};
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        fresh();
        negotiate(VIRTIO_F_VERSION_1);
        set(QueueSel, 1), set(QueueNum, 8), set(QueueDescLow, RAM), set(QueueDriverLow, RAM),
            set(QueueDeviceLow, RAM);
        set(cases[index].offset, cases[index].value);
        set(QueueReady, 1);
        CHECK_EQUAL(get(QueueReady), 0);
        CHECK_EQUAL(get(Status) & NEEDS_RESET, NEEDS_RESET);
        CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 1);
        set(Status, 0);
        CHECK_EQUAL(get(Status), 0);
    }
}

static void test_a_kick_only_signals(void) {
    fresh();
    set(QueueNotify, 1);
    CHECK_EQUAL(rings, 0); /* not alive */
    go_live(0);
    rings = 0;
    set(QueueNotify, 1), set(QueueNotify, 1);
    CHECK_EQUAL(rings, 2);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 2);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 0);
    set(QueueNotify, 0), set(QueueNotify, 2), set(QueueNotify, 31), set(QueueNotify, ~0u);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 0); /* not ready, or not there */
}

static void test_used_elements_reach_the_driver(void) {
    fresh();
    go_live(0);
    begin(2, 2);
    put_write(RAM + 0x4000, "hello"), put_write(RAM + RAM_SIZE - 1, "!");
    put_element(3, 5), put_element(7, 1);
    apply();
    CHECK(memcmp(ram + 0x4000, "hello", 5) == 0);
    CHECK_EQUAL(ram[RAM_SIZE - 1], '!');
    CHECK_EQUAL(used_index(), 2);
    CHECK_EQUAL(ram32(USED + 4), 3);
    CHECK_EQUAL(ram32(USED + 8), 5);
    CHECK_EQUAL(ram32(USED + 12), 7);
    CHECK(irq);
    CHECK_EQUAL(get(InterruptStatus), 1);
    set(InterruptACK, 1);
    CHECK(!irq);
    for (unsigned count = 0; count < 4; count++) { /* around the ring */
        begin(0, 2);
        put_element(0, count), put_element(1, count);
        apply();
    }
    CHECK_EQUAL(used_index(), 10);
    CHECK_EQUAL(ram32(USED + 8), 3); /* place 0: the ninth */
    CHECK_EQUAL(ram32(USED + 4 + 7 * 8), 1);
    set(InterruptACK, ~0u);
    begin(1, 0);
    put_write(RAM, "w");
    apply();
    CHECK(!irq); /* a write alone uses nothing */
    CHECK_EQUAL(ram[0], 'w');
}

static void test_the_driver_may_suppress_interrupts(void) {
    fresh();
    go_live(0);
    ram[AVAILABLE] = 1; /* NO_INTERRUPT */
    begin(0, 1), put_element(0, 0), apply();
    CHECK(!irq);
    fresh();
    go_live(VIRTIO_F_EVENT_IDX);
    ram[AVAILABLE + 4 + 16] = 1; /* used_event: tell me of the second */
    begin(0, 1), put_element(0, 0), apply();
    CHECK(!irq);
    begin(0, 1), put_element(0, 0), apply();
    CHECK(irq);
    set(InterruptACK, 1);
    begin(0, 3), put_element(0, 0), put_element(1, 0), put_element(2, 0), apply();
    CHECK(!irq);
}

static void test_hostile_payloads_change_nothing(void) {
    for (unsigned kind = 0; kind < 9; kind++) {
        fresh();
        go_live(0);
        begin(1, 1);
        switch (kind) {
        case 0: /* outside of RAM */
            put_write(RAM + RAM_SIZE - 2, "abc"), put_element(0, 1);
            break;
        case 1: /* wraps around */
            put_write(UINT64_MAX - 1, "abc"), put_element(0, 1);
            break;
        case 2: /* no such descriptor */
            put_write(RAM, "abc"), put_element(8, 1);
            break;
        case 3: /* too short */
            put_write(RAM, "abc"), put(0, 4);
            break;
        case 4: /* too long */
            put_write(RAM, "abc"), put_element(0, 1), put(0, 1);
            break;
        case 5: /* more used than the queue holds */
            begin(0, 9);
            for (unsigned index = 0; index < 9; index++)
                put_element(0, 0);
            break;
        case 6: /* another queue */
            put_write(RAM, "abc"), put_element(0, 1);
            payload[4] = 0;
            break;
        case 7:
            put_write(RAM, "abc"), put_element(0, 1);
            payload[4] = 200;
            break;
        case 8: /* a length that runs over the payload's end */
            put(RAM, 8), put(0xffffffff, 4);
            break;
        }
        apply();
        CHECK_EQUAL(get(Status) & NEEDS_RESET, NEEDS_RESET);
        CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 1);
        CHECK_EQUAL(get(InterruptStatus), 2); /* the driver is told */
        CHECK_EQUAL(ram[0], 0);
        CHECK_EQUAL(used_index(), 0);
        begin(0, 1), put_element(0, 1), apply(); /* nothing more until it has reset */
        CHECK_EQUAL(used_index(), 0);
        virtio_mmio_take_bell(&virtio, SLOT);
        set(QueueNotify, 1);
        CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 0);
        go_live(0);
        begin(0, 1), put_element(0, 1), apply();
        CHECK_EQUAL(used_index(), 1);
    }
}

static void test_an_older_generation_is_dropped(void) {
    fresh();
    go_live(0);
    begin(1, 1);
    put_write(RAM, "abc"), put_element(0, 1);
    go_live(0); /* the driver resets meanwhile */
    apply();
    CHECK_EQUAL(ram[0], 0);
    CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 0);
    set(Status, 0);
    begin(1, 0), put_write(RAM, "abc"), apply(); /* not alive */
    CHECK_EQUAL(ram[0], 0);
    virtio_mmio_used(&virtio, SLOT, payload, 3);
    virtio_mmio_used(&virtio, 99, payload, length);
}

static void test_configuration(void) {
    fresh();
    CHECK_EQUAL(get(Config), 0x44332211);
    CHECK_EQUAL(get(Config + 4), 0x55);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, SLOT * VIRTIO_SLOT_SIZE + Config + 3, 2), 0x5544);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, SLOT * VIRTIO_SLOT_SIZE + 0x1fc, 8), 0);
    virtio_mmio_ops.write(&virtio, SLOT * VIRTIO_SLOT_SIZE + Config + 4, 4, 0xdeadbeef);
    CHECK_EQUAL(get(Config + 4), 0xef);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_CONFIG);
    uint8_t config[VIRTIO_CONFIG];
    CHECK_EQUAL(virtio_mmio_config(&virtio, SLOT, config), 5);
    CHECK_EQUAL(config[4], 0xef);
    go_live(0);
    virtio_mmio_configure(&virtio, SLOT, (const uint8_t *)"12345", 5);
    CHECK_EQUAL(get(ConfigGeneration), 1);
    CHECK_EQUAL(get(InterruptStatus), 2);
    CHECK(irq);
    CHECK_EQUAL(get(Config), 0x34333231);
    virtio_mmio_configure(&virtio, SLOT, (const uint8_t *)"1234", 4); /* another size is another device */
    virtio_mmio_configure(&virtio, 77, (const uint8_t *)"12345", 5);
    CHECK_EQUAL(get(ConfigGeneration), 1);
}

static void test_windows_show_what_was_selected(void) {
    fresh();
    static const uint8_t zeros[136];
    static const uint16_t limits[] = {64};
    struct virtio_window *windows = calloc(2, sizeof *windows);
    windows[0] = (struct virtio_window){1, 0, 4, "pane"};
    windows[1] = (struct virtio_window){0x11, 3, 2, {0xfe, 0x01}};
    CHECK(virtio_mmio_fill(&virtio, 7, 18, 0, limits, 1, zeros, sizeof zeros, windows, 2));
    uint32_t at = 7 * VIRTIO_SLOT_SIZE + Config;
    virtio_mmio_ops.write(&virtio, at, 1, 1);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 2, 1), 4);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 8, 4), 0x656e6170);
    virtio_mmio_ops.write(&virtio, at, 1, 0x11);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 2, 1), 0);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 8, 4), 0);
    virtio_mmio_ops.write(&virtio, at + 1, 1, 3);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 2, 1), 2);
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 8, 4), 0x01fe);
    virtio_mmio_ops.write(&virtio, at + 8, 4, 0); /* read-only */
    CHECK_EQUAL(virtio_mmio_ops.read(&virtio, at + 8, 4), 0x01fe);
}

static void test_state_goes_into_another_slot(void) {
    fresh();
    go_live(0);
    begin(0, 1), put_element(0, 1), apply();
    static struct virtio_mmio other;
    static const uint16_t limits[] = {64, 128};
    bool other_irq = false;
    virtio_mmio_init(&other, &virtio.memory, on_ring);
    CHECK(virtio_mmio_fill(&other, 0, 18, 1 | VIRTIO_F_EVENT_IDX, limits, 2, payload, 5, NULL, 0));
    struct virtio_slot *slot = &other.slots[0];
    slot->irq = check_wire(&other_irq);
    check_copy_fields(&virtio_slot_ops, slot, &virtio.slots[SLOT]);
    CHECK(virtio_slot_ops.restored(slot));
    CHECK(other_irq);
    CHECK(check_same_fields(&virtio_slot_ops, slot, &virtio.slots[SLOT]));
    virtio_mmio_ring_all(&other);
    CHECK_EQUAL(virtio_mmio_take_bell(&other, 0), 1u << VIRTIO_BELL_STATUS | 2);
    begin(0, 1), put_element(4, 1);
    virtio_mmio_used(&other, 0, payload, length);
    CHECK_EQUAL(used_index(), 2);
    slot->queue_size[1] = 256;
    CHECK(!virtio_slot_ops.restored(slot));
    slot->queue_size[1] = 0; /* ready without a size */
    CHECK(!virtio_slot_ops.restored(slot));
    slot->queue_size[1] = 8;
    slot->driver_features |= 2;
    CHECK(!virtio_slot_ops.restored(slot));
    virtio_mmio_free(&other);
}

static void test_reset_of_the_machine(void) {
    fresh();
    go_live(0);
    begin(0, 1), put_element(0, 1), apply();
    virtio_mmio_ops.reset(&virtio);
    CHECK(!irq);
    CHECK_EQUAL(get(Status), 0);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_STATUS);
}

int main(void) {
    test_empty_and_filled_slots();
    test_filling_is_bounded();
    test_features_are_negotiated();
    test_queues_are_set_up_and_frozen();
    test_impossible_queues_need_a_reset();
    test_a_kick_only_signals();
    test_used_elements_reach_the_driver();
    test_the_driver_may_suppress_interrupts();
    test_hostile_payloads_change_nothing();
    test_an_older_generation_is_dropped();
    test_configuration();
    test_windows_show_what_was_selected();
    test_state_goes_into_another_slot();
    test_reset_of_the_machine();
    virtio_mmio_free(&virtio);
    return 0;
}
