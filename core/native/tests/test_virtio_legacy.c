/* virtio-mmio of version 1, as VIRTIO 1.1 chapter 4.2.4 has it. */
#include "virtio_driver.h"

enum { GuestPageSize = 0x028, QueueAlign = 0x03c, QueuePFN = 0x040 };
enum { PAGE = 0x1000 };

static void fresh_legacy(void) {
    fresh();
    CHECK(virtio_mmio_set_legacy(&virtio, SLOT));
    set(Status, 0);
    set(Status, ACKNOWLEDGE);
    set(Status, ACKNOWLEDGE | DRIVER);
    set(GuestPageSize, PAGE);
    virtio_mmio_take_bell(&virtio, SLOT);
}

static void set_up(uint32_t queue, uint32_t size, uint32_t align, uint32_t page) {
    set(QueueSel, queue), set(QueueNum, size), set(QueueAlign, align), set(QueuePFN, page);
}

static void test_the_transport_is_of_version_1(void) {
    fresh();
    CHECK(!virtio_mmio_set_legacy(&virtio, SLOT + 1)); /* empty */
    fresh_legacy();
    CHECK_EQUAL(get(Version), 1);
    CHECK_EQUAL(get(MagicValue), 0x74726976);
    CHECK_EQUAL(get(DeviceID), 18);
    CHECK_EQUAL(get(SHMLenLow), 0);
    CHECK_EQUAL(get(ConfigGeneration), 0);
    set(QueueSel, 1), set(QueueNum, 8), set(QueueDescLow, RAM), set(QueueReady, 1);
    CHECK_EQUAL(get(QueueReady), 0);
    CHECK_EQUAL(virtio.slots[SLOT].queue_descriptors[1], 0);
    CHECK_EQUAL(get(QueueNumMax), 128);
    CHECK_EQUAL(get(Config), 0x44332211);
}

static void test_features_have_no_answer(void) {
    uint32_t status, generation;
    uint64_t features;
    fresh_legacy();
    CHECK_EQUAL(get(DeviceFeatures), 1 | (uint32_t)VIRTIO_F_EVENT_IDX);
    set(DeviceFeaturesSel, 1);
    CHECK_EQUAL(get(DeviceFeatures), 0);
    set(DriverFeatures, 7); /* not all of them offered */
    set(DriverFeaturesSel, 1), set(DriverFeatures, ~0u);
    virtio_mmio_status(&virtio, SLOT, &status, &generation, &features);
    CHECK_EQUAL(features, 1);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER | DRIVER_OK);
    set(DriverFeaturesSel, 0), set(DriverFeatures, 0); /* it is alive */
    virtio_mmio_status(&virtio, SLOT, &status, &generation, &features);
    CHECK_EQUAL(features, 1);
}

/* Chapter 2.6.2: descriptors, available ring, padding, used ring. */
static void test_a_queue_is_one_piece_of_memory(void) {
    struct virtio_queue queue;
    fresh_legacy();
    set_up(1, 128, PAGE, (RAM >> 12) + 2);
    CHECK_EQUAL(get(QueuePFN), (RAM >> 12) + 2);
    set_up(0, 16, 64, (RAM >> 12) + 5);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue) && !queue.ready);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_STATUS);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue));
    CHECK(queue.ready);
    CHECK_EQUAL(queue.size, 128);
    CHECK_EQUAL(queue.descriptors, RAM + 2 * PAGE);
    CHECK_EQUAL(queue.available, RAM + 2 * PAGE + 2048);
    CHECK_EQUAL(queue.used, RAM + 3 * PAGE);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 0, &queue));
    CHECK_EQUAL(queue.available, RAM + 5 * PAGE + 256);
    CHECK_EQUAL(queue.used, RAM + 5 * PAGE + 320); /* 256 + 6 + 32, up to 64 */
    set(QueuePFN, 0), set(GuestPageSize, 512);     /* alive: frozen */
    CHECK_EQUAL(get(QueuePFN), (RAM >> 12) + 5);
    set(QueueNotify, 1);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 2);
    set(Status, 0);
    CHECK_EQUAL(get(QueuePFN), 0);
}

static void test_a_queue_is_let_go(void) {
    struct virtio_queue queue;
    fresh_legacy();
    set_up(1, 8, PAGE, RAM >> 12);
    set(QueuePFN, 0);
    CHECK_EQUAL(get(QueuePFN), 0);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue) && !queue.ready);
}

