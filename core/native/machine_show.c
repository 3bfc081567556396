/* What the host sees of a machine without asking: console output, doorbells, damage, the status page.
 * Nothing here changes the guest. */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "machine_private.h"

enum {
    FRAME_NS = 16666667,  /* at most 60 a second */
    DRAWING_NS = 3000000, /* a running guest is given this long to end what it draws */
    STATUS_EVERY_NS = 5000000,
};

const char *const machine_counter_names[MACHINE_COUNTERS + 1] = {
    "blocks",           "fills",          "first_fetches", "irqs",   "data_aborts",    "prefetch_aborts",
    "supervisor_calls", "undefined",      "traps",         "waits",  "mmio",           "external_aborts",
    "empty_accesses",   "dirty_marks",    "frames",        "events", "events_refused", "virtio_refused",
    "input_dropped",    "output_dropped",
};

void machine_counters(const struct machine *machine, uint64_t counters[MACHINE_COUNTERS]) {
    const struct vcpu_counters *vcpu = vcpu_get_counters(machine->vcpu);
    uint64_t values[MACHINE_COUNTERS] = {
        vcpu->blocks,
        vcpu->fills,
        vcpu->first_fetches,
        vcpu->irqs,
        vcpu->data_aborts,
        vcpu->prefetch_aborts,
        vcpu->supervisor_calls,
        vcpu->undefined,
        vcpu->traps,
        vcpu->waits,
        vcpu->mmio,
        vcpu->external_aborts,
        vcpu->empty_accesses,
        vcpu->dirty_marks,
        machine->frame.published,
        machine->applied,
        machine->events.refused,
    };
    for (unsigned slot = 0; machine->virtio && slot < VIRTIO_SLOTS; slot++)
        values[17] += machine->virtio->slots[slot].needed_resets;
    for (unsigned index = 0; index < machine->uart_count; index++) {
        values[18] += machine->uarts[index]->uart.dropped;
        values[19] += machine->uarts[index]->console.dropped;
    }
    memcpy(counters, values, sizeof values);
}

void machine_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* full means that nobody reads, and it is readable already */
}

static void flush_uart(struct machine *machine, struct machine_uart *uart) {
    if (!uart->uart.output_length)
        return;
    bool first = console_put(&uart->console, uart->uart.output, uart->uart.output_length);
    uart->uart.output_length = 0;
    if (first)
        machine_signal(machine->console_fd);
}

void machine_flush_output(struct machine *machine) {
    for (unsigned index = 0; index < machine->uart_count; index++)
        flush_uart(machine, machine->uarts[index]);
}

static void ask_sync(struct machine *machine) {
    if (atomic_load_explicit(&machine->sync, memory_order_relaxed)) {
        atomic_store(&machine->sync_asked, true);
        vcpu_attention(machine->vcpu);
    }
}

bool machine_print(struct machine *machine, unsigned console, const uint8_t *bytes, size_t size) {
    if (console >= machine->uart_count)
        return false;
    flush_uart(machine, machine->uarts[console]);
    if (console_put(&machine->uarts[console]->console, bytes, size))
        machine_signal(machine->console_fd);
    ask_sync(machine);
    return true;
}

/* Output gathers in the UART, so that a guest that prints costs the host no system call for each byte. */
void machine_output_waits(void *pointer, struct pl011 *pl011) {
    struct machine_uart *uart = (struct machine_uart *)pl011; /* its first member */
    if (pl011->output_length == PL011_OUTPUT)
        flush_uart(pointer, uart);
    ask_sync(pointer);
}

void machine_doorbell(void *pointer) {
    struct machine *machine = pointer;
    if (!atomic_exchange(&machine->bell_signalled, true))
        machine_signal(machine->doorbell_fd);
    ask_sync(machine);
}

uint64_t machine_frame_due(const struct machine *machine, bool idle) {
    const struct frame *frame = &machine->frame;
    if (!frame->touched || atomic_load_explicit(&frame->elsewhere, memory_order_relaxed))
        return NEVER;
    uint64_t drawn = frame->noticed ? frame->noticed + DRAWING_NS : NEVER;
    return idle || drawn < frame->next ? frame->next : drawn;
}

static void publish(struct machine *machine, uint64_t real) {
    struct frame *frame = &machine->frame;
    uint16_t rectangles[FRAMEBUFFER_RECTANGLES][4];
    frame->touched = false;
    frame->noticed = 0;
    /* A little late is on time for the next one, so that 60 a second stay 60. */
    frame->next = real - frame->next < FRAME_NS / 2 ? frame->next + FRAME_NS : real + FRAME_NS;
    unsigned count = framebuffer_damage(&frame->buffer, rectangles);
    vcpu_harvest(machine->vcpu);
    if (count)
        machine_frame_damaged(machine, (const uint16_t (*)[4])rectangles, count, real);
}

static uint64_t idle_until(const struct machine *machine) {
    uint64_t deadline = machine_next_deadline(machine);
    return deadline == NEVER || machine_replaying(machine) ? NEVER : pace_real_at(&machine->pace, deadline);
}

static void fill_status(struct machine *machine, uint64_t real, enum status_state state) {
    struct status_page *page = machine->status;
    struct timespec cpu;
    uint64_t counters[MACHINE_COUNTERS];
    machine->status_at = real;
    machine->status_bytes = machine->clock.bytes;
    machine->status_applied = machine->applied;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    machine_counters(machine, counters);
    atomic_store_explicit(&page->ticks, clock_ticks(&machine->clock), memory_order_relaxed);
    atomic_store_explicit(&page->clock_ns, clock_now_ns(&machine->clock), memory_order_relaxed);
    atomic_store_explicit(&page->idle_ns, machine->state.idle_ns, memory_order_relaxed);
    atomic_store_explicit(&page->cpu_ns, (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec,
                          memory_order_relaxed);
    for (unsigned index = 0; index < MACHINE_COUNTERS; index++)
        atomic_store_explicit(&page->counters[index], counters[index], memory_order_relaxed);
    atomic_store_explicit(&page->inputs, machine->inputs, memory_order_relaxed);
    atomic_store_explicit(&page->idle_until, state == STATUS_IDLE ? idle_until(machine) : NEVER,
                          memory_order_relaxed);
    atomic_store_explicit(&page->reason, (uint32_t)machine->reason, memory_order_relaxed);
    atomic_store_explicit(&page->state, state, memory_order_release);
}

/* While it runs, a moment old will do; what an idle guest has shown stands for as long as it waits. */
static bool is_stale(const struct machine *machine, uint64_t real, enum status_state state) {
    const struct status_page *page = machine->status;
    if (real - machine->status_at >= STATUS_EVERY_NS ||
        atomic_load_explicit(&page->state, memory_order_relaxed) != state)
        return true;
    return state == STATUS_IDLE &&
           (machine->status_bytes != machine->clock.bytes || machine->status_applied != machine->applied ||
            atomic_load_explicit(&page->idle_until, memory_order_relaxed) != idle_until(machine));
}

void machine_show(struct machine *machine, uint64_t real, enum status_state state) {
    if (machine->frame.touched && !machine->frame.noticed)
        machine->frame.noticed = real;
    if (machine->frame.touched && real >= machine_frame_due(machine, state != STATUS_RUNNING))
        publish(machine, real);
    if (machine->status && is_stale(machine, real, state))
        fill_status(machine, real, state);
}

void machine_show_now(struct machine *machine, uint64_t real, enum status_state state) {
    if (machine_frame_due(machine, true) != NEVER)
        publish(machine, real);
    if (machine->status)
        fill_status(machine, real, state);
}
