/* Where the guest's devices are: ranges of guest physical addresses, down to single bytes. Knows no engine.
 */
#ifndef POCKETVISOR_BUS_H
#define POCKETVISOR_BUS_H

#include "device.h"

enum { BUS_RANGES_MAX = 64 };

struct bus_range {
    uint64_t base, end;
    const struct device_ops *ops;
    void *device;
    uint64_t reads, writes;
};

struct bus {
    struct bus_range ranges[BUS_RANGES_MAX]; /* sorted by base, none overlap */
    unsigned count;
    unsigned last;            /* range of the last access: mostly the next one's too */
    uint64_t accesses, empty; /* accesses in all, and those that met no device */
};

/* False with a sentence in `error` where the range overlaps another or is out of bounds. */
bool bus_add(struct bus *bus, uint32_t base, uint32_t size, const struct device_ops *ops, void *device,
             char error[256]);
/* Whether any device has a byte within [base, end). */
bool bus_touches(const struct bus *bus, uint64_t base, uint64_t end);
/* size is 1, 2, 4 or 8. What lies in no device reads as zero and ignores writes. */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size);
void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);

#endif
