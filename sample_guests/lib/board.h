/* Where things are on the `virt` board, and what the device tree says about this one. */
#ifndef GUEST_BOARD_H
#define GUEST_BOARD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BOARD_GIC_DISTRIBUTOR = 0x08000000,
    BOARD_GIC_CPU = 0x08010000,
    BOARD_UART = 0x09000000,
    BOARD_RTC = 0x09010000,
    BOARD_GPIO = 0x09030000,
    BOARD_VIRTIO = 0x0a000000,
    BOARD_RAM = 0x40000000,
};

/* Interrupt numbers as the GIC counts them. */
enum {
    IRQ_VIRTUAL_TIMER = 27,
    IRQ_UART = 33,
    IRQ_GPIO = 39,
    IRQ_VIRTIO = 48,
    IRQ_LIMIT = 256,
};

enum { BOARD_VIRTIO_MAX = 32, BOARD_KEYS_MAX = 8 };

struct panel {
    uint32_t *pixels; /* x8r8g8b8; NULL where the board has no framebuffer */
    int width, height;
    int stride; /* in pixels */
};

struct board {
    uint32_t ram_bytes;
    struct panel panel;
    struct {
        uint32_t base;
        unsigned irq;
    } virtio[BOARD_VIRTIO_MAX];
    int virtio_count;
    struct {
        unsigned line; /* of the GPIO block */
        unsigned code; /* KEY_* */
    } keys[BOARD_KEYS_MAX];
    int key_count;
    char arguments[256]; /* /chosen/bootargs */
};

extern struct board board;

/* Fills `board` from the tree at `tree` or, where that is none, at the start of RAM. False: no tree. */
bool board_probe(const void *tree);
/* The value of NAME=VALUE in the boot arguments, up to a space, or NULL. */
const char *board_argument(const char *name, char *value, unsigned size);

static inline uint32_t read32(uintptr_t address) {
    return *(volatile uint32_t *)address;
}
static inline void write32(uintptr_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}

#endif
