/* A vCPU that is stopped at random, by steps, positions, breakpoints and watchpoints, does what one does that
 * runs through: the same memory, registers and count. Garbage that is stopped ends nothing. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "engine_guest.h"
#include "vcpu_private.h"

enum { STOPS = 24, DETOURS = 400, GARBAGE_ROUNDS = 60, GARBAGE_BYTES = 20000 };

static uint64_t state = 88172645463325252u;

static uint32_t random_word(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static uint64_t reasons[5];

/* Near where the guest is, or where its registers point. */
static void set_out(struct guest *guest) {
    struct debug_stop stops[STOPS];
    unsigned count = random_word() % 3 ? random_word() % STOPS : 0;
    uint32_t pc = vcpu_get_register(guest->vcpu, guest_register("pc"));
    for (unsigned i = 0; i < count; i++) {
        uint32_t near = vcpu_get_register(guest->vcpu, vcpu_registers[random_word() % 15].id);
        bool watch = random_word() % 4;
        stops[i] = (struct debug_stop){
            .id = i,
            .kind = watch ? 1 + random_word() % 3 : DEBUG_EXECUTE,
            .address = watch ? near + random_word() % 64 - 32 : (pc & ~1u) + random_word() % 256 - 64,
            .size = 1u << random_word() % 9,
            .physical = random_word() % 4 == 0,
        };
    }
    check(vcpu_set_stops(guest->vcpu, stops, count), "stops are set");
    vcpu_note(guest->vcpu, random_word() % 5 == 0);
    uint64_t far = 1u << random_word() % 14;
    vcpu_aim(guest->vcpu, guest->clock.bytes + 1 + random_word() % far,
             random_word() % 3 ? 0 : 1 + random_word() % 20);
}

/* As guest_run(), by detours. */
static void wander(struct guest *guest) {
    for (unsigned detours = 0;;) {
        if (detours < DETOURS) {
            set_out(guest);
        } else if (detours == DETOURS) {
            vcpu_set_stops(guest->vcpu, NULL, 0);
            vcpu_aim(guest->vcpu, UINT64_MAX, 0);
        }
        uint64_t before = guest->clock.bytes;
        enum vcpu_stop stop = vcpu_run(guest->vcpu);
        check(guest->clock.bytes >= before, "the count grows");
        if (stop == VCPU_DEBUG) {
            detours++;
            reasons[vcpu_debug_reason(guest->vcpu)]++;
            const struct debug_hit *hit = vcpu_debug_hit(guest->vcpu);
            check(!hit || hit->position == guest->clock.bytes, "a hit is where the guest stands");
            continue;
        }
        if (stop == VCPU_LEFT)
            continue;
        check(stop == VCPU_WAITS, "nothing fails: %s", vcpu_error(guest->vcpu));
        if (stop == VCPU_ERROR || (guest->irq_at == UINT64_MAX && !vcpu_irq(guest->vcpu)))
            return;
        guest->irq_at = UINT64_MAX;
        vcpu_set_irq(guest->vcpu, true);
    }
}

static bool equal(struct guest *a, struct guest *b) {
    size_t size = vcpu_state_size(a->vcpu);
    uint8_t *left = malloc(size), *right = malloc(size);
    vcpu_save(a->vcpu, left);
    vcpu_save(b->vcpu, right);
    bool same = !memcmp(left, right, size) && !memcmp(a->ram, b->ram, RAM_SIZE) &&
                a->clock.bytes == b->clock.bytes && a->write_count == b->write_count &&
                !memcmp(a->writes, b->writes, sizeof a->writes) && a->timer_reads == b->timer_reads;
    free(left);
    free(right);
    return same;
}

