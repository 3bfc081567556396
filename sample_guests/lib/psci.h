/* Power off and restart through PSCI 0.2 hypercalls (ARM DEN 0022). */
#ifndef GUEST_PSCI_H
#define GUEST_PSCI_H

#include <stdint.h>

enum { PSCI_VERSION = 0x84000000u, PSCI_SYSTEM_OFF = 0x84000008u, PSCI_SYSTEM_RESET = 0x84000009u };

static inline uint32_t hypercall(uint32_t function) {
    register uint32_t r0 __asm__("r0") = function;
    register uint32_t r1 __asm__("r1") = 0;
    register uint32_t r2 __asm__("r2") = 0;
    register uint32_t r3 __asm__("r3") = 0;
    /* HVC #0: the assembler does not know it for a Cortex-A9, which lacks the extension. */
    __asm__ volatile(".inst 0xe1400070" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
    return r0;
}

static inline void power_off(void) {
    hypercall(PSCI_SYSTEM_OFF);
}
static inline void restart(void) {
    hypercall(PSCI_SYSTEM_RESET);
}

#endif
