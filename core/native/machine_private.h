/* Shared by machine.c (parts and state), machine_run.c (running), machine_show.c (what the host sees) and
 * psci.c; for nobody else. */
#ifndef POCKETVISOR_MACHINE_PRIVATE_H
#define POCKETVISOR_MACHINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "console.h"
#include "events.h"
#include "framebuffer.h"
#include "gic.h"
#include "gtimer.h"
#include "machine.h"
#include "pace.h"
#include "pl011.h"
#include "status.h"

#define NEVER UINT64_MAX

struct machine_memory {
    void *host;
    size_t size;
};

struct machine_device {
    void *device;
    const struct device_ops *ops;
    struct machine_device_hooks hooks;
};

struct machine_uart {
    struct pl011 uart;
    struct console console;
};

/* What of the machine itself is saved. */
struct machine_state {
    uint64_t alarms[MACHINE_DEVICES]; /* virtual time, NEVER for none */
    uint64_t idle_ns;                 /* virtual time waited */
    uint8_t waiting;                  /* in WFI */
    uint8_t ended;                    /* enum run_reason of a power off or reset */
};

struct frame {
    struct framebuffer buffer;
    int fd; /* eventfd */
    bool present, touched;
    uint64_t noticed; /* real time at which the first touch was seen; 0: not yet */
    uint64_t next;    /* real time of the next publication at the earliest */
    uint64_t published;
};

struct machine {
    struct clock clock;
    struct vcpu *vcpu;
    struct machine_state state;
    struct event_queue events;
    struct pace pace;
    bool deterministic, skip_idle;

    uint32_t ram_base, ram_size;
    uint8_t *ram_dirty;
    struct machine_memory memories[MACHINE_MEMORIES + 2];
    unsigned memory_count;

    bool has_gic, has_timer;
    struct gic gic;
    struct gtimer timer;
    struct machine_uart *uarts[MACHINE_UARTS];
    unsigned uart_count;
    struct virtio_mmio *virtio;
    struct machine_device devices[MACHINE_DEVICES];
    unsigned device_count;
    struct frame frame;

    /* Running. */
    enum run_reason reason;
    uint64_t until;     /* clock bytes */
    uint64_t woke_at;   /* clock bytes */
    uint64_t applied;   /* events */
    uint64_t rate_seen; /* that the last slice ran at */
    bool started, running, suspended;
    pthread_t thread;
    char error[MACHINE_ERROR];

    /* Between threads. */
    atomic_bool stop, sync, sync_asked, bell_signalled;
    atomic_uint_fast64_t rate;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int console_fd, doorbell_fd;
    struct status_page *status;
    uint64_t status_at;
};

/* machine_run.c */
void machine_plan(struct machine *machine);
bool machine_attend(void *machine);
void machine_wake(struct machine *machine);
uint64_t machine_real_ns(void);

/* machine_show.c */
void machine_signal(int fd);
void machine_flush_output(struct machine *machine);
void machine_output_waits(void *machine, struct pl011 *uart);
void machine_doorbell(void *machine);
/* Publishes damage and the status page where they are due. */
void machine_show(struct machine *machine, uint64_t real, enum status_state state);
void machine_show_now(struct machine *machine, uint64_t real, enum status_state state);
/* When machine_show() wants to be called for the framebuffer, in real time. */
uint64_t machine_frame_due(const struct machine *machine, bool idle);

/* psci.c: a hypercall by the SMC calling convention. */
enum psci_effect { PSCI_NOTHING, PSCI_SUSPEND, PSCI_POWER_OFF, PSCI_RESET };
enum psci_effect psci_call(uint32_t r[4]);

#endif
