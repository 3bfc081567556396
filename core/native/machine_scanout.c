/* What the pane shows, and its damage: the framebuffer's, which the vCPU's thread finds, or a scanout's,
 * which devices draw on any thread. Nothing here changes the guest.
 *
 * Left out: a bound on how often a device publishes. It is told by its driver, at most once a frame.
 */
#include <string.h>

#include "machine_private.h"

void machine_set_frame_fd(struct machine *machine, int frame_fd) {
    machine->frame.fd = frame_fd;
}

/* With the lock held. */
static void publish(struct machine *machine, const uint16_t (*rectangles)[4], unsigned count, uint64_t real) {
    machine->frame.published++;
    if (machine->status)
        status_publish(machine->status, rectangles, count, real);
    if (machine->frame.fd >= 0)
        machine_signal(machine->frame.fd);
}

void machine_frame_damaged(struct machine *machine, const uint16_t (*rectangles)[4], unsigned count,
                           uint64_t real) {
    pthread_mutex_lock(&machine->frame.lock);
    if (!machine->frame.elsewhere)
        publish(machine, rectangles, count, real);
    pthread_mutex_unlock(&machine->frame.lock);
}

bool machine_publish_scanout(struct machine *machine, uint32_t width, uint32_t height, uint32_t stride) {
    struct frame *frame = &machine->frame;
    bool scanout = width || height || stride;
    if (scanout && (!width || width > FRAMEBUFFER_SIDE_MAX || !height || height > FRAMEBUFFER_SIDE_MAX ||
                    stride < width * 4 || stride > FRAMEBUFFER_SIDE_MAX * 4))
        return false;
    pthread_mutex_lock(&frame->lock);
    frame->elsewhere = scanout;
    frame->width = scanout ? width : frame->buffer.width;
    frame->height = scanout ? height : frame->buffer.height;
    if (machine->status)
        status_show(machine->status, scanout ? STATUS_SCANOUT : STATUS_FRAMEBUFFER, width, height, stride);
    const uint16_t all[1][4] = {{0, 0, (uint16_t)frame->width, (uint16_t)frame->height}};
    publish(machine, all, 1, machine_real_ns());
    pthread_mutex_unlock(&frame->lock);
    if (!scanout)
        machine_wake(machine); /* what was drawn meanwhile is due again */
    return true;
}

void machine_publish_damage(struct machine *machine, const uint16_t (*rectangles)[4], unsigned count) {
    struct frame *frame = &machine->frame;
    /* More would overtake who reads the ring: they become one. */
    uint16_t cut[STATUS_DAMAGE / 4][4], united[4] = {UINT16_MAX, UINT16_MAX, 0, 0};
    unsigned kept = 0;
    pthread_mutex_lock(&frame->lock);
    for (unsigned index = 0; frame->elsewhere && index < count; index++) {
        uint16_t one[4];
        for (unsigned corner = 0; corner < 4; corner++) {
            uint32_t end = corner & 1 ? frame->height : frame->width;
            one[corner] = rectangles[index][corner] < end ? rectangles[index][corner] : (uint16_t)end;
        }
        if (one[0] >= one[2] || one[1] >= one[3])
            continue;
        for (unsigned corner = 0; corner < 4; corner++)
            if (corner < 2 ? one[corner] < united[corner] : one[corner] > united[corner])
                united[corner] = one[corner];
        if (kept < STATUS_DAMAGE / 4)
            memcpy(cut[kept], one, sizeof one);
        kept++;
    }
    if (kept > STATUS_DAMAGE / 4)
        publish(machine, (const uint16_t (*)[4]) & united, 1, machine_real_ns());
    else if (kept)
        publish(machine, (const uint16_t (*)[4])cut, kept, machine_real_ns());
    pthread_mutex_unlock(&frame->lock);
}
