/* Leaves out: the status queue (keyboard lights), relative pointers, the legacy transport. */
#include "virtio_input.h"
#include "board.h"
#include "gic.h"
#include "input.h"
#include "text.h"
#include "virtio_mmio.h"

enum { DEVICES = 4, QUEUE = 64 };

/* Selectors of the configuration space: virtio 1.2, 5.8.4. */
enum { CONFIG_EVENT_BITS = 0x11, CONFIG_ABSOLUTE = 0x12 };
enum { EV_SYN = 0, EV_KEY = 1, EV_ABS = 3 };
enum { ABS_X = 0x00, ABS_Y = 0x01, ABS_MT_SLOT = 0x2f, ABS_MT_POSITION_X = 0x35, ABS_MT_POSITION_Y = 0x36 };
enum { ABS_MT_TRACKING_ID = 0x39, BTN_LEFT = 0x110, BTN_TOUCH = 0x14a };

struct device {
    uint32_t base;
    bool multi;       /* speaks multi-touch, type B; else one pointer with a button */
    int x_max, y_max; /* 0: no pointer */
    int slot;         /* the one that events are about */
    struct {
        bool touching, was_touching, moved;
        int x, y; /* in the device's units */
    } slots[INPUT_SLOTS];
    uint16_t seen; /* of the used ring */
    struct virtq_descriptor descriptors[QUEUE] __attribute__((aligned(16)));
    struct {
        struct virtq_available head;
        uint16_t ring[QUEUE + 1];
    } available __attribute__((aligned(4)));
    struct {
        struct virtq_used head;
        uint32_t ring[2 * QUEUE + 1];
    } used __attribute__((aligned(4)));
    struct {
        uint16_t type, code;
        uint32_t value;
    } events[QUEUE];
};

static struct device devices[DEVICES];
static int device_count;

static uint32_t get(const struct device *device, uint32_t offset) {
    return read32(device->base + offset);
}
static void put(const struct device *device, uint32_t offset, uint32_t value) {
    write32(device->base + offset, value);
}

static uint8_t config_select(const struct device *device, uint8_t what, uint8_t which) {
    volatile uint8_t *config = (volatile uint8_t *)(device->base + VIRTIO_CONFIGURATION);
    config[0] = what;
    config[1] = which;
    return config[2];
}

static bool has_axis(const struct device *device, unsigned axis) {
    volatile uint8_t *bits = (volatile uint8_t *)(device->base + VIRTIO_CONFIGURATION + 8);
    return config_select(device, CONFIG_EVENT_BITS, EV_ABS) > axis / 8 && bits[axis / 8] & 1 << axis % 8;
}

static int axis_max(const struct device *device, unsigned axis) {
    if (!has_axis(device, axis) || config_select(device, CONFIG_ABSOLUTE, (uint8_t)axis) < 8)
        return 0;
    return (int)get(device, VIRTIO_CONFIGURATION + 8 + 4);
}

static void virtio_interrupt(unsigned irq) {
    for (int i = 0; i < board.virtio_count; i++)
        if (board.virtio[i].irq == irq) {
            uint32_t base = board.virtio[i].base;
            write32(base + VIRTIO_INTERRUPT_ACKNOWLEDGE, read32(base + VIRTIO_INTERRUPT_STATUS));
        }
}

