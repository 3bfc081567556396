/* Running a machine: attending to events and timers at block starts, idling, keeping pace with real time.
 *
 * What the guest can notice happens in one order at each tick: timers that are due, then event after event,
 * with timers again behind each. A replay does the same from the log, so it ends in the same state. A change
 * of the clock is an event as well, except that it is made here: machine_advance() logs it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine_private.h"

enum {
    EVENTS_AT_ONCE = 256, /* a flood of posts must not keep run() from leaving */
    SLEEP_MOST_NS = 20000000,
    DRIFT_NS = 20000000,
    PAUSE_NS = 50000000, /* a shorter time outside of run() is time that the host took */
    VIRTIO_INPUT = 18,   /* a device's kind */
};
#define YEAR_NS (365ull * 24 * 3600 * 1000000000) /* no clock is ever set on by more */

uint64_t machine_real_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void machine_fail(struct machine *machine, const char *sentence) {
    if (machine->reason != RUN_ERROR) {
        strncpy(machine->error, sentence, sizeof machine->error - 1);
        machine->reason = RUN_ERROR;
    }
    vcpu_attention(machine->vcpu);
}

bool machine_replaying(const struct machine *machine) {
    return machine->events.replay != NULL;
}

uint64_t machine_next_deadline(const struct machine *machine) {
    uint64_t first =
        machine->has_timer ? gtimer_deadline(&machine->timer, clock_now_ns(&machine->clock)) : NEVER;
    for (unsigned index = 0; index < machine->device_count; index++)
        if (machine->state.alarms[index] < first)
            first = machine->state.alarms[index];
    return first;
}

static void run_timers(struct machine *machine) {
    uint64_t now = clock_now_ns(&machine->clock);
    if (machine->has_timer)
        gtimer_update(&machine->timer, now);
    for (unsigned index = 0; index < machine->device_count; index++) {
        if (machine->state.alarms[index] > now)
            continue;
        const struct machine_device *device = &machine->devices[index];
        machine->state.alarms[index] = NEVER;
        if (device->hooks.alarm)
            device->hooks.alarm(device->device);
    }
}

static void pass_time(struct machine *machine, uint64_t ns) {
    machine->clock.correction += ns;
    if (machine->state.waiting)
        machine->state.idle_ns += ns;
}

void machine_advance(struct machine *machine, uint64_t ns) {
    ns = ns < YEAR_NS ? ns : YEAR_NS - 1;
    if (!ns)
        return;
    if (!event_log(&machine->events, machine->clock.bytes, EVENT_CLOCK, 0, &ns, sizeof ns)) {
        machine_fail(machine, "The recording is out of memory.");
        return;
    }
    pass_time(machine, ns);
    run_timers(machine);
}

static bool is_input(const struct machine *machine, const struct event *event) {
    if (event->kind == EVENT_VIRTIO_USED && machine->virtio && event->target < VIRTIO_SLOTS)
        return machine->virtio->slots[event->target].device_id == VIRTIO_INPUT;
    return event->kind == EVENT_DEVICE;
}

static void apply(struct machine *machine, const struct event *event) {
    uint64_t ns;
    machine->applied++;
    machine->inputs += is_input(machine, event);
    if (event->kind != EVENT_CLOCK)
        vcpu_trace_event(machine->vcpu, TRACE_INPUT, event->kind, event->target);
    if (machine->follower && machine_replaying(machine) &&
        (event->kind == EVENT_VIRTIO_USED || event->kind == EVENT_VIRTIO_CONFIG))
        machine->follower(machine->follower_host, event);
    switch (event->kind) {
    case EVENT_CONSOLE_INPUT:
        if (event->target < machine->uart_count)
            pl011_receive(&machine->uarts[event->target]->uart, event->payload, event->size);
        break;
    case EVENT_CLOCK:
        if (event->size == sizeof ns) {
            memcpy(&ns, event->payload, sizeof ns);
            pass_time(machine, ns < YEAR_NS ? ns : 0);
        }
        break;
    case EVENT_VIRTIO_USED:
        if (machine->virtio)
            virtio_mmio_used(machine->virtio, event->target, event->payload, event->size);
        break;
    case EVENT_VIRTIO_CONFIG:
        if (machine->virtio)
            virtio_mmio_configure(machine->virtio, event->target, event->payload, event->size);
        break;
    case EVENT_DEVICE:
        if (event->target < machine->device_count && machine->devices[event->target].hooks.event)
            machine->devices[event->target].hooks.event(machine->devices[event->target].device,
                                                        event->payload, event->size);
        break;
    }
}

