/* One guest's board, wired and run: vCPU, memories, devices, time. Knows no Python.
 *
 * Threads: one thread runs; any thread may call what is said to be for any thread; the rest is for a machine
 * that is not running, or for the vCPU's thread within a device's call.
 *
 * Left out: more than one vCPU, hot plugging. Memory is the caller's: neither reset nor state touches it.
 */
#ifndef POCKETVISOR_MACHINE_H
#define POCKETVISOR_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "ram.h"
#include "vcpu.h"
#include "virtio_mmio.h"

struct event;
struct machine;

enum run_reason {
    RUN_NONE, /* goes on */
    RUN_LIMIT,
    RUN_STOPPED,
    RUN_POWER_OFF,
    RUN_RESET,
    RUN_SYNC,
    RUN_DIVERGED,
    RUN_DEAD,
    RUN_ERROR,
    RUN_EXIT,
    RUN_BREAK,
    RUN_WATCH,
    RUN_STEP,
    RUN_POSITION,
};

enum { MACHINE_DEVICES = 32, MACHINE_UARTS = 4, MACHINE_MEMORIES = 6, MACHINE_ERROR = 256 };

struct machine_options {
    struct ram_options ram;
    int status_fd; /* -1 for none */
    uint32_t ram_base, tick_ps;
    bool deterministic, skip_idle;
};

/* NULL with a sentence in `error`. Descriptors stay the caller's. */
struct machine *machine_new(const struct machine_options *options, char error[MACHINE_ERROR]);
void machine_free(struct machine *machine);

/* Parts, before the first run. False, or -1, with a sentence in `error`. */
bool machine_map_memory(struct machine *machine, uint32_t base, uint32_t size, int fd, bool writable,
                        char error[MACHINE_ERROR]);
bool machine_add_framebuffer(struct machine *machine, uint32_t base, int fd, uint32_t width, uint32_t height,
                             uint32_t stride, int frame_fd, char error[MACHINE_ERROR]);
/* Signalled at each publication: for a machine without a framebuffer. */
void machine_set_frame_fd(struct machine *machine, int frame_fd);
bool machine_add_gic(struct machine *machine, uint32_t distributor, uint32_t cpu_interface,
                     char error[MACHINE_ERROR]);
bool machine_add_timer(struct machine *machine, char error[MACHINE_ERROR]);
int machine_add_pl011(struct machine *machine, uint32_t base, uint32_t spi, char error[MACHINE_ERROR]);
bool machine_add_virtio_slots(struct machine *machine, uint32_t base, uint32_t first_spi, uint32_t count,
                              char error[MACHINE_ERROR]);
/* NULL before machine_add_virtio_slots(). */
struct virtio_mmio *machine_virtio(struct machine *machine);

/* A device of the caller's. The hooks may be NULL. */
struct machine_device_hooks {
    void (*event)(void *device, const uint8_t *payload, uint32_t size);
    void (*alarm)(void *device);
};
int machine_add_device(struct machine *machine, uint32_t base, uint32_t size, const struct device_ops *ops,
                       void *device, const struct machine_device_hooks *hooks, char error[MACHINE_ERROR]);

/* Semihosting calls, which are the guest's own exceptions without this; NULL takes it back. */
typedef uint32_t (*machine_semihosting)(void *host, uint32_t operation, uint32_t parameter);
void machine_set_semihosting(struct machine *machine, machine_semihosting call, void *host);

/* Who follows a replay: called with each virtio event of the log before it is applied; NULL: nobody. */
typedef void (*machine_follower)(void *host, const struct event *event);
void machine_follow_replay(struct machine *machine, machine_follower call, void *host);

/* Runs until something in enum run_reason happens. */
enum run_reason machine_run(struct machine *machine, uint64_t until_tick);
/* The same, and to a position (debug.h; UINT64_MAX: none), and for so many instructions (0: no matter). */
enum run_reason machine_run_to(struct machine *machine, uint64_t until_tick, uint64_t position,
                               uint64_t steps);
/* From any thread: a replay keeps real time's pace (at first it does, unless idle time is skipped), or runs
 * as fast as it can. */
void machine_set_watched_pace(struct machine *machine, bool on);
bool machine_started(const struct machine *machine);
/* The sentence behind RUN_ERROR, or "". */
const char *machine_error(const struct machine *machine);
void machine_reset(struct machine *machine);

/* From any thread. */
void machine_stop(struct machine *machine);
/* Ends the run at the next block start: RUN_EXIT from then on, until a reset. The first code counts. */
void machine_request_exit(struct machine *machine, uint32_t code);
uint32_t machine_exit_code(const struct machine *machine);
void machine_set_rate(struct machine *machine, uint64_t ticks_per_second);
void machine_set_sync(struct machine *machine, bool sync);
bool machine_post(struct machine *machine, uint16_t kind, uint16_t target, const void *payload,
                  uint32_t size);
