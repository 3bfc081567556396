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
#define EXIT_ASKED (1ull << 32)

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
    uint8_t ended;                    /* enum run_reason of a power off, reset or exit */
    uint32_t exit_code;               /* where it ended by an exit */
};

struct frame {
    struct framebuffer buffer;
    int fd; /* eventfd */
    bool present, touched;
    uint64_t noticed;       /* real time at which the first touch was seen; 0: not yet */
    uint64_t next;          /* real time of the next publication at the earliest */
    uint32_t width, height; /* of the framebuffer, or of the scanout that is shown instead */
    atomic_bool elsewhere;  /* a scanout is shown: the framebuffer's own damage is nobody's */
    atomic_uint_fast64_t published;
    pthread_mutex_t lock; /* what of the status page says what is shown, and damage */
};

struct machine {
    struct clock clock;
    struct vcpu *vcpu;
    struct machine_state state;
    struct event_queue events;
    struct pace pace;
    bool deterministic, skip_idle;

    uint32_t ram_base;
    struct ram ram;
    uint8_t *ram_dirty;
    struct machine_memory memories[MACHINE_MEMORIES + 2];
    unsigned memory_count;

    bool has_gic, has_timer;
    uint64_t timer_reads, timer_writes;
    struct gic gic;
    struct gtimer timer;
    struct machine_uart *uarts[MACHINE_UARTS];
    unsigned uart_count;
    struct virtio_mmio *virtio;
    struct machine_device devices[MACHINE_DEVICES];
    unsigned device_count;
    struct frame frame;
    machine_semihosting semihosting;
    void *semihosting_host;
    machine_follower follower;
    void *follower_host;

    /* Running. */
    enum run_reason reason;
    uint64_t until;      /* clock bytes */
    uint64_t woke_at;    /* clock bytes */
    uint64_t applied;    /* events */
    uint64_t inputs;     /* those of a touch screen, a keyboard, a key or another device's line */
    uint64_t rate_seen;  /* that the last slice ran at */
    uint64_t left_real;  /* when run() last returned */
    struct trace *trace; /* or NULL */
    uint64_t sample_at, sample_every; /* clock bytes; NEVER: no samples */
    bool started, running, suspended;
    pthread_t thread;
    char error[MACHINE_ERROR];

    /* Between threads. */
    atomic_bool unwatched; /* a replay runs as fast as it can */
    atomic_bool stop, sync, sync_asked, bell_signalled;
    atomic_uint_fast64_t exit_asked; /* its code, with EXIT_ASKED set */
    atomic_uint_fast64_t rate;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int console_fd, doorbell_fd;
    struct status_page *status;
    uint64_t status_at, status_bytes, status_applied; /* the page was filled then */
};

/* machine_run.c */
uint64_t machine_real_ns(void);
bool machine_attend(void *machine);
void machine_wake(struct machine *machine);
/* Sets the vCPU's limit to what comes first. */
void machine_plan(struct machine *machine);
/* The next time at which something happens by itself. */
uint64_t machine_next_deadline(const struct machine *machine);
/* All that is due at this tick. */
void machine_settle(struct machine *machine);
/* Whether run() is to return here; the reason says why. */
bool machine_leave(struct machine *machine);
/* Moves the guest's clock on, and logs it. */
void machine_advance(struct machine *machine, uint64_t ns);
/* Sleeps until `real`, or until somebody asks for attention. */
void machine_sleep_until(struct machine *machine, uint64_t real);
bool machine_replaying(const struct machine *machine);
uint64_t machine_rate(const struct machine *machine);
/* How long to sleep so that the guest is not ahead: of its rate, or when a replay is watched, of real time.
 */
uint64_t machine_ahead(struct machine *machine, uint64_t real);

/* machine_idle.c: WFI. True: run() returns, still waiting. */
bool machine_idle(struct machine *machine);

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

/* machine_scanout.c: damage of the framebuffer, unless something else is shown. */
void machine_frame_damaged(struct machine *machine, const uint16_t (*rectangles)[4], unsigned count,
                           uint64_t real);

/* machine_memory.c: as the virtio devices reach the guest's RAM. */
bool machine_ram_read(void *machine, uint64_t address, void *data, uint32_t size);
bool machine_ram_write(void *machine, uint64_t address, const void *data, uint32_t size);
bool machine_ram_clear(void *machine, uint64_t address, uint32_t size);

/* machine_trace.c: at a block start; takes a sample where one is due. */
void machine_sample(struct machine *machine);

/* psci.c: a hypercall by the SMC calling convention. */
enum psci_effect { PSCI_NOTHING, PSCI_SUSPEND, PSCI_POWER_OFF, PSCI_RESET };
enum psci_effect psci_call(uint32_t r[4]);

#endif
