#include "virtio_rng.h"
#include "text.h"
#include "timer.h"
#include "virtio_queue.h"

enum { VIRTIO_ID_RNG = 4, AT_ONCE = 64 };

static struct virtio_queue queue;
static uint8_t buffer[AT_ONCE] __attribute__((aligned(64)));

bool virtio_rng_start(void) {
    uint32_t base = virtio_open(VIRTIO_ID_RNG);
    if (!base || !virtio_queue_start(&queue, base, 0))
        return false;
    virtio_go(base);
    return true;
}

void virtio_rng_read(void *to, uint32_t bytes) {
    for (uint8_t *at = to; bytes;) {
        uint32_t got = 0, wanted = bytes < AT_ONCE ? bytes : AT_ONCE;
        virtio_queue_put(&queue, 0, buffer, wanted, true);
        virtio_queue_kick(&queue);
        while (virtio_queue_take(&queue, &got) < 0)
            idle_until(timer_now() + 10 * MILLISECONDS);
        got = got < wanted ? got : wanted;
        memcpy(at, buffer, got);
        memset(buffer, 0, sizeof buffer);
        __asm__ volatile("" ::: "memory");
        at += got;
        bytes -= got;
    }
}
