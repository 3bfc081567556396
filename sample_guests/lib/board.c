/* Leaves out what the guests do not use: PCIe, flash, fw_cfg, the physical timers. */
#include "board.h"
#include "fdt.h"
#include "text.h"

struct board board;

static void find_memory(void) {
    uint64_t base, bytes;
    int node = fdt_typed(-1, "memory");
    if (node >= 0 && fdt_region(node, &base, &bytes) && base == BOARD_RAM)
        board.ram_bytes = bytes > 0x7ff00000 ? 0x7ff00000 : (uint32_t)bytes;
}

static void find_panel(void) {
    uint64_t base, bytes;
    int node = fdt_compatible(-1, "simple-framebuffer");
    if (node < 0 || !fdt_region(node, &base, &bytes))
        return;
    int width = (int)fdt_u32(node, "width", 0), height = (int)fdt_u32(node, "height", 0);
    int stride = (int)fdt_u32(node, "stride", 0) / 4;
    if (width > 0 && height > 0 && stride >= width && (uint64_t)stride * height * 4 <= bytes)
        board.panel = (struct panel){(uint32_t *)(uintptr_t)base, width, height, stride};
}

static void find_virtio(void) {
    uint64_t base, bytes;
    for (int node = -1; (node = fdt_compatible(node, "virtio,mmio")) >= 0;) {
        if (!fdt_region(node, &base, &bytes) || board.virtio_count == BOARD_VIRTIO_MAX)
            continue;
        board.virtio[board.virtio_count].base = (uint32_t)base;
        board.virtio[board.virtio_count].irq = 32 + fdt_cell(node, "interrupts", 1, 16);
        board.virtio_count++;
    }
}

static void find_keys(void) {
    int depth = 0, node = fdt_compatible(-1, "gpio-keys");
    if (node < 0)
        return;
    while ((node = fdt_next(node, &depth)) >= 0 && depth > 0 && board.key_count < BOARD_KEYS_MAX) {
        uint32_t code = fdt_u32(node, "linux,code", 0), line = fdt_cell(node, "gpios", 1, 8);
        if (!code || line > 7)
            continue;
        board.keys[board.key_count].code = code;
        board.keys[board.key_count].line = line;
        board.key_count++;
    }
}

bool board_probe(const void *tree) {
    if (!fdt_open(tree) && !fdt_open((const void *)BOARD_RAM))
        return false;
    find_memory();
    find_panel();
    find_virtio();
    find_keys();
    int chosen = fdt_named(-1, "chosen");
    const char *arguments = chosen < 0 ? NULL : fdt_property(chosen, "bootargs", NULL);
    if (arguments)
        text_copy(board.arguments, arguments, sizeof board.arguments);
    return true;
}

const char *board_argument(const char *name, char *value, unsigned size) {
    unsigned length = text_length(name), used = 0;
    for (const char *at = board.arguments; *at; at++) {
        if ((at != board.arguments && at[-1] != ' ') || !text_starts(at, name) || at[length] != '=')
            continue;
        for (at += length + 1; *at && *at != ' ' && used + 1 < size; at++)
            value[used++] = *at;
        value[used] = 0;
        return value;
    }
    return NULL;
}
