/* Short descriptors, one domain, no ASIDs: nothing here runs in user mode. */
#include "mmu.h"
#include "board.h"

enum { MIB = 1 << 20, IMAGE_MIB_MAX = 4 };

/* Descriptor bits: ARM ARM B3.5.1 (sections) and B3.5.2 (small pages). */
enum {
    SECTION = 2,
    SECTION_XN = 1 << 4,
    SECTION_RW = 1 << 10,
    SECTION_USER = 1 << 11,
    SECTION_CACHED = 1 << 12 | 3 << 2 | 1 << 16, /* TEX 1, C, B: write-back, write-allocate; shared */
    SECTION_UNCACHED = 1 << 12 | 1 << 16,        /* TEX 1: normal, not cached */
    SECTION_DEVICE = 1 << 2,
    TABLE = 1,
    PAGE = 2,
    PAGE_XN = 1,
    PAGE_CACHED = 1 << 6 | 3 << 2 | 1 << 10,
    PAGE_RW = 1 << 4,
    PAGE_RO = 1 << 4 | 1 << 9,
};

extern char image_start[], rodata_start[], data_start[], image_end[], stack_guard[];

static uint32_t sections[4096] __attribute__((aligned(16384)));
static uint32_t pages[IMAGE_MIB_MAX][256] __attribute__((aligned(1024)));

static const uint32_t bits[] = {
    [MEMORY_NONE] = 0,
    [MEMORY_CACHED] = SECTION | SECTION_RW | SECTION_XN | SECTION_CACHED,
    [MEMORY_UNCACHED] = SECTION | SECTION_RW | SECTION_XN | SECTION_UNCACHED,
    [MEMORY_DEVICE] = SECTION | SECTION_RW | SECTION_XN | SECTION_DEVICE,
    [MEMORY_EXECUTABLE] = SECTION | SECTION_RW | SECTION_CACHED,
    [MEMORY_USER] = SECTION | SECTION_RW | SECTION_USER | SECTION_CACHED,
};

static void flush(void) {
    __asm__ volatile("dsb\n mcr p15, 0, %0, c8, c7, 0\n dsb\n isb" ::"r"(0) : "memory"); /* TLBIALL */
}

void mmu_alias(uint32_t address, uint32_t physical, enum memory_kind kind) {
    sections[address >> 20] = bits[kind] ? bits[kind] | (physical & 0xfff00000) : 0;
    flush();
}

void mmu_map(uint32_t base, uint32_t bytes, enum memory_kind kind) {
    uint32_t last = (base + bytes - 1) >> 20;
    for (uint32_t section = base >> 20; section <= last; section++)
        sections[section] = bits[kind] ? bits[kind] | section << 20 : 0;
    flush();
}

static void map_image(void) {
    uint32_t first = (uint32_t)image_start & -(uint32_t)MIB;
    for (uint32_t mib = 0; mib < IMAGE_MIB_MAX && first + mib * MIB < (uint32_t)image_end; mib++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t at = first + mib * MIB + i * 4096;
            uint32_t rights = PAGE_RW | PAGE_XN;
            if (at >= (uint32_t)image_start && at < (uint32_t)rodata_start)
                rights = PAGE_RO;
            else if (at >= (uint32_t)rodata_start && at < (uint32_t)data_start)
                rights = PAGE_RO | PAGE_XN;
            pages[mib][i] = at == (uint32_t)stack_guard ? 0 : at | PAGE | PAGE_CACHED | rights;
        }
        sections[(first >> 20) + mib] = (uint32_t)pages[mib] | TABLE;
    }
}

void mmu_start(uint32_t ram_bytes) {
    mmu_map(BOARD_RAM, ram_bytes, MEMORY_CACHED);
    mmu_map(BOARD_GIC_DISTRIBUTOR, MIB, MEMORY_DEVICE);
    mmu_map(BOARD_UART, MIB, MEMORY_DEVICE);
    mmu_map(BOARD_VIRTIO, MIB, MEMORY_DEVICE);
    map_image();
    uint32_t control;
    __asm__ volatile("mcr p15, 0, %1, c2, c0, 2\n" /* TTBCR: TTBR0 alone */
                     "mcr p15, 0, %2, c2, c0, 0\n" /* TTBR0: walks through the cache */
                     "mcr p15, 0, %3, c3, c0, 0\n" /* DACR: domain 0 checks rights */
                     "mcr p15, 0, %1, c8, c7, 0\n"
                     "mcr p15, 0, %1, c7, c5, 0\n" /* ICIALLU */
                     "dsb\n isb\n"
                     "mrc p15, 0, %0, c1, c0, 0"
                     : "=r"(control)
                     : "r"(0), "r"((uint32_t)sections | 0x6a), "r"(1)
                     : "memory");
    control |=
        1 << 0 | 1 << 2 | 1 << 11 | 1 << 12; /* MMU, data cache, branch prediction, instruction cache */
    control &= ~(1u << 28 | 1u << 29);       /* no TEX remap, no access flag */
    __asm__ volatile("mcr p15, 0, %0, c1, c0, 0\n isb" ::"r"(control) : "memory");
}
