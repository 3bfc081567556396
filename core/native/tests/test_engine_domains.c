/* Domains: whatever a guest does with DACR, each access is judged by the value in force. Random sequences,
 * close to Linux's (a domain taken away and given back) and far from it. */
#include <stdlib.h>
#include <string.h>

#include "engine_guest.h"

enum { COMMANDS = 60000, LIST = 0x40500000, DOMAINS = 4, PAGES = 80 };
enum { DONE, SET_DACR, LOAD, LOAD_USER, STORE, STORE_USER, USER_LOAD, USER_STORE };

static uint32_t state;

static uint32_t random_below(uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(state >> 8) * bound >> 24);
}

/* One bit flips in style 0 (no access or client), any of the meaningful values in style 1. */
static uint32_t next_access(uint32_t access, unsigned style) {
    static const uint32_t values[] = {0, 1, 3};
    unsigned shift = (1 + random_below(DOMAINS - 1)) * 2;
    if (style == 0)
        return access ^ 1u << shift;
    access &= ~(3u << shift);
    access |= values[random_below(3)] << shift;
    return random_below(3) ? access : next_access(access, style);
}

static void test_sequence(uint32_t seed, unsigned style) {
    struct guest *guest = guest_open("domains");
    uint8_t *expected = calloc(COMMANDS, 1);
    uint32_t access = 0x71, results = 0;
    state = seed;
    guest_map_usual(guest);
    /* 0x51000000 + domain * 1 MiB: small pages, a few of them for privileged mode alone. */
    for (uint32_t domain = 0; domain < DOMAINS; domain++) {
        uint32_t table = 0x40104000 + domain * 0x400;
        guest_map(guest, TABLE, 0x510 + domain, COARSE(table, domain));
        for (uint32_t page = 0; page < PAGES; page++)
            guest_map(guest, table, page,
                      SMALL_PAGE(0x40600000u + (domain * PAGES + page) * 4096, page % 5 ? 3 : 1, 0));
    }
    for (uint32_t i = 0; i < COMMANDS - 1; i++) {
        uint32_t what = random_below(4) ? LOAD + random_below(6) : SET_DACR, operand;
        if (what == SET_DACR) {
            access = next_access(access, style);
            operand = access;
        } else {
            uint32_t domain = random_below(DOMAINS), page = random_below(random_below(8) ? 6 : PAGES);
            uint32_t rights = access >> domain * 2 & 3;
            bool user = what != LOAD && what != STORE;
            operand = 0x51000000 + (domain << 20) + page * 4096 + random_below(1024) * 4;
            expected[results++] = !(rights & 1) || (rights == 1 && user && page % 5 == 0);
        }
        guest_set_word(guest, LIST + i * 8, what);
        guest_set_word(guest, LIST + i * 8 + 4, operand);
    }
    guest_run(guest);
    uint32_t wrong = 0, first = 0;
    for (uint32_t i = 0; i < results; i++) {
        if (guest->ram[RESULTS - RAM_BASE + i] != expected[i] && wrong++ == 0)
            first = i;
    }
    check(wrong == 0, "style %u: each of %u accesses obeys DACR: %u do not, from the %uth on", style, results,
          wrong, first);
    free(expected);
    guest_close(guest);
}

int main(void) {
    for (uint32_t seed = 1; seed <= 3; seed++) {
        test_sequence(seed, 0);
        test_sequence(seed, 1);
    }
    return finish();
}
