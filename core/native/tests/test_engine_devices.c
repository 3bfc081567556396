/* MMIO as devices see it, holes beside them, read-only memory, and what may be mapped where. */
#include <string.h>

#include "engine_guest.h"

#define READ(offset, size) ((offset) << 8 | (size))

static uint64_t odd_read(void *device, uint32_t offset, unsigned size) {
    (void)device;
    return size == 1 ? 0xa0 + offset : 0;
}

static uint64_t first_read(void *device, uint32_t offset, unsigned size) {
    (void)device;
    return READ(offset + 0x1000, size);
}

static uint64_t second_read(void *device, uint32_t offset, unsigned size) {
    (void)device;
    return READ(offset + 0x2200, size);
}

static unsigned writes[3];

static void count_write(void *device, uint32_t offset, unsigned size, uint64_t value) {
    (void)offset, (void)size, (void)value;
    ++*(unsigned *)device;
}

static const struct device_ops first = {"first", first_read, count_write, NULL, NULL, NULL};
static const struct device_ops second = {"second", second_read, count_write, NULL, NULL, NULL};
static const struct device_ops odd = {"odd", odd_read, count_write, NULL, NULL, NULL};

#define READS(mode)                                                                                          \
    {READ(0x10, 4), mode "LDR"}, {READ(0x12, 2), mode "LDRH"}, {READ(0x13, 1) & 0xff, mode "LDRB"},          \
        {READ(0x18, 4), mode "LDRD, first"}, {READ(0x1c, 4), mode "LDRD, second"},                           \
        {READ(0x20, 4), mode "VLDR, low"}, {READ(0x24, 4), mode "VLDR, high"},                               \
        {READ(0x40, 4) + READ(0x44, 4) + READ(0x48, 4), mode "LDM"},                                         \
        {READ(0x50, 4) >> 16 | (uint32_t)READ(0x54, 4) << 16, mode "LDR, unaligned: of two aligned reads"},  \
        {READ(0x11fc, 4), mode "the last word of a device in a shared page"},                                \
        {READ(0x2200, 4), mode "the first word of the next device in it"},                                   \
        {0, mode "a hole beside them reads as zero"},                                                        \
        {0xa2a1a000, mode "a word over a device of three bytes is read byte by byte"}

static const struct promise devices[] = {
    READS("MMU off: "),
    READS("MMU on: "),
    {0x12345678, "flash is read"},
    {0x12345678, "a word written to flash is ignored"},
    {0x12345678, "a byte and a double word too"},
    {0x12345678, "and STREX"},
    {0x42, "code in flash runs"},
    {0x42, "after a write to it as before"},
    {0xe3a00042, "code in flash is left alone"},
};

static const struct device_write expected_writes[] = {
    {0x61, 1, 0x11}, {0x62, 2, 0x2200}, {0x64, 4, 0x33445566}, {0x68, 4, 0x33445566}, {0x6c, 4, 0x778899aa},
};

static void test_devices(void) {
    char error[256] = "";
    struct guest *guest = guest_open("devices");
    guest_map_usual(guest);
    const uint32_t value = 0x12345678, routine[] = {0xe3a00042, 0xe12fff1e};
    memcpy(guest->flash + 0x1000, &value, 4);
    memcpy(guest->flash + 0x2000, routine, sizeof routine);
    check(vcpu_map_device(guest->vcpu, 0x48001000, 0x200, &first, &writes[0], error), "part of a page: %s",
          error);
    check(vcpu_map_device(guest->vcpu, 0x48001200, 0x200, &second, &writes[1], error), "the next part: %s",
          error);
    check(vcpu_map_device(guest->vcpu, 0x48002001, 3, &odd, &writes[2], error), "three odd bytes: %s", error);
    check(!vcpu_map_device(guest->vcpu, 0x480011ff, 2, &odd, NULL, error), "an overlap is refused");
    check(strstr(error, "odd") && strstr(error, "first"), "and the sentence names both: %s", error);
    check(!vcpu_map_device(guest->vcpu, 0x40fff000, 0x2000, &odd, NULL, error),
          "a device over RAM is refused");
    check(!vcpu_map_device(guest->vcpu, 0xfffff000, 0x2000, &odd, NULL, error),
          "one past the end is refused");
    check(!vcpu_map_device(guest->vcpu, 0x49000000, 0, &odd, NULL, error), "an empty one is refused");
    check(!vcpu_map_memory(guest->vcpu, 0x40800000, 0x1000, guest->ram, true, NULL, NULL, error),
          "memory over memory is refused");
    check(!vcpu_map_memory(guest->vcpu, 0x48001000, 0x1000, guest->ram, true, NULL, NULL, error),
          "memory over a device is refused");
    check(!vcpu_map_memory(guest->vcpu, 0x50000000, 0x1001, guest->ram, true, NULL, NULL, error),
          "memory of broken pages is refused");
    guest_run(guest);
    CHECK_RESULTS(guest, devices);
    check(guest->write_count == 10, "each store is one write: %u", guest->write_count);
    for (unsigned i = 0; i < 10 && i < guest->write_count; i++) {
        const struct device_write *found = &guest->writes[i], *wanted = &expected_writes[i % 5];
        check(found->offset == wanted->offset && found->size == wanted->size && found->value == wanted->value,
              "write %u: %x, %u, %lx", i, found->offset, found->size, found->value);
    }
    check(writes[0] == 0 && writes[1] == 2 && writes[2] == 6,
          "writes reach their device and no other: %u %u %u", writes[0], writes[1], writes[2]);
    const struct vcpu_counters *counters = vcpu_get_counters(guest->vcpu);
    /* Twice a read and a write of the hole, a byte beside the odd device read and written; six of flash. */
    check(counters->empty_accesses == 8 + 6, "accesses that meet nothing are counted: %lu",
          counters->empty_accesses);
    check(counters->external_aborts == 0, "and are no aborts");
    guest_close(guest);
}

int main(void) {
    test_devices();
    return finish();
}
