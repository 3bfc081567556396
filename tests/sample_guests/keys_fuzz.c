/* The keys service's messages, on this computer under sanitizers: random ones, and ones that were right and
 * are changed. Stands in for virtio-rng and the timer. Prints how often each status came. */
#include "service.h"
#include "keystore.h"
#include "timer.h"
#include "virtio_rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20000, STATUSES = 7, HEAD = 8, HEADER = 80, LICENCE = 96, TAG = 16, CALLERS = 40 };

static uint32_t state = 1;

static uint32_t dice(uint32_t sides) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % sides;
}

bool virtio_rng_start(void) {
    return true;
}
void virtio_rng_read(void *to, uint32_t bytes) {
    for (uint8_t *at = to; bytes--;)
        *at++ = (uint8_t)dice(256);
}
uint64_t timer_now(void) {
    static uint64_t now;
    return ++now;
}

static struct account *introduce(unsigned who) {
    uint8_t message[INTRODUCTION_BYTES] = "PVCALL\0\1";
    message[8] = who & 1;
    message[16] = (uint8_t)who;
    memset(message + 32, 'n', 64); /* no zero behind the name */
    return service_introduced(message, sizeof message);
}

/* In a block of exactly the size that the service is promised. */
static uint32_t ask(struct account *caller, unsigned operation, const void *body, uint32_t bytes, uint8_t *to,
                    unsigned *status) {
    uint8_t *message = malloc(MESSAGE_MAX);
    memset(message, 0, HEAD);
    message[0] = (uint8_t)operation;
    memcpy(message + HEAD, body, bytes);
    uint32_t answer = service_answer(caller, message, HEAD + bytes);
    if (answer < HEAD || answer > MESSAGE_MAX)
        abort();
    *status = message[0];
    memcpy(to, message + HEAD, answer - HEAD);
    free(message);
    return answer - HEAD;
}

int main(void) {
    static uint8_t content[MESSAGE_MAX], whole[MESSAGE_MAX], answer[MESSAGE_MAX], request[104],
        licence[LICENCE];
    unsigned counts[STATUSES] = {0}, status, played = 0;
    keystore_start();
    if (service_introduced(content, INTRODUCTION_BYTES) || service_introduced(content, 95))
        abort();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct account *caller = introduce(dice(CALLERS));
        if (!caller)
            abort();
        uint32_t size = 1 + dice(dice(4) ? 100 : CONTENT_MAX), bytes;
        uint32_t made = ask(caller, 2, content, size, whole + LICENCE, &status);
        if (status || made != HEADER + size + TAG)
            abort();
        uint32_t plays = 1 + dice(3), price = dice(10);
        memcpy(request, &plays, 4);
        memcpy(request + 4, &price, 4);
        memcpy(request + 8, caller->id, 16);
        memcpy(request + 24, whole + LICENCE, HEADER);
        bytes = ask(caller, 3, request, sizeof request, whole, &status);
        counts[status]++;
        memcpy(licence, whole, LICENCE);
        bytes = LICENCE + made;
        for (unsigned changes = dice(3); changes; changes--)
            whole[dice(bytes)] ^= (uint8_t)(1 << dice(8));
        if (!dice(8))
            bytes = dice(2) ? dice(bytes) : bytes + dice(MESSAGE_MAX - HEAD - bytes);
        unsigned operation = dice(10) ? 4 : dice(9);
        struct account *other = dice(6) ? NULL : introduce(dice(CALLERS)), *asker = other ? other : caller;
        for (unsigned times = 1 + dice(4); times; times--) {
            ask(asker, operation, whole, operation == 6 && dice(4) ? LICENCE : bytes, answer, &status);
            if (status >= STATUSES)
                abort();
            counts[status]++;
        }
        if (operation == 4 && !status) {
            played++;
            if (memcmp(answer + 8, content, size))
                abort();
        }
        if (other)
            account_close(other);
        if (round % 20) /* else it stays, until there are as many as may be */
            ask(caller, 6, licence, LICENCE, answer, &status);
        account_close(caller);
    }
    for (unsigned i = 0; i < STATUSES; i++)
        printf("%u ", counts[i]);
    printf("\n%u\n", played);
    return 0;
}
