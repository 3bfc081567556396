/* The event queue: order, bounds, the log and its replay. */
#include "check.h"
#include "events.h"
#include "fault.h"

static void test_events_come_in_order_at_their_tick(void) {
    struct event_queue queue;
    event_queue_init(&queue);
    CHECK(!event_waits(&queue));
    CHECK(event_post(&queue, EVENT_CONSOLE_INPUT, 1, "ab", 2));
    CHECK(event_post(&queue, EVENT_DEVICE, 7, NULL, 0));
    CHECK(event_waits(&queue));
    struct event *event = event_take(&queue, 100);
    CHECK_EQUAL(event->kind, EVENT_CONSOLE_INPUT);
    CHECK_EQUAL(event->target, 1);
    CHECK_EQUAL(event->bytes, 100);
    CHECK_EQUAL(event->size, 2);
    CHECK(memcmp(event->payload, "ab", 2) == 0);
    free(event);
    event = event_take(&queue, 104);
    CHECK_EQUAL(event->target, 7);
    free(event);
    CHECK(!event_take(&queue, 108));
    event_queue_free(&queue);
}

static void test_bounds_refuse_and_count(void) {
    static uint8_t large[EVENT_PAYLOAD_MAX];
    struct event_queue queue;
    event_queue_init(&queue);
    CHECK(!event_post(&queue, 0, 0, NULL, 0));
    CHECK(!event_post(&queue, EVENT_DEVICE + 1, 0, NULL, 0));
    CHECK(!event_post(&queue, EVENT_DEVICE, 0, large, EVENT_PAYLOAD_MAX + 1));
    CHECK_EQUAL(queue.refused, 3);
    for (unsigned index = 0; index < EVENT_QUEUE_BYTES / EVENT_PAYLOAD_MAX; index++)
        CHECK(event_post(&queue, EVENT_DEVICE, 0, large, sizeof large));
    CHECK(!event_post(&queue, EVENT_DEVICE, 0, large, 1));
    for (struct event *event; (event = event_take(&queue, 0));)
        free(event);
    for (unsigned index = 0; index < EVENT_QUEUE_MAX; index++)
        CHECK(event_post(&queue, EVENT_DEVICE, 0, NULL, 0));
    CHECK(!event_post(&queue, EVENT_DEVICE, 0, NULL, 0));
    event_queue_free(&queue);
}

static void test_a_log_replays_at_the_same_ticks(void) {
    struct event_queue queue, again;
    uint64_t ns = 12345;
    size_t size;
    event_queue_init(&queue);
    event_queue_init(&again);
    queue.recording = true;
    CHECK(event_post(&queue, EVENT_CONSOLE_INPUT, 0, "x", 1));
    free(event_take(&queue, 40));
    CHECK(event_log(&queue, 40, EVENT_CLOCK, 0, &ns, sizeof ns));
    CHECK(event_log(&queue, 800, EVENT_CLOCK, 0, &ns, sizeof ns));
    uint8_t *log = event_take_log(&queue, &size);
    CHECK_EQUAL(size, 17 + 24 + 24);
    CHECK(!event_take_log(&queue, &size));

    CHECK_EQUAL(event_next_bytes(&again), UINT64_MAX);
    CHECK(event_replay(&again, log, 17 + 24 + 24));
    CHECK_EQUAL(event_next_bytes(&again), 40);
    CHECK(!event_take(&again, 36));
    /* What is posted while a log is replayed never reaches the guest. */
    CHECK(event_post(&again, EVENT_DEVICE, 0, NULL, 0));
    struct event *event = event_take(&again, 40);
    CHECK_EQUAL(event->kind, EVENT_CONSOLE_INPUT);
    CHECK_EQUAL(event->payload[0], 'x');
    free(event);
    event = event_take(&again, 40);
    CHECK_EQUAL(event->kind, EVENT_CLOCK);
    CHECK(memcmp(event->payload, &ns, sizeof ns) == 0);
    free(event);
    CHECK(!event_take(&again, 40));
    /* Too late is told by the event's own tick. */
    event = event_take(&again, 900);
    CHECK_EQUAL(event->bytes, 800);
    free(event);
    CHECK_EQUAL(event_next_bytes(&again), UINT64_MAX);
    CHECK(!event_take(&again, 1000));
    event_queue_free(&queue);
    event_queue_free(&again);
}

static bool replays(const uint8_t *bytes, size_t size) {
    struct event_queue queue;
    event_queue_init(&queue);
    uint8_t *log = malloc(size + 1);
    memcpy(log, bytes, size);
    bool good = event_replay(&queue, log, size);
    event_queue_free(&queue);
    return good;
}

static void test_a_malformed_log_is_refused(void) {
    uint8_t log[48] = {0};
    log[0] = 8; /* tick */
    log[8] = EVENT_DEVICE;
    log[12] = 8; /* payload */
    log[24] = 8;
    log[32] = EVENT_CLOCK;
    log[36] = 8;
    CHECK(replays(log, sizeof log));
    CHECK(replays(log, 0));
    for (size_t size = 1; size < sizeof log; size++)
        CHECK(replays(log, size) == (size == 24));
    log[24] = 7; /* earlier than the first */
    CHECK(!replays(log, sizeof log));
    log[24] = 9;
    log[32] = EVENT_DEVICE + 1;
    CHECK(!replays(log, sizeof log));
    log[32] = EVENT_CLOCK;
    log[39] = 0xff; /* size */
    CHECK(!replays(log, sizeof log));
}

/* What cannot be logged must not reach the guest: the replay would miss it. */
static void test_what_cannot_be_logged_is_dropped(void) {
    struct event_queue queue;
    event_queue_init(&queue);
    queue.recording = true;
    CHECK(event_post(&queue, EVENT_DEVICE, 0, NULL, 0));
    CHECK(fault_arm("log"));
    CHECK(!event_take(&queue, 4));
    CHECK_EQUAL(queue.refused, 1);
    CHECK(fault_arm("log"));
    CHECK(!event_log(&queue, 4, EVENT_CLOCK, 0, NULL, 0));
    CHECK(!fault_arm("no such step"));
    event_queue_free(&queue);
}

int main(void) {
    test_events_come_in_order_at_their_tick();
    test_bounds_refuse_and_count();
    test_a_log_replays_at_the_same_ticks();
    test_a_malformed_log_is_refused();
    test_what_cannot_be_logged_is_dropped();
    return 0;
}
