/* PL011 UART; see pl011.h for what is left out. */
#include "pl011.h"

#include <string.h>

enum { /* register numbers: offset / 4 */
       UARTDR = 0x000 / 4,
       UARTRSR = 0x004 / 4,
       UARTFR = 0x018 / 4,
       UARTILPR = 0x020 / 4,
       UARTIBRD = 0x024 / 4,
       UARTFBRD = 0x028 / 4,
       UARTLCR_H = 0x02c / 4,
       UARTCR = 0x030 / 4,
       UARTIFLS = 0x034 / 4,
       UARTIMSC = 0x038 / 4,
       UARTRIS = 0x03c / 4,
       UARTMIS = 0x040 / 4,
       UARTICR = 0x044 / 4,
       UARTDMACR = 0x048 / 4,
       UARTPeriphID0 = 0xfe0 / 4,
       UARTPCellID3 = 0xffc / 4,
};

enum { DR_BREAK = 1 << 10, RSR_OVERRUN = 1 << 3 };
enum {
    FR_CTS = 1 << 0,
    FR_DSR = 1 << 1,
    FR_DCD = 1 << 2,
    FR_RXFE = 1 << 4,
    FR_RXFF = 1 << 6,
    FR_TXFE = 1 << 7,
    FR_RI = 1 << 8,
};
enum { LCR_BRK = 1 << 0, LCR_FEN = 1 << 4 };
enum { CR_LBE = 1 << 7, CR_DTR = 1 << 10, CR_RTS = 1 << 11, CR_OUT1 = 1 << 12, CR_OUT2 = 1 << 13 };
enum {
    INT_RI = 1 << 0,
    INT_CTS = 1 << 1,
    INT_DCD = 1 << 2,
    INT_DSR = 1 << 3,
    INT_RX = 1 << 4,
    INT_TX = 1 << 5,
    INT_OE = 1 << 10,
    INT_ALL = 0x7ff,
};

static const uint8_t identification[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static void update(struct pl011 *uart) {
    wire_set(&uart->irq, (uart->interrupt_state & uart->interrupt_mask) != 0);
}

static uint32_t depth(const struct pl011 *uart) {
    return uart->line_control & LCR_FEN ? PL011_FIFO : 1;
}

static void put(struct pl011 *uart, uint16_t value) {
    if (uart->fifo_length >= depth(uart)) {
        uart->receive_status |= RSR_OVERRUN;
        uart->interrupt_state |= INT_OE;
        return;
    }
    uart->fifo[(uart->fifo_at + uart->fifo_length) % PL011_FIFO] = value;
    uart->fifo_length++;
    uart->interrupt_state |= INT_RX;
}

/* In loopback the receiver is cut off from the line: what comes waits. */
static void feed(struct pl011 *uart) {
    while (uart->backlog_length && uart->fifo_length < depth(uart) && !(uart->control & CR_LBE)) {
        put(uart, uart->backlog[uart->backlog_at]);
        uart->backlog_at = (uart->backlog_at + 1) % PL011_BACKLOG;
        uart->backlog_length--;
    }
}

void pl011_receive(struct pl011 *uart, const uint8_t *bytes, uint32_t size) {
    for (uint32_t index = 0; index < size; index++) {
        if (uart->backlog_length == PL011_BACKLOG) {
            uart->dropped += size - index;
            break;
        }
        uart->backlog[(uart->backlog_at + uart->backlog_length) % PL011_BACKLOG] = bytes[index];
        uart->backlog_length++;
    }
    feed(uart);
    update(uart);
}

static void send(struct pl011 *uart, uint8_t byte) {
    if (uart->output_length < PL011_OUTPUT)
        uart->output[uart->output_length++] = byte;
    if (uart->output_waits && (uart->output_length == 1 || uart->output_length == PL011_OUTPUT))
        uart->output_waits(uart->sink, uart);
    if (uart->control & CR_LBE)
        put(uart, byte);
    uart->interrupt_state |= INT_TX;
}

static uint32_t read_data(struct pl011 *uart) {
    uint32_t value = 0;
    if (uart->fifo_length) {
        value = uart->fifo[uart->fifo_at];
        uart->fifo_at = (uart->fifo_at + 1) % PL011_FIFO;
        uart->fifo_length--;
    }
    if (!uart->fifo_length)
        uart->interrupt_state &= ~(uint32_t)INT_RX;
    uart->receive_status = value >> 8;
    feed(uart);
    update(uart);
    return value;
}

static uint32_t flags(const struct pl011 *uart) {
    uint32_t value = uart->flags | FR_TXFE;
    if (uart->fifo_length == 0)
        value |= FR_RXFE;
    if (uart->fifo_length >= depth(uart))
        value |= FR_RXFF;
    return value;
}

static uint64_t pl011_read(void *device, uint32_t offset, unsigned size) {
    struct pl011 *uart = device;
    uint32_t number = offset / 4;
    (void)size;
    switch (number) {
    case UARTDR:
        return read_data(uart);
    case UARTRSR:
        return uart->receive_status;
    case UARTFR:
        return flags(uart);
    case UARTILPR:
        return uart->low_power;
    case UARTIBRD:
        return uart->integer_baud;
    case UARTFBRD:
        return uart->fractional_baud;
    case UARTLCR_H:
        return uart->line_control;
    case UARTCR:
        return uart->control;
    case UARTIFLS:
        return uart->fifo_levels;
    case UARTIMSC:
        return uart->interrupt_mask;
    case UARTRIS:
        return uart->interrupt_state;
    case UARTMIS:
        return uart->interrupt_state & uart->interrupt_mask;
    case UARTDMACR:
        return uart->dma_control;
    }
    return number >= UARTPeriphID0 && number <= UARTPCellID3 ? identification[number - UARTPeriphID0] : 0;
}

/* Loopback ties the modem outputs to the modem inputs (ARM DDI 0183, UARTCR.LBE). */
static void loop_modem_lines(struct pl011 *uart) {
    if (!(uart->control & CR_LBE)) {
        uart->flags = 0; /* nothing is at the other end */
        return;
    }
    static const struct {
        uint32_t output, input, interrupt;
    } ties[] = {{CR_OUT2, FR_RI, INT_RI},
                {CR_OUT1, FR_DCD, INT_DCD},
                {CR_RTS, FR_CTS, INT_CTS},
                {CR_DTR, FR_DSR, INT_DSR}};
    for (unsigned index = 0; index < 4; index++) {
        bool on = uart->control & ties[index].output;
        uart->flags = on ? uart->flags | ties[index].input : uart->flags & ~ties[index].input;
        uart->interrupt_state = on ? uart->interrupt_state | ties[index].interrupt
                                   : uart->interrupt_state & ~ties[index].interrupt;
    }
}

static void write_line_control(struct pl011 *uart, uint32_t value) {
    uint32_t changed = uart->line_control ^ value;
    uart->line_control = value;
    if (changed & LCR_FEN)
        uart->fifo_at = uart->fifo_length = 0;
    if (changed & value & LCR_BRK && uart->control & CR_LBE)
        put(uart, DR_BREAK);
    feed(uart);
}

static void pl011_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    struct pl011 *uart = device;
    uint32_t word = (uint32_t)value;
    (void)size;
    switch (offset / 4) {
    case UARTDR:
        send(uart, (uint8_t)word);
        break;
    case UARTRSR: /* as UARTECR, whatever is written */
        uart->receive_status = 0;
        break;
    case UARTILPR:
        uart->low_power = word & 0xff;
        break;
    case UARTIBRD:
        uart->integer_baud = word & 0xffff;
        break;
    case UARTFBRD:
        uart->fractional_baud = word & 0x3f;
        break;
    case UARTLCR_H:
        write_line_control(uart, word & 0xff);
        break;
    case UARTCR:
        uart->control = word & 0xffff;
        loop_modem_lines(uart);
        feed(uart);
        break;
    case UARTIFLS:
        uart->fifo_levels = word & 0x3f;
        break;
    case UARTIMSC:
        uart->interrupt_mask = word & INT_ALL;
        break;
    case UARTICR:
        uart->interrupt_state &= ~word;
        break;
    case UARTDMACR:
        uart->dma_control = word & 7;
        break;
    default:
        return;
    }
    update(uart);
}

