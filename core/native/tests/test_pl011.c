/* PL011, by register as ARM DDI 0183 names them. */
#include "check.h"
#include "pl011.h"

enum {
    UARTDR = 0x000,
    UARTRSR = 0x004,
    UARTFR = 0x018,
    UARTILPR = 0x020,
    UARTIBRD = 0x024,
    UARTFBRD = 0x028,
    UARTLCR_H = 0x02c,
    UARTCR = 0x030,
    UARTIFLS = 0x034,
    UARTIMSC = 0x038,
    UARTRIS = 0x03c,
    UARTMIS = 0x040,
    UARTICR = 0x044,
    UARTDMACR = 0x048,
};
enum { RXFE = 0x10, RXFF = 0x40, TXFE = 0x80, FEN = 0x10, LBE = 0x80, RX = 0x10, TX = 0x20, OE = 0x400 };

static struct pl011 uart;
static bool irq;
static unsigned calls;

static void output_waits(void *sink, struct pl011 *which) {
    CHECK(sink == &calls);
    calls++;
    if (which->output_length == PL011_OUTPUT)
        which->output_length = 0;
}

static uint32_t get(uint32_t offset) {
    return (uint32_t)pl011_ops.read(&uart, offset, 4);
}
static void set(uint32_t offset, uint32_t value) {
    pl011_ops.write(&uart, offset, 4, value);
}
static void receive(const char *text) {
    pl011_receive(&uart, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void fresh(void) {
    irq = false;
    calls = 0;
    pl011_init(&uart, check_wire(&irq), output_waits, &calls);
}

static void test_identification(void) {
    fresh();
    static const uint8_t expected[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (uint32_t index = 0; index < 8; index++)
        CHECK_EQUAL(get(0xfe0 + index * 4), expected[index]);
}

static void test_power_on_values(void) {
    fresh();
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
    CHECK_EQUAL(get(UARTCR), 0x300);
    CHECK_EQUAL(get(UARTIFLS), 0x12);
    CHECK_EQUAL(get(UARTRIS), 0);
    CHECK_EQUAL(get(UARTDR), 0);
}

static void test_registers_read_back(void) {
    static const struct {
        uint32_t offset, written, read;
    } cases[] = {{UARTILPR, 0x1ff, 0xff},
                 {UARTIBRD, 0x1ffff, 0xffff},
                 {UARTFBRD, 0xff, 0x3f},
                 {UARTLCR_H, 0x170, 0x70},
                 {UARTCR, 0x10301, 0x301},
                 {UARTIFLS, 0x7f, 0x3f},
                 {UARTIMSC, 0xffff, 0x7ff},
                 {UARTDMACR, 0xf, 7},
                 {UARTFR, 0xfff, TXFE | RXFE},
                 {UARTRIS, 0xff, 0},
                 {0x100, 0xff, 0}};
    fresh();
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        set(cases[index].offset, cases[index].written);
        CHECK_EQUAL(get(cases[index].offset), cases[index].read);
    }
}

static void test_sending(void) {
    fresh();
    set(UARTIMSC, TX);
    CHECK(!irq);
    pl011_ops.write(&uart, UARTDR, 1, 'H');
    set(UARTDR, 'i');
    CHECK_EQUAL(uart.output_length, 2);
    CHECK(memcmp(uart.output, "Hi", 2) == 0);
    CHECK_EQUAL(calls, 1); /* at the first byte alone */
    CHECK(irq);
    CHECK_EQUAL(get(UARTMIS), TX);
    set(UARTICR, TX);
    CHECK(!irq);
    for (unsigned index = 2; index < PL011_OUTPUT; index++)
        set(UARTDR, 'x');
    CHECK_EQUAL(calls, 2); /* and when it is full */
    set(UARTDR, 'y');
    CHECK_EQUAL(uart.output_length, 1);
}

static void test_receiving_without_fifo(void) {
    fresh();
    set(UARTIMSC, RX);
    receive("ab");
    CHECK(irq);
    CHECK_EQUAL(get(UARTFR), TXFE | RXFF);
    CHECK_EQUAL(get(UARTDR), 'a');
    CHECK(irq); /* the next one took its place */
    CHECK_EQUAL(get(UARTDR), 'b');
    CHECK(!irq);
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
}

static void test_receiving_with_fifo(void) {
    fresh();
    set(UARTLCR_H, FEN);
    receive("0123456789abcdefgh");
    CHECK_EQUAL(get(UARTFR), TXFE | RXFF);
    CHECK_EQUAL(uart.backlog_length, 2);
    CHECK_EQUAL(get(UARTDR), '0');
    CHECK_EQUAL(uart.backlog_length, 1);
    for (const char *byte = "123456789abcdefgh"; *byte; byte++)
        CHECK_EQUAL(get(UARTDR), *byte);
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
    CHECK_EQUAL(get(UARTRIS), 0);
    receive("zy");
    set(UARTLCR_H, 0); /* turning the FIFO off empties it */
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
}

static void test_the_backlog_is_bounded(void) {
    static uint8_t flood[PL011_BACKLOG + 100];
    fresh();
    pl011_receive(&uart, flood, sizeof flood);
    CHECK_EQUAL(uart.dropped, 100);
    CHECK_EQUAL(uart.backlog_length, PL011_BACKLOG - 1); /* one is in the holding register */
    for (unsigned index = 0; index < PL011_BACKLOG; index++)
        get(UARTDR);
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
}

static void test_loopback(void) {
    fresh();
    set(UARTLCR_H, FEN);
    set(UARTCR, 0x301 | LBE);
    receive("outside"); /* waits */
    CHECK_EQUAL(get(UARTFR), TXFE | RXFE);
    set(UARTDR, 'L');
    CHECK_EQUAL(get(UARTDR), 'L');
    set(UARTLCR_H, FEN | 1); /* a break comes back as one */
    CHECK_EQUAL(get(UARTDR), 0x400);
    CHECK_EQUAL(get(UARTRSR), 4);
    set(UARTRSR, 0);
    CHECK_EQUAL(get(UARTRSR), 0);
    set(UARTCR, 0x3c01 | LBE); /* Out2, Out1, RTS, DTR */
    CHECK_EQUAL(get(UARTFR) & 0x107, 0x107);
    CHECK_EQUAL(get(UARTRIS) & 0xf, 0xf);
    for (unsigned index = 0; index < 17; index++)
        set(UARTDR, 'o');
    CHECK_EQUAL(get(UARTRIS) & OE, OE);
    for (unsigned index = 0; index < 16; index++)
        CHECK_EQUAL(get(UARTDR), 'o');
    set(UARTCR, 0x301);
    CHECK_EQUAL(get(UARTFR) & 0x107, 0);
    CHECK_EQUAL(get(UARTDR), 'o'); /* of "outside" */
}

static void test_state_goes_into_another_uart(void) {
    fresh();
    set(UARTIMSC, RX);
    set(UARTLCR_H, FEN);
    receive("some more than sixteen");
    get(UARTDR);
    static struct pl011 other;
    bool other_irq = false;
    pl011_init(&other, check_wire(&other_irq), NULL, NULL);
    check_copy_fields(&pl011_ops, &other, &uart);
    CHECK(pl011_ops.restored(&other));
    CHECK(other_irq);
    CHECK(check_same_fields(&pl011_ops, &other, &uart));
    for (const char *byte = "ome more than sixteen"; *byte; byte++)
        CHECK_EQUAL(pl011_ops.read(&other, UARTDR, 4), *byte);
    other.fifo_length = 17;
    CHECK(!pl011_ops.restored(&other));
    other.fifo_length = 0;
    other.backlog_at = PL011_BACKLOG;
    CHECK(!pl011_ops.restored(&other));
    other.backlog_at = 0;
    other.backlog_length = PL011_BACKLOG + 1;
    CHECK(!pl011_ops.restored(&other));
}

static void test_reset_keeps_what_the_host_sent(void) {
    fresh();
    set(UARTIMSC, RX);
    receive("ab");
    CHECK(irq);
    pl011_ops.reset(&uart);
    CHECK(!irq);
    CHECK_EQUAL(get(UARTDR), 'b');
}

int main(void) {
    test_identification();
    test_power_on_values();
    test_registers_read_back();
    test_sending();
    test_receiving_without_fifo();
    test_receiving_with_fifo();
    test_the_backlog_is_bounded();
    test_loopback();
    test_state_goes_into_another_uart();
    test_reset_keeps_what_the_host_sent();
    return 0;
}
