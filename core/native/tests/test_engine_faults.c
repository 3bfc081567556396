/* Faults: the address and status that the guest sees of each. */
#include "engine_guest.h"

#define ABORT(status, address, text)                                                                         \
    {1, text ": one abort"}, {status, text ": status"}, {address, text ": address"}
#define NO_ABORT(text) {0, text ": no abort"}, {0, text ": no status"}, {0, text ": no address"}

static const struct promise faults[] = {
    ABORT(0x005, 0x50000123, "read, section translation"),
    ABORT(0x007, 0x51001234, "read, page translation"),
    ABORT(0x019, 0x52000004, "read, section domain"),
    ABORT(0x01b, 0x53000008, "read, page domain"),
    ABORT(0x00d, 0x59000010, "read, section permission"),
    ABORT(0x00f, 0x51005ffc, "read, page permission"),
    ABORT(0x805, 0x50000124, "write, section translation"),
    ABORT(0x807, 0x51001238, "write, page translation"),
    ABORT(0x819, 0x52000014, "write, section domain"),
    ABORT(0x81b, 0x53000018, "write, page domain"),
    ABORT(0x80d, 0x54000020, "write, section permission"),
    ABORT(0x80f, 0x51002ffc, "write, page permission"),
    ABORT(0x80f, 0x51012344, "write, large page permission"),
    NO_ABORT("write in a manager domain"),
    ABORT(0x005, 0x50000120, "fetch, section translation"),
    ABORT(0x007, 0x51001230, "fetch, page translation"),
    ABORT(0x009, 0x52000000, "fetch, section domain"),
    ABORT(0x00b, 0x53000000, "fetch, page domain"),
    ABORT(0x00d, 0x55000000, "fetch, execute-never section"),
    ABORT(0x00f, 0x51006000, "fetch, execute-never page"),
    {0x51006004, "LR of a prefetch abort is the address and 4"},
    {8, "LR of a data abort is the load's address and 8"},
    {0xa00001d3, "SPSR of a data abort is the CPSR of the load"},
    {1, "user mode: one abort and one supervisor call"},
    {0x00f, "user mode reads a privileged page: status"},
    {0x51003010, "user mode reads a privileged page: address"},
    NO_ABORT("LDRT of a page that user mode reads"),
    ABORT(0x80f, 0x51004010, "STRT to a page that user mode only reads"),
    ABORT(0x80f, 0x51004010, "STRT after a privileged store"),
    ABORT(0x00f, 0x51003014, "LDRT of a privileged page"),
    ABORT(0x00f, 0x51003014, "LDRT after a privileged load"),
    ABORT(0x807, 0x51001000, "store across pages, second unmapped"),
    {0x3344, "store across pages that faults leaves the first page alone"},
    ABORT(0x007, 0x51001000, "load across pages, second unmapped"),
    ABORT(0x007, 0x51001ffe, "load across pages, first unmapped"),
    ABORT(0x007, 0x51001000, "LDM across pages"),
    {0x51000ff8, "LDM that faults leaves its base alone"},
    ABORT(0x807, 0x51001000, "STM across pages"),
    {0x51000ff8, "STM that faults leaves its base alone"},
    ABORT(0x007, 0x51001000, "LDRD across pages"),
    ABORT(0x001, 0x51000002, "LDREX of an unaligned address"),
    ABORT(0x006, 0x51007004, "access flag of a page"),
    ABORT(0x803, 0x5a000004, "access flag of a section"),
    {5, "Thumb IT block with a fault: the rest of it runs"},
    {0, "Thumb IT block with a fault: the other branch does not, first"},
    {0, "Thumb IT block with a fault: the other branch does not, second"},
    {0x77, "Thumb IT block with a fault: the load is retried"},
    {0x66, "Thumb IT block with a TLB fill: the load is right"},
    ABORT(0x007, 0x51001010, "Thumb IT block"),
};

