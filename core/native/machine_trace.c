/* A machine that is traced: which parts are told, and when samples are taken.
 *
 * A sample is due by the guest's own ticks, so that it comes at the same place each time; a block start that
 * is looked at for its sake alone changes nothing. */
#include "machine_private.h"

enum { PERIOD_LEAST = 1000, MILLISECOND_PS = 1000000000 };

bool machine_start_trace(struct machine *machine, int fd, uint32_t kinds, uint64_t period,
                         char error[MACHINE_ERROR]) {
    struct trace *trace = trace_open(fd, kinds & TRACE_OF_ALL, error);
    if (!trace)
        return false;
    machine_stop_trace(machine);
    machine->trace = trace;
    vcpu_set_trace(machine->vcpu, trace, machine->has_gic ? &gic_cpu_interface_ops : NULL);
    if (kinds & TRACE_OF_PLACES) {
        period = period ? period : MILLISECOND_PS / machine->clock.tick_ps;
        period = period < PERIOD_LEAST ? PERIOD_LEAST : period > NEVER / 8 ? NEVER / 8 : period;
        trace->page->period = period;
        machine->sample_every = period * 4;
        machine->sample_at = (machine->clock.bytes / machine->sample_every + 1) * machine->sample_every;
    }
    return true;
}

void machine_stop_trace(struct machine *machine) {
    if (!machine->trace)
        return;
    vcpu_set_trace(machine->vcpu, NULL, NULL);
    trace_close(machine->trace);
    machine->trace = NULL;
    machine->sample_at = NEVER;
}

bool machine_device_counts(const struct machine *machine, unsigned index, struct trace_device *counts) {
    if (vcpu_device_counts(machine->vcpu, index, counts))
        return true;
    struct trace_device behind;
    if (!machine->has_timer || (index && !vcpu_device_counts(machine->vcpu, index - 1, &behind)))
        return false;
    *counts = (struct trace_device){
        .name = "timer", .reads = machine->timer_reads, .writes = machine->timer_writes};
    return true;
}

void machine_sample(struct machine *machine) {
    machine->sample_at = (machine->clock.bytes / machine->sample_every + 1) * machine->sample_every;
    vcpu_trace_sample(machine->vcpu);
}
