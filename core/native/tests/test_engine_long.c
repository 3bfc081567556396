/* Long descriptors, which firmware of Debian's uses on a CPU that has none: blocks, pages, rights, faults. */
#include "engine_guest.h"

enum { FIRST = 0x40120000, SECOND = 0x40121000, THIRD = 0x40122000 };
enum { VALID = 1, TABLE_OR_PAGE = 3, USER = 1 << 6, READ_ONLY = 1 << 7, USED = 1 << 10 };

static const struct promise promises[] = {
    {1, "a 64-bit TTBR is undefined while EAE is clear"},
    {FIRST, "TTBR0 reads back, low"},
    {0, "and high"},
    {0x11111111, "a block of 2 MiB"},
    {0, "is written"},
    {0, ""},
    {0, ""},
    {0x80001230, "where it is mapped to"},
    {0, "a read-only block is read"},
    {0, ""},
    {0, ""},
    {1, "and not written"},
    {0xa0e, "permission fault, level 2, a write"},
    {0x80201230, ""},
    {0x22222222, "a page of 4 KiB"},
    {1, "is not user mode's"},
    {0x20f, "permission fault, level 3"},
    {0x80400010, ""},
    {0, "another page is"},
    {0, ""},
    {0, ""},
    {1, "a page that is never executed"},
    {0x20f, "permission fault, level 3"},
    {0x80402000, ""},
    {0, "one that is"},
    {0, ""},
    {0, ""},
    {1, "a page without its access flag"},
    {0x20b, "access flag fault, level 3"},
    {0x80403010, ""},
    {1, "no page"},
    {0x207, "translation fault, level 3"},
    {0x80404010, ""},
    {1, "no page to write"},
    {0xa07, "translation fault, level 3, a write"},
    {0x80404010, ""},
    {1, "no table"},
    {0x205, "translation fault, level 1"},
    {0xc0000010, ""},
    {0, "below a table without user mode's rights, privileged"},
    {0, ""},
    {0, ""},
    {1, "below it, user mode"},
    {0x20f, "permission fault, level 3"},
    {0x80600010, ""},
    {1, "a table outside of memory"},
    {0x217, "external abort on the walk, level 3"},
    {0x80800010, ""},
    {0, "an entry made new"},
    {0, ""},
    {0, ""},
    {0x33333333, "leads to its page"},
    {1, "without EAE the short table holds again"},
    {0x005, "translation fault, first level"},
    {0x80001230, ""},
    {1, "and a 64-bit TTBR is undefined"},
};

static void set(struct guest *guest, uint32_t table, uint32_t index, uint32_t low, uint32_t high) {
    guest_set_word(guest, table + index * 8, low);
    guest_set_word(guest, table + index * 8 + 4, high);
}

int main(void) {
    struct guest *guest = guest_open("long");
    guest_map_usual(guest);
    set(guest, FIRST, 1, 0x40000000 | USED | VALID, 0);
    set(guest, FIRST, 2, SECOND | TABLE_OR_PAGE, 0);
    set(guest, SECOND, 0, 0x40400000 | USED | VALID, 0);
    set(guest, SECOND, 1, 0x40400000 | USED | READ_ONLY | VALID, 0);
    set(guest, SECOND, 2, THIRD | TABLE_OR_PAGE, 0);
    set(guest, SECOND, 3, THIRD | TABLE_OR_PAGE, 1u << 29);
    set(guest, SECOND, 4, 0x30000000 | TABLE_OR_PAGE, 0);
    set(guest, THIRD, 0, 0x40600000 | USED | TABLE_OR_PAGE, 0);
    set(guest, THIRD, 1, 0x40601000 | USED | USER | TABLE_OR_PAGE, 0);
    set(guest, THIRD, 2, 0x40601000 | USED | TABLE_OR_PAGE, 1u << 22);
    set(guest, THIRD, 3, 0x40601000 | TABLE_OR_PAGE, 0);
    guest_set_word(guest, 0x40401230, 0x11111111);
    guest_set_word(guest, 0x40600010, 0x22222222);
    guest_set_word(guest, 0x40601020, 0xe12fff17); /* bx r7 */
    guest_set_word(guest, 0x40602010, 0x33333333);
    guest_run(guest);
    CHECK_RESULTS(guest, promises);
    guest_close(guest);
    return finish();
}
