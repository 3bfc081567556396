/* The status page; see status.h. Left out: whatever the handset writes besides the rate. */
#include "status.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct status_page *status_open(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size < STATUS_SIZE) {
        errno = EINVAL;
        return NULL;
    }
    struct status_page *page = mmap(NULL, STATUS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return NULL;
    page->version = STATUS_VERSION;
    atomic_store(&page->state, STATUS_NEW);
    page->magic = STATUS_MAGIC;
    return page;
}

void status_close(struct status_page *page) {
    if (page)
        munmap(page, STATUS_SIZE);
}

void status_publish(struct status_page *page, const uint16_t (*rectangles)[4], unsigned count,
                    uint64_t real_ns) {
    uint64_t sequence = atomic_load_explicit(&page->damage_sequence, memory_order_relaxed);
    for (unsigned index = 0; index < count; index++) {
        struct status_damage *entry = &page->damage[++sequence % STATUS_DAMAGE];
        /* A reader that sees the old number with new coordinates would only paint elsewhere; none does, for
         * the number is taken away first. */
        atomic_store(&entry->sequence, 0);
        entry->x0 = rectangles[index][0];
        entry->y0 = rectangles[index][1];
        entry->x1 = rectangles[index][2];
        entry->y1 = rectangles[index][3];
        atomic_store_explicit(&entry->sequence, sequence, memory_order_release);
    }
    atomic_store_explicit(&page->published_ns, real_ns, memory_order_relaxed);
    atomic_store_explicit(&page->damage_sequence, sequence, memory_order_release);
}

void status_show(struct status_page *page, enum status_source source, uint32_t width, uint32_t height,
                 uint32_t stride) {
    atomic_fetch_add(&page->generation, 1);
    atomic_store(&page->source, source);
    atomic_store(&page->width, width);
    atomic_store(&page->height, height);
    atomic_store(&page->stride, stride);
    atomic_fetch_add(&page->generation, 1);
}
