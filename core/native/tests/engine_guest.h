/* A small guest around a vCPU for the engine's tests: memory, a logging device, a host with a fake timer. */
#ifndef POCKETVISOR_TESTS_ENGINE_GUEST_H
#define POCKETVISOR_TESTS_ENGINE_GUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vcpu.h"

enum {
    RAM_BASE = 0x40000000,
    RAM_SIZE = 16 << 20,
    RESULTS = 0x40200000,
    TABLE = 0x40100000,
    FLASH_SIZE = 64 << 10,
    DEVICE_BASE = 0x48000000,
    WRITES_MAX = 64,
};

/* Descriptors, first and second level: rights of privileged and user mode as AP[2:0], and execute never. */
#define SECTION(physical, domain, ap, never)                                                                 \
    ((physical) | ((ap) & 4) << 13 | ((ap) & 3) << 10 | (domain) << 5 | (never) << 4 | 2)
#define COARSE(physical, domain) ((physical) | (domain) << 5 | 1)
#define SMALL_PAGE(physical, ap, never) ((physical) | ((ap) & 4) << 7 | ((ap) & 3) << 4 | 2 | (never))
#define LARGE_PAGE(physical, ap, never) ((physical) | ((ap) & 4) << 7 | ((ap) & 3) << 4 | 1 | (never) << 15)

struct device_write {
    uint32_t offset, size;
    uint64_t value;
};

struct guest {
    struct clock clock;
    struct vcpu *vcpu;
    uint8_t *ram, *flash;
    bool borrowed; /* the RAM is another's */
    uint8_t dirty[RAM_SIZE / 4096 / 8];
    uint32_t dirtied; /* calls of the host's dirtied() */
    uint32_t failed;  /* and of failed() */
    /* The fake host. */
    uint64_t timer_reads, attends, asked; /* calls of attend(), and those for attention */
    uint64_t written[2];
    bool time_is_clock; /* the virtual counter is the clock, not a count of reads */
    bool (*attend)(struct guest *guest);
    uint64_t irq_at; /* clock bytes; UINT64_MAX: never */
    void *user;
    struct device_write writes[WRITES_MAX];
    unsigned write_count;
};

/* Loads asm/<image>.bin; memory, flash and a device of a page at DEVICE_BASE are mapped. Exits on failure. */
struct guest *guest_open(const char *image);
/* With `ram` of RAM_SIZE, whose content is the caller's, as is the struct. */
struct ram;
struct guest *guest_open_in(struct ram *ram);
/* The same guest, a second time, on the same memory: for moving a vCPU. */
struct guest *guest_open_on(struct guest *other);
void guest_close(struct guest *guest);
/* `table` is TABLE or a second-level table's address. */
void guest_map(struct guest *guest, uint32_t table, unsigned index, uint32_t descriptor);
/* Identity for RAM, device and flash, as the programs with the MMU on expect. */
void guest_map_usual(struct guest *guest);
uint32_t guest_word(struct guest *guest, uint32_t address);
void guest_set_word(struct guest *guest, uint32_t address, uint32_t value);
/* For vcpu_get_register() and vcpu_set_register(). */
int guest_register(const char *name);
/* Until WFI with nothing to wait for; anything else is a failure. */
void guest_run(struct guest *guest);

struct promise {
    uint32_t value;
    const char *text;
};
/* Compares the results in the guest's memory, in order; then there must be no more. */
void guest_check(struct guest *guest, const struct promise *promises, size_t count);
#define CHECK_RESULTS(guest, promises) guest_check(guest, promises, sizeof(promises) / sizeof(promises)[0])

void check(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For main(): 0 where every promise held. */
int finish(void);

#endif
