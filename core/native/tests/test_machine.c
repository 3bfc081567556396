/* The machine under sanitizers: many threads at once, and every way to fail while it is built. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "events.h"
#include "fault.h"
#include "machine.h"
#include "status.h"

enum {
    RAM = 0x40000000,
    RAM_SIZE = 1 << 20,
    WIDTH = 64,
    HEIGHT = 64,
    FRAMEBUFFER = 0x0c000000,
    UART = 0x09000000
};

static int ram_fd, status_fd, framebuffer_fd, frame_fd;
static uint8_t *ram;

/* Counts in r0 for ever, sends a byte and draws a pixel each time around. */
static const uint32_t busy[] = {
    0xe3a01409, /* mov r1, #0x09000000 */
    0xe3a02303, /* mov r2, #0x0c000000 */
    0xe2800001, /* add r0, r0, #1 */
    0xe5c10000, /* strb r0, [r1] */
    0xe5820000, /* str r0, [r2] */
    0xeafffffb, /* b add */
};

static int memory(size_t size) {
    int fd = memfd_create("test", 0);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    return fd;
}

static void load(const uint32_t *code, size_t size) {
    memcpy(ram, code, size);
}

static struct machine *bare(void) {
    char error[MACHINE_ERROR] = "";
    struct machine_options options = {.ram = {ram_fd, RAM_SIZE, NULL, 0, -1, -1, -1},
                                      .status_fd = status_fd,
                                      .ram_base = RAM,
                                      .tick_ps = 1000};
    struct machine *machine = machine_new(&options, error);
    if (!machine)
        fprintf(stderr, "%s\n", error);
    return machine;
}

static struct machine *whole(void) {
    char error[MACHINE_ERROR] = "";
    static const uint16_t limits[] = {64};
    struct machine *machine = bare();
    CHECK(machine);
    CHECK(machine_add_gic(machine, 0x08000000, 0x08010000, error));
    CHECK(machine_add_timer(machine, error));
    CHECK_EQUAL(machine_add_pl011(machine, UART, 1, error), 0);
    CHECK(machine_add_virtio_slots(machine, 0x0a000000, 16, 32, error));
    CHECK(virtio_mmio_fill(machine_virtio(machine), 0, 18, 0, limits, 1, NULL, 0, NULL, 0));
    CHECK(machine_add_framebuffer(machine, FRAMEBUFFER, framebuffer_fd, WIDTH, HEIGHT, WIDTH * 4, frame_fd,
                                  error));
    vcpu_set_register(machine_vcpu(machine), vcpu_registers[15].id, RAM);
    return machine;
}

static atomic_bool over;

static void *post(void *machine) {
    uint8_t bytes[64] = {0};
    for (unsigned count = 0; !atomic_load(&over); count++) {
        machine_post(machine, (uint16_t)(1 + count % 5), (uint16_t)(count % 3), bytes, count % sizeof bytes);
        sched_yield();
    }
    return NULL;
}

static void *take(void *pointer) {
    struct machine *machine = pointer;
    uint8_t bytes[1000];
    struct virtio_queue queue;
    uint32_t status, generation;
    uint64_t features;
    while (!atomic_load(&over)) {
        machine_open_consoles(machine);
        machine_take_console(machine, 0, bytes, sizeof bytes);
        machine_open_doorbells(machine);
        virtio_mmio_take_bell(machine_virtio(machine), 0);
        virtio_mmio_status(machine_virtio(machine), 0, &status, &generation, &features);
        virtio_mmio_queue(machine_virtio(machine), 0, 0, &queue);
        sched_yield();
    }
    return NULL;
}

static void *disturb(void *pointer) {
    struct machine *machine = pointer;
    for (unsigned count = 0; count < 200; count++) {
        machine_set_rate(machine, count % 3 ? 50000000 * (count % 5) : 0);
        usleep(500);
        machine_stop(machine);
    }
    atomic_store(&over, true);
    machine_stop(machine);
    return NULL;
}

static void test_many_threads_at_once(void) {
    load(busy, sizeof busy);
    struct machine *machine = whole();
    machine_events(machine)->recording = true;
    pthread_t threads[3];
    CHECK(pthread_create(&threads[0], NULL, post, machine) == 0);
    CHECK(pthread_create(&threads[1], NULL, take, machine) == 0);
    CHECK(pthread_create(&threads[2], NULL, disturb, machine) == 0);
    unsigned runs = 0;
    for (; !atomic_load(&over); runs++)
        CHECK_EQUAL(machine_run(machine, UINT64_MAX), RUN_STOPPED);
    for (unsigned index = 0; index < 3; index++)
        pthread_join(threads[index], NULL);
    CHECK(runs > 1);
    uint64_t counters[MACHINE_COUNTERS];
    machine_counters(machine, counters);
    CHECK(counters[10] > 0); /* mmio */
    size_t size;
    uint8_t *log = event_take_log(machine_events(machine), &size);
    CHECK(log && size);
    free(log);
    machine_free(machine);
}

