/* One Cortex-A9 on Unicorn: counted, interruptible, with its exceptions entered and its missing
 * instructions emulated. Knows nothing of devices: the machine hands in what it needs.
 *
 * Left out: FIQ, TrustZone, LPAE, more than one vCPU, alignment faults of SCTLR.A,
 * LDM and LDRD (the engine makes none).
 */
#ifndef POCKETVISOR_VCPU_H
#define POCKETVISOR_VCPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "debug.h"
#include "device.h"
#include "trace.h"

struct vcpu; /* opaque; vcpu.c, translate.c, exceptions.c and traps.c share vcpu_private.h */

/* A coprocessor register as MRC/MCR/MRRC/MCRR name it. */
struct cp_register {
    uint8_t coprocessor, crn, opc1, crm, opc2;
    bool is64;
};

/* How the vCPU reaches its machine. All calls come on the vCPU's thread. */
struct vcpu_host {
    void *machine;
    /* At a block start, when the clock has come to the limit or attention was asked for: apply events, run
     * timers, set the next limit with vcpu_set_limit(). Answers true to leave vcpu_run() here. */
    bool (*attend)(void *machine);
    /* System registers that the CPU model lacks (the generic timer). False: undefined in the guest. */
    bool (*cp_read)(void *machine, const struct cp_register *reg, bool privileged, uint64_t *value);
    bool (*cp_write)(void *machine, const struct cp_register *reg, bool privileged, uint64_t value);
    /* HVC and SMC: r[0..3] in and out (SMCCC). False: undefined in the guest. */
    bool (*hypercall)(void *machine, uint32_t r[4]);
    /* A semihosting call (vcpu_set_semihosting()); the answer goes into r0. */
    uint32_t (*semihosting)(void *machine, uint32_t operation, uint32_t parameter);
    /* First write to a clean page of a memory with `log` set: page index within it. */
    void (*dirtied)(void *machine, void *memory_tag, uint32_t page);
    /* The host cannot give the guest its memory: run no further. */
    void (*failed)(void *machine, const char *sentence);
};

struct vcpu_counters {
    uint64_t blocks, fills, first_fetches, irqs, data_aborts, prefetch_aborts, supervisor_calls, undefined,
        traps, waits, mmio, external_aborts, empty_accesses, dirty_marks;
};

enum vcpu_stop {
    VCPU_LEFT,  /* attend() said so */
    VCPU_WAITS, /* WFI: the next run() goes on behind it */
    VCPU_DEBUG, /* vcpu_debug_reason() */
    VCPU_ERROR, /* the engine failed: vcpu_error() */
};

/* Opens one ahead, which the next vcpu_open() takes. Where that fails, vcpu_open() says why. A process that
 * forks afterwards shares its engine's memory with its forks, each of which takes it as its own. */
void vcpu_prepare(void);
/* NULL with a sentence in `error`. Refuses where the overrides are not in effect. The clock is the
 * machine's and outlives the vCPU. */
struct vcpu *vcpu_open(struct clock *clock, const struct vcpu_host *host, char error[256]);
void vcpu_close(struct vcpu *vcpu);

/* Memory of the guest at host memory that outlives the vCPU. `dirty` is a bitmap of one bit a page, set at
 * a page's first write after vcpu_harvest() (NULL: not logged). Not writable: writes are ignored, counted. */
bool vcpu_map_memory(struct vcpu *vcpu, uint32_t base, uint32_t size, void *memory, bool writable,
                     uint8_t *dirty, void *tag, char error[256]);
/* The same of RAM that is shared, captured or still on its way; `ram` outlives the vCPU. */
struct ram;
bool vcpu_map_ram(struct vcpu *vcpu, uint32_t base, struct ram *ram, uint8_t *dirty, void *tag,
                  char error[256]);
/* A device's range, 4 KiB pages or part of one; overlaps are refused. */
bool vcpu_map_device(struct vcpu *vcpu, uint32_t base, uint32_t size, const struct device_ops *ops,
                     void *device, char error[256]);