static bool set_up(struct device *device) {
    put(device, VIRTIO_STATUS, 0);
    put(device, VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    put(device, VIRTIO_DRIVER_FEATURES_SELECT, 0);
    put(device, VIRTIO_DRIVER_FEATURES, 0);
    put(device, VIRTIO_DRIVER_FEATURES_SELECT, 1);
    put(device, VIRTIO_DRIVER_FEATURES, 1); /* VERSION_1 */
    put(device, VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (!(get(device, VIRTIO_STATUS) & STATUS_FEATURES_OK))
        return false;

    device->multi = has_axis(device, ABS_MT_POSITION_X);
    device->x_max = axis_max(device, device->multi ? ABS_MT_POSITION_X : ABS_X);
    device->y_max = axis_max(device, device->multi ? ABS_MT_POSITION_Y : ABS_Y);

    put(device, VIRTIO_QUEUE_SELECT, 0);
    uint32_t size = get(device, VIRTIO_QUEUE_SIZE_MAX);
    if (size < QUEUE || get(device, VIRTIO_QUEUE_READY))
        return false;
    for (uint16_t i = 0; i < QUEUE; i++) {
        device->descriptors[i] =
            (struct virtq_descriptor){(uintptr_t)&device->events[i], 8, DESCRIPTOR_WRITE, 0};
        device->available.head.ring[i] = i;
    }
    __asm__ volatile("dmb" ::: "memory");
    device->available.head.index = QUEUE;
    put(device, VIRTIO_QUEUE_SIZE, QUEUE);
    put(device, VIRTIO_QUEUE_DESCRIPTORS, (uint32_t)device->descriptors);
    put(device, VIRTIO_QUEUE_DESCRIPTORS + 4, 0);
    put(device, VIRTIO_QUEUE_DRIVER, (uint32_t)&device->available);
    put(device, VIRTIO_QUEUE_DRIVER + 4, 0);
    put(device, VIRTIO_QUEUE_DEVICE, (uint32_t)&device->used);
    put(device, VIRTIO_QUEUE_DEVICE + 4, 0);
    put(device, VIRTIO_QUEUE_READY, 1);
    put(device, VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    put(device, VIRTIO_QUEUE_NOTIFY, 0);
    return true;
}

void virtio_input_start(void) {
    for (int i = 0; i < board.virtio_count && device_count < DEVICES; i++) {
        uint32_t base = board.virtio[i].base;
        if (read32(base + VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE || read32(base + VIRTIO_VERSION) != 2 ||
            read32(base + VIRTIO_DEVICE_ID) != VIRTIO_ID_INPUT)
            continue;
        struct device *device = &devices[device_count];
        device->base = base;
        if (!set_up(device))
            continue;
        device_count++;
        gic_connect(board.virtio[i].irq, virtio_interrupt);
    }
}

static int scale(int value, int max, int size) {
    if (value < 0)
        value = 0;
    if (max + 1 == size || max <= 0)
        return value < size ? value : size - 1;
    return (int)((uint32_t)value * (uint32_t)(size - 1) / (uint32_t)max);
}

/* EV_SYN: everything since the last one happened at once. */
static void report(struct device *device) {
    for (int i = 0; i < INPUT_SLOTS; i++) {
        bool now = device->slots[i].touching, was = device->slots[i].was_touching;
        if (now == was && !(now && device->slots[i].moved))
            continue;
        struct input_event event = {
            .kind = now && !was ? INPUT_DOWN
                    : now       ? INPUT_MOVE
                                : INPUT_UP,
            .slot = i,
            .x = scale(device->slots[i].x, device->x_max, board.panel.width),
            .y = scale(device->slots[i].y, device->y_max, board.panel.height),
        };
        device->slots[i].was_touching = now;
        device->slots[i].moved = false;
        input_put(&event);
    }
}

static void take(struct device *device, unsigned type, unsigned code, uint32_t value) {
    int slot = device->multi ? device->slot : 0;
    if (type == EV_SYN) {
        report(device);
    } else if (type == EV_KEY && code < 0x100) {
        input_put(&(struct input_event){.kind = INPUT_KEY, .code = code, .pressed = (int)value});
    } else if (type == EV_KEY && !device->multi && (code == BTN_LEFT || code == BTN_TOUCH)) {
        device->slots[0].touching = value != 0;
    } else if (type == EV_ABS && code == ABS_MT_SLOT) {
        device->slot = value < INPUT_SLOTS ? (int)value : INPUT_SLOTS - 1;
    } else if (type == EV_ABS && code == ABS_MT_TRACKING_ID) {
        device->slots[slot].touching = (int32_t)value >= 0;
    } else if (type == EV_ABS && code == (device->multi ? ABS_MT_POSITION_X : ABS_X)) {
        device->slots[slot].x = (int)value;
        device->slots[slot].moved = true;
    } else if (type == EV_ABS && code == (device->multi ? ABS_MT_POSITION_Y : ABS_Y)) {
        device->slots[slot].y = (int)value;
        device->slots[slot].moved = true;
    }
}

void virtio_input_poll(void) {
    for (int i = 0; i < device_count; i++) {
        struct device *device = &devices[i];
        uint16_t first = device->seen;
        while (device->seen != device->used.head.index) {
            __asm__ volatile("dmb" ::: "memory");
            uint32_t id = device->used.head.ring[device->seen % QUEUE].id % QUEUE;
            interrupts_off(); /* the phone's keys put on the queue from their interrupt */
            take(device, device->events[id].type, device->events[id].code, device->events[id].value);
            interrupts_on();
            device->available.head.ring[device->available.head.index % QUEUE] = (uint16_t)id;
            __asm__ volatile("dmb" ::: "memory");
            device->available.head.index++;
            device->seen++;
        }
        __asm__ volatile("dmb" ::: "memory");
        if (first != device->seen && !(*(volatile uint16_t *)&device->used.head.flags & USED_NO_NOTIFY))
            put(device, VIRTIO_QUEUE_NOTIFY, 0);
    }
}