void machine_settle(struct machine *machine) {
    struct event *event;
    run_timers(machine);
    for (unsigned count = 0; machine->reason == RUN_NONE; count++) {
        if (count == EVENTS_AT_ONCE && !machine_replaying(machine)) {
            vcpu_attention(machine->vcpu);
            return;
        }
        if (!(event = event_take(&machine->events, machine->clock.bytes)))
            return;
        if (event->bytes == machine->clock.bytes)
            apply(machine, event);
        else /* of a tick at which no block started here */
            machine->reason = RUN_DIVERGED;
        free(event);
        run_timers(machine);
    }
}

void machine_plan(struct machine *machine) {
    uint64_t limit = pace_slice_at(&machine->pace), deadline = machine_next_deadline(machine);
    if (deadline != NEVER) {
        uint64_t at = clock_bytes_at(&machine->clock, deadline);
        limit = at < limit ? at : limit;
    }
    uint64_t logged = event_next_bytes(&machine->events);
    limit = logged < limit ? logged : limit;
    limit = machine->sample_at < limit ? machine->sample_at : limit;
    vcpu_set_limit(machine->vcpu, machine->until < limit ? machine->until : limit);
}

bool machine_leave(struct machine *machine) {
    uint64_t asked = atomic_exchange(&machine->exit_asked, 0);
    if (asked && machine->reason == RUN_NONE) {
        machine->reason = RUN_EXIT;
        machine->state.ended = RUN_EXIT;
        machine->state.exit_code = (uint32_t)asked;
    }
    if (machine->reason == RUN_NONE) {
        if (atomic_exchange(&machine->stop, false))
            machine->reason = RUN_STOPPED;
        else if (atomic_exchange(&machine->sync_asked, false))
            machine->reason = RUN_SYNC;
        else if (machine->clock.bytes >= machine->until)
            machine->reason = RUN_LIMIT;
    }
    return machine->reason != RUN_NONE;
}

void machine_sleep_until(struct machine *machine, uint64_t real) {
    struct timespec at = {(time_t)(real / 1000000000), (long)(real % 1000000000)};
    int result = 0;
    pthread_mutex_lock(&machine->lock);
    while (!vcpu_take_attention(machine->vcpu) && result != ETIMEDOUT) {
        if (real == NEVER)
            pthread_cond_wait(&machine->wake, &machine->lock);
        else
            result = pthread_cond_timedwait(&machine->wake, &machine->lock, &at);
    }
    pthread_mutex_unlock(&machine->lock);
    pace_slept(&machine->pace, machine_real_ns());
}

void machine_wake(struct machine *machine) {
    vcpu_attention(machine->vcpu);
    pthread_mutex_lock(&machine->lock);
    pthread_cond_broadcast(&machine->wake);
    pthread_mutex_unlock(&machine->lock);
}

uint64_t machine_rate(const struct machine *machine) {
    uint64_t own = atomic_load_explicit(&machine->rate, memory_order_relaxed);
    uint64_t given = machine->status ? atomic_load_explicit(&machine->status->rate, memory_order_relaxed) : 0;
    return !own || (given && given < own) ? given : own;
}

void machine_set_watched_pace(struct machine *machine, bool on) {
    atomic_store(&machine->unwatched, !on);
    machine_wake(machine);
}

/* Gives the guest's clock what it lacks to real time, where it follows real time at all. */
static void catch_up(struct machine *machine, uint64_t real, uint64_t slack) {
    if (machine->skip_idle || machine_replaying(machine))
        return;
    uint64_t behind = pace_behind(&machine->pace, real, clock_now_ns(&machine->clock),
                                  machine->deterministic ? DRIFT_NS : slack);
    if (machine->deterministic && behind)
        pace_anchor(&machine->pace, real, clock_now_ns(&machine->clock));
    else if (behind)
        machine_advance(machine, behind);
}

uint64_t machine_ahead(struct machine *machine, uint64_t real) {
    if (machine_replaying(machine) && atomic_load_explicit(&machine->unwatched, memory_order_relaxed))
        return 0;
    int64_t rate_ahead = machine->pace.ahead_ns;
    uint64_t ns = rate_ahead > PACE_SLEEP_NS ? (uint64_t)rate_ahead : 0;
    if (machine_replaying(machine) && !machine->skip_idle) {
        uint64_t at = pace_real_at(&machine->pace, clock_now_ns(&machine->clock));
        if (at > real + PACE_SLEEP_NS)
            ns = at - real > ns ? at - real : ns;
        else if (at + PACE_SLACK_NS < real)
            pace_anchor(&machine->pace, real, clock_now_ns(&machine->clock));
    }
    return ns < SLEEP_MOST_NS ? ns : SLEEP_MOST_NS;
}

