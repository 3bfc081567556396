/* One command for each kind of attack on a virtqueue's field, and on addresses where nothing is: it makes its
 * attempts, counts what stopped each, says so in a line and comes back.
 *
 *     attack NAME                                the console's command
 *     NAME: N attempts, R reached, ...           its answer; `reached` is what should be 0
 *
 * A descriptor has reached what it names when the device hands it back as used. */
#include "suite.h"
#include "board.h"
#include "console.h"
#include "exceptions.h"
#include "heap.h"
#include "mmu.h"
#include "modes.h"
#include "text.h"
#include "timer.h"
#include "virtio_mmio.h"

#include <stddef.h>

enum { QUEUE_MAX = 8, NEEDS_RESET = 64, DESCRIPTOR_NEXT = 1, DESCRIPTOR_INDIRECT = 4 };
enum { WINDOW = 0xd0000000u, PATIENCE_MS = 50 };

struct rings {
    struct virtq_descriptor descriptors[64];
    struct {
        uint16_t flags;
        volatile uint16_t index;
        uint16_t ring[64];
        uint16_t event;
    } available;
    struct {
        uint16_t flags;
        volatile uint16_t index;
        struct {
            uint32_t id, bytes;
        } ring[64];
        uint16_t event;
    } used __attribute__((aligned(4)));
    struct virtq_descriptor table[64];
    uint8_t buffer[4096];
};

static struct {
    uint32_t attempts, reached, reset, silent, abort, nothing;
} count;
static struct rings *rings;
static volatile uint32_t faults;
static volatile uint16_t *used_index; /* where the device says what it has used */

static bool count_fault(struct exception_frame *frame) {
    if (frame->kind == EXCEPTION_PREFETCH)
        return false;
    faults++;
    frame->pc += frame->kind == EXCEPTION_SVC ? 0 : 4;
    return true;
}

static uint32_t ram_end(void) {
    return BOARD_RAM + board.ram_bytes;
}

static void barrier(void) {
    __asm__ volatile("dsb" ::: "memory");
}

static void set_address(uint32_t base, uint32_t area, uint64_t at) {
    write32(base + area, (uint32_t)at);
    write32(base + area + 4, (uint32_t)(at >> 32));
}

/* Of which queues something comes back by itself: what the driver sends, and what is asked of the rng. */
static uint32_t queue_of(uint32_t device) {
    switch (device) {
    case 4:  /* rng */
    case 5:  /* balloon */
    case 16: /* gpu */
        return 0;
    default: /* input's status, the console's and the network's transmit queue */
        return 1;
    }
}

