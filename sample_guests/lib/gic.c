/* Leaves out priorities beyond one level, SGIs and FIQs. Registers: ARM IHI 0048B. */
#include "gic.h"
#include "board.h"

#include <stddef.h>

enum {
    GICD_CTLR = BOARD_GIC_DISTRIBUTOR,
    GICD_ISENABLER = BOARD_GIC_DISTRIBUTOR + 0x100,
    GICD_ICENABLER = BOARD_GIC_DISTRIBUTOR + 0x180,
    GICD_IPRIORITYR = BOARD_GIC_DISTRIBUTOR + 0x400,
    GICD_ITARGETSR = BOARD_GIC_DISTRIBUTOR + 0x800,
    GICD_ICFGR = BOARD_GIC_DISTRIBUTOR + 0xc00,
    GICC_CTLR = BOARD_GIC_CPU,
    GICC_PMR = BOARD_GIC_CPU + 0x04,
    GICC_IAR = BOARD_GIC_CPU + 0x0c,
    GICC_EOIR = BOARD_GIC_CPU + 0x10,
};

static void (*handlers[IRQ_LIMIT])(unsigned irq);
volatile bool gic_pending;

void gic_start(void) {
    for (unsigned irq = 0; irq < IRQ_LIMIT; irq += 32)
        write32(GICD_ICENABLER + irq / 8, 0xffffffff);
    for (unsigned irq = 0; irq < IRQ_LIMIT; irq += 4) {
        write32(GICD_IPRIORITYR + irq, 0xa0a0a0a0);
        if (irq >= 32)
            write32(GICD_ITARGETSR + irq, 0x01010101);
    }
    write32(GICC_PMR, 0xf0);
    write32(GICC_CTLR, 1);
    write32(GICD_CTLR, 1);
    interrupts_on();
}

void gic_connect(unsigned irq, void (*handler)(unsigned irq)) {
    if (irq >= IRQ_LIMIT)
        return;
    handlers[irq] = handler;
    /* virtio-mmio is edge-triggered in the board's tree, the rest level-sensitive. */
    uintptr_t configuration = GICD_ICFGR + irq / 16 * 4;
    uint32_t edge = 2u << irq % 16 * 2;
    if (irq >= IRQ_VIRTIO && irq < IRQ_VIRTIO + BOARD_VIRTIO_MAX)
        write32(configuration, read32(configuration) | edge);
    write32(GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
}

void (*gic_divert)(void);

/* From the IRQ vector; answers where to go on instead, if not where it was interrupted. */
uintptr_t gic_take_interrupts(void) {
    for (;;) {
        uint32_t taken = read32(GICC_IAR), irq = taken & 0x3ff;
        if (irq >= 1020) {
            uintptr_t instead = (uintptr_t)gic_divert;
            gic_divert = NULL;
            return instead;
        }
        if (irq < IRQ_LIMIT && handlers[irq])
            handlers[irq](irq);
        gic_pending = true;
        write32(GICC_EOIR, taken);
    }
}