/* A slice is over, or the rate is another one. */
static void look(struct machine *machine) {
    uint64_t real = machine_real_ns(), ns;
    machine->rate_seen = machine_rate(machine);
    pace_look(&machine->pace, real, machine->clock.bytes, machine->rate_seen);
    machine_flush_output(machine);
    catch_up(machine, real, PACE_SLACK_NS);
    machine_show(machine, real, STATUS_RUNNING);
    while ((ns = machine_ahead(machine, real)) && !machine_leave(machine)) {
        uint64_t due = machine_frame_due(machine, false);
        machine_sleep_until(machine, due < real + ns ? due : real + ns);
        real = machine_real_ns();
        catch_up(machine, real, PACE_SLACK_NS);
        machine_settle(machine);
        machine_show(machine, real, STATUS_RUNNING);
    }
}

/* At the tick of waking a correction would count as waiting when the log is replayed. */
static bool slice_is_over(const struct machine *machine) {
    return machine->clock.bytes != machine->woke_at &&
           (machine->clock.bytes >= pace_slice_at(&machine->pace) ||
            machine->rate_seen != machine_rate(machine));
}

bool machine_attend(void *pointer) {
    struct machine *machine = pointer;
    vcpu_take_attention(machine->vcpu);
    if (machine->clock.bytes >= machine->sample_at)
        machine_sample(machine);
    machine_settle(machine);
    if (slice_is_over(machine))
        look(machine);
    if (machine_leave(machine) || machine->suspended)
        return true;
    machine_plan(machine);
    return false;
}

/* In the midst of a block nothing enters, and attention that is asked for stays so. */
static bool begin(struct machine *machine) {
    if (vcpu_in_block(machine->vcpu)) {
        if (atomic_exchange(&machine->stop, false))
            machine->reason = RUN_STOPPED;
        return machine->reason == RUN_NONE;
    }
    vcpu_take_attention(machine->vcpu);
    machine_settle(machine);
    return !machine_leave(machine) && !(machine->state.waiting && machine_idle(machine));
}

static enum run_reason debug_stop(const struct machine *machine) {
    switch (vcpu_debug_reason(machine->vcpu)) {
    case DEBUG_WATCH:
        return RUN_WATCH;
    case DEBUG_STEP:
        return RUN_STEP;
    case DEBUG_POSITION:
        return RUN_POSITION;
    default:
        return RUN_BREAK;
    }
}

static void go(struct machine *machine) {
    if (!begin(machine))
        return;
    for (;;) {
        machine_plan(machine);
        enum vcpu_stop stop = vcpu_run(machine->vcpu);
        if (stop == VCPU_ERROR)
            machine_fail(machine, vcpu_error(machine->vcpu));
        if (stop == VCPU_DEBUG && machine->reason == RUN_NONE)
            machine->reason = debug_stop(machine);
        if (machine->reason != RUN_NONE)
            return;
        machine->suspended = false;
        if (machine_idle(machine))
            return;
    }
}

enum run_reason machine_run(struct machine *machine, uint64_t until_tick) {
    return machine_run_to(machine, until_tick, NEVER, 0);
}

enum run_reason machine_run_to(struct machine *machine, uint64_t until_tick, uint64_t position,
                               uint64_t steps) {
    uint64_t real = machine_real_ns();
    machine->thread = pthread_self();
    machine->running = machine->started = true;
    machine->reason = (enum run_reason)machine->state.ended;
    machine->until = until_tick > NEVER / 4 ? NEVER : until_tick * 4;
    bool paused = real - machine->left_real > PAUSE_NS;
    if (paused)
        pace_anchor(&machine->pace, real, clock_now_ns(&machine->clock));
    if (paused || machine->rate_seen != machine_rate(machine)) {
        machine->rate_seen = machine_rate(machine);
        pace_begin(&machine->pace, real, machine->clock.bytes, machine->rate_seen);
    }
    vcpu_aim(machine->vcpu, position, steps);
    if (machine->reason == RUN_NONE && position <= machine->clock.bytes)
        machine->reason = RUN_POSITION;
    else if (machine->reason == RUN_NONE)
        go(machine);
    machine_flush_output(machine);
    real = machine_real_ns();
    if (machine->reason == RUN_SYNC)
        machine_show(machine, real, STATUS_RUNNING);
    else
        machine_show_now(machine, real, STATUS_STOPPED);
    machine->left_real = real;
    machine->running = false;
    return machine->reason;
}
