/* virtio-mmio, register by register. */
#include "virtio_driver.h"

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

struct edges {
    bool level;
    unsigned rising;
};

static void count_edge(void *sink, unsigned line, bool level) {
    struct edges *edges = sink;
    (void)line;
    edges->rising += level && !edges->level;
    edges->level = level;
}

/* An interrupt controller that takes edges, as Linux is told that ours does, hears of each. */
static void test_what_comes_between_status_and_acknowledgement_is_told(void) {
    fresh();
    struct edges edges = {false, 0};
    virtio.slots[SLOT].irq = (struct wire){count_edge, &edges, 0};
    go_live(0);
    begin(0, 1), put_element(0, 1), apply();
    CHECK_EQUAL(edges.rising, 1);
    uint32_t seen = get(InterruptStatus);
    CHECK_EQUAL(seen, 1);
    virtio_mmio_configure(&virtio, SLOT, (const uint8_t *)"12345", 5);
    set(InterruptACK, seen);
    CHECK_EQUAL(get(InterruptStatus), 2);
    CHECK(edges.level);
    CHECK_EQUAL(edges.rising, 2);
    set(InterruptACK, 1); /* nothing of that is there: no new edge, so that no driver goes in circles */
    CHECK_EQUAL(edges.rising, 2);
    set(InterruptACK, 2);
    CHECK(!edges.level);
    begin(0, 1), put_element(0, 1), apply();
    CHECK_EQUAL(edges.rising, 3);
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
    test_configuration();
    test_what_comes_between_status_and_acknowledgement_is_told();
    test_windows_show_what_was_selected();
    test_reset_of_the_machine();
    virtio_mmio_free(&virtio);
    return 0;
}
