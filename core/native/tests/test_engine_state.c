/* A vCPU that is saved at any block start and restored into another engine goes on as if nothing had been. */
#include <stdlib.h>
#include <string.h>

#include "engine_guest.h"

static struct guest *open_work(uint32_t rounds) {
    struct guest *guest = guest_open("work");
    guest_map_usual(guest);
    guest->time_is_clock = true;
    vcpu_set_register(guest->vcpu, guest_register("r4"), 5);
    vcpu_set_register(guest->vcpu, guest_register("r5"), rounds);
    return guest;
}

static bool leave(struct guest *guest) {
    (void)guest;
    return true;
}

/* Into a new engine on the same memory; the old one goes. */
static struct guest *move(struct guest *guest, void *state, size_t size) {
    struct guest *other = guest_open_on(guest);
    vcpu_save(guest->vcpu, state);
    check(vcpu_restore(other->vcpu, state, size), "a saved state is restored");
    for (const struct state_field *field = vcpu_extra_fields; field->name; field++)
        memcpy((char *)vcpu_extra_state(other->vcpu) + field->offset,
               (char *)vcpu_extra_state(guest->vcpu) + field->offset, field->size);
    other->clock = guest->clock;
    other->time_is_clock = guest->time_is_clock;
    other->irq_at = guest->irq_at;
    vcpu_close(guest->vcpu);
    free(guest);
    return other;
}

static void test_moves(void) {
    struct guest *plain = open_work(20000), *guest = open_work(20000);
    size_t size = vcpu_state_size(guest->vcpu);
    uint8_t *state = malloc(size);
    unsigned moves = 0;
    guest_run(plain);
    for (;;) {
        guest->attend = leave;
        vcpu_set_limit(guest->vcpu, guest->clock.bytes + plain->clock.bytes / 25 + moves * 13);
        enum vcpu_stop stop = vcpu_run(guest->vcpu);
        if (stop != VCPU_LEFT) {
            check(stop == VCPU_WAITS, "the program comes to its end");
            break;
        }
        guest = move(guest, state, size);
        moves++;
    }
    check(moves > 20, "the guest moved often: %u times", moves);
    check(guest_word(guest, RESULTS) == guest_word(plain, RESULTS), "same result after %u moves", moves);
    check(guest_word(guest, RESULTS + 4) == guest_word(plain, RESULTS + 4), "same exceptions");
    check(guest->clock.bytes == plain->clock.bytes, "same count");
    check(!memcmp(guest->ram + 0x300000, plain->ram + 0x300000, 2 << 20), "same memory");
    /* It waits now; the wait is part of the state. */
    guest = move(guest, state, size);
    uint64_t bytes = guest->clock.bytes;
    check(vcpu_run(guest->vcpu) == VCPU_WAITS && guest->clock.bytes == bytes, "a wait goes on after a move");
    guest_close(guest);
    guest_close(plain);
    free(state);
}

static void test_refusals(void) {
    struct guest *guest = open_work(100);
    size_t size = vcpu_state_size(guest->vcpu);
    uint8_t *state = malloc(size), *spoiled = malloc(size), *after = malloc(size);
    vcpu_save(guest->vcpu, state);
    check(!vcpu_restore(guest->vcpu, state, size - 1), "a state that is too short is refused");
    memcpy(spoiled, state, size);
    spoiled[size - 1] = 1;
    check(!vcpu_restore(guest->vcpu, spoiled, size), "a length in the state that is not ours is refused");
    memset(spoiled, 0, size);
    check(!vcpu_restore(guest->vcpu, spoiled, size), "a state without a CPU mode is refused");
    vcpu_save(guest->vcpu, after);
    check(!memcmp(after, state, size), "and what is refused changes nothing");
    free(state);
    free(spoiled);
    free(after);
    guest_close(guest);
}

static void test_reset(void) {
    struct guest *guest = open_work(1000);
    size_t size = vcpu_state_size(guest->vcpu);
    uint8_t *fresh = calloc(1, size), *reset = calloc(1, size);
    struct guest *new = guest_open_on(guest);
    vcpu_reset(new->vcpu);
    vcpu_save(new->vcpu, fresh);
    guest_run(guest);
    uint32_t first = guest_word(guest, RESULTS);
    vcpu_reset(guest->vcpu);
    vcpu_save(guest->vcpu, reset);
    check(!memcmp(fresh, reset, size), "a reset is the state at power on");
    check(vcpu_get_register(guest->vcpu, guest_register("cpsr")) == 0x1d3, "SVC mode, all masked");
    check(vcpu_get_register(guest->vcpu, guest_register("pc")) == 0, "at address 0");
    check(vcpu_get_register(guest->vcpu, guest_register("sctlr")) == 0x00c50078, "MMU off");
    /* Different code where the old translations were, and the MMU off again: none of them may run. */
    struct guest *source = guest_open("atomic");
    memcpy(guest->ram, source->ram, 0x10000);
    guest_close(source);
    memset(guest->ram + 0x200000, 0, 64);
    memset(guest->ram + 0x300000, 0, 4096);
    vcpu_set_register(guest->vcpu, guest_register("pc"), RAM_BASE);
    guest_run(guest);
    check(guest_word(guest, RESULTS) == 1000000 && first != 1000000, "after a reset the new program runs");
    vcpu_close(new->vcpu);
    free(new);
    free(fresh);
    free(reset);
    guest_close(guest);
}

/* Thumb at a block start inside an IT block is the hardest moment to stop in: stop at every one. */
static void test_stop_everywhere(void) {
    struct guest *guest = guest_open("faults"), *plain = guest_open("irq");
    size_t size = vcpu_state_size(plain->vcpu);
    uint8_t *state = malloc(size);
    guest_close(guest);
    guest = guest_open("irq");
    guest_run(plain);
    unsigned moves = 0;
    for (;;) {
        guest->attend = leave;
        vcpu_set_limit(guest->vcpu, guest->clock.bytes + 1);
        enum vcpu_stop stop = vcpu_run(guest->vcpu);
        if (stop == VCPU_WAITS) {
            if (guest->irq_at == UINT64_MAX && !vcpu_irq(guest->vcpu))
                break;
            guest->irq_at = UINT64_MAX;
            vcpu_set_irq(guest->vcpu, true);
        } else if (guest->clock.bytes < guest->irq_at && moves % 16 == 0 && moves < 800) {
            bool irq = vcpu_irq(guest->vcpu);
            guest = move(guest, state, size);
            vcpu_set_irq(guest->vcpu, irq);
        }
        moves++;
    }
    for (uint32_t i = 0; i < 12; i++)
        check(guest_word(guest, RESULTS + i * 4) == guest_word(plain, RESULTS + i * 4),
              "stopped at each block start: result %u", i);
    guest_close(guest);
    guest_close(plain);
    free(state);
}

int main(void) {
    test_moves();
    test_refusals();
    test_reset();
    test_stop_everywhere();
    return finish();
}
