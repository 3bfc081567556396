/* Code that changes under every alias is executed as it stands, pages are never silently both written and
 * stale, and the dirty log misses no page. */
#include <stdlib.h>
#include <string.h>

#include "engine_guest.h"

static const struct promise code[] = {
    {0x21, "MMU off: code just written runs"},
    {0x22, "MMU off: code rewritten runs"},
    {0x22, "the same code with the MMU on"},
    {0x23, "code translated with the MMU off, rewritten through an execute-never alias"},
    {1, "code written through an execute-never alias before its first fetch"},
    {2, "rewritten through the execute-never alias"},
    {3, "rewritten through its own address"},
    {4, "rewritten through an executable alias"},
    {4, "read-only alias runs the same code"},
    {5, "read-only alias, rewritten through another"},
    {6, "one byte rewritten through the execute-never alias, run through a third"},
    {6, "one byte rewritten through the execute-never alias, run through the read-only one"},
    {25500, "a hundred changes through two aliases in turn"},
    {2, "code across two pages, first"},
    {3, "code across two pages, second"},
    {0xfffffffd, "a store across two pages of code, first"},
    {7, "a store across two pages of code, second"},
    {2, "a store across two pages of code through the execute-never alias, first"},
    {9, "a store across two pages of code through the execute-never alias, second"},
    {10, "STREX on code"},
    {11, "STREX on code through the execute-never alias"},
    {0x77, "the running page rewritten through itself"},
    {0x78, "the running page rewritten through an execute-never alias"},
    {125160, "a loop that rewrites its own constant 2,000 times"},
    {1, "fetch from an execute-never alias of code: one abort"},
    {0x00d, "fetch from an execute-never alias of code: status"},
    {0x5c300000, "fetch from an execute-never alias of code: address"},
    {0xe3a00055, "before TLBI: data of the old page"},
    {0x55, "before TLBI: code of the old page"},
    {0xe3a00066, "after TLBI: data of the new page"},
    {0x66, "after TLBI: code of the new page"},
    {0x31, "a Thumb instruction over a page border"},
    {0x32, "its second half rewritten through the execute-never alias"},
};

static void test_code(void) {
    struct guest *guest = guest_open("code");
    guest_map_usual(guest);
    for (unsigned i = 0; i < 4; i++) {
        guest_map(guest, TABLE, 0x5c0 + i, SECTION(0x40000000u + (i << 20), 0, 3, 1));
        guest_map(guest, TABLE, 0x5d0 + i, SECTION(0x40000000u + (i << 20), 0, 3, 0));
        guest_map(guest, TABLE, 0x5e0 + i, SECTION(0x40000000u + (i << 20), 0, 5, 0));
    }
    guest_map(guest, TABLE, 0x510, COARSE(0x40104000u, 0));
    guest_map(guest, 0x40104000, 8, SMALL_PAGE(0x40320000u, 3, 0));
    guest_set_word(guest, 0x40320000, 0xe3a00055);
    guest_set_word(guest, 0x40320004, 0xe12fff1e);
    guest_set_word(guest, 0x40321000, 0xe3a00066);
    guest_set_word(guest, 0x40321004, 0xe12fff1e);
    uint8_t *before = malloc(RAM_SIZE);
    memcpy(before, guest->ram, RAM_SIZE);
    guest_run(guest);
    CHECK_RESULTS(guest, code);
    unsigned missed = 0;
    for (uint32_t page = 0; page < RAM_SIZE / 4096; page++)
        if (memcmp(before + page * 4096, guest->ram + page * 4096, 4096) != 0)
            missed += !(guest->dirty[page >> 3] >> (page & 7) & 1);
    check(missed == 0, "each page that changed is in the dirty log: %u are not", missed);
    free(before);
    guest_close(guest);
}

static unsigned dirty_pages(const struct guest *guest) {
    unsigned count = 0;
    for (size_t i = 0; i < sizeof guest->dirty; i++)
        count += (unsigned)__builtin_popcount(guest->dirty[i]);
    return count;
}

/* Harvests at every limit, a page's content against its bit. */
struct harvest {
    uint8_t copy[RAM_SIZE];
    unsigned harvests, missed, marked;
};

static bool harvest(struct guest *guest) {
    struct harvest *log = guest->user;
    log->harvests++;
    log->marked += dirty_pages(guest);
    for (uint32_t page = 0; page < RAM_SIZE / 4096; page++) {
        bool dirty = guest->dirty[page >> 3] >> (page & 7) & 1;
        if (!dirty && memcmp(log->copy + page * 4096, guest->ram + page * 4096, 4096) != 0)
            log->missed++;
        if (dirty)
            memcpy(log->copy + page * 4096, guest->ram + page * 4096, 4096);
    }
    memset(guest->dirty, 0, sizeof guest->dirty);
    vcpu_harvest(guest->vcpu);
    vcpu_set_limit(guest->vcpu, guest->clock.bytes + 40000);
    return false;
}

