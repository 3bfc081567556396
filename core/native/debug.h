/* Stopping a guest at an exact place: breakpoints, watchpoints, steps, positions. Being stopped changes
 * nothing that the guest could notice, or a recording.
 *
 * A place is a POSITION: the clock's bytes before an instruction. Each executed instruction has one of its
 * own, and they grow. Within a block the clock itself shows the block's end while it runs (as without a
 * debugger), and the exact position when the guest is stopped there.
 *
 * Left out: an instruction that is stopped at a later access of several may have done the earlier ones, and
 * does them again; guests that change instructions of the block that they are executing without a branch or
 * barrier in between: stepping sees the new ones, running the old.
 */
#ifndef POCKETVISOR_DEBUG_H
#define POCKETVISOR_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;

enum { DEBUG_STOPS_MAX = 1024, DEBUG_NOTES_MAX = 4096 };

enum debug_kind { DEBUG_EXECUTE = 0, DEBUG_WRITE = 1, DEBUG_READ = 2, DEBUG_ACCESS = 3 };

struct debug_stop {
    uint32_t id;
    enum debug_kind kind;
    uint32_t address, size; /* a breakpoint is at its address alone */
    bool physical;
};

/* Where a device wrote memory by itself, no instruction did. */
#define DEBUG_NO_PC UINT32_MAX

struct debug_hit {
    uint64_t position;
    uint32_t id, pc;
    uint32_t address, size; /* of the access, or of the breakpoint */
    bool is_write;
};

enum debug_reason { DEBUG_NONE, DEBUG_BREAK, DEBUG_WATCH, DEBUG_STEP, DEBUG_POSITION };

/* All for a vCPU that is not running. */

/* In place of those before. False: no memory, and there are none. */
bool vcpu_set_stops(struct vcpu *vcpu, const struct debug_stop *stops, unsigned count);
/* Before each run as the machine understands it: the position to stop at (UINT64_MAX: none), and after how
 * many instructions (0: no matter). A stop at the very place where the guest stands is passed. */
void vcpu_aim(struct vcpu *vcpu, uint64_t position, uint64_t steps);
/* Why vcpu_run() answered VCPU_DEBUG. */
enum debug_reason vcpu_debug_reason(const struct vcpu *vcpu);
/* The stop of the last DEBUG_BREAK or DEBUG_WATCH; NULL where the last was another. */
const struct debug_hit *vcpu_debug_hit(const struct vcpu *vcpu);
/* The guest stands in the midst of a block: nothing may enter here but what the block itself does. */
bool vcpu_in_block(const struct vcpu *vcpu);

/* While noting, breakpoints and watchpoints stop nothing: each hit is written down. False: no memory. */
bool vcpu_note(struct vcpu *vcpu, bool on);
/* How many there were since vcpu_note(); the last of them, oldest first, in *notes and *more. */
uint64_t vcpu_noted(const struct vcpu *vcpu, const struct debug_hit **notes, size_t *count,
                    const struct debug_hit **more, size_t *more_count);

/* Memory as a debugger sees it: virtual addresses by the tables of now, whoever may read or write there.
 * Answers how many bytes, up to the first that is not mapped, or is a device's. */
size_t vcpu_peek(struct vcpu *vcpu, uint32_t address, void *data, size_t size, bool physical);
/* Up to the first byte that is not in writable memory (flash is none). */
size_t vcpu_poke(struct vcpu *vcpu, uint32_t address, const void *data, size_t size, bool physical);

/* Registers by name: see debug_registers.c. */
struct debug_register {
    const char *name;
    uint8_t bits, group;
    bool read_only;
    int id;
};
/* In the order in which they are shown; NULL ends the table. */
extern const struct debug_register debug_registers[];
const struct debug_register *debug_register_named(const char *name);
uint64_t vcpu_read_named(struct vcpu *vcpu, const struct debug_register *reg);
/* False: it does not take this value (a mode that there is not). */
bool vcpu_write_named(struct vcpu *vcpu, const struct debug_register *reg, uint64_t value);

#endif
