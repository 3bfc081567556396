/* GICv2 for one CPU, as on QEMU's virt: 32 private interrupts and 256 SPIs, no security extensions, so both
 * groups are seen by everyone. Register names as in ARM IHI 0048B.
 *
 * Left out: more than one CPU, the security and virtualization extensions, bypass signals, power management,
 * and a FIQ that anybody listens to (the wire is there; the vCPU has no FIQ).
 */
#ifndef POCKETVISOR_GIC_H
#define POCKETVISOR_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "wire.h"

enum {
    GIC_LINES = 288,
    GIC_WORDS = GIC_LINES / 32,
    GIC_SGIS = 16,
    GIC_PPI = 16, /* interrupt number of PPI 0 */
    GIC_SPI = 32, /* of SPI 0 */
    GIC_DISTRIBUTOR_SIZE = 0x1000,
    GIC_CPU_INTERFACE_SIZE = 0x2000,
};

struct gic {
    /* One bit for each interrupt. */
    uint32_t enabled[GIC_WORDS];
    uint32_t pending[GIC_WORDS]; /* latched: an edge, an SGI, or written by the guest */
    uint32_t active[GIC_WORDS];
    uint32_t level[GIC_WORDS];  /* the input lines */
    uint32_t edge[GIC_WORDS];   /* GICD_ICFGR: edge-triggered */
    uint32_t group1[GIC_WORDS]; /* GICD_IGROUPR */
    uint8_t priority[GIC_LINES];
    uint8_t sgi_sources[GIC_SGIS]; /* CPUs that an SGI is pending from, one bit each */
    uint32_t distributor_control;  /* GICD_CTLR */
    uint32_t control;              /* GICC_CTLR */
    uint32_t priority_mask;        /* GICC_PMR */
    uint32_t binary_point, aliased_binary_point;
    uint32_t active_priority[4], active_priority_group1[4]; /* GICC_APR, GICC_NSAPR */

    /* Not state: follows from the above. */
    uint32_t running_priority; /* 0x100: idle */
    uint32_t best;             /* highest pending interrupt that the mask lets through; GIC_NONE: none */
    struct wire irq, fiq;
};

enum { GIC_NONE = 1023 };

void gic_init(struct gic *gic, struct wire irq);
/* The wire's sink: an interrupt line by its number in the GIC. */
void gic_set_line(void *gic, unsigned line, bool level);

/* Two windows on the same device; state, reset and restored belong to the distributor's. */
extern const struct device_ops gic_distributor_ops;
extern const struct device_ops gic_cpu_interface_ops;

/* Between gic.c and gic_distributor.c. */
void gic_update(struct gic *gic);
uint64_t gic_distributor_read(void *device, uint32_t offset, unsigned size);
void gic_distributor_write(void *device, uint32_t offset, unsigned size, uint64_t value);

#endif
