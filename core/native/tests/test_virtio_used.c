/* What the host sends through virtio-mmio: used elements, hostile payloads, state. */
#include "virtio_driver.h"

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

static void test_zeros_need_no_bytes(void) {
    fresh();
    go_live(0);
    memset(ram + 0x4000, 0xff, 0x3000);
    begin(2, 1);
    put(RAM + 0x4010, 8), put(VIRTIO_ZEROS | 0x2000, 4);
    put_write(RAM + 0x4020, "x"); /* in their order */
    put_element(0, 0);
    apply();
    CHECK_EQUAL(ram[0x400f], 0xff);
    CHECK_EQUAL(ram[0x4010], 0);
    CHECK_EQUAL(ram[0x4020], 'x');
    CHECK_EQUAL(ram[0x600f], 0);
    CHECK_EQUAL(ram[0x6010], 0xff);
    CHECK_EQUAL(used_index(), 1);
    CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 0);
    begin(1, 0);
    put(RAM + RAM_SIZE - 1, 8), put(VIRTIO_ZEROS | 2, 4); /* outside of RAM */
    apply();
    CHECK_EQUAL(virtio.slots[SLOT].needed_resets, 1);
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

int main(void) {
    test_used_elements_reach_the_driver();
    test_the_driver_may_suppress_interrupts();
    test_hostile_payloads_change_nothing();
    test_zeros_need_no_bytes();
    test_an_older_generation_is_dropped();
    test_state_goes_into_another_slot();
    virtio_mmio_free(&virtio);
    return 0;
}