static void test_dirty_log(void) {
    static struct harvest log;
    struct guest *guest = guest_open("work");
    guest_map_usual(guest);
    vcpu_set_register(guest->vcpu, vcpu_registers[4].id, 7);
    vcpu_set_register(guest->vcpu, vcpu_registers[5].id, 20000);
    memcpy(log.copy, guest->ram, RAM_SIZE);
    guest->user = &log;
    guest->attend = harvest;
    vcpu_set_limit(guest->vcpu, 40000);
    guest_run(guest);
    harvest(guest);
    check(log.harvests > 50, "the log is harvested often: %u times", log.harvests);
    check(log.missed == 0, "no harvest misses a page that changed: %u missed", log.missed);
    check(guest->dirtied == log.marked, "dirtied() is called once for each mark: %u, %u", guest->dirtied,
          log.marked);
    check(vcpu_get_counters(guest->vcpu)->dirty_marks == log.marked, "marks are counted");
    guest_close(guest);
}

/* Before each run of the block, the host rewrites it; the block's store shows which version ran. */
static bool rewrite(struct guest *guest) {
    unsigned *stale = guest->user;
    uint32_t version = (uint32_t)guest->attends & 0xff, instruction = 0xe3a00000 | version; /* mov r0, #n */
    *stale += guest_word(guest, 0x40500000) != ((version - 1) & 0xff);
    check(vcpu_write_memory(guest->vcpu, 0x40400000, &instruction, 4), "the host may write to RAM");
    vcpu_set_limit(guest->vcpu, guest->clock.bytes + 1);
    return guest->attends == 1000;
}

static void test_host_writes(void) {
    struct guest *guest = guest_open("work");
    const uint32_t loop[] = {0xe3a00000, 0xe5810000, 0xeafffffc}; /* mov r0, #n; str r0, [r1]; b .-8 */
    unsigned stale = 0;
    memcpy(guest->ram + 0x400000, loop, sizeof loop);
    vcpu_set_register(guest->vcpu, vcpu_registers[1].id, 0x40500000);
    vcpu_set_register(guest->vcpu, guest_register("pc"), 0x40400000);
    guest->user = &stale;
    guest->attend = rewrite;
    vcpu_set_limit(guest->vcpu, 0);
    check(vcpu_run(guest->vcpu) == VCPU_LEFT, "the loop runs until attend() leaves");
    check(stale == 0, "a block that the host rewrites at its start runs as rewritten: %u of 1000 do not",
          stale);
    uint32_t word = 0;
    check(guest->dirty[0x400 >> 3] & 1, "the host's writes are in the dirty log");
    check(!vcpu_write_memory(guest->vcpu, 0, &word, 4), "the host's write to flash is refused");
    check(!vcpu_write_memory(guest->vcpu, 0x60000000, &word, 4), "the host's write to nothing is refused");
    check(!vcpu_write_memory(guest->vcpu, RAM_BASE + RAM_SIZE - 2, &word, 4), "and one past the end of RAM");
    check(!vcpu_read_memory(guest->vcpu, RAM_BASE + RAM_SIZE - 2, &word, 4), "and such a read");
    check(vcpu_read_memory(guest->vcpu, 0x40500000, &word, 4) && word == (999 & 0xff),
          "the host may read RAM");
    memset(guest->ram + 0x3fe000, 0xff, 0x4000);
    check(vcpu_clear_memory(guest->vcpu, 0x403feff0, 0x2020), "the host may clear RAM");
    check(guest_word(guest, 0x403fefec) == ~0u && guest_word(guest, 0x403feff0) == 0, "from where it says");
    check(guest_word(guest, 0x40400000) == 0 && guest_word(guest, 0x4040100c) == 0, "all of it");
    check(guest_word(guest, 0x40401010) == ~0u, "and no more");
    check(guest->dirty[0x3fe >> 3] & 1 << 6 && guest->dirty[0x401 >> 3] & 1 << 1,
          "what was cleared is in the dirty log");
    check(!vcpu_clear_memory(guest->vcpu, 0, 4096), "flash is not cleared");
    check(!vcpu_clear_memory(guest->vcpu, RAM_BASE + RAM_SIZE - 4096, 4097), "nor past the end of RAM");
    guest_close(guest);
}

int main(void) {
    test_code();
    test_dirty_log();
    test_host_writes();
    return finish();
}
