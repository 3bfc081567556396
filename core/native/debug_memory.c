/* Memory as a debugger reads and writes it: see debug.h. No device is touched, and no fault raised. */
#include <string.h>

#include "vcpu_private.h"

/* The memory behind an address, and how many bytes of `size` are in it without a gap. */
static struct memory *place(struct vcpu *vcpu, uint32_t address, size_t size, bool physical, uint32_t *offset,
                            uint32_t *length) {
    uint32_t within = PAGE_SIZE - (address & (PAGE_SIZE - 1)), at = address;
    int rights;
    if (!physical && !vcpu_translate(vcpu, address, &at, &rights))
        return NULL;
    struct memory *memory = memory_at(vcpu, at);
    if (!memory)
        return NULL;
    *offset = at - memory->base;
    *length = size < within ? (uint32_t)size : within;
    return memory;
}

size_t vcpu_peek(struct vcpu *vcpu, uint32_t address, void *data, size_t size, bool physical) {
    size_t done = 0;
    while (done < size && address + done <= UINT32_MAX) {
        uint32_t offset, length;
        struct memory *memory =
            place(vcpu, address + (uint32_t)done, size - done, physical, &offset, &length);
        if (!memory || !memory_await(vcpu, memory, offset, length))
            break;
        memcpy((uint8_t *)data + done, memory->host + offset, length);
        done += length;
    }
    return done;
}

size_t vcpu_poke(struct vcpu *vcpu, uint32_t address, const void *data, size_t size, bool physical) {
    size_t done = 0;
    while (done < size && address + done <= UINT32_MAX) {
        uint32_t offset, length;
        struct memory *memory =
            place(vcpu, address + (uint32_t)done, size - done, physical, &offset, &length);
        if (!memory || !memory->writable ||
            !memory_write(vcpu, memory, offset, (const uint8_t *)data + done, length))
            break;
        done += length;
    }
    return done;
}