/* With each allocation failing in turn, nothing leaks and the next try works. */
static void test_building_fails_cleanly(void) {
    char error[MACHINE_ERROR];
    for (unsigned turn = 0; turn < 2; turn++) {
        CHECK(fault_arm(turn ? "alloc" : "eventfd"));
        CHECK(!bare());
    }
    struct machine *machine = bare();
    CHECK(machine_add_gic(machine, 0x08000000, 0x08010000, error));
    CHECK(!machine_add_gic(machine, 0x08100000, 0x08110000, error));
    CHECK(fault_arm("alloc"));
    CHECK_EQUAL(machine_add_pl011(machine, UART, 1, error), -1);
    CHECK(fault_arm("alloc"));
    CHECK(!machine_add_virtio_slots(machine, 0x0a000000, 16, 32, error));
    CHECK(fault_arm("alloc"));
    CHECK(
        !machine_add_framebuffer(machine, FRAMEBUFFER, framebuffer_fd, WIDTH, HEIGHT, WIDTH * 4, -1, error));
    CHECK_EQUAL(machine_add_pl011(machine, 0x08000000, 1, error), -1); /* overlaps */
    CHECK_EQUAL(machine_add_pl011(machine, UART, 1, error), 0);
    machine_free(machine);

    struct machine_options options = {
        .ram = {ram_fd, RAM_SIZE, NULL, 0, -1, -1, -1}, .status_fd = -1, .ram_base = RAM};
    CHECK(!machine_new(&options, error));
    options.tick_ps = 1000;
    options.ram.size = RAM_SIZE + 4096; /* more than there is */
    CHECK(!machine_new(&options, error));
    options.ram.size = 100;
    CHECK(!machine_new(&options, error));
    options.ram.size = RAM_SIZE;
    options.status_fd = ram_fd;
    options.ram.own_fd = -1;
    CHECK(!machine_new(&options, error));
}

/* Every field of every part survives the way through another machine. */
static void test_all_parts_go_into_another_machine(void) {
    load(busy, sizeof busy);
    struct machine *here = whole(), *there = whole();
    CHECK_EQUAL(machine_post(here, EVENT_CONSOLE_INPUT, 0, "abc", 3), 1);
    CHECK_EQUAL(machine_run(here, 10000), RUN_LIMIT);
    struct machine_part from, to;
    unsigned parts = 0;
    char error[MACHINE_ERROR];
    size_t size = vcpu_state_size(machine_vcpu(here));
    void *block = malloc(size);
    vcpu_save(machine_vcpu(here), block);
    CHECK(vcpu_restore(machine_vcpu(there), block, size));
    free(block);
    for (; machine_part(here, parts, &from); parts++) {
        CHECK(machine_part(there, parts, &to));
        CHECK(strcmp(from.name, to.name) == 0);
        struct device_ops ops = {.name = from.name, .fields = from.fields};
        check_copy_fields(&ops, to.state, from.state);
    }
    CHECK_EQUAL(parts, 7); /* clock, machine, vcpu, gic, gtimer, pl011.0, virtio.0 */
    CHECK(!machine_part(there, parts, &to));
    CHECK(machine_restored(there, error));
    CHECK_EQUAL(machine_run(here, 20000), RUN_LIMIT);
    CHECK_EQUAL(machine_run(there, 20000), RUN_LIMIT);
    for (unsigned index = 0; machine_part(here, index, &from) && machine_part(there, index, &to); index++) {
        struct device_ops ops = {.name = from.name, .fields = from.fields};
        if (index) /* the two clocks saw different real time */
            CHECK(check_same_fields(&ops, from.state, to.state));
    }
    CHECK_EQUAL(machine_clock(here)->bytes, machine_clock(there)->bytes);
    machine_free(here);
    machine_free(there);
}

int main(void) {
    ram_fd = memory(RAM_SIZE);
    status_fd = memory(STATUS_SIZE);
    framebuffer_fd = memory(WIDTH * HEIGHT * 4);
    frame_fd = eventfd(0, EFD_NONBLOCK);
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
    CHECK(ram != MAP_FAILED);
    test_many_threads_at_once();
    test_building_fails_cleanly();
    test_all_parts_go_into_another_machine();
    return 0;
}
