/* A reader of flattened device trees. A node is the offset of its name in the structure block; -1 is none. */
#ifndef GUEST_FDT_H
#define GUEST_FDT_H

#include <stdbool.h>
#include <stdint.h>

/* False where there is no tree at that address. */
bool fdt_open(const void *tree);
uint32_t fdt_bytes(void);
/* The first node after `after` (-1: from the root) that is compatible with, has this device type, or is
 * named so (up to an @). */
int fdt_compatible(int after, const char *compatible);
int fdt_typed(int after, const char *device_type);
int fdt_named(int after, const char *name);
int fdt_next(int node, int *depth);
const void *fdt_property(int node, const char *name, uint32_t *bytes);
uint32_t fdt_u32(int node, const char *name, uint32_t otherwise);
/* A cell of a property that is a list of cells, or `otherwise`. */
uint32_t fdt_cell(int node, const char *name, unsigned index, uint32_t otherwise);
/* The first entry of `reg`, with the cells of the node's parent. */
bool fdt_region(int node, uint64_t *base, uint64_t *bytes);

#endif
