/* The guest's one door: everything from outside enters through this queue and is logged at its tick.
 *
 * Any thread posts. The vCPU takes events at a block start (or while it idles), applies each at the current
 * tick and, when recording, appends it to the log. A replay feeds the log back at the same ticks; nothing
 * else can reach the guest, so the same guest, log and engine variant end in the same state.
 *
 * Log format, little endian, one record after the other: u64 bytes (struct clock), u16 kind, u16 target,
 * u32 size, then `size` bytes of payload, no padding.
 */
#ifndef POCKETVISOR_EVENTS_H
#define POCKETVISOR_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_CONSOLE_INPUT = 1, /* target: UART; payload: the bytes */
    EVENT_CLOCK = 2,         /* payload: u64 nanoseconds to add to the correction */
    EVENT_VIRTIO_USED = 3,   /* target: slot; payload: see virtio_mmio.h */
    EVENT_VIRTIO_CONFIG = 4, /* target: slot; payload: the new configuration space */
    EVENT_DEVICE = 5,        /* target: index of a device in Python; payload is its own */
};

enum { EVENT_PAYLOAD_MAX = 4 << 20, EVENT_QUEUE_MAX = 4096, EVENT_QUEUE_BYTES = 64 << 20 };

struct event {
    struct event *next;
    uint64_t bytes; /* clock when applied; while replaying, when to apply */
    uint16_t kind, target;
    uint32_t size;
    uint8_t payload[];
};

struct event_queue {
    pthread_mutex_t lock;
    struct event *first, *last; /* posted, not yet applied */
    uint32_t length;
    uint64_t posted_bytes; /* payloads of what is posted */
    uint64_t refused;      /* posts over a bound, and events that could not be logged */
    bool recording;
    uint8_t *log; /* appended by the vCPU, taken by the host; the lock guards it */
    size_t log_size, log_capacity;
    uint8_t *replay; /* a whole log, read by the vCPU alone */
    size_t replay_size, replay_at;
};

void event_queue_init(struct event_queue *queue);
void event_queue_free(struct event_queue *queue);
/* An event to be filled in and posted, of `size` bytes; NULL where the kind is unknown, the size over the
 * bound or memory short. */
struct event *event_new(uint16_t kind, uint16_t target, uint32_t size);
/* Takes the event. False, and it is gone, where a bound is met (counted in `refused`) or there is none. */
bool event_put(struct event_queue *queue, struct event *event);
/* Both at once. Copies the payload. False where a bound is met (counted in `refused`) or memory is short. */
bool event_post(struct event_queue *queue, uint16_t kind, uint16_t target, const void *payload,
                uint32_t size);
/* The next event to apply at `bytes`, owned by the caller (free()), or NULL. In a replay it comes from the
 * log alone, and posted events are thrown away. When recording, it is in the log on return. */
struct event *event_take(struct event_queue *queue, uint64_t bytes);
/* Is there one that event_take() has not seen yet? */
bool event_waits(struct event_queue *queue);
/* Logs an event that the vCPU makes itself (a clock correction). False: it could not be logged, and must not
 * reach the guest. */
bool event_log(struct event_queue *queue, uint64_t bytes, uint16_t kind, uint16_t target, const void *payload,
               uint32_t size);
/* What was logged since the last call, for the caller to free(); NULL where there is nothing. */
uint8_t *event_take_log(struct event_queue *queue, size_t *size);
/* While replaying: clock bytes of the next logged event, UINT64_MAX at the end. Not replaying: UINT64_MAX. */
uint64_t event_next_bytes(const struct event_queue *queue);
/* Takes ownership of a malloc'd log and starts a replay. False, with the log freed, where it is malformed:
 * truncated, out of order, of unknown kind or over the bounds. */
bool event_replay(struct event_queue *queue, uint8_t *log, size_t size);

#endif
