/* One flat map: image by 4 KiB pages (text executable and read-only, constants read-only, data never
 * executable), the rest of RAM and the devices by 1 MiB sections, never executable. Address 0 is not mapped.
 */
#ifndef GUEST_MMU_H
#define GUEST_MMU_H

#include <stdbool.h>
#include <stdint.h>

enum memory_kind {
    MEMORY_NONE,
    MEMORY_CACHED,
    MEMORY_UNCACHED,
    MEMORY_DEVICE,
    MEMORY_EXECUTABLE,
    MEMORY_USER
};

void mmu_start(uint32_t ram_bytes);
/* Maps (or, with MEMORY_NONE, unmaps) the sections that hold a range. */
void mmu_map(uint32_t base, uint32_t bytes, enum memory_kind kind);
/* One section at another address than its own. */
void mmu_alias(uint32_t address, uint32_t physical, enum memory_kind kind);

#endif
