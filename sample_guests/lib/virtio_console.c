/* Leaves out: text on the consoles themselves, sizes of terminals, the legacy transport, ports that come or
 * go while it runs. */
#include "virtio_console.h"
#include "board.h"
#include "gic.h"
#include "text.h"
#include "virtio_mmio.h"

enum { QUEUE = 8, QUEUES_MAX = 16, CONTROL_IN = 2, CONTROL_OUT = 3, SLOTS = 4 };
enum { VIRTIO_ID_CONSOLE = 3, FEATURE_MULTIPORT = 1 << 1, CONFIG_PORTS = VIRTIO_CONFIGURATION + 4 };
enum { DEVICE_READY = 0, DEVICE_ADD = 1, PORT_READY = 3, PORT_OPEN = 6, PORT_NAME = 7 };
enum { CONTROL_SIZE = 96, PIECE = 512 };

struct control {
    uint32_t port;
    uint16_t event, value;
};

struct queue {
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
};

static uint32_t base;
static const char *wanted;
static int port = -1; /* of the channel with that name */
static bool connected;
static struct queue queues[QUEUES_MAX];
static union {
    struct control head;
    char bytes[CONTROL_SIZE];
} told[QUEUE];
static struct control said[QUEUE];
static unsigned said_count, said_done;
static char received[QUEUE][PIECE];
static int taken; /* of the piece at the head */
static char sent[SLOTS][CHANNEL_MESSAGE_MAX];
static unsigned sent_count, sent_done;

static uint32_t get(uint32_t offset) {
    return read32(base + offset);
}
static void put(uint32_t offset, uint32_t value) {
    write32(base + offset, value);
}

static void barrier(void) {
    __asm__ volatile("dmb" ::: "memory");
}

static int queue_of(int number) {
    return number == 0 ? 0 : 2 * number + 2;
}

static void offer(int index, int slot, void *data, uint32_t bytes, uint16_t flags) {
    struct queue *queue = &queues[index];
    queue->descriptors[slot] = (struct virtq_descriptor){(uintptr_t)data, bytes, flags, 0};
    queue->available.head.ring[queue->available.head.index % QUEUE] = (uint16_t)slot;
    barrier();
    queue->available.head.index++;
    barrier();
    put(VIRTIO_QUEUE_NOTIFY, (uint32_t)index);
}

/* The next buffer that the device is through with: its slot, or -1. */
static int done(int index, uint32_t *bytes) {
    struct queue *queue = &queues[index];
    if (queue->seen == queue->used.head.index)
        return -1;
    barrier();
    uint32_t slot = queue->used.head.ring[queue->seen % QUEUE].id % QUEUE;
    if (bytes)
        *bytes = queue->used.head.ring[queue->seen % QUEUE].bytes;
    queue->seen++;
    return (int)slot;
}

static void say(uint32_t number, uint16_t event, uint16_t value) {
    while (done(CONTROL_OUT, NULL) >= 0)
        said_done++;
    if (said_count - said_done == QUEUE)
        return; /* a device that does not listen: then there is no channel */
    unsigned slot = said_count++ % QUEUE;
    said[slot] = (struct control){number, event, value};
    offer(CONTROL_OUT, (int)slot, &said[slot], sizeof said[slot], 0);
}

static void heard(const struct control *message, const char *name, uint32_t bytes) {
    switch (message->event) {
    case DEVICE_ADD:
        say(message->port, PORT_READY, 1);
        break;
    case PORT_NAME:
        if (port < 0 && queue_of((int)(message->port & 15)) + 1 < QUEUES_MAX &&
            bytes == text_length(wanted) && !memcmp(name, wanted, bytes)) {
            port = (int)message->port;
            for (int i = 0; i < QUEUE; i++)
                offer(queue_of(port), i, received[i], PIECE, DESCRIPTOR_WRITE);
            say(message->port, PORT_OPEN, 1);
        }
        break;
    case PORT_OPEN:
        if ((int)message->port == port)
            connected = message->value != 0;
        break;
    }
}

