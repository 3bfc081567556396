/* The guest protects nothing but its own image and page tables, so that it can go on. */
#include "modes.h"
#include "board.h"
#include "console.h"
#include "exceptions.h"
#include "gic.h"
#include "heap.h"
#include "mmu.h"
#include "psci.h"
#include "screen.h"
#include "text.h"
#include "timer.h"
#include "virtio_mmio.h"

#include <stddef.h>

extern char image_start[], image_end[];
void console_start(void);

static uint32_t state = 2463534242u;
static const struct mode *running;
static uint64_t next_report;

uint32_t chance(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void progress(uint32_t count, const char *unit) {
    uint64_t now = timer_now();
    if (now < next_report)
        return;
    next_report = now + SECONDS;
    console_start();
    print("%s: %u %s\n", running->name, count, unit);
}

uint32_t *section_of_heap(void) {
    uint32_t at = (uint32_t)heap_take(2 << 20);
    return (uint32_t *)((at + 0xfffff) & 0xfff00000);
}

/* Wherever an access or an instruction faults, the next one goes on. */
static bool go_on(struct exception_frame *frame) {
    if (frame->kind == EXCEPTION_PREFETCH)
        return false;
    frame->pc += frame->kind == EXCEPTION_SVC ? 0 : frame->spsr & 0x20 ? 2 : 4;
    return true;
}

static void spin(void) {
    interrupts_off();
    for (;;)
        __asm__ volatile("");
}

static void storm_mmio(void) {
    static const uint32_t registers[] = {
        BOARD_UART + 0x18, BOARD_UART + 0x38,  BOARD_GIC_CPU + 0x04, BOARD_GIC_DISTRIBUTOR + 4,
        BOARD_RTC,         BOARD_GPIO + 0x3fc, BOARD_VIRTIO,         BOARD_VIRTIO + 0x70};
    for (uint32_t count = 0;; count += 8192) {
        for (uint32_t i = 0; i < 1024; i++)
            for (uint32_t n = 0; n < 8; n++)
                write32(registers[n], read32(registers[n]) ^ (chance() & 0x50));
        progress(count, "accesses to devices");
    }
}

static uint32_t anywhere(void) {
    static const uint32_t devices[] = {
        BOARD_GIC_DISTRIBUTOR, BOARD_GIC_CPU, BOARD_UART, BOARD_RTC, BOARD_GPIO,
        BOARD_VIRTIO,          BOARD_VIRTIO,  0x0c000000};
    uint32_t dice = chance();
    switch (dice & 3) {
    case 0:
        return devices[dice >> 2 & 7] + (chance() & 0x1fff);
    case 1:
        return BOARD_RAM + chance() % board.ram_bytes;
    case 2:
        return chance() & 0x0fffffff;
    default:
        return chance();
    }
}

static void write_everywhere(void) {
    interrupts_off(); /* the interrupt controller is written too */
    for (uint32_t mib = 0; mib < 4096; mib++)
        if (mib < (uint32_t)image_start >> 20 || mib > ((uint32_t)image_end - 1) >> 20)
            mmu_alias(mib << 20, mib << 20, MEMORY_UNCACHED);
    for (uint32_t count = 0;; count += 4096) {
        for (uint32_t i = 0; i < 4096; i++) {
            uint32_t at = anywhere(), value = chance();
            if (at + 8 >= ((uint32_t)image_start & 0xfff00000) && at < (uint32_t)image_end)
                continue;
            switch (value >> 29) {
            case 0:
                *(volatile uint8_t *)at = (uint8_t)value;
                break;
            case 1:
                *(volatile uint16_t *)(at & ~1u) = (uint16_t)value;
                break;
            case 2:
                __asm__ volatile("strd r2, r3, [%0]" ::"r"(at & ~7u) : "memory");
                break;
            case 3:
                *(volatile uint32_t *)(at | 1) = value;
                break; /* unaligned */
            case 4:
                read32(at & ~3u);
                break;
            case 5:
                __asm__ volatile("ldrexd r2, r3, [%0]" ::"r"(at & ~7u) : "r2", "r3", "memory");
                break;
            default:
                write32(at & ~3u, value);
            }
        }
        progress(count, "accesses to all addresses");
    }
}

static void fill_memory(void) {
    uint32_t *memory = heap_try(heap_free());
    uint32_t words = (BOARD_RAM + board.ram_bytes - (uint32_t)memory) / 4;
    for (uint32_t round = 1;; round++)
        for (uint32_t i = 0; i < words; i++) {
            memory[i] = i * 2654435761u ^ round;
            if (i % 65536 == 0)
                progress(round, "times through all memory");
        }
}

/* Queues anywhere, of any size, full of random descriptors. */
static void kick_queues(void) {
    uint32_t *rings = heap_take(1 << 20), words = 1 << 18;
    for (uint32_t count = 0;; count++) {
        for (uint32_t i = 0; i < 4096; i++)
            rings[chance() % words] = chance();
        uint32_t base = board.virtio[chance() % (uint32_t)board.virtio_count].base;
        if (chance() % 4 == 0)
            write32(base + VIRTIO_STATUS, 0);
        write32(base + VIRTIO_STATUS, 3);
        write32(base + VIRTIO_DRIVER_FEATURES_SELECT, 1);
        write32(base + VIRTIO_DRIVER_FEATURES, chance() | 1);
        write32(base + VIRTIO_STATUS, 11);
        for (uint32_t queue = 0; queue < 3; queue++) {
            static const uint32_t areas[] = {VIRTIO_QUEUE_DESCRIPTORS, VIRTIO_QUEUE_DRIVER,
                                             VIRTIO_QUEUE_DEVICE};
            write32(base + VIRTIO_QUEUE_SELECT, queue);
            write32(base + VIRTIO_QUEUE_SIZE, chance() % 3 ? 1u << chance() % 9 : chance());
            for (int i = 0; i < 3; i++) {
                uint32_t at = chance() % 4 ? (uint32_t)rings + (chance() & 0xffff0) : chance();
                write32(base + areas[i], at);
                write32(base + areas[i] + 4, chance() % 8 ? 0 : chance());
            }
            write32(base + VIRTIO_QUEUE_READY, 1);
        }
        write32(base + VIRTIO_STATUS, 15);
        for (uint32_t i = 0; i < 64; i++)
            write32(base + VIRTIO_QUEUE_NOTIFY, chance() % 4);
        for (uint32_t i = 0; i < 32; i++) /* its configuration space, by any size */
            read32(base + VIRTIO_CONFIGURATION + (chance() & 0xfc));
        progress(count, "devices kicked");
    }
}

static volatile uint32_t ticks;
static void tick(unsigned irq) {
    (void)irq;
    if (++ticks % 16384 == 0) /* the main loop hardly runs any more */
        progress(ticks, "interrupts of the timer");
    __asm__ volatile("mcr p15, 0, %0, c14, c3, 0" ::"r"(1)); /* due again before this returns */
}

static void storm_timer(void) {
    gic_connect(IRQ_VIRTUAL_TIMER, tick);
    __asm__ volatile("mcr p15, 0, %0, c14, c3, 0\n mcr p15, 0, %0, c14, c3, 1\n isb" ::"r"(1));
    for (;;)
        __asm__ volatile("wfi");
}

static void storm_hypercalls(void) {
    for (uint32_t count = 0;; count += 1024) {
        for (uint32_t i = 0; i < 1024; i++) {
            uint32_t function = chance() % 2 ? 0x84000000u + chance() % 32 : chance();
            /* Not those that end or stop the guest: it is to go on. */
            if (function - 0x84000001u < 2 || function == PSCI_SYSTEM_OFF || function == PSCI_SYSTEM_RESET ||
                function - 0xc4000001u < 2 || function == 0x84000012u)
                continue;
            hypercall(function);
        }
        progress(count, "hypercalls");
    }
}

static void flood_console(void) {
    for (uint32_t count = 0;; count++)
        print("%08x \x1b[%um all work and no play makes the console a long one \x1b[0m\n", count,
              31 + count % 7);
}

static void flood_panel(void) {
    for (uint32_t count = 0;; count++) {
        screen_noise(chance());
        progress(count, "pictures");
    }
}

/* Another page under the same address, all the time. */
static void remap_memory(void) {
    uint32_t *memory = section_of_heap(), wrong = 0;
    uint32_t sections = (BOARD_RAM + board.ram_bytes - (uint32_t)memory) >> 20;
    for (uint32_t count = 0;; count++) {
        uint32_t physical = (uint32_t)memory + (chance() % sections << 20), value = chance();
        volatile uint32_t *window = (volatile uint32_t *)(0xc0000000u + ((chance() & 15) << 20));
        mmu_alias((uint32_t)window, physical, MEMORY_CACHED);
        window[value & 0x3ffff] = value;
        wrong += *(volatile uint32_t *)(physical + (value & 0x3ffff) * 4) != value;
        if (wrong)
            print("remap: %u wrong answers\n", wrong);
        progress(count, "pages moved");
    }
}

const struct mode modes[] = {
    {"spin", "Spin", "as fast as it can", spin},
    {"mmio", "Storm devices", "reads and writes them all", storm_mmio},
    {"wild", "Write everywhere", "garbage to all addresses", write_everywhere},
    {"exec", "Run garbage", "random words, user mode", execute_as_user},
    {"exec-kernel", "Kernel garbage", "random words, all rights", execute_as_kernel},
    {"system", "System registers", "tries all there may be", write_system},
    {"fill", "Fill memory", "all of it, over and over", fill_memory},
    {"kick", "Kick queues", "garbage rings for virtio", kick_queues},
    {"timer", "Storm interrupts", "the timer, all the time", storm_timer},
    {"hypercall", "Storm hypercalls", "all the time", storm_hypercalls},
    {"flood", "Flood console", "prints without a pause", flood_console},
    {"noise", "Flood panel", "paints without a pause", flood_panel},
    {"rewrite", "Rewrite code", "runs what it just wrote", rewrite_code},
    {"remap", "Move pages", "new tables all the time", remap_memory},
    {NULL, NULL, NULL, NULL},
};

void mode_run(const struct mode *mode) {
    char seed[16];
    uint32_t number;
    if (board_argument("seed", seed, sizeof seed) && text_number(seed, &number) && number)
        state = number;
    running = mode;
    exception_hook = go_on;
    print("%s: %s, from now on\n", mode->name, mode->does);
    screen_running(mode);
    next_report = timer_now() + SECONDS;
    mode->run();
    panic("%s came to an end", mode->name);
}
