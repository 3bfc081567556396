/* The RAM as it was at one moment, while the guest runs on: a page is copied to a shadow before its first
 * write.
 *
 * THE SHADOW, a memfd shared with the reader: a byte for each page, rounded up to 4096, then the pages, each
 * at its own offset. 1: the page is here as it was; 2: it was to be, and the host had no memory. The byte is
 * set after the copy and before the write. So a reader takes the page from the RAM first and looks at the
 * byte then: where it is 0, no write had begun, and where it is 1 the shadow has the page.
 *
 * Left out: more than one capture at a time. */
#ifndef POCKETVISOR_CAPTURE_H
#define POCKETVISOR_CAPTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPTURE_RAM = 0, CAPTURE_SHADOW = 1, CAPTURE_LOST = 2, CAPTURE_PAGE = 4096 };

struct capture {
    atomic_bool on;
    pthread_mutex_t lock; /* it is ended from any thread */
    int fd;
    size_t pages, header;
    _Atomic uint8_t *shadowed;
    uint8_t *wanted; /* a bit a page, or NULL: all */
    bool failed;
};

void capture_init(struct capture *capture);
void capture_free(struct capture *capture);

/* Of a memory of so many pages, none of which is written meanwhile. `wanted` has a bit for each, NULL: all.
 * False with a sentence: the shadow is too small, there is no memory, or a capture is on. */
bool capture_begin(struct capture *capture, int shadow_fd, size_t pages, const uint8_t *wanted,
                   char error[256]);
/* Before the page is written. */
void capture_keep(struct capture *capture, const uint8_t *memory, size_t page);
/* From any thread. False: a page could not be kept; true as well where none was on. */
bool capture_end(struct capture *capture);

static inline void capture_page(struct capture *capture, const uint8_t *memory, size_t page) {
    if (atomic_load_explicit(&capture->on, memory_order_relaxed))
        capture_keep(capture, memory, page);
}

#endif
