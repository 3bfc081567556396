/* Building a machine, its parts and its state; see machine.h for what is left out. */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "machine_private.h"

enum { PAGE = 4096, TICK_PS_MAX = 1000000000, PPI_PHYSICAL = 14, PPI_VIRTUAL = 11 };

__attribute__((format(printf, 2, 3))) static bool refuse(char error[MACHINE_ERROR], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, MACHINE_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

static void *allocate(size_t size) {
    return fault_hit("alloc") ? NULL : calloc(1, size);
}

static int signal_descriptor(void) {
    if (fault_hit("eventfd")) {
        errno = EMFILE;
        return -1;
    }
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* How the vCPU reaches us. */

static void irq_line(void *pointer, unsigned line, bool level) {
    (void)line;
    vcpu_set_irq(((struct machine *)pointer)->vcpu, level);
}

static bool cp_read(void *pointer, const struct cp_register *reg, bool privileged, uint64_t *value) {
    struct machine *machine = pointer;
    if (!machine->has_timer ||
        !gtimer_read(&machine->timer, clock_now_ns(&machine->clock), reg, privileged, value))
        return false;
    machine->timer_reads++;
    vcpu_trace_timer(machine->vcpu, reg, false, *value);
    return true;
}

static bool cp_write(void *pointer, const struct cp_register *reg, bool privileged, uint64_t value) {
    struct machine *machine = pointer;
    if (!machine->has_timer ||
        !gtimer_write(&machine->timer, clock_now_ns(&machine->clock), reg, privileged, value))
        return false;
    machine->timer_writes++;
    vcpu_trace_timer(machine->vcpu, reg, true, value);
    machine_plan(machine);
    return true;
}

static bool hypercall(void *pointer, uint32_t r[4]) {
    struct machine *machine = pointer;
    switch (psci_call(r)) {
    case PSCI_NOTHING:
        return true;
    case PSCI_SUSPEND:
        machine->suspended = true;
        break;
    case PSCI_POWER_OFF:
        machine->reason = RUN_POWER_OFF;
        machine->state.ended = RUN_POWER_OFF;
        break;
    case PSCI_RESET:
        machine->reason = RUN_RESET;
        machine->state.ended = RUN_RESET;
        break;
    }
    vcpu_attention(machine->vcpu);
    return true;
}

static uint32_t semihosting(void *pointer, uint32_t operation, uint32_t parameter) {
    struct machine *machine = pointer;
    return machine->semihosting(machine->semihosting_host, operation, parameter);
}

void machine_set_semihosting(struct machine *machine, machine_semihosting call, void *host) {
    machine->semihosting = call;
    machine->semihosting_host = host;
    vcpu_set_semihosting(machine->vcpu, call != NULL);
}

void machine_follow_replay(struct machine *machine, machine_follower call, void *host) {
    machine->follower = call;
    machine->follower_host = host;
}

static void failed(void *pointer, const char *sentence) {
    machine_fail(pointer, sentence);
}

static void dirtied(void *pointer, void *tag, uint32_t page) {
    struct machine *machine = pointer;
    (void)page;
    if (tag == &machine->frame)
        machine->frame.touched = true;
}

/* Memories. */

static void *map_fd(struct machine *machine, int fd, size_t size, bool writable, char error[MACHINE_ERROR]) {
    struct stat status;
    if (size == 0 || size % PAGE) {
        refuse(error, "A memory of 0x%zx bytes is not whole pages.", size);
        return NULL;
    }
    if (fstat(fd, &status) < 0 || (size_t)status.st_size < size) {
        refuse(error, "The descriptor of a memory holds less than its 0x%zx bytes.", size);
        return NULL;
    }
    if (machine->memory_count == sizeof machine->memories / sizeof *machine->memories) {
        refuse(error, "A machine has at most %d further memories.", MACHINE_MEMORIES);
        return NULL;
    }
    void *host =
        mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (host == MAP_FAILED) {
        refuse(error, "A memory cannot be mapped: %s.", strerror(errno));
        return NULL;
    }
    machine->memories[machine->memory_count++] = (struct machine_memory){host, size};
    return host;
}

bool machine_map_memory(struct machine *machine, uint32_t base, uint32_t size, int fd, bool writable,
                        char error[MACHINE_ERROR]) {
    void *host = map_fd(machine, fd, size, writable, error);
    return host && vcpu_map_memory(machine->vcpu, base, size, host, writable, NULL, NULL, error);
}

bool machine_add_framebuffer(struct machine *machine, uint32_t base, int fd, uint32_t width, uint32_t height,
                             uint32_t stride, int frame_fd, char error[MACHINE_ERROR]) {
    struct frame *frame = &machine->frame;
    if (frame->present)
        return refuse(error, "A machine has one framebuffer.");
    if (width > FRAMEBUFFER_SIDE_MAX || height > FRAMEBUFFER_SIDE_MAX || stride > 65536)
        return refuse(error, "A framebuffer of %ux%u pixels is too large.", width, height);
    size_t size = ((size_t)stride * height + PAGE - 1) / PAGE * PAGE;
    void *host = map_fd(machine, fd, size, true, error);
    if (!host)
        return false;
    if (fault_hit("alloc") || !framebuffer_init(&frame->buffer, host, size, width, height, stride))
        return refuse(error, "A framebuffer of %ux%u pixels in rows of %u bytes cannot be.", width, height,
                      stride);
    frame->present = frame->touched = true;
    frame->fd = frame_fd;
    frame->width = width;
    frame->height = height;
    return vcpu_map_memory(machine->vcpu, base, (uint32_t)size, host, true, frame->buffer.dirty, frame,
                           error);
}

/* Devices. */

bool machine_add_gic(struct machine *machine, uint32_t distributor, uint32_t cpu_interface,
                     char error[MACHINE_ERROR]) {
    if (machine->has_gic)
        return refuse(error, "A machine has one GIC.");
    machine->has_gic = true;
    return vcpu_map_device(machine->vcpu, distributor, GIC_DISTRIBUTOR_SIZE, &gic_distributor_ops,
                           &machine->gic, error) &&
           vcpu_map_device(machine->vcpu, cpu_interface, GIC_CPU_INTERFACE_SIZE, &gic_cpu_interface_ops,
                           &machine->gic, error);
}

static struct wire gic_wire(struct machine *machine, unsigned line) {
    return (struct wire){gic_set_line, &machine->gic, line};
}

bool machine_add_timer(struct machine *machine, char error[MACHINE_ERROR]) {
    if (!machine->has_gic)
        return refuse(error, "The timer needs a GIC.");
    gtimer_init(&machine->timer, gic_wire(machine, GIC_PPI + PPI_PHYSICAL),
                gic_wire(machine, GIC_PPI + PPI_VIRTUAL));
    machine->has_timer = true;
    return true;
}

static bool spi_exists(const struct machine *machine, uint32_t first, uint32_t count,
                       char error[MACHINE_ERROR]) {
    if (machine->has_gic && first <= GIC_LINES - GIC_SPI && count <= GIC_LINES - GIC_SPI - first)
        return true;
    return refuse(error, "There is no interrupt line SPI %u.", first);
}

int machine_add_pl011(struct machine *machine, uint32_t base, uint32_t spi, char error[MACHINE_ERROR]) {
    if (!spi_exists(machine, spi, 1, error))
        return -1;
    if (machine->uart_count == MACHINE_UARTS)
        return refuse(error, "A machine has at most %d UARTs.", MACHINE_UARTS), -1;
    struct machine_uart *uart = allocate(sizeof *uart);
    if (!uart || !console_init(&uart->console)) {
        free(uart);
        return refuse(error, "Out of memory for a UART."), -1;
    }
    pl011_init(&uart->uart, gic_wire(machine, GIC_SPI + spi), machine_output_waits, machine);
    machine->uarts[machine->uart_count] = uart;
    if (!vcpu_map_device(machine->vcpu, base, PL011_SIZE, &pl011_ops, &uart->uart, error)) {
        console_free(&uart->console);
        free(uart);
        return -1;
    }
    return (int)machine->uart_count++;
}

bool machine_add_virtio_slots(struct machine *machine, uint32_t base, uint32_t first_spi, uint32_t count,
                              char error[MACHINE_ERROR]) {
    if (machine->virtio)
        return refuse(error, "A machine has one range of virtio slots.");
    if (count == 0 || count > VIRTIO_SLOTS)
        return refuse(error, "There are 1 to %d virtio slots.", VIRTIO_SLOTS);
    if (!spi_exists(machine, first_spi, count, error))
        return false;
    struct virtio_memory memory = {machine, machine_in_ram, machine_ram_read, machine_ram_write,
                                   machine_ram_clear};
    machine->virtio = allocate(sizeof *machine->virtio);
    if (!machine->virtio)
        return refuse(error, "Out of memory for the virtio slots.");
    virtio_mmio_init(machine->virtio, &memory, machine_doorbell);
    machine->virtio->count = count;
    for (unsigned slot = 0; slot < count; slot++)
        machine->virtio->slots[slot].irq = gic_wire(machine, GIC_SPI + first_spi + slot);
    return vcpu_map_device(machine->vcpu, base, count * VIRTIO_SLOT_SIZE, &virtio_mmio_ops, machine->virtio,
                           error);
}

int machine_add_device(struct machine *machine, uint32_t base, uint32_t size, const struct device_ops *ops,
                       void *device, const struct machine_device_hooks *hooks, char error[MACHINE_ERROR]) {
    if (machine->device_count == MACHINE_DEVICES)
        return refuse(error, "A machine has at most %d devices in Python.", MACHINE_DEVICES), -1;
    if (!vcpu_map_device(machine->vcpu, base, size, ops, device, error))
        return -1;
    machine->devices[machine->device_count] = (struct machine_device){device, ops, *hooks};
    return (int)machine->device_count++;
}

/* Life. */

static bool open_all(struct machine *machine, const struct machine_options *options,
                     char error[MACHINE_ERROR]) {
    static const struct vcpu_host calls = {.attend = machine_attend,
                                           .cp_read = cp_read,
                                           .cp_write = cp_write,
                                           .hypercall = hypercall,
                                           .semihosting = semihosting,
                                           .dirtied = dirtied,
                                           .failed = failed};
    struct vcpu_host host = calls;
    host.machine = machine;
    if (options->tick_ps == 0 || options->tick_ps > TICK_PS_MAX)
        return refuse(error, "A tick takes 1 to %d picoseconds.", TICK_PS_MAX);
    machine->console_fd = signal_descriptor();
    machine->doorbell_fd = signal_descriptor();
    if (machine->console_fd < 0 || machine->doorbell_fd < 0)
        return refuse(error, "No eventfd can be had: %s.", strerror(errno));
    if (options->status_fd >= 0 && !(machine->status = status_open(options->status_fd)))
        return refuse(error, "The status page cannot be mapped: %s.", strerror(errno));
    if (!ram_open(&machine->ram, &options->ram, error))
        return false;
    machine->ram_dirty = allocate(machine->ram.size / PAGE / 8 + 1);
    if (!machine->ram_dirty)
        return refuse(error, "Out of memory for the dirty log.");
    machine->vcpu = vcpu_open(&machine->clock, &host, error);
    return machine->vcpu &&
           vcpu_map_ram(machine->vcpu, options->ram_base, &machine->ram, machine->ram_dirty, machine, error);
}

struct machine *machine_new(const struct machine_options *options, char error[MACHINE_ERROR]) {
    struct machine *machine = allocate(sizeof *machine);
    if (!machine) {
        refuse(error, "Out of memory for a machine.");
        return NULL;
    }
    machine->console_fd = machine->doorbell_fd = machine->frame.fd = -1;
    pthread_mutex_init(&machine->frame.lock, NULL);
    machine->woke_at = machine->sample_at = NEVER;
    machine->ram_base = options->ram_base;
    machine->clock.tick_ps = options->tick_ps;
    machine->deterministic = options->deterministic;
    machine->skip_idle = options->skip_idle;
    memset(machine->state.alarms, 0xff, sizeof machine->state.alarms);
    event_queue_init(&machine->events);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&machine->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&machine->lock, NULL);
    gic_init(&machine->gic, (struct wire){irq_line, machine, 0});
    ram_init(&machine->ram);
    if (!open_all(machine, options, error)) {
        machine_free(machine);
        return NULL;
    }
    return machine;
}

void machine_free(struct machine *machine) {
    if (machine->vcpu)
        vcpu_close(machine->vcpu);
    trace_close(machine->trace);
    if (machine->virtio) {
        virtio_mmio_free(machine->virtio);
        free(machine->virtio);
    }
    for (unsigned index = 0; index < machine->uart_count; index++) {
        console_free(&machine->uarts[index]->console);
        free(machine->uarts[index]);
    }
    framebuffer_free(&machine->frame.buffer);
    free(machine->ram_dirty);
    ram_close(&machine->ram);
    for (unsigned index = 0; index < machine->memory_count; index++)
        munmap(machine->memories[index].host, machine->memories[index].size);
    status_close(machine->status);
    if (machine->console_fd >= 0)
        close(machine->console_fd);
    if (machine->doorbell_fd >= 0)
        close(machine->doorbell_fd);
    event_queue_free(&machine->events);
    pthread_cond_destroy(&machine->wake);
    pthread_mutex_destroy(&machine->lock);
    pthread_mutex_destroy(&machine->frame.lock);
    free(machine);
}