static void poll(void) {
    uint32_t bytes = 0;
    for (int slot; base && (slot = done(CONTROL_IN, &bytes)) >= 0;) {
        if (bytes >= sizeof told[slot].head && bytes <= CONTROL_SIZE)
            heard(&told[slot].head, told[slot].bytes + sizeof told[slot].head,
                  bytes - sizeof told[slot].head);
        offer(CONTROL_IN, slot, &told[slot], CONTROL_SIZE, DESCRIPTOR_WRITE);
    }
}

static void interrupt(unsigned irq) {
    (void)irq;
    put(VIRTIO_INTERRUPT_ACKNOWLEDGE, get(VIRTIO_INTERRUPT_STATUS));
}

static bool set_up(void) {
    put(VIRTIO_STATUS, 0);
    put(VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    put(VIRTIO_DRIVER_FEATURES_SELECT, 0);
    put(VIRTIO_DRIVER_FEATURES, FEATURE_MULTIPORT);
    put(VIRTIO_DRIVER_FEATURES_SELECT, 1);
    put(VIRTIO_DRIVER_FEATURES, 1); /* VERSION_1 */
    put(VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (!(get(VIRTIO_STATUS) & STATUS_FEATURES_OK))
        return false;
    uint32_t count = 2 * get(CONFIG_PORTS) + 2;
    if (count < 4)
        count = 4;
    if (count > QUEUES_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        put(VIRTIO_QUEUE_SELECT, i);
        if (get(VIRTIO_QUEUE_SIZE_MAX) < QUEUE)
            return false;
        put(VIRTIO_QUEUE_SIZE, QUEUE);
        put(VIRTIO_QUEUE_DESCRIPTORS, (uint32_t)queues[i].descriptors);
        put(VIRTIO_QUEUE_DESCRIPTORS + 4, 0);
        put(VIRTIO_QUEUE_DRIVER, (uint32_t)&queues[i].available);
        put(VIRTIO_QUEUE_DRIVER + 4, 0);
        put(VIRTIO_QUEUE_DEVICE, (uint32_t)&queues[i].used);
        put(VIRTIO_QUEUE_DEVICE + 4, 0);
        put(VIRTIO_QUEUE_READY, 1);
    }
    put(VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    for (int i = 0; i < QUEUE; i++)
        offer(CONTROL_IN, i, &told[i], CONTROL_SIZE, DESCRIPTOR_WRITE);
    say(0, DEVICE_READY, 1);
    return true;
}

bool channel_start(const char *name) {
    wanted = name;
    for (int i = 0; i < board.virtio_count; i++) {
        base = board.virtio[i].base;
        if (get(VIRTIO_MAGIC) == VIRTIO_MAGIC_VALUE && get(VIRTIO_VERSION) == 2 &&
            get(VIRTIO_DEVICE_ID) == VIRTIO_ID_CONSOLE) {
            gic_connect(board.virtio[i].irq, interrupt);
            if (set_up())
                return true;
        }
    }
    base = 0;
    return false;
}

bool channel_open(void) {
    poll();
    return port >= 0 && connected;
}

bool channel_write(const char *data, int bytes) {
    if (!channel_open() || bytes <= 0 || bytes > CHANNEL_MESSAGE_MAX)
        return false;
    int queue = queue_of(port) + 1;
    while (done(queue, NULL) >= 0)
        sent_done++;
    if (sent_count - sent_done == SLOTS)
        return false;
    unsigned slot = sent_count++ % SLOTS;
    memcpy(sent[slot], data, (size_t)bytes);
    offer(queue, (int)slot, sent[slot], (uint32_t)bytes, 0);
    return true;
}

int channel_read(char *to, int size) {
    if (!channel_open())
        return 0;
    struct queue *queue = &queues[queue_of(port)];
    if (queue->seen == queue->used.head.index)
        return 0;
    barrier();
    uint32_t slot = queue->used.head.ring[queue->seen % QUEUE].id % QUEUE;
    int bytes = (int)queue->used.head.ring[queue->seen % QUEUE].bytes;
    if (bytes > PIECE)
        bytes = PIECE;
    int count = bytes - taken < size ? bytes - taken : size;
    memcpy(to, received[slot] + taken, (size_t)count);
    taken += count;
    if (taken == bytes) {
        taken = 0;
        queue->seen++;
        offer(queue_of(port), (int)slot, received[slot], PIECE, DESCRIPTOR_WRITE);
    }
    return count;
}
