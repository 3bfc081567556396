/* What a machine says about itself and lets others do: control from outside, reset, save and restore. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine_private.h"

/* The clock goes on: a system counter outlives a reset. */
void machine_reset(struct machine *machine) {
    vcpu_reset(machine->vcpu);
    for (unsigned index = 0; index < machine->uart_count; index++)
        pl011_ops.reset(&machine->uarts[index]->uart);
    if (machine->virtio)
        virtio_mmio_ops.reset(machine->virtio);
    if (machine->has_timer)
        gtimer_ops.reset(&machine->timer);
    for (unsigned index = 0; index < machine->device_count; index++) {
        machine->state.alarms[index] = NEVER;
        if (machine->devices[index].ops->reset)
            machine->devices[index].ops->reset(machine->devices[index].device);
    }
    gic_distributor_ops.reset(&machine->gic);
    machine->state.waiting = 0;
    machine->state.ended = RUN_NONE;
    machine->state.exit_code = 0;
    atomic_store(&machine->exit_asked, 0);
    machine->suspended = false;
}

bool machine_set_register(struct machine *machine, const struct debug_register *reg, uint64_t value) {
    const struct debug_register *pc = debug_register_named("pc");
    uint64_t before = vcpu_read_named(machine->vcpu, pc);
    if (!vcpu_write_named(machine->vcpu, reg, value))
        return false;
    if (vcpu_read_named(machine->vcpu, pc) != before)
        machine->state.waiting = 0;
    return true;
}

bool machine_started(const struct machine *machine) {
    return machine->started;
}

const char *machine_error(const struct machine *machine) {
    return machine->error;
}

void machine_stop(struct machine *machine) {
    atomic_store(&machine->stop, true);
    machine_wake(machine);
}

void machine_request_exit(struct machine *machine, uint32_t code) {
    uint_fast64_t none = 0;
    if (atomic_compare_exchange_strong(&machine->exit_asked, &none, EXIT_ASKED | code))
        machine_wake(machine);
}

uint32_t machine_exit_code(const struct machine *machine) {
    return machine->state.exit_code;
}

void machine_set_rate(struct machine *machine, uint64_t ticks_per_second) {
    atomic_store(&machine->rate, ticks_per_second);
    machine_wake(machine);
}

void machine_set_sync(struct machine *machine, bool sync) {
    atomic_store(&machine->sync, sync);
}

bool machine_post(struct machine *machine, uint16_t kind, uint16_t target, const void *payload,
                  uint32_t size) {
    if (!event_post(&machine->events, kind, target, payload, size))
        return false;
    machine_wake(machine);
    return true;
}

bool machine_put(struct machine *machine, struct event *event) {
    if (!event_put(&machine->events, event))
        return false;
    machine_wake(machine);
    return true;
}

struct virtio_mmio *machine_virtio(struct machine *machine) {
    return machine->virtio;
}
unsigned machine_uarts(const struct machine *machine) {
    return machine->uart_count;
}
int machine_console_fd(const struct machine *machine) {
    return machine->console_fd;
}
int machine_doorbell_fd(const struct machine *machine) {
    return machine->doorbell_fd;
}

size_t machine_console_length(struct machine *machine, unsigned console) {
    return console_length(&machine->uarts[console]->console);
}

/* What comes from here on signals anew. */
static void drain(int fd) {
    uint64_t count;
    ssize_t size = read(fd, &count, sizeof count);
    (void)size; /* nothing there is as good */
}

void machine_open_consoles(struct machine *machine) {
    drain(machine->console_fd);
}

size_t machine_take_console(struct machine *machine, unsigned console, uint8_t *bytes, size_t size) {
    size_t taken = console_take(&machine->uarts[console]->console, bytes, size);
    for (unsigned index = 0; index < machine->uart_count; index++)
        if (console_length(&machine->uarts[index]->console))
            machine_signal(machine->console_fd); /* another console's, or what came meanwhile */
    return taken;
}

void machine_open_doorbells(struct machine *machine) {
    drain(machine->doorbell_fd);
    atomic_store(&machine->bell_signalled, false);
}

bool machine_set_line(struct machine *machine, uint32_t spi, bool level) {
    if (!machine->has_gic || spi >= GIC_LINES - GIC_SPI)
        return false;
    gic_set_line(&machine->gic, GIC_SPI + spi, level);
    return true;
}

uint64_t machine_now_ns(const struct machine *machine) {
    return clock_now_ns(&machine->clock);
}

