/* Attention from other threads never disturbs what the guest computes, and several vCPUs share a process. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "engine_guest.h"
#include "vcpu_private.h" /* no_gate */

static atomic_bool storming, stormed;

static void *storm(void *vcpu) {
    atomic_store(&stormed, true);
    while (atomic_load(&storming))
        vcpu_attention(vcpu);
    return NULL;
}

/* Leaves at every other call, harvests and drops translations in between: all that attend() may do. */
static bool restless(struct guest *guest) {
    if (guest->attends % 64 == 1) {
        memset(guest->dirty, 0, sizeof guest->dirty);
        vcpu_harvest(guest->vcpu);
    }
    sched_yield(); /* the storm must have its turn on a busy host */
    vcpu_set_limit(guest->vcpu, guest->clock.bytes + 4000);
    return guest->attends & 1;
}

static void run_in_storm(struct guest *guest) {
    pthread_t thread;
    guest->attend = restless;
    vcpu_set_limit(guest->vcpu, 4000);
    atomic_store(&storming, true);
    atomic_store(&stormed, false);
    pthread_create(&thread, NULL, storm, guest->vcpu);
    while (!atomic_load(&stormed))
        sched_yield();
    guest_run(guest);
    atomic_store(&storming, false);
    pthread_join(thread, NULL);
}

static void test_increments(void) {
    static const struct promise million[] = {{1000000, "a million LDREX and STREX increments are a million"}};
    uint64_t asked = 0;
    /* Again where a busy host gave the storm few turns. */
    for (unsigned runs = 0; runs < 20 && asked < 100; runs++) {
        struct guest *guest = guest_open("atomic");
        guest_map_usual(guest);
        run_in_storm(guest);
        CHECK_RESULTS(guest, million);
        asked += guest->asked;
        guest_close(guest);
    }
    check(asked >= 100, "attention came often: %lu times", asked);
}

/* The mixed computation: two words of result, the clock, the memory it worked on. */
struct outcome {
    uint32_t result[2];
    uint64_t bytes;
    uint8_t memory[2 << 20];
};

static struct guest *open_work(uint32_t seed, uint32_t rounds) {
    struct guest *guest = guest_open("work");
    guest_map_usual(guest);
    guest->time_is_clock = true;
    vcpu_set_register(guest->vcpu, guest_register("r4"), seed);
    vcpu_set_register(guest->vcpu, guest_register("r5"), rounds);
    return guest;
}

static struct outcome *outcome_of(struct guest *guest) {
    struct outcome *outcome = malloc(sizeof *outcome);
    outcome->result[0] = guest_word(guest, RESULTS);
    outcome->result[1] = guest_word(guest, RESULTS + 4);
    outcome->bytes = guest->clock.bytes;
    memcpy(outcome->memory, guest->ram + 0x300000, sizeof outcome->memory);
    return outcome;
}

static struct outcome *plain_outcome(uint32_t seed, uint32_t rounds) {
    struct guest *guest = open_work(seed, rounds);
    guest_run(guest);
    struct outcome *outcome = outcome_of(guest);
    guest_close(guest);
    return outcome;
}

static void check_same(const struct outcome *found, const struct outcome *wanted, const char *text) {
    check(found->result[0] == wanted->result[0] && found->result[1] == wanted->result[1], "%s: same results",
          text);
    check(found->bytes == wanted->bytes, "%s: same count: %lu and %lu", text, found->bytes, wanted->bytes);
    check(!memcmp(found->memory, wanted->memory, sizeof found->memory), "%s: same memory", text);
}

static void test_determinism(void) {
    struct outcome *wanted = plain_outcome(1, 200000), *again = plain_outcome(1, 200000);
    struct guest *guest;
    uint64_t asked = 0;
    check_same(again, wanted, "a second run");
    for (unsigned runs = 0; runs < 20 && asked < 100; runs++) {
        guest = open_work(1, 200000);
        run_in_storm(guest);
        struct outcome *stormy = outcome_of(guest);
        check_same(stormy, wanted, "a run in a storm of attention and harvests");
        asked += guest->asked;
        guest_close(guest);
        free(stormy);
    }
    check(asked >= 100, "the storm was one: %lu", asked);
    guest = open_work(1, 200000);
    guest->vcpu->no_gate = true;
    guest_run(guest);
    struct outcome *ungated = outcome_of(guest);
    check_same(ungated, wanted, "a run with the hook called at every block");
    guest_close(guest);
    free(wanted);
    free(again);
    free(ungated);
}

static bool leave(struct guest *guest) {
    (void)guest;
    return true;
}

/* Vectors in nothing: abort upon abort, and no block ever starts. */
static void test_endless_aborts(void) {
    struct guest *guest = guest_open("work");
    vcpu_set_register(guest->vcpu, guest_register("vbar"), 0x60000000);
    vcpu_set_register(guest->vcpu, guest_register("pc"), 0x60000000);
    guest->attend = leave;
    vcpu_set_limit(guest->vcpu, 4000);
    check(vcpu_run(guest->vcpu) == VCPU_LEFT, "endless aborts come to the limit");
    check(guest->clock.bytes == 4000, "and count: %lu bytes", guest->clock.bytes);
    check(vcpu_get_counters(guest->vcpu)->prefetch_aborts == 1001, "each once: %lu",
          vcpu_get_counters(guest->vcpu)->prefetch_aborts);
    vcpu_set_limit(guest->vcpu, UINT64_MAX);
    pthread_t thread;
    atomic_store(&storming, true);
    pthread_create(&thread, NULL, storm, guest->vcpu);
    check(vcpu_run(guest->vcpu) == VCPU_LEFT, "attention stops endless aborts");
    atomic_store(&storming, false);
    pthread_join(thread, NULL);
    guest_close(guest);
}

struct pair {
    struct guest *guest;
    pthread_t thread;
};

static void *run_thread(void *guest) {
    guest_run(guest);
    return NULL;
}

static void test_two_vcpus(void) {
    struct outcome *wanted[2] = {plain_outcome(11, 150000), plain_outcome(22, 150000)};
    struct pair pairs[2];
    for (int i = 0; i < 2; i++)
        pairs[i].guest = open_work(i ? 22 : 11, 150000);
    for (int i = 0; i < 2; i++)
        pthread_create(&pairs[i].thread, NULL, run_thread, pairs[i].guest);
    for (int i = 0; i < 2; i++) {
        pthread_join(pairs[i].thread, NULL);
        struct outcome *found = outcome_of(pairs[i].guest);
        check_same(found, wanted[i], i ? "second vCPU of two" : "first vCPU of two");
        guest_close(pairs[i].guest);
        free(found);
        free(wanted[i]);
    }
}

int main(void) {
    test_increments();
    test_determinism();
    test_two_vcpus();
    test_endless_aborts();
    return finish();
}