/* A device with an empty queue, or 0 where there is none. */
static bool begin(uint32_t base, uint32_t size, uint64_t descriptors, uint64_t driver, uint64_t device) {
    write32(base + VIRTIO_STATUS, 0);
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    for (uint32_t word = 0; word < 2; word++) {
        write32(base + VIRTIO_DEVICE_FEATURES_SELECT, word);
        /* Version 1, and indirect descriptors where they are offered. */
        uint32_t offered = read32(base + 0x010), wanted = word ? 1 : 1u << 28;
        write32(base + VIRTIO_DRIVER_FEATURES_SELECT, word);
        write32(base + VIRTIO_DRIVER_FEATURES, offered & wanted);
    }
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    write32(base + VIRTIO_QUEUE_SELECT, queue_of(read32(base + VIRTIO_DEVICE_ID)));
    write32(base + VIRTIO_QUEUE_SIZE, size);
    set_address(base, VIRTIO_QUEUE_DESCRIPTORS, descriptors);
    set_address(base, VIRTIO_QUEUE_DRIVER, driver);
    set_address(base, VIRTIO_QUEUE_DEVICE, device);
    write32(base + VIRTIO_QUEUE_READY, 1);
    write32(base + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    return !(read32(base + VIRTIO_STATUS) & NEEDS_RESET);
}

static void clear_rings(void) {
    used_index = &rings->used.index;
    uint32_t *words = (uint32_t *)rings;
    for (uint32_t i = 0; i < sizeof *rings / 4; i++)
        words[i] = 0;
    barrier();
}

static bool begin_well(uint32_t base) {
    clear_rings();
    return begin(base, QUEUE_MAX, (uint32_t)rings->descriptors, (uint32_t)&rings->available,
                 (uint32_t)&rings->used);
}

static bool used_something(void) {
    uint32_t before = faults, found = *used_index;
    return faults == before && found;
}

/* Makes what is at descriptor 0 available and looks what the device does with it. */
static void offer(uint32_t base, uint16_t index) {
    rings->available.index = index;
    barrier();
    count.attempts++;
    write32(base + VIRTIO_QUEUE_NOTIFY, queue_of(read32(base + VIRTIO_DEVICE_ID)));
    uint64_t until = timer_now() + PATIENCE_MS * (SECONDS / 1000);
    while (timer_now() < until) {
        if (read32(base + VIRTIO_STATUS) & NEEDS_RESET) {
            count.reset++;
            return;
        }
        if (used_something()) {
            count.reached++;
            return;
        }
    }
    count.silent++;
}

static bool for_writing(uint32_t base) {
    return read32(base + VIRTIO_DEVICE_ID) == 4;
}

static void describe(uint32_t index, uint64_t address, uint32_t bytes, uint32_t flags, uint32_t next) {
    rings->descriptors[index] = (struct virtq_descriptor){address, bytes, (uint16_t)flags, (uint16_t)next};
}

typedef void attack(uint32_t base, uint32_t round);

static void dma_address(uint32_t base, uint32_t round) {
    static const uint64_t places[] = {
        0,          0x08000000, 0x09000000,  0x0a000000,         0x0c000000,
        0x3ffff000, 0xfffff000, 0x100000000, 0x8000000000000000, 0xffffffffffffff00};
    uint64_t at = round < 10       ? places[round]
                  : round < 20     ? ram_end() + (round - 10) * 4096
                  : round % 4 == 0 ? ram_end() + (chance() & 0xfffffff0) % (0xffffffffu - ram_end())
                  : round % 4 == 1 ? (uint64_t)chance() << 32 | chance()
                  : round % 4 == 2 ? chance() % BOARD_RAM
                                   : (uint64_t)(chance() | 1) << 32 | (uint32_t)rings->buffer;
    if (begin_well(base)) {
        describe(0, at, 64, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
        offer(base, 1);
    }
}

static void dma_length(uint32_t base, uint32_t round) {
    uint32_t left = ram_end() - (uint32_t)rings->buffer;
    uint32_t bytes = round == 0 ? 0xffffffff : round == 1 ? 0x80000000 : left + 1 + chance() % ~left;
    if (begin_well(base)) {
        describe(0, (uint32_t)rings->buffer, bytes, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
        offer(base, 1);
    }
}

static void descriptor_loop(uint32_t base, uint32_t round) {
    uint32_t length = 1 + round % QUEUE_MAX, write = for_writing(base) ? DESCRIPTOR_WRITE : 0;
    if (begin_well(base)) {
        for (uint32_t i = 0; i < length; i++)
            describe(i, (uint32_t)rings->buffer, 16, write | DESCRIPTOR_NEXT, (i + 1) % length);
        offer(base, 1);
    }
}

static void descriptor_index(uint32_t base, uint32_t round) {
    uint32_t far = round % 2 ? QUEUE_MAX + chance() % 56 : QUEUE_MAX + chance() % (0xffff - QUEUE_MAX);
    if (!begin_well(base))
        return;
    /* What lies behind the table looks like a descriptor that is well. */
    for (uint32_t i = QUEUE_MAX; i < 64; i++)
        describe(i, (uint32_t)rings->buffer, 16, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
    if (round % 4 < 2)
        rings->available.ring[0] = (uint16_t)far;
    else
        describe(0, (uint32_t)rings->buffer, 16, (for_writing(base) ? DESCRIPTOR_WRITE : 0) | DESCRIPTOR_NEXT,
                 far);
    offer(base, 1);
}

static void indirect(uint32_t base, uint32_t round) {
    if (!begin_well(base))
        return;
    uint32_t table = (uint32_t)rings->table, write = for_writing(base) ? DESCRIPTOR_WRITE : 0;
    uint32_t bytes = 32, flags = DESCRIPTOR_INDIRECT;
    rings->table[0] = (struct virtq_descriptor){(uint32_t)rings->buffer, 16, (uint16_t)write, 0};
    switch (round % 5) {
    case 0: /* a table within a table */
        rings->table[0].address = table;
        rings->table[0].bytes = 32;
        rings->table[0].flags = DESCRIPTOR_INDIRECT;
        break;
    case 1: /* one that goes on behind it as well */
        flags |= DESCRIPTOR_NEXT;
        describe(1, (uint32_t)rings->buffer, 16, write, 0);
        break;
    case 2: /* not of whole descriptors */
        bytes = 17 + chance() % 15;
        break;
    case 3: /* outside of RAM */
        table = chance() % BOARD_RAM;
        break;
    default: /* its entry is */
        rings->table[0].address = chance() % BOARD_RAM;
    }
    describe(0, table, bytes, flags, 1);
    offer(base, 1);
}

/* The rings themselves where there is no RAM: the device must not so much as begin. */
static void ring_place(uint32_t base, uint32_t round) {
    uint64_t at[3] = {(uint32_t)rings->descriptors, (uint32_t)&rings->available, (uint32_t)&rings->used};
    uint64_t wrong = round % 3 == 0   ? (chance() % BOARD_RAM) & ~15u
                     : round % 3 == 1 ? ram_end() - 16 + (chance() & 0xff0)
                                      : (uint64_t)(chance() | 1) << 32 | (uint32_t)rings->descriptors;
    clear_rings();
    at[round % 9 / 3] = wrong;
    if (round % 9 == 7) { /* the used ring, where it can be seen what became of it */
        mmu_alias(WINDOW, (uint32_t)wrong & 0xfff00000, MEMORY_UNCACHED);
        used_index = (volatile uint16_t *)(WINDOW + ((uint32_t)wrong & 0xfffff) + 2);
        faults = 0;
        *used_index = 0;
    }
    if (!begin(base, QUEUE_MAX, at[0], at[1], at[2])) {
        count.attempts++;
        count.reset++;
        return;
    }
    describe(0, (uint32_t)rings->buffer, 16, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
    offer(base, 1);
}

/* More chains than the queue holds. */
static void ring_index(uint32_t base, uint32_t round) {
    (void)round;
    if (!begin_well(base))
        return;
    describe(0, (uint32_t)rings->buffer, 16, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
    offer(base, (uint16_t)(QUEUE_MAX + 1 + chance() % (0xffff - QUEUE_MAX)));
}

/* As many entries as the devices offer. */
static uint32_t largest_queue(uint32_t base) {
    return read32(base + VIRTIO_DEVICE_ID) == 4 ? 64 : 1024;
}

static void queue_size(uint32_t base, uint32_t round) {
    static const uint32_t sizes[] = {0, 3, 5, 7, 0x10000, 0xffff, 0x80000000, 0xffffffff, 4096, 65536};
    uint32_t beyond = largest_queue(base) * 2, size = (chance() & 0xffff) | 3;
    if (round < 10)
        size = sizes[round];
    else if (round < 14)
        size = beyond << (round - 10);
    clear_rings();
    if (!begin(base, size, (uint32_t)rings->descriptors, (uint32_t)&rings->available,
               (uint32_t)&rings->used)) {
        count.attempts++;
        count.reset++;
        return;
    }
    describe(0, (uint32_t)rings->buffer, 16, for_writing(base) ? DESCRIPTOR_WRITE : 0, 0);
    offer(base, 1);
}

static const uint32_t device_starts[] = {0x00000000, 0x08000000, 0x09000000, 0x0a000000, 0x0c000000};
static const uint32_t device_ends[] = {0x08000000, 0x08100000, 0x09100000, 0x0a100000, 0x0e000000};

static uint32_t empty_section(void) {
    for (;;) {
        uint32_t section = chance() & 0xfff00000;
        bool taken = section >= BOARD_RAM && section < ram_end();
        for (unsigned i = 0; i < sizeof device_starts / sizeof *device_starts; i++)
            taken |= section >= device_starts[i] && section < device_ends[i];
        if (!taken)
            return section;
    }
}

/* What is read where nothing is, or written there and read again. */
static void addresses(void) {
    for (uint32_t round = 0; round < 4096; round++) {
        if (round % 16 == 0)
            mmu_alias(WINDOW, empty_section(), MEMORY_UNCACHED);
        volatile uint32_t *at = (volatile uint32_t *)(WINDOW + (chance() & 0xffffc));
        uint32_t before = faults, found = *at, value = chance() | 1;
        *at = value;
        found |= *at;
        count.attempts++;
        if (faults - before == 3)
            count.abort++;
        else if (!found)
            count.nothing++;
        else
            count.reached++;
    }
    mmu_alias(WINDOW, 0, MEMORY_NONE);
}

static const struct {
    const char *name;
    attack *run;
    uint32_t rounds;
} attacks[] = {
    {"dma-address", dma_address, 80},
    {"dma-length", dma_length, 40},
    {"descriptor-loop", descriptor_loop, 32},
    {"descriptor-index", descriptor_index, 40},
    {"indirect", indirect, 40},
    {"ring-place", ring_place, 36},
    {"ring-index", ring_index, 32},
    {"queue-size", queue_size, 32},
    {NULL, NULL, 0},
};

/* Not the touch screen and the keyboard: by those this guest is told what to do. */
static void on_queues(attack *run, uint32_t rounds) {
    for (int i = 0; i < board.virtio_count; i++) {
        uint32_t base = board.virtio[i].base, device = read32(base + VIRTIO_DEVICE_ID);
        if (!device || device == VIRTIO_ID_INPUT)
            continue;
        for (uint32_t round = 0; round < rounds; round++)
            run(base, round);
        write32(base + VIRTIO_STATUS, 0);
    }
}

void suite_run(int words, char **names) {
    const char *name = words > 1 ? names[1] : "";
    if (!rings)
        rings = heap_take(sizeof *rings + 4096);
    rings = (struct rings *)(((uint32_t)rings + 4095) & ~4095u);
    count.attempts = count.reached = count.reset = count.silent = count.abort = count.nothing = 0;
    bool (*hook)(struct exception_frame *) = exception_hook;
    exception_hook = count_fault;
    if (text_equal(name, "addresses"))
        addresses();
    for (int i = 0; attacks[i].name; i++)
        if (text_equal(name, attacks[i].name))
            on_queues(attacks[i].run, attacks[i].rounds);
    exception_hook = hook;
    print("%s: %u attempts, %u reached, %u needs-reset, %u no-answer, %u abort, %u nothing-there\n", name,
          count.attempts, count.reached, count.reset, count.silent, count.abort, count.nothing);
}