void machine_set_alarm(struct machine *machine, unsigned device, uint64_t at_ns) {
    machine->state.alarms[device] = at_ns;
    if (machine->running)
        machine_plan(machine);
}

struct clock *machine_clock(struct machine *machine) {
    return &machine->clock;
}
struct vcpu *machine_vcpu(struct machine *machine) {
    return machine->vcpu;
}
struct event_queue *machine_events(struct machine *machine) {
    return &machine->events;
}

static const struct state_field clock_fields[] = {
    STATE_FIELD(struct clock, bytes),
    STATE_FIELD(struct clock, base),
    STATE_FIELD(struct clock, correction),
    STATE_FIELD(struct clock, tick_ps),
    STATE_END,
};

/* Far beyond any uptime, and far from where the numbers wrap. */
#define BYTES_MAX (1ull << 60)
#define CORRECTION_MAX (1ull << 62)

static bool clock_possible(void *state) {
    const struct clock *clock = state;
    return clock->base <= clock->bytes && clock->bytes <= BYTES_MAX && clock->correction <= CORRECTION_MAX &&
           clock->tick_ps != 0;
}

static const struct state_field machine_fields[] = {
    STATE_ARRAY(struct machine_state, alarms),    STATE_FIELD(struct machine_state, idle_ns),
    STATE_FIELD(struct machine_state, waiting),   STATE_FIELD(struct machine_state, ended),
    STATE_FIELD(struct machine_state, exit_code), STATE_END,
};

static bool machine_possible(void *state) {
    struct machine_state *machine = state;
    return machine->waiting <= 1 && (machine->ended == RUN_NONE || machine->ended == RUN_POWER_OFF ||
                                     machine->ended == RUN_RESET || machine->ended == RUN_EXIT);
}

static void set_part(struct machine_part *part, void *state, const struct device_ops *ops) {
    part->state = state;
    part->fields = ops->fields;
    part->restored = ops->restored;
    snprintf(part->name, sizeof part->name, "%s", ops->name);
}

static void number_part(struct machine_part *part, unsigned number) {
    size_t length = strlen(part->name);
    snprintf(part->name + length, sizeof part->name - length, ".%u", number);
}

/* The index of a part that depends on the machine's make: slots that are filled, UARTs that are there. */
static bool optional_part(struct machine *machine, unsigned index, struct machine_part *part) {
    if (machine->has_timer && index-- == 0) {
        set_part(part, &machine->timer, &gtimer_ops);
        return true;
    }
    for (unsigned uart = 0; uart < machine->uart_count; uart++)
        if (index-- == 0) {
            set_part(part, &machine->uarts[uart]->uart, &pl011_ops);
            number_part(part, uart);
            return true;
        }
    for (unsigned slot = 0; machine->virtio && slot < VIRTIO_SLOTS; slot++)
        if (machine->virtio->slots[slot].device_id && index-- == 0) {
            set_part(part, &machine->virtio->slots[slot], &virtio_slot_ops);
            number_part(part, slot);
            return true;
        }
    return false;
}

bool machine_part(struct machine *machine, unsigned index, struct machine_part *part) {
    switch (index) {
    case 0:
        *part = (struct machine_part){"clock", &machine->clock, clock_fields, clock_possible};
        return true;
    case 1:
        *part = (struct machine_part){"machine", &machine->state, machine_fields, machine_possible};
        return true;
    case 2:
        *part = (struct machine_part){"vcpu", vcpu_extra_state(machine->vcpu), vcpu_extra_fields,
                                      vcpu_extra_possible};
        return true;
    case 3:
        set_part(part, &machine->gic, &gic_distributor_ops);
        return true;
    }
    return optional_part(machine, index - 4, part);
}

bool machine_restored(struct machine *machine, char error[MACHINE_ERROR]) {
    struct machine_part part;
    for (unsigned index = 0; machine_part(machine, index, &part); index++)
        if (part.restored && !part.restored(part.state)) {
            snprintf(error, MACHINE_ERROR, "The state of %s is not possible.", part.name);
            return false;
        }
    if (machine->has_timer)
        gtimer_update(&machine->timer, clock_now_ns(&machine->clock));
    if (machine->virtio)
        virtio_mmio_ring_all(machine->virtio);
    if (machine->frame.present) {
        framebuffer_show_all(&machine->frame.buffer);
        machine->frame.touched = true;
    }
    machine->suspended = false;
    machine_show_now(machine, machine_real_ns(), STATUS_STOPPED); /* whoever looks sees it as it is now */
    return true;
}
