/* Leaves out active-low keys: the board has none. Registers: ARM DDI 0190. */
#include "keys.h"
#include "board.h"
#include "gic.h"
#include "input.h"

enum {
    DATA = BOARD_GPIO + (0xff << 2), /* the address masks the lines */
    DIRECTION = BOARD_GPIO + 0x400,
    SENSE = BOARD_GPIO + 0x404,
    BOTH_EDGES = BOARD_GPIO + 0x408,
    ENABLE = BOARD_GPIO + 0x410,
    CLEAR = BOARD_GPIO + 0x41c,
};

static uint32_t lines, last;

/* Runs in the interrupt, so that a short press is not missed: the queue's only other writer is the main
 * loop, which takes virtio's events with interrupts off. */
static void keys_interrupt(unsigned irq) {
    (void)irq;
    write32(CLEAR, 0xff);
    uint32_t now = read32(DATA) & lines;
    for (int i = 0; i < board.key_count; i++) {
        uint32_t bit = 1u << board.keys[i].line;
        if ((now ^ last) & bit)
            input_put(&(struct input_event){
                .kind = INPUT_HARDWARE_KEY, .code = board.keys[i].code, .pressed = (now & bit) != 0});
    }
    last = now;
}

void keys_start(void) {
    for (int i = 0; i < board.key_count; i++)
        lines |= 1u << board.keys[i].line;
    if (!lines)
        return;
    write32(DIRECTION, 0);
    write32(SENSE, 0);
    write32(BOTH_EDGES, lines);
    last = read32(DATA) & lines;
    write32(CLEAR, 0xff);
    write32(ENABLE, lines);
    gic_connect(IRQ_GPIO, keys_interrupt);
}
