/* ARM PrimeCell UART PL011 (ARM DDI 0183), revision 1 with FIFOs of 16, as QEMU's: sending takes no time, the
 * receive interrupt comes with the first byte, and the enable bits of UARTCR are kept but not asked for.
 *
 * Left out: DMA, IrDA, baud rates, hardware flow control, framing and parity errors, and the receive timeout
 * (the receive interrupt is there before it could be).
 */
#ifndef POCKETVISOR_PL011_H
#define POCKETVISOR_PL011_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "wire.h"

enum { PL011_FIFO = 16, PL011_BACKLOG = 65536, PL011_OUTPUT = 4096, PL011_SIZE = 0x1000 };

struct pl011 {
    uint16_t fifo[PL011_FIFO]; /* received: a byte and its error bits as UARTDR shows them */
    uint32_t fifo_at, fifo_length;
    uint32_t receive_status; /* UARTRSR */
    uint32_t flags;          /* UARTFR: modem lines alone; the rest follows */
    uint32_t low_power;      /* UARTILPR */
    uint32_t integer_baud, fractional_baud;
    uint32_t line_control;    /* UARTLCR_H */
    uint32_t control;         /* UARTCR */
    uint32_t fifo_levels;     /* UARTIFLS */
    uint32_t interrupt_mask;  /* UARTIMSC */
    uint32_t interrupt_state; /* UARTRIS */
    uint32_t dma_control;     /* UARTDMACR */
    /* What the host has sent and the FIFO has no room for yet. */
    uint8_t backlog[PL011_BACKLOG];
    uint32_t backlog_at, backlog_length;
    uint64_t dropped; /* input bytes over the backlog's bound */

    struct wire irq;
    /* What was sent and nobody has taken. `output_waits` is called when the first byte comes, and when it is
     * full it must make room by taking it. */
    uint8_t output[PL011_OUTPUT];
    uint32_t output_length;
    void (*output_waits)(void *sink, struct pl011 *uart);
    void *sink;
};

void pl011_init(struct pl011 *uart, struct wire irq, void (*output_waits)(void *sink, struct pl011 *uart),
                void *sink);
void pl011_receive(struct pl011 *uart, const uint8_t *bytes, uint32_t size);

extern const struct device_ops pl011_ops;

#endif