/* Before running: SVC 0x123456 (Thumb 0xab) and BKPT 0xab go to the host, in whatever mode. */
void vcpu_set_semihosting(struct vcpu *vcpu, bool on);

enum vcpu_stop vcpu_run(struct vcpu *vcpu);
const char *vcpu_error(const struct vcpu *vcpu);

/* vCPU's thread, or not running. */
void vcpu_set_irq(struct vcpu *vcpu, bool level);
bool vcpu_irq(const struct vcpu *vcpu);
void vcpu_set_limit(struct vcpu *vcpu, uint64_t bytes);
/* Any thread: attend() is called at the next block start. */
void vcpu_attention(struct vcpu *vcpu);
/* True once after vcpu_attention(): for the machine's idle wait and attend(). */
bool vcpu_take_attention(struct vcpu *vcpu);

/* The host writes guest memory (DMA): marks dirty, drops translations. Copies `data` in. False where the
 * range is not wholly in one writable memory, or cannot be had. vCPU's thread, or not running. */
bool vcpu_write_memory(struct vcpu *vcpu, uint32_t address, const void *data, uint32_t size);
/* The same with zeros; whole pages of shared memory are given back to the host until they are touched. */
bool vcpu_clear_memory(struct vcpu *vcpu, uint32_t address, uint32_t size);
bool vcpu_read_memory(struct vcpu *vcpu, uint32_t address, void *data, uint32_t size);
/* Call after clearing dirty bits, or freezing RAM, so that the next writes mark again. */
void vcpu_harvest(struct vcpu *vcpu);
/* Not running: the host's memory behind translations is given back. False: there was none, or it is not known
 * where. */
bool vcpu_trim(struct vcpu *vcpu);

/* Not running. Names as _native.pyi gives them; NULL ends the table. */
struct vcpu_register {
    const char *name;
    int id;
};
extern const struct vcpu_register vcpu_registers[];
uint32_t vcpu_get_register(struct vcpu *vcpu, int id);
void vcpu_set_register(struct vcpu *vcpu, int id, uint32_t value);
/* The page walk of the current context. Rights: 1 read, 2 write, 4 execute. False: no mapping. */
bool vcpu_translate(struct vcpu *vcpu, uint32_t virtual_address, uint32_t *physical, int *rights);
void vcpu_reset(struct vcpu *vcpu);
const struct vcpu_counters *vcpu_get_counters(const struct vcpu *vcpu);

/* How often a device was accessed; false behind the last one. */
bool vcpu_device_counts(const struct vcpu *vcpu, unsigned index, struct trace_device *counts);

/* Not running: what is written down from here on, NULL for nothing. `interrupts` are the operations of the
 * GIC's CPU interface, or NULL. The trace outlives the vCPU's use of it. */
void vcpu_set_trace(struct vcpu *vcpu, struct trace *trace, const struct device_ops *interrupts);
/* vCPU's thread, at a block start: where the guest is. Only while TRACE_OF_PLACES is traced. */
void vcpu_trace_sample(struct vcpu *vcpu);
/* The rest may always be called: something of an enum trace_exception_kind happened, a timer register was
 * used. */
void vcpu_trace_event(struct vcpu *vcpu, enum trace_exception_kind kind, uint32_t address, uint32_t status);
void vcpu_trace_timer(struct vcpu *vcpu, const struct cp_register *reg, bool write, uint64_t value);
bool vcpu_traces(const struct vcpu *vcpu, uint32_t kinds);

/* The engine's whole state of the CPU as an opaque block, to be restored into the same engine variant. */
size_t vcpu_state_size(const struct vcpu *vcpu);
void vcpu_save(struct vcpu *vcpu, void *state);
bool vcpu_restore(struct vcpu *vcpu, const void *state, size_t size);
/* What the block does not hold: whether WFI was the last stop, pending abort state. */
extern const struct state_field vcpu_extra_fields[];
void *vcpu_extra_state(struct vcpu *vcpu);
bool vcpu_extra_possible(void *state);

extern const char vcpu_engine[]; /* the variant's name */
const char *vcpu_overrides_problem(void);

#endif
