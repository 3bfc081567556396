/* The guest's one door: see events.h.
 *
 * Left out: nothing drops the log by itself; who records takes it from time to time.
 */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"

enum { RECORD_HEADER = 16 };

static void put16(uint8_t *at, uint16_t value) {
    memcpy(at, &value, sizeof value);
}
static void put32(uint8_t *at, uint32_t value) {
    memcpy(at, &value, sizeof value);
}
static void put64(uint8_t *at, uint64_t value) {
    memcpy(at, &value, sizeof value);
}

void event_queue_init(struct event_queue *queue) {
    memset(queue, 0, sizeof *queue);
    pthread_mutex_init(&queue->lock, NULL);
}

static void drop_posted(struct event_queue *queue) {
    while (queue->first) {
        struct event *next = queue->first->next;
        free(queue->first);
        queue->first = next;
    }
    queue->last = NULL;
    queue->length = 0;
    queue->posted_bytes = 0;
}

void event_queue_free(struct event_queue *queue) {
    drop_posted(queue);
    free(queue->log);
    free(queue->replay);
    pthread_mutex_destroy(&queue->lock);
}

static bool known(uint16_t kind) {
    return kind >= EVENT_CONSOLE_INPUT && kind <= EVENT_DEVICE;
}

struct event *event_new(uint16_t kind, uint16_t target, uint32_t size) {
    struct event *event = known(kind) && size <= EVENT_PAYLOAD_MAX ? malloc(sizeof *event + size) : NULL;
    if (event)
        *event = (struct event){.kind = kind, .target = target, .size = size};
    return event;
}

static struct event *event_of(uint16_t kind, uint16_t target, const void *payload, uint32_t size) {
    struct event *event = event_new(kind, target, size);
    if (event && size)
        memcpy(event->payload, payload, size);
    return event;
}

bool event_post(struct event_queue *queue, uint16_t kind, uint16_t target, const void *payload,
                uint32_t size) {
    return event_put(queue, event_of(kind, target, payload, size));
}

bool event_put(struct event_queue *queue, struct event *event) {
    pthread_mutex_lock(&queue->lock);
    bool taken =
        event && queue->length < EVENT_QUEUE_MAX && queue->posted_bytes + event->size <= EVENT_QUEUE_BYTES;
    if (taken) {
        if (queue->last)
            queue->last->next = event;
        else
            queue->first = event;
        queue->last = event;
        queue->length++;
        queue->posted_bytes += event->size;
    } else {
        queue->refused++;
    }
    pthread_mutex_unlock(&queue->lock);
    if (!taken)
        free(event);
    return taken;
}

/* With the lock held. */
static bool append(struct event_queue *queue, const struct event *event) {
    size_t need = queue->log_size + RECORD_HEADER + event->size;
    if (need > queue->log_capacity) {
        size_t capacity = queue->log_capacity ? queue->log_capacity * 2 : 4096;
        while (capacity < need)
            capacity *= 2;
        uint8_t *log = fault_hit("log") ? NULL : realloc(queue->log, capacity);
        if (!log)
            return false;
        queue->log = log;
        queue->log_capacity = capacity;
    }
    uint8_t *at = queue->log + queue->log_size;
    put64(at, event->bytes);
    put16(at + 8, event->kind);
    put16(at + 10, event->target);
    put32(at + 12, event->size);
    memcpy(at + RECORD_HEADER, event->payload, event->size);
    queue->log_size = need;
    return true;
}

/* The record at `at`, or false where the log ends before it does. */
static bool parse(const uint8_t *log, size_t size, size_t at, struct event *header) {
    if (size - at < RECORD_HEADER)
        return false;
    memcpy(&header->bytes, log + at, 8);
    memcpy(&header->kind, log + at + 8, 2);
    memcpy(&header->target, log + at + 10, 2);
    memcpy(&header->size, log + at + 12, 4);
    return size - at - RECORD_HEADER >= header->size;
}

/* While replaying the log is the only door: what was posted meanwhile is dropped. */
static struct event *take_logged(struct event_queue *queue, uint64_t bytes) {
    struct event header;
    pthread_mutex_lock(&queue->lock);
    drop_posted(queue);
    pthread_mutex_unlock(&queue->lock);
    if (!parse(queue->replay, queue->replay_size, queue->replay_at, &header) || header.bytes > bytes)
        return NULL;
    const uint8_t *payload = queue->replay + queue->replay_at + RECORD_HEADER;
    struct event *event = event_of(header.kind, header.target, payload, header.size);
    if (!event)
        return NULL;
    event->bytes = header.bytes;
    queue->replay_at += RECORD_HEADER + header.size;
    return event;
}

struct event *event_take(struct event_queue *queue, uint64_t bytes) {
    if (queue->replay) {
        struct event *event = take_logged(queue, bytes);
        if (event && queue->recording) {
            pthread_mutex_lock(&queue->lock);
            append(queue, event);
            pthread_mutex_unlock(&queue->lock);
        }
        return event;
    }
    pthread_mutex_lock(&queue->lock);
    struct event *event;
    while ((event = queue->first)) {
        queue->first = event->next;
        if (!queue->first)
            queue->last = NULL;
        queue->length--;
        queue->posted_bytes -= event->size;
        event->next = NULL;
        event->bytes = bytes;
        if (!queue->recording || append(queue, event))
            break;
        /* What cannot be logged must not reach the guest. */
        queue->refused++;
        free(event);
    }
    pthread_mutex_unlock(&queue->lock);
    return event;
}

bool event_waits(struct event_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    bool waits = queue->first != NULL;
    pthread_mutex_unlock(&queue->lock);
    return waits;
}

bool event_log(struct event_queue *queue, uint64_t bytes, uint16_t kind, uint16_t target, const void *payload,
               uint32_t size) {
    if (!queue->recording)
        return true;
    struct event *event = event_of(kind, target, payload, size);
    if (!event)
        return false;
    event->bytes = bytes;
    pthread_mutex_lock(&queue->lock);
    bool logged = append(queue, event);
    pthread_mutex_unlock(&queue->lock);
    free(event);
    return logged;
}

uint8_t *event_take_log(struct event_queue *queue, size_t *size) {
    pthread_mutex_lock(&queue->lock);
    uint8_t *log = queue->log;
    *size = queue->log_size;
    queue->log = NULL;
    queue->log_size = queue->log_capacity = 0;
    pthread_mutex_unlock(&queue->lock);
    return log;
}

uint64_t event_next_bytes(const struct event_queue *queue) {
    struct event header;
    if (!queue->replay || !parse(queue->replay, queue->replay_size, queue->replay_at, &header))
        return UINT64_MAX;
    return header.bytes;
}

static bool well_formed(const uint8_t *log, size_t size) {
    uint64_t earliest = 0;
    for (size_t at = 0; at < size;) {
        struct event header;
        if (!parse(log, size, at, &header) || !known(header.kind) || header.size > EVENT_PAYLOAD_MAX ||
            header.bytes < earliest)
            return false;
        earliest = header.bytes;
        at += RECORD_HEADER + header.size;
    }
    return true;
}

bool event_replay(struct event_queue *queue, uint8_t *log, size_t size) {
    if (!log || !well_formed(log, size)) {
        free(log);
        return false;
    }
    free(queue->replay);
    queue->replay = log;
    queue->replay_size = size;
    queue->replay_at = 0;
    return true;
}