/* Takes an event of event_new(), or NULL, which is refused. */
bool machine_put(struct machine *machine, struct event *event);
/* Call before looking at the consoles: output from then on signals the descriptor again. */
void machine_open_consoles(struct machine *machine);
size_t machine_console_length(struct machine *machine, unsigned console);
size_t machine_take_console(struct machine *machine, unsigned console, uint8_t *bytes, size_t size);
/* As if the UART had sent it. False where there is no such console. */
bool machine_print(struct machine *machine, unsigned console, const uint8_t *bytes, size_t size);
/* The same before virtio_mmio_take_bell(). */
void machine_open_doorbells(struct machine *machine);
/* The pane shows a scanout instead of the framebuffer; without width, the framebuffer again. Everything
 * counts as damaged. False where the measures are impossible. */
bool machine_publish_scanout(struct machine *machine, uint32_t width, uint32_t height, uint32_t stride);
/* Damage of the scanout; cut to it, and left out while the framebuffer is shown. */
void machine_publish_damage(struct machine *machine, const uint16_t (*rectangles)[4], unsigned count);
int machine_console_fd(const struct machine *machine);
int machine_doorbell_fd(const struct machine *machine);
unsigned machine_uarts(const struct machine *machine);

/* On the vCPU's thread within a device's call, or not running. */
bool machine_set_line(struct machine *machine, uint32_t spi, bool level);
uint64_t machine_now_ns(const struct machine *machine);
/* The guest's RAM, as a device that reads and writes memory by itself sees it. False: not wholly in RAM.
 * Writing is a device's within its own call, so that it happens at the same tick each time. */
bool machine_in_ram(void *machine, uint64_t address, uint64_t size);
bool machine_load(struct machine *machine, uint64_t address, void *data, uint32_t size);
bool machine_store(struct machine *machine, uint64_t address, const void *data, uint32_t size);
/* From any thread: waits until all of a range in RAM is there. False: it never will be. */
bool machine_require(struct machine *machine, uint64_t address, uint64_t size);
struct ram *machine_ram(struct machine *machine);
/* UINT64_MAX: none. */
void machine_set_alarm(struct machine *machine, unsigned device, uint64_t at_ns);
/* A device failed: run() returns RUN_ERROR at the next block start. */
void machine_fail(struct machine *machine, const char *sentence);

/* The counters in the order of Counters in _native.pyi; machine_counter_names ends in NULL. */
enum { MACHINE_COUNTERS = 20 };
extern const char *const machine_counter_names[MACHINE_COUNTERS + 1];
void machine_counters(const struct machine *machine, uint64_t counters[MACHINE_COUNTERS]);
struct clock *machine_clock(struct machine *machine);
struct vcpu *machine_vcpu(struct machine *machine);
struct event_queue *machine_events(struct machine *machine);
/* The dirty log of RAM, one bit a page. After a look clear it with machine_clear_dirty(). */
const uint8_t *machine_dirty(const struct machine *machine, size_t *size);
void machine_clear_dirty(struct machine *machine);
/* See ram.h and capture.h; not running. A capture's dirty log begins anew: `dirty` takes it as it was. */
bool machine_freeze_ram(struct machine *machine, int own_fd, char error[MACHINE_ERROR]);
/* See ram_share.c; not running. What became of each block: whether it is the layer's now. The dirty log stays
 * as it is. */
bool machine_add_layer(struct machine *machine, int fd, char error[MACHINE_ERROR]);
void machine_share(struct machine *machine, const uint32_t *blocks, const uint8_t *layers, size_t count,
                   uint8_t *shared);
bool machine_unshare(struct machine *machine, const uint32_t *blocks, size_t count);
size_t machine_drop_zeros(struct machine *machine, const uint32_t *blocks, size_t count);
bool machine_trim(struct machine *machine);
bool machine_begin_capture(struct machine *machine, int shadow_fd, const uint8_t *wanted, uint8_t *dirty,
                           char error[MACHINE_ERROR]);

/* Not running: what is written down of the guest from here on, TRACE_OF_* bits into a memfd for a struct
 * trace_page; a sample at the first block start of each `period` ticks (0: of as many as a millisecond
 * has). An earlier trace ends. The descriptor stays the caller's. */
bool machine_start_trace(struct machine *machine, int fd, uint32_t kinds, uint64_t period,
                         char error[MACHINE_ERROR]);
void machine_stop_trace(struct machine *machine);
/* How often each device was accessed since the machine was made, the timer last; false behind that. */
bool machine_device_counts(const struct machine *machine, unsigned index, struct trace_device *counts);

/* State: parts in a fixed order, ending where false is answered. After writing into the fields of all parts
 * call machine_restored(), which answers false, with the part's name in `error`, where one is impossible. */
struct machine_part {
    char name[24];
    void *state;
    const struct state_field *fields;
    bool (*restored)(void *state);
};
bool machine_part(struct machine *machine, unsigned index, struct machine_part *part);
bool machine_restored(struct machine *machine, char error[MACHINE_ERROR]);

/* Not running. False: the register does not take this value. Another PC ends a wait. */
bool machine_set_register(struct machine *machine, const struct debug_register *reg, uint64_t value);

#endif
