/* Waiting for an interrupt: asleep until the next deadline, over it at once, or as a log says. */
#include "machine_private.h"

/* Time passes at once, exactly to the deadline. */
static void jump(struct machine *machine, uint64_t deadline) {
    uint64_t now = clock_now_ns(&machine->clock);
    machine_advance(machine, deadline > now ? deadline - now : 0);
}

static void wait_real(struct machine *machine) {
    uint64_t real = machine_real_ns(), deadline = machine_next_deadline(machine);
    uint64_t at = deadline == NEVER ? NEVER : pace_real_at(&machine->pace, deadline);
    uint64_t frame = machine_frame_due(machine, true);
    if (at > real)
        machine_sleep_until(machine, frame < at ? frame : at);
    real = machine_real_ns();
    if (machine->deterministic && real >= at) {
        jump(machine, deadline);
    } else if (!machine->deterministic || event_waits(&machine->events)) {
        /* Outside input is the one thing that splits a deterministic wait: the time of its coming is part of
         * it, and logged. */
        uint64_t now = clock_now_ns(&machine->clock), behind = pace_behind(&machine->pace, real, now, 0);
        if (machine->deterministic && deadline > now && behind >= deadline - now)
            behind = deadline - now - 1;
        machine_advance(machine, behind);
    }
}

/* A replay that is watched does not run ahead of real time. */
static void keep_pace(struct machine *machine) {
    uint64_t real = machine_real_ns(), ns;
    while ((ns = machine_ahead(machine, real)) && !atomic_load(&machine->stop)) {
        machine_sleep_until(machine, real + ns);
        real = machine_real_ns();
    }
}

/* One step of waiting in a replay, where time passes by the log. False: it will not go on. */
static bool wait_replay(struct machine *machine) {
    uint64_t deadline = machine_next_deadline(machine), logged = event_next_bytes(&machine->events);
    if (logged <= machine->clock.bytes)
        return true;
    if (machine->deterministic && deadline != NEVER) { /* a log of input alone */
        jump(machine, deadline);
        return true;
    }
    machine->reason = logged == NEVER ? RUN_DEAD : RUN_DIVERGED;
    return false;
}

static bool wait_skipping(struct machine *machine) {
    uint64_t deadline = machine_next_deadline(machine);
    if (deadline != NEVER) {
        jump(machine, deadline);
    } else if (machine->deterministic) {
        machine->reason = RUN_DEAD;
        return false;
    } else {
        machine_sleep_until(machine, machine_frame_due(machine, true));
    }
    return true;
}

bool machine_idle(struct machine *machine) {
    if (!machine->state.waiting) /* else run() was left and entered in the midst of it */
        vcpu_trace_event(machine->vcpu, TRACE_WAITING, 0, 0);
    machine->state.waiting = 1;
    pace_look(&machine->pace, machine_real_ns(), machine->clock.bytes, machine_rate(machine));
    machine_flush_output(machine);
    for (;;) {
        vcpu_take_attention(machine->vcpu);
        machine_settle(machine);
        if (machine_replaying(machine))
            keep_pace(machine);
        if (machine_leave(machine))
            return true;
        if (vcpu_irq(machine->vcpu))
            break;
        machine_show(machine, machine_real_ns(), machine->skip_idle ? STATUS_RUNNING : STATUS_IDLE);
        if (machine_replaying(machine) && !wait_replay(machine))
            return true;
        if (!machine_replaying(machine) && machine->skip_idle && !wait_skipping(machine))
            return true;
        if (!machine_replaying(machine) && !machine->skip_idle)
            wait_real(machine);
    }
    machine->state.waiting = 0;
    vcpu_trace_event(machine->vcpu, TRACE_WOKEN, 0, 0);
    machine->woke_at = machine->clock.bytes;
    return false;
}