/* The host's side of the line outlives a reset: what it sent and the guest has not read is still to come. */
static void pl011_reset(void *device) {
    struct pl011 *uart = device;
    uart->fifo_at = uart->fifo_length = 0;
    uart->receive_status = uart->flags = 0;
    uart->low_power = uart->integer_baud = uart->fractional_baud = 0;
    uart->line_control = uart->dma_control = 0;
    uart->interrupt_mask = uart->interrupt_state = 0;
    uart->control = 0x300;    /* TXE, RXE */
    uart->fifo_levels = 0x12; /* half full */
    feed(uart);
    update(uart);
}

void pl011_init(struct pl011 *uart, struct wire irq, void (*output_waits)(void *sink, struct pl011 *uart),
                void *sink) {
    memset(uart, 0, sizeof *uart);
    uart->irq = irq;
    uart->output_waits = output_waits;
    uart->sink = sink;
    pl011_reset(uart);
}

static bool pl011_restored(void *device) {
    struct pl011 *uart = device;
    if (uart->fifo_at >= PL011_FIFO || uart->fifo_length > depth(uart) || uart->backlog_at >= PL011_BACKLOG ||
        uart->backlog_length > PL011_BACKLOG)
        return false;
    update(uart);
    return true;
}

static const struct state_field fields[] = {
    STATE_ARRAY(struct pl011, fifo),
    STATE_FIELD(struct pl011, fifo_at),
    STATE_FIELD(struct pl011, fifo_length),
    STATE_FIELD(struct pl011, receive_status),
    STATE_FIELD(struct pl011, flags),
    STATE_FIELD(struct pl011, low_power),
    STATE_FIELD(struct pl011, integer_baud),
    STATE_FIELD(struct pl011, fractional_baud),
    STATE_FIELD(struct pl011, line_control),
    STATE_FIELD(struct pl011, control),
    STATE_FIELD(struct pl011, fifo_levels),
    STATE_FIELD(struct pl011, interrupt_mask),
    STATE_FIELD(struct pl011, interrupt_state),
    STATE_FIELD(struct pl011, dma_control),
    STATE_ARRAY(struct pl011, backlog),
    STATE_FIELD(struct pl011, backlog_at),
    STATE_FIELD(struct pl011, backlog_length),
    STATE_FIELD(struct pl011, dropped),
    STATE_END,
};

const struct device_ops pl011_ops = {
    .name = "pl011",
    .read = pl011_read,
    .write = pl011_write,
    .reset = pl011_reset,
    .fields = fields,
    .restored = pl011_restored,
};