static void test_faults(void) {
    struct guest *guest = guest_open("faults");
    guest_map_usual(guest);
    guest_map(guest, TABLE, 0x510, COARSE(0x40104000u, 0));
    guest_map(guest, 0x40104000, 0, SMALL_PAGE(0x40400000u, 3, 0));
    guest_map(guest, 0x40104000, 2, SMALL_PAGE(0x40402000u, 5, 0));
    guest_map(guest, 0x40104000, 3, SMALL_PAGE(0x40403000u, 1, 0));
    guest_map(guest, 0x40104000, 4, SMALL_PAGE(0x40404000u, 2, 0));
    guest_map(guest, 0x40104000, 5, SMALL_PAGE(0x40405000u, 0, 0));
    guest_map(guest, 0x40104000, 6, SMALL_PAGE(0x40406000u, 3, 1));
    guest_map(guest, 0x40104000, 7, SMALL_PAGE(0x40407000u, 2, 0));
    for (unsigned i = 16; i < 32; i++)
        guest_map(guest, 0x40104000, i, LARGE_PAGE(0x40410000u, 5, 0));
    guest_map(guest, TABLE, 0x520, SECTION(0x40400000u, 1, 3, 0));
    guest_map(guest, TABLE, 0x530, COARSE(0x40104400u, 1));
    guest_map(guest, 0x40104400, 0, SMALL_PAGE(0x40400000u, 3, 0));
    guest_map(guest, TABLE, 0x540, SECTION(0x40400000u, 0, 5, 0));
    guest_map(guest, TABLE, 0x550, SECTION(0x40400000u, 0, 3, 1));
    guest_map(guest, TABLE, 0x580, SECTION(0x40400000u, 2, 0, 1));
    guest_map(guest, TABLE, 0x590, SECTION(0x40400000u, 0, 0, 0));
    guest_map(guest, TABLE, 0x5a0, SECTION(0x40400000u, 0, 2, 0));
    guest_run(guest);
    CHECK_RESULTS(guest, faults);
    guest_close(guest);
}

static const struct promise external[] = {
    ABORT(0x008, 0x60000004, "MMU off: load from nothing"),
    ABORT(0x808, 0x60000004, "MMU off: store to nothing"),
    ABORT(0x008, 0x60000ff8, "MMU off: LDM from nothing"),
    {0x60000ff8, "LDM from nothing leaves its base alone"},
    ABORT(0x808, 0x60000ff8, "MMU off: STM to nothing"),
    ABORT(0x008, 0x60000ff8, "MMU off: VLDR from nothing"),
    ABORT(0x808, 0x41000000, "MMU off: store across the end of memory"),
    {0x1234, "store across the end of memory leaves memory alone"},
    ABORT(0x008, 0x41000000, "MMU off: load across the end of memory"),
    ABORT(0x008, 0x60000100, "MMU off: fetch from nothing"),
    {0x60000104, "LR of a fetch from nothing"},
    ABORT(0x008, 0x48000000, "MMU off: fetch from a device"),
    ABORT(0x008, 0x56000008, "load through a section to nothing"),
    ABORT(0x808, 0x56000008, "store through a section to nothing"),
    ABORT(0x008, 0x5100700c, "load through a page to nothing"),
    ABORT(0x008, 0x56000020, "fetch through a section to nothing"),
    ABORT(0x00e, 0x57000000, "load with a second-level table in nothing"),
    ABORT(0x80e, 0x57000000, "store with a second-level table in nothing"),
    ABORT(0x00e, 0x57000000, "fetch with a second-level table in nothing"),
    ABORT(0x00e, 0x5b000000, "load with a second-level table in a device"),
    ABORT(0x00c, 0x80000004, "load with a first-level table in nothing"),
    ABORT(0x005, 0x80000004, "load with TTBR1 switched off"),
    {200000, "200,000 accesses to nothing are as many aborts"},
    {1000, "1,000 fetches from nothing are as many aborts"},
};

static void test_external_aborts(void) {
    struct guest *guest = guest_open("external");
    guest_map_usual(guest);
    guest_map(guest, TABLE, 0x510, COARSE(0x40104000u, 0));
    guest_map(guest, 0x40104000, 7, SMALL_PAGE(0x60007000u, 3, 0));
    guest_map(guest, TABLE, 0x560, SECTION(0x60000000u, 0, 3, 0));
    guest_map(guest, TABLE, 0x570, COARSE(0x60000000u, 0));
    guest_map(guest, TABLE, 0x5b0, COARSE((uint32_t)DEVICE_BASE, 0));
    guest_run(guest);
    CHECK_RESULTS(guest, external);
    const struct vcpu_counters *counters = vcpu_get_counters(guest->vcpu);
    check(counters->external_aborts == 200000 + 1000 + 13, "external aborts are counted: %lu",
          counters->external_aborts);
    check(counters->mmio == 0 && guest->write_count == 0, "a page walk never reaches a device");
    guest_close(guest);
}

int main(void) {
    test_faults();
    test_external_aborts();
    return finish();
}
