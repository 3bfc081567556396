/* GICv2 on one CPU. Handlers run with interrupts masked and only set flags or fill rings. */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include <stdbool.h>

void gic_start(void);
void gic_connect(unsigned irq, void (*handler)(unsigned irq));

/* Set by each handled interrupt; idle() does not wait while it is set. */
extern volatile bool gic_pending;

/* A handler may set this: the interrupt then returns there, in SVC mode with interrupts off. */
extern void (*gic_divert)(void);

static inline void interrupts_on(void) {
    __asm__ volatile("cpsie i" ::: "memory");
}
static inline void interrupts_off(void) {
    __asm__ volatile("cpsid i" ::: "memory");
}

#endif
