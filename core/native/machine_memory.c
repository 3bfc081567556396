/* What a machine does with the guest's RAM: devices' accesses, the dirty log, captures, freezing, sharing. */
#include <string.h>

#include "machine_private.h"

enum { PAGE = 4096 };

bool machine_in_ram(void *pointer, uint64_t address, uint64_t size) {
    const struct machine *machine = pointer;
    return address >= machine->ram_base && size <= machine->ram.size &&
           address - machine->ram_base <= machine->ram.size - size;
}

bool machine_load(struct machine *machine, uint64_t address, void *data, uint32_t size) {
    return machine_in_ram(machine, address, size) &&
           vcpu_read_memory(machine->vcpu, (uint32_t)address, data, size);
}

bool machine_store(struct machine *machine, uint64_t address, const void *data, uint32_t size) {
    return machine_in_ram(machine, address, size) &&
           vcpu_write_memory(machine->vcpu, (uint32_t)address, data, size);
}

bool machine_ram_read(void *pointer, uint64_t address, void *data, uint32_t size) {
    return machine_load(pointer, address, data, size);
}

bool machine_ram_write(void *pointer, uint64_t address, const void *data, uint32_t size) {
    return machine_store(pointer, address, data, size);
}

bool machine_ram_clear(void *pointer, uint64_t address, uint32_t size) {
    struct machine *machine = pointer;
    return machine_in_ram(pointer, address, size) &&
           vcpu_clear_memory(machine->vcpu, (uint32_t)address, size);
}

bool machine_require(struct machine *machine, uint64_t address, uint64_t size) {
    return machine_in_ram(machine, address, size) &&
           ram_wait(&machine->ram, (size_t)(address - machine->ram_base), (size_t)size);
}

struct ram *machine_ram(struct machine *machine) {
    return &machine->ram;
}

const uint8_t *machine_dirty(const struct machine *machine, size_t *size) {
    *size = (machine->ram.size / PAGE + 7) / 8;
    return machine->ram_dirty;
}

void machine_clear_dirty(struct machine *machine) {
    size_t size;
    machine_dirty(machine, &size);
    memset(machine->ram_dirty, 0, size);
    vcpu_harvest(machine->vcpu);
}

bool machine_freeze_ram(struct machine *machine, int own_fd, char error[MACHINE_ERROR]) {
    if (!ram_freeze(&machine->ram, own_fd, error))
        return false;
    vcpu_harvest(machine->vcpu); /* what may be written is to come to us again */
    return true;
}

bool machine_add_layer(struct machine *machine, int fd, char error[MACHINE_ERROR]) {
    return ram_add_layer(&machine->ram, fd, error);
}

void machine_share(struct machine *machine, const uint32_t *blocks, const uint8_t *layers, size_t count,
                   uint8_t *shared) {
    for (size_t at = 0; at < count; at++)
        shared[at] = ram_share(&machine->ram, blocks[at], layers[at]);
    vcpu_harvest(machine->vcpu);
}

bool machine_unshare(struct machine *machine, const uint32_t *blocks, size_t count) {
    for (size_t at = 0; at < count; at++)
        if (!ram_unshare(&machine->ram, blocks[at]))
            return false;
    return true;
}

size_t machine_drop_zeros(struct machine *machine, const uint32_t *blocks, size_t count) {
    size_t dropped = 0;
    for (size_t at = 0; at < count; at++)
        dropped += ram_drop_zeros(&machine->ram, blocks[at]);
    return dropped;
}

bool machine_trim(struct machine *machine) {
    return vcpu_trim(machine->vcpu);
}

bool machine_begin_capture(struct machine *machine, int shadow_fd, const uint8_t *wanted, uint8_t *dirty,
                           char error[MACHINE_ERROR]) {
    size_t size;
    if (!capture_begin(&machine->ram.capture, shadow_fd, machine->ram.size / PAGE, wanted, error))
        return false;
    const uint8_t *bits = machine_dirty(machine, &size);
    memcpy(dirty, bits, size);
    machine_clear_dirty(machine);
    return true;
}