static struct guest *open_image(const char *image, bool mapped, bool gated) {
    struct guest *guest = guest_open(image);
    guest->vcpu->no_gate |= !gated; /* as where the trial of gate.c fails */
    if (mapped)
        guest_map_usual(guest);
    guest_map(guest, TABLE, 0xfff, SECTION(0x40300000u, 0, 3, 0)); /* for traps.S */
    vcpu_set_register(guest->vcpu, guest_register("r4"), 5);
    vcpu_set_register(guest->vcpu, guest_register("r5"), 3000);
    return guest;
}

static void test_image(const char *image, bool mapped, unsigned times) {
    struct guest *plain = open_image(image, mapped, true);
    guest_run(plain);
    while (times--) {
        struct guest *guest = open_image(image, mapped, times & 1);
        wander(guest);
        check(equal(guest, plain), "%s ends as one that was not stopped", image);
        guest_close(guest);
    }
    guest_close(plain);
}

static bool leave(struct guest *guest) {
    (void)guest;
    return true;
}

static void fill_with_garbage(struct guest *guest, unsigned round) {
    bool thumb = round & 1;
    for (uint32_t at = 0; at < RAM_SIZE / 16; at += 4) {
        uint32_t word = random_word(), kind = random_word() % 4;
        guest_set_word(guest, RAM_BASE + at,
                       kind == 0 && !thumb   ? 0xe4000000 | (word & 0x03ffffff)
                       : kind == 1 && !thumb ? 0xea000000 | (word & 0x3f)
                       : kind == 1           ? 0xe000d000 | (word & 0x007f0f7f)
                                             : word);
    }
    vcpu_reset(guest->vcpu);
    vcpu_set_register(guest->vcpu, guest_register("vbar"), RAM_BASE + (random_word() & 0x3ffe0));
    for (int i = 0; i < 15; i++)
        vcpu_set_register(guest->vcpu, vcpu_registers[i].id, RAM_BASE + (random_word() & 0xffffff));
    vcpu_set_register(guest->vcpu, guest_register("pc"), (RAM_BASE + (random_word() & 0xffffc)) | thumb);
}

/* No promise of equality here: garbage changes the block that it is in. */
static void test_garbage(unsigned rounds) {
    struct guest *guest = guest_open("work");
    guest->attend = leave;
    for (unsigned round = 0; round < rounds; round++) {
        fill_with_garbage(guest, round);
        uint64_t end = guest->clock.bytes + GARBAGE_BYTES;
        for (unsigned exits = 0; guest->clock.bytes < end && exits < 300; exits++) {
            set_out(guest);
            vcpu_set_limit(guest->vcpu, guest->clock.bytes + 4000);
            enum vcpu_stop stop = vcpu_run(guest->vcpu);
            check(stop != VCPU_ERROR, "round %u: garbage is the guest's matter: %s", round,
                  vcpu_error(guest->vcpu));
            if (stop == VCPU_DEBUG && random_word() % 8 == 0) {
                uint32_t words[2] = {random_word(), random_word()};
                vcpu_poke(guest->vcpu, vcpu_get_register(guest->vcpu, guest_register("pc")), words,
                          sizeof words, false);
            }
            vcpu_set_irq(guest->vcpu, exits & 1);
        }
    }
    guest_close(guest);
}

int main(int count, char **arguments) {
    unsigned times = count > 1 ? (unsigned)atoi(arguments[1]) : 2;
    if (count > 2)
        state += strtoull(arguments[2], NULL, 0);
    static const struct {
        const char *image;
        bool mapped;
    } images[] = {{"work", true}, {"irq", false}, {"traps", true}};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        test_image(images[i].image, images[i].mapped, times);
    test_garbage(times * GARBAGE_ROUNDS / 2);
    printf("%lu breakpoints, %lu watchpoints, %lu steps, %lu positions\n", reasons[DEBUG_BREAK],
           reasons[DEBUG_WATCH], reasons[DEBUG_STEP], reasons[DEBUG_POSITION]);
    for (int reason = DEBUG_BREAK; reason <= DEBUG_POSITION; reason++)
        check(reasons[reason] > 20, "each kind of stop was met: kind %d", reason);
    return finish();
}
