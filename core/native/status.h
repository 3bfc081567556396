/* The status page: a memfd of one page through which the guest's process and its handset see each other's
 * figures without a message. The guest's process writes below STATUS_HOST, the handset from there on.
 * control/status.py reads the same layout. Little endian.
 */
#ifndef POCKETVISOR_STATUS_H
#define POCKETVISOR_STATUS_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STATUS_MAGIC = 0x54535650, /* "PVST" */
    STATUS_VERSION = 1,
    STATUS_SIZE = 4096,
    STATUS_COUNTERS = 32,
    STATUS_DAMAGE = 64,
};

enum status_state { STATUS_NEW, STATUS_RUNNING, STATUS_IDLE, STATUS_STOPPED };

/* What the pane shows: the guest's framebuffer, or the scanout that a device draws into (a memfd of its own,
 * rows of `stride` bytes, x8r8g8b8). */
enum status_source { STATUS_FRAMEBUFFER, STATUS_SCANOUT };

/* One damaged rectangle of what is shown, x1 and y1 exclusive. Entry n of the ring holds the rectangle with
 * sequence number n modulo STATUS_DAMAGE; a reader that finds another number there has come too late. */
struct status_damage {
    _Atomic uint64_t sequence;
    uint16_t x0, y0, x1, y1;
};

struct status_page {
    uint32_t magic, version;
    _Atomic uint64_t ticks, clock_ns;
    _Atomic uint64_t idle_ns; /* virtual time waited */
    _Atomic uint64_t cpu_ns;  /* host CPU time of the vCPU's thread */
    _Atomic uint32_t state;   /* enum status_state */
    _Atomic uint32_t reason;  /* of the last return from run() */
    /* CLOCK_MONOTONIC at which an idle guest wakes by itself, UINT64_MAX: not before input comes. One that is
     * idle later than that waits for a processor. */
    _Atomic uint64_t idle_until;
    _Atomic uint64_t inputs; /* touches and keys that the guest was told of since its process began */
    _Atomic uint64_t counters[STATUS_COUNTERS]; /* in the order of Counters in _native.pyi */
    uint64_t reserved1[24];
    _Atomic uint64_t damage_sequence;       /* of the newest rectangle; written after it */
    _Atomic uint64_t published_ns;          /* CLOCK_MONOTONIC of the last publication */
    _Atomic uint32_t source;                /* enum status_source */
    _Atomic uint32_t width, height, stride; /* of the scanout; 0 for the framebuffer */
    _Atomic uint32_t generation; /* of the four before: odd while they change, read before and after them */
    uint32_t reserved2[7];
    struct status_damage damage[STATUS_DAMAGE];
    uint8_t reserved3[0x1c0];
    _Atomic uint64_t rate; /* 0x800: ticks a second, from the handset's scheduler; 0: no limit */
    uint8_t reserved4[STATUS_SIZE - 0x808];
};

static_assert(offsetof(struct status_page, state) == 0x28, "layout");
static_assert(offsetof(struct status_page, idle_until) == 0x30, "layout");
static_assert(offsetof(struct status_page, counters) == 0x40, "layout");
static_assert(offsetof(struct status_page, damage_sequence) == 0x200, "layout");
static_assert(offsetof(struct status_page, source) == 0x210, "layout");
static_assert(offsetof(struct status_page, generation) == 0x220, "layout");
static_assert(offsetof(struct status_page, damage) == 0x240, "layout");
static_assert(offsetof(struct status_page, rate) == 0x800, "layout");
static_assert(sizeof(struct status_page) == STATUS_SIZE, "layout");

/* Maps the page of a memfd and marks it; NULL with errno. */
struct status_page *status_open(int fd);
void status_close(struct status_page *page);
/* Rectangles as x0, y0, x1, y1; all become visible at once. */
void status_publish(struct status_page *page, const uint16_t (*rectangles)[4], unsigned count,
                    uint64_t real_ns);
/* Says which memory is shown from here on. Of all writers one at a time may be in here or in
 * status_publish().
 */
void status_show(struct status_page *page, enum status_source source, uint32_t width, uint32_t height,
                 uint32_t stride);

#endif