/* U-Boot and Linux write it before they reset the device for the first time, and never again. */
static void test_the_page_size_outlives_the_drivers_reset(void) {
    fresh();
    CHECK(virtio_mmio_set_legacy(&virtio, SLOT));
    set(GuestPageSize, PAGE);
    set(Status, 0);
    set(Status, ACKNOWLEDGE | DRIVER);
    set_up(1, 128, PAGE, (RAM >> 12) + 2);
    CHECK_EQUAL(get(QueuePFN), (RAM >> 12) + 2);
    CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 0);
}

static void test_impossible_queues_need_a_reset(void) {
    static const struct {
        uint32_t page_size, size, align, page;
    } cases[] = {{PAGE, 0, PAGE, RAM >> 12},
                 {PAGE, 65535, PAGE, RAM >> 12},
                 {PAGE, 3, PAGE, RAM >> 12},
                 {PAGE, 256, PAGE, RAM >> 12},
                 {0, 8, PAGE, RAM >> 12},
                 {3000, 8, PAGE, RAM >> 12},
                 {1, 8, PAGE, RAM}, /* nothing is aligned */
                 {PAGE, 8, 0, RAM >> 12},
                 {PAGE, 8, 3, RAM >> 12},
                 {PAGE, 8, 2, RAM >> 12},
                 {PAGE, 8, 0x80000000, RAM >> 12},
                 {PAGE, 8, PAGE, 1},
                 {PAGE, 8, PAGE, ~0u},
                 {0x80000000, 8, 0x80000000, ~0u},
                 {PAGE, 128, PAGE, ((RAM + RAM_SIZE) >> 12) - 1}};
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        fresh_legacy();
        set(GuestPageSize, cases[index].page_size);
        set_up(1, cases[index].size, cases[index].align, cases[index].page);
        CHECK_EQUAL(get(QueuePFN), 0);
        CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 1);
        set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
        set(QueueNotify, 1);
        CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_STATUS);
        set(Status, 0);
        CHECK_EQUAL(get(Status), 0);
    }
    fresh_legacy();
    set_up(2, 8, PAGE, RAM >> 12); /* no such queue */
    CHECK_EQUAL(get(QueuePFN), 0);
    CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 0);
}

static void test_an_early_kick_starts_the_device(void) {
    struct virtio_queue queue;
    fresh_legacy();
    set(QueueNotify, 1);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 0);
    set_up(1, 8, PAGE, RAM >> 12);
    set(QueueNotify, 1);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 1u << VIRTIO_BELL_STATUS | 2);
    CHECK(virtio_mmio_queue(&virtio, SLOT, 1, &queue) && queue.ready);
    CHECK_EQUAL(get(Status), ACKNOWLEDGE | DRIVER | DRIVER_OK);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    CHECK_EQUAL(virtio_mmio_take_bell(&virtio, SLOT), 0);
}

static void test_used_elements_arrive(void) {
    fresh_legacy();
    set_up(1, 8, PAGE, RAM >> 12);
    set(Status, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    begin(1, 1), put_write(RAM + 0x5000, "block"), put_element(3, 5), apply();
    CHECK(memcmp(ram + 0x5000, "block", 5) == 0);
    CHECK_EQUAL(ram32(PAGE), 1 << 16);
    CHECK_EQUAL(ram32(PAGE + 4), 3);
    CHECK(irq);
    CHECK_EQUAL(get(InterruptStatus), 1);
    set(InterruptACK, 1);
    CHECK(!irq);
}

static void test_the_state_survives(void) {
    static struct virtio_slot saved;
    fresh_legacy();
    set_up(1, 8, 64, (RAM >> 12) + 1);
    saved = virtio.slots[SLOT];
    fresh_legacy();
    check_copy_fields(&virtio_slot_ops, &virtio.slots[SLOT], &saved);
    CHECK(virtio_slot_ops.restored(&virtio.slots[SLOT]));
    set(QueueSel, 1);
    CHECK_EQUAL(get(QueuePFN), (RAM >> 12) + 1);
    set(QueuePFN, (RAM >> 12) + 2); /* page size and alignment came with it */
    CHECK_EQUAL(virtio.slots[SLOT].queue_used[1], RAM + 2 * PAGE + 192);
    virtio.slots[SLOT].driver_features = 2;
    CHECK(!virtio_slot_ops.restored(&virtio.slots[SLOT]));
}

int main(void) {
    test_the_transport_is_of_version_1();
    test_features_have_no_answer();
    test_a_queue_is_one_piece_of_memory();
    test_a_queue_is_let_go();
    test_the_page_size_outlives_the_drivers_reset();
    test_impossible_queues_need_a_reset();
    test_an_early_kick_starts_the_device();
    test_used_elements_arrive();
    test_the_state_survives();
    virtio_mmio_free(&virtio);
    return 0;
}
