/* Leaves out the baud rate and flow control: the board's UART has no wire. Registers: ARM DDI 0183. */
#include "console.h"
#include "board.h"
#include "gic.h"
#include "text.h"

enum {
    DR = BOARD_UART,
    FR = BOARD_UART + 0x18,
    LCR_H = BOARD_UART + 0x2c,
    CR = BOARD_UART + 0x30,
    IMSC = BOARD_UART + 0x38,
    ICR = BOARD_UART + 0x44,
    FR_RXFE = 1 << 4,
    FR_TXFF = 1 << 5,
    RX_INTERRUPTS = 1 << 4 | 1 << 6, /* FIFO level and timeout */
};

enum { RING = 256, LINE = 120, WORDS = 8 };

static volatile uint8_t ring[RING];
static volatile uint32_t ring_head, ring_tail;
static const struct command *commands;
static char line[LINE];
static unsigned line_length;

static void console_interrupt(unsigned irq) {
    (void)irq;
    write32(ICR, RX_INTERRUPTS); /* before reading: a byte that comes in between raises it again */
    while (!(read32(FR) & FR_RXFE)) {
        uint8_t byte = (uint8_t)read32(DR);
        if (ring_head - ring_tail < RING)
            ring[ring_head++ % RING] = byte;
    }
}

void console_start(void) {
    write32(LCR_H, 3 << 5 | 1 << 4); /* 8 bits, FIFOs on */
    write32(CR, 1 << 0 | 1 << 8 | 1 << 9);
    write32(ICR, 0x7ff);
    write32(IMSC, RX_INTERRUPTS);
    gic_connect(IRQ_UART, console_interrupt);
}

void print_character(char character) {
    while (read32(FR) & FR_TXFF)
        ;
    write32(DR, (uint8_t)character);
}

static void print_text(const char *text) {
    for (; *text; text++) {
        if (*text == '\n')
            print_character('\r');
        print_character(*text);
    }
}

static void print_list(const char *pattern, va_list values) {
    char text[256];
    format_list(text, sizeof text, pattern, values);
    print_text(text);
}

void print(const char *pattern, ...) {
    va_list values;
    va_start(values, pattern);
    print_list(pattern, values);
    va_end(values);
}

void console_note(const char *pattern, ...) {
    va_list values;
    print_text("\r");
    va_start(values, pattern);
    print_list(pattern, values);
    va_end(values);
    if (!commands)
        return;
    line[line_length] = 0;
    print("\n> %s", line);
}

int console_read(void) {
    if (ring_head == ring_tail)
        return -1;
    return ring[ring_tail++ % RING];
}

void console_commands(const struct command *table) {
    commands = table;
    print_text("> ");
}

static void help(void) {
    for (const struct command *command = commands; command->name; command++) {
        char left[40];
        format(left, sizeof left, "%s %s", command->name, command->arguments);
        print("  %-24s %s\n", left, command->help);
    }
}

static void run_line(void) {
    char *words[WORDS];
    int count = 0;
    line[line_length] = 0;
    for (char *at = line; *at && count < WORDS;) {
        while (*at == ' ')
            *at++ = 0;
        if (*at)
            words[count++] = at;
        while (*at && *at != ' ')
            at++;
    }
    line_length = 0;
    if (!count)
        return;
    for (const struct command *command = commands; command->name; command++)
        if (text_equal(words[0], command->name)) {
            command->run(count, words);
            return;
        }
    if (text_equal(words[0], "help"))
        help();
    else
        print("%s: no such command, try help\n", words[0]);
}

void console_poll(void) {
    for (int byte; commands && (byte = console_read()) >= 0;) {
        if (byte == '\r' || byte == '\n') {
            print_text("\n");
            run_line();
            print_text("> ");
        } else if ((byte == 8 || byte == 127) && line_length) {
            line_length--;
            print_text("\b \b");
        } else if (byte >= ' ' && byte < 127 && line_length + 1 < LINE) {
            line[line_length++] = (char)byte;
            print_character((char)byte);
        }
    }
}
