#include "runtime.h"
#include "board.h"
#include "console.h"
#include "exceptions.h"
#include "gic.h"
#include "heap.h"
#include "mmu.h"
#include "psci.h"
#include "timer.h"

/* From start.S. */
void runtime_start(const void *tree);
void runtime_start(const void *tree) {
    bool found = board_probe(tree);
    mmu_start(found && board.ram_bytes ? board.ram_bytes : 16 << 20);
    if (board.panel.pixels)
        mmu_map((uint32_t)board.panel.pixels, (uint32_t)(board.panel.stride * board.panel.height * 4),
                MEMORY_UNCACHED);
    gic_start();
    console_start();
    if (!found)
        panic("no device tree at the start of RAM");
    timer_start();
    heap_start();
    guest_main();
    power_off();
}
