/* See capture.h. Copies go through the descriptor, not through a mapping: a host without memory answers an
 * error then, where a mapping would end the process. */
#define _GNU_SOURCE
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

void capture_init(struct capture *capture) {
    *capture = (struct capture){.fd = -1};
    pthread_mutex_init(&capture->lock, NULL);
}

static void release(struct capture *capture) {
    atomic_store(&capture->on, false);
    if (capture->shadowed)
        munmap((void *)capture->shadowed, capture->header);
    if (capture->fd >= 0)
        close(capture->fd);
    free(capture->wanted);
    capture->shadowed = NULL;
    capture->wanted = NULL;
    capture->fd = -1;
}

void capture_free(struct capture *capture) {
    release(capture);
    pthread_mutex_destroy(&capture->lock);
}

static bool refuse(char error[256], const char *sentence) {
    snprintf(error, 256, "%s", sentence);
    return false;
}

static bool begin(struct capture *capture, int shadow_fd, size_t pages, const uint8_t *wanted,
                  char error[256]) {
    struct stat status;
    size_t header = (pages + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE;
    if (atomic_load(&capture->on))
        return refuse(error, "A capture is on already.");
    if (fstat(shadow_fd, &status) < 0 || (size_t)status.st_size < header + pages * CAPTURE_PAGE)
        return refuse(error, "The shadow of a capture is smaller than what it is to hold.");
    capture->fd = fcntl(shadow_fd, F_DUPFD_CLOEXEC, 0);
    void *map = mmap(NULL, header, PROT_READ | PROT_WRITE, MAP_SHARED, shadow_fd, 0);
    capture->shadowed = map == MAP_FAILED ? NULL : map;
    capture->header = header;
    capture->pages = pages;
    capture->failed = false;
    if (wanted && (capture->wanted = malloc(pages / 8 + 1)))
        memcpy(capture->wanted, wanted, (pages + 7) / 8);
    if (capture->fd < 0 || !capture->shadowed || (wanted && !capture->wanted)) {
        release(capture);
        return refuse(error, "This computer has no memory for a capture.");
    }
    /* Here, where it may fail, and not at a page's first write. */
    for (size_t at = 0; at < header; at += CAPTURE_PAGE)
        atomic_store_explicit(&capture->shadowed[at], CAPTURE_RAM, memory_order_relaxed);
    atomic_store(&capture->on, true);
    return true;
}

bool capture_begin(struct capture *capture, int shadow_fd, size_t pages, const uint8_t *wanted,
                   char error[256]) {
    pthread_mutex_lock(&capture->lock);
    bool begun = begin(capture, shadow_fd, pages, wanted, error);
    pthread_mutex_unlock(&capture->lock);
    return begun;
}

static bool copy(int fd, const uint8_t *from, size_t size, size_t at) {
    while (size) {
        ssize_t count = fault_hit("shadow") ? 0 : pwrite(fd, from, size, (off_t)at);
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        size_t done = count > 0 ? (size_t)count : 0;
        from += done;
        at += done;
        size -= done;
    }
    return true;
}

void capture_keep(struct capture *capture, const uint8_t *memory, size_t page) {
    pthread_mutex_lock(&capture->lock);
    if (atomic_load(&capture->on) && page < capture->pages &&
        (!capture->wanted || capture->wanted[page >> 3] >> (page & 7) & 1) &&
        atomic_load_explicit(&capture->shadowed[page], memory_order_relaxed) == CAPTURE_RAM) {
        size_t offset = page * CAPTURE_PAGE;
        bool kept = copy(capture->fd, memory + offset, CAPTURE_PAGE, capture->header + offset);
        capture->failed |= !kept;
        /* The write that follows must not be seen before this. */
        atomic_store_explicit(&capture->shadowed[page], kept ? CAPTURE_SHADOW : CAPTURE_LOST,
                              memory_order_seq_cst);
    }
    pthread_mutex_unlock(&capture->lock);
}

bool capture_end(struct capture *capture) {
    pthread_mutex_lock(&capture->lock);
    bool whole = !atomic_load(&capture->on) || !capture->failed;
    release(capture);
    pthread_mutex_unlock(&capture->lock);
    return whole;
}
