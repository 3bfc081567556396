/* Dispatch of MMIO. Left out: byte order (devices are little-endian) and priorities (nothing overlaps). */
#include "bus.h"

#include <stdio.h>
#include <string.h>

/* Index of the first range that ends above the address. */
static unsigned first_above(const struct bus *bus, uint64_t address) {
    unsigned low = 0, high = bus->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (bus->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool bus_touches(const struct bus *bus, uint64_t base, uint64_t end) {
    unsigned index = first_above(bus, base);
    return index < bus->count && bus->ranges[index].base < end;
}

bool bus_add(struct bus *bus, uint32_t base, uint32_t size, const struct device_ops *ops, void *device,
             char error[256]) {
    uint64_t end = (uint64_t)base + size;
    if (size == 0 || end > (uint64_t)1 << 32) {
        snprintf(error, 256, "%s: the range at 0x%08x has an impossible size of 0x%x bytes", ops->name, base,
                 size);
        return false;
    }
    if (bus->count == BUS_RANGES_MAX) {
        snprintf(error, 256, "%s: a bus holds at most %d devices", ops->name, BUS_RANGES_MAX);
        return false;
    }
    unsigned index = first_above(bus, base);
    if (index < bus->count && bus->ranges[index].base < end) {
        snprintf(error, 256, "%s at 0x%08x overlaps %s at 0x%08x", ops->name, base,
                 bus->ranges[index].ops->name, (uint32_t)bus->ranges[index].base);
        return false;
    }
    memmove(&bus->ranges[index + 1], &bus->ranges[index], (bus->count - index) * sizeof bus->ranges[0]);
    bus->ranges[index] = (struct bus_range){.base = base, .end = end, .ops = ops, .device = device};
    bus->count++;
    return true;
}

/* The range that holds the byte, or NULL. */
static struct bus_range *find(struct bus *bus, uint64_t address) {
    struct bus_range *range = &bus->ranges[bus->last];
    if (bus->last < bus->count && address >= range->base && address < range->end)
        return range;
    unsigned index = first_above(bus, address);
    if (index == bus->count || address < bus->ranges[index].base)
        return NULL;
    bus->last = index;
    return &bus->ranges[index];
}

/* An access that a range does not wholly hold is made byte by byte, so that no device sees past its end. */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size) {
    struct bus_range *range = find(bus, address);
    if (range && address + size <= range->end) {
        bus->accesses++;
        range->reads++;
        return range->ops->read(range->device, (uint32_t)(address - range->base), size);
    }
    if (size == 1 || !bus_touches(bus, address, address + size)) {
        bus->accesses++;
        bus->empty++;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (bus_read(bus, address + i, 1) & 0xff) << 8 * i;
    return value;
}

void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value) {
    struct bus_range *range = find(bus, address);
    if (range && address + size <= range->end) {
        bus->accesses++;
        range->writes++;
        range->ops->write(range->device, (uint32_t)(address - range->base), size, value);
        return;
    }
    if (size == 1 || !bus_touches(bus, address, address + size)) {
        bus->accesses++;
        bus->empty++;
        return;
    }
    for (unsigned i = 0; i < size; i++)
        bus_write(bus, address + i, 1, value >> 8 * i & 0xff);
}
