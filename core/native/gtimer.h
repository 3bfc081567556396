/* The ARM generic timer of one CPU: physical and virtual timer and their counter at 62.5 MHz, as on QEMU's
 * virt without EL2. Register names as in the ARM Architecture Reference Manual ARMv7-A, chapter B8.
 *
 * Left out: the hypervisor's timer and CNTVOFF (no EL2), the memory-mapped timer, the event stream (WFE never
 * sleeps here).
 */
#ifndef POCKETVISOR_GTIMER_H
#define POCKETVISOR_GTIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "vcpu.h"
#include "wire.h"

enum { GTIMER_HZ = 62500000, GTIMER_TICK_NS = 16 };

struct gtimer {
    /* Indexed by enum gtimer_which. */
    uint64_t compare[2];     /* CNTP_CVAL, CNTV_CVAL */
    uint32_t control[2];     /* CNTP_CTL, CNTV_CTL without ISTATUS */
    uint32_t frequency;      /* CNTFRQ: software may write it; nothing else follows from it */
    uint32_t kernel_control; /* CNTKCTL */

    struct wire lines[2];
};

enum gtimer_which { GTIMER_PHYSICAL, GTIMER_VIRTUAL };

void gtimer_init(struct gtimer *timer, struct wire physical, struct wire virtual_line);
/* False: not a register of ours, or not for this privilege; undefined in the guest. */
bool gtimer_read(struct gtimer *timer, uint64_t now_ns, const struct cp_register *reg, bool privileged,
                 uint64_t *value);
bool gtimer_write(struct gtimer *timer, uint64_t now_ns, const struct cp_register *reg, bool privileged,
                  uint64_t value);
/* Drives the lines as they are at this time. */
void gtimer_update(struct gtimer *timer, uint64_t now_ns);
/* The time at which a line will rise by itself; UINT64_MAX: never. */
uint64_t gtimer_deadline(const struct gtimer *timer, uint64_t now_ns);

/* Not on the bus: for reset, save and restore alone. */
extern const struct device_ops gtimer_ops;

#endif
