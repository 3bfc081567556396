/* GICv2, by register as ARM IHI 0048B names them. */
#include "check.h"
#include "gic.h"

enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ISPENDR = 0x200,
    GICD_ICPENDR = 0x280,
    GICD_ISACTIVER = 0x300,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_ICPIDR2 = 0xfe8,
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
    GICC_RPR = 0x14,
    GICC_HPPIR = 0x18,
    GICC_ABPR = 0x1c,
    GICC_AIAR = 0x20,
    GICC_AEOIR = 0x24,
    GICC_AHPPIR = 0x28,
    GICC_APR = 0xd0,
    GICC_IIDR = 0xfc,
    GICC_DIR = 0x1000,
};
enum { TIMER = 27, UART = 33, DISK = 50 };

static struct gic gic;
static bool irq, fiq;

static uint32_t dist(uint32_t offset) {
    return (uint32_t)gic_distributor_ops.read(&gic, offset, 4);
}
static void set_dist(uint32_t offset, uint32_t value) {
    gic_distributor_ops.write(&gic, offset, 4, value);
}
static void set_dist_byte(uint32_t offset, uint8_t value) {
    gic_distributor_ops.write(&gic, offset, 1, value);
}
static uint32_t cpu(uint32_t offset) {
    return (uint32_t)gic_cpu_interface_ops.read(&gic, offset, 4);
}
static void set_cpu(uint32_t offset, uint32_t value) {
    gic_cpu_interface_ops.write(&gic, offset, 4, value);
}
static void enable(unsigned line) {
    set_dist(GICD_ISENABLER + line / 32 * 4, 1u << line % 32);
}
static void priority(unsigned line, uint8_t value) {
    set_dist_byte(GICD_IPRIORITYR + line, value);
}
static void edge(unsigned line) {
    uint32_t offset = GICD_ICFGR + line / 16 * 4;
    set_dist(offset, dist(offset) | 2u << line % 16 * 2);
}

/* As Linux sets it up: all of group 0, every priority let through. */
static void fresh(void) {
    gic_init(&gic, check_wire(&irq));
    gic.fiq = check_wire(&fiq);
    irq = fiq = false;
    set_dist(GICD_CTLR, 1);
    set_cpu(GICC_PMR, 0xf0);
    set_cpu(GICC_CTLR, 1);
}

static void test_identification(void) {
    fresh();
    CHECK_EQUAL(dist(GICD_TYPER), 8); /* 288 lines, one CPU */
    CHECK_EQUAL(dist(GICD_IIDR), 0x43b);
    CHECK_EQUAL(dist(GICD_ICPIDR2) >> 4, 2);
    CHECK_EQUAL(dist(0xff0) | dist(0xff4) << 8 | dist(0xff8) << 16 | dist(0xffc) << 24, 0xb105f00d);
    CHECK_EQUAL(cpu(GICC_IIDR), 0x0002043b);
    CHECK_EQUAL(gic_distributor_ops.read(&gic, GICD_IIDR + 1, 1), 0x04);
}

static void test_registers_read_back(void) {
    fresh();
    CHECK_EQUAL(dist(GICD_ISENABLER), 0xffff); /* SGIs, always */
    set_dist(GICD_ICENABLER, ~0u);
    CHECK_EQUAL(dist(GICD_ISENABLER), 0xffff);
    set_dist(GICD_ISENABLER + 4, 0x80000001);
    set_dist(GICD_ICENABLER + 4, 0x1);
    CHECK_EQUAL(dist(GICD_ISENABLER + 4), 0x80000000);
    CHECK_EQUAL(dist(GICD_ICENABLER + 4), 0x80000000);
    set_dist(GICD_ISPENDR + 8, 0xf0);
    set_dist(GICD_ICPENDR + 8, 0x30);
    CHECK_EQUAL(dist(GICD_ISPENDR + 8), 0xc0);
    set_dist(GICD_ISPENDR, ~0u);
    CHECK_EQUAL(dist(GICD_ISPENDR), 0xffff0000); /* SGIs come by GICD_SGIR alone */
    set_dist(GICD_ISACTIVER + 8, 0xff);
    set_dist(GICD_ICACTIVER + 8, 0x0f);
    CHECK_EQUAL(dist(GICD_ISACTIVER + 8), 0xf0);
    set_dist(GICD_IGROUPR + 0x20, 0x12345678);
    CHECK_EQUAL(dist(GICD_IGROUPR + 0x20), 0x12345678);
    set_dist(GICD_IPRIORITYR + 0x11c, 0x40302010); /* the last four */
    CHECK_EQUAL(dist(GICD_IPRIORITYR + 0x11c), 0x40302010);
    CHECK_EQUAL(gic_distributor_ops.read(&gic, GICD_IPRIORITYR + 0x11e, 2), 0x4030);
    CHECK_EQUAL(dist(GICD_IPRIORITYR + 0x120), 0);
    set_dist(GICD_ITARGETSR + 32, 0x01010101);
    CHECK_EQUAL(dist(GICD_ITARGETSR + 32), 0); /* one CPU */
    CHECK_EQUAL(dist(GICD_ICFGR), 0xaaaaaaaa);
    set_dist(GICD_ICFGR, 0);
    CHECK_EQUAL(dist(GICD_ICFGR), 0xaaaaaaaa);
    set_dist(GICD_ICFGR + 12, 0xffffffff);
    CHECK_EQUAL(dist(GICD_ICFGR + 12), 0xaaaaaaaa);
    set_dist_byte(GICD_ICFGR + 13, 0);
    CHECK_EQUAL(dist(GICD_ICFGR + 12), 0xaaaa00aa);
    set_dist(GICD_CTLR, ~0u);
    CHECK_EQUAL(dist(GICD_CTLR), 3);
    set_cpu(GICC_CTLR, ~0u);
    CHECK_EQUAL(cpu(GICC_CTLR), 0x21f);
    set_cpu(GICC_PMR, 0x1ab);
    CHECK_EQUAL(cpu(GICC_PMR), 0xab);
    set_cpu(GICC_BPR, 0xf);
    CHECK_EQUAL(cpu(GICC_BPR), 7);
    set_cpu(GICC_ABPR, 0);
    CHECK_EQUAL(cpu(GICC_ABPR), 1);
    CHECK_EQUAL(dist(0xd00), 0);
    CHECK_EQUAL(cpu(0x200), 0);
}

static void test_a_level_interrupt_lasts_while_its_line_does(void) {
    fresh();
    enable(UART);
    gic_set_line(&gic, UART, true);
    CHECK(irq);
    CHECK_EQUAL(dist(GICD_ISPENDR + 4), 2);
    CHECK_EQUAL(cpu(GICC_HPPIR), UART);
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    CHECK(!irq); /* active: not taken twice */
    CHECK_EQUAL(cpu(GICC_IAR), 1023);
    set_cpu(GICC_EOIR, UART);
    CHECK(irq); /* still asserted */
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    gic_set_line(&gic, UART, false);
    set_cpu(GICC_EOIR, UART);
    CHECK(!irq);
    CHECK_EQUAL(dist(GICD_ISACTIVER + 4), 0);
    /* A line that falls before it is acknowledged leaves nothing behind. */
    gic_set_line(&gic, UART, true);
    gic_set_line(&gic, UART, false);
    CHECK(!irq);
    CHECK_EQUAL(cpu(GICC_IAR), 1023);
}

static void test_an_edge_is_kept_until_acknowledged(void) {
    fresh();
    edge(DISK);
    gic_set_line(&gic, DISK, true);
    gic_set_line(&gic, DISK, false);
    CHECK(!irq); /* not enabled yet */
    enable(DISK);
    CHECK(irq);
    CHECK_EQUAL(cpu(GICC_IAR), DISK);
    gic_set_line(&gic, DISK, true); /* while it is handled */
    CHECK(!irq);
    set_cpu(GICC_EOIR, DISK);
    CHECK(irq);
    CHECK_EQUAL(cpu(GICC_IAR), DISK);
    set_cpu(GICC_EOIR, DISK);
    CHECK(!irq); /* the line is high, but that is no edge */
}

static void test_enables_and_masks(void) {
    fresh();
    enable(TIMER);
    gic_set_line(&gic, TIMER, true);
    CHECK(irq);
    set_dist(GICD_CTLR, 0);
    CHECK(!irq);
    CHECK_EQUAL(cpu(GICC_IAR), 1023);
    set_dist(GICD_CTLR, 1);
    CHECK(irq);
    set_cpu(GICC_CTLR, 0);
    CHECK(!irq);
    set_cpu(GICC_CTLR, 1);
    priority(TIMER, 0xf0); /* not above the mask */
    CHECK(!irq);
    CHECK_EQUAL(cpu(GICC_HPPIR), 1023);
    set_cpu(GICC_PMR, 0xf8);
    CHECK(irq);
    set_dist(GICD_ICENABLER, 1u << TIMER);
    CHECK(!irq);
}

static void test_priorities_preempt_and_nest(void) {
    fresh();
    priority(TIMER, 0xa0);
    priority(UART, 0x60);
    priority(DISK, 0x60);
    enable(TIMER), enable(UART), enable(DISK);
    gic_set_line(&gic, TIMER, true);
    CHECK_EQUAL(cpu(GICC_IAR), TIMER);
    CHECK_EQUAL(cpu(GICC_RPR), 0xa0);
    gic_set_line(&gic, DISK, true);
    gic_set_line(&gic, UART, true);
    CHECK(irq);
    CHECK_EQUAL(cpu(GICC_HPPIR), UART); /* equal priorities: the lower number */
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    CHECK_EQUAL(cpu(GICC_RPR), 0x60);
    CHECK(!irq); /* an equal priority does not preempt */
    CHECK_EQUAL(cpu(GICC_HPPIR), DISK);
    CHECK_EQUAL(cpu(GICC_IAR), 1023);
    CHECK_EQUAL(cpu(GICC_APR + 4), 1u << (0x60 / 2 - 32)); /* one bit for each active priority */
    CHECK_EQUAL(cpu(GICC_APR + 8), 1u << (0xa0 / 2 - 64));
    gic_set_line(&gic, UART, false);
    set_cpu(GICC_EOIR, UART);
    CHECK_EQUAL(cpu(GICC_RPR), 0xa0);
    CHECK_EQUAL(cpu(GICC_IAR), DISK);
    gic_set_line(&gic, DISK, false);
    set_cpu(GICC_EOIR, DISK);
    gic_set_line(&gic, TIMER, false);
    set_cpu(GICC_EOIR, TIMER);
    CHECK_EQUAL(cpu(GICC_RPR), 0xff);
    set_cpu(GICC_EOIR, TIMER); /* none is active: ignored */
    CHECK_EQUAL(cpu(GICC_RPR), 0xff);
}

static void test_the_binary_point_makes_groups_of_priorities(void) {
    fresh();
    set_cpu(GICC_BPR, 4); /* bits 7 to 5 count */
    priority(TIMER, 0x48);
    priority(UART, 0x40);
    enable(TIMER), enable(UART);
    gic_set_line(&gic, TIMER, true);
    CHECK_EQUAL(cpu(GICC_IAR), TIMER);
    CHECK_EQUAL(cpu(GICC_RPR), 0x40);
    gic_set_line(&gic, UART, true);
    CHECK(!irq); /* the same group */
    priority(UART, 0x20);
    set_cpu(GICC_PMR, 0xf0);
    CHECK(irq);
}

static void test_split_end_of_interrupt(void) {
    fresh();
    set_cpu(GICC_CTLR, 0x201);
    enable(UART);
    gic_set_line(&gic, UART, true);
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    set_cpu(GICC_EOIR, UART);
    CHECK_EQUAL(cpu(GICC_RPR), 0xff);
    CHECK_EQUAL(dist(GICD_ISACTIVER + 4), 2);
    CHECK(!irq);
    set_cpu(GICC_DIR, UART);
    CHECK_EQUAL(dist(GICD_ISACTIVER + 4), 0);
    CHECK(irq);
    set_cpu(GICC_CTLR, 1);
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    set_cpu(GICC_DIR, UART); /* not split: ignored */
    CHECK_EQUAL(dist(GICD_ISACTIVER + 4), 2);
}

static void test_software_interrupts_carry_their_source(void) {
    fresh();
    set_dist(GICD_SGIR, 1u << 16 | 5); /* by list */
    CHECK_EQUAL(dist(GICD_ISPENDR), 1u << 5);
    CHECK_EQUAL(dist(GICD_CPENDSGIR + 4), 1u << 8);
    CHECK_EQUAL(cpu(GICC_IAR), 5);
    set_cpu(GICC_EOIR, 5);
    set_dist(GICD_SGIR, 2u << 24 | 6); /* to oneself */
    CHECK(irq);
    set_dist_byte(GICD_CPENDSGIR + 6, 1);
    CHECK(!irq);
    set_dist(GICD_SGIR, 1u << 24 | 6); /* to all others: there are none */
    set_dist(GICD_SGIR, 2u << 16 | 6); /* to a CPU that is not there */
    CHECK(!irq);
    set_dist_byte(GICD_SPENDSGIR + 7, 0x06); /* from CPUs 1 and 2 */
    CHECK_EQUAL(cpu(GICC_IAR), 1 << 10 | 7);
    set_cpu(GICC_EOIR, 1 << 10 | 7);
    CHECK_EQUAL(cpu(GICC_IAR), 2 << 10 | 7);
    set_cpu(GICC_EOIR, 2 << 10 | 7);
    CHECK(!irq);
    gic_distributor_ops.write(&gic, GICD_SGIR, 1, 2); /* not by bytes */
    CHECK(!irq);
}

static void test_group_1_and_its_aliases(void) {
    fresh();
    set_dist(GICD_CTLR, 3);
    set_cpu(GICC_CTLR, 3);
    set_dist(GICD_IGROUPR + 4, 1u << (UART - 32));
    enable(UART);
    gic_set_line(&gic, UART, true);
    CHECK(irq);
    CHECK_EQUAL(cpu(GICC_HPPIR), 1022); /* seen through the aliases, or with AckCtl */
    CHECK_EQUAL(cpu(GICC_IAR), 1022);
    CHECK_EQUAL(cpu(GICC_AHPPIR), UART);
    CHECK_EQUAL(cpu(GICC_AIAR), UART);
    set_cpu(GICC_AEOIR, UART);
    set_cpu(GICC_CTLR, 7);
    CHECK_EQUAL(cpu(GICC_IAR), UART);
    set_cpu(GICC_EOIR, UART);
    CHECK(irq);
    set_cpu(GICC_CTLR, 1); /* group 1 off */
    CHECK(!irq);
    set_cpu(GICC_CTLR, 3);
    gic_set_line(&gic, UART, false);
    enable(DISK);
    gic_set_line(&gic, DISK, true);
    CHECK_EQUAL(cpu(GICC_AHPPIR), 1023);
    CHECK(irq && !fiq);
    set_cpu(GICC_CTLR, 0xb); /* FIQEn leads group 0 to the other wire */
    CHECK(!irq && fiq);
}

static void test_lines_that_are_not_there(void) {
    fresh();
    gic_set_line(&gic, 3, true); /* an SGI has no line */
    gic_set_line(&gic, GIC_LINES, true);
    gic_set_line(&gic, ~0u, true);
    set_cpu(GICC_EOIR, 1023);
    set_cpu(GICC_DIR, 1000);
    CHECK(!irq);
}

static void test_state_goes_into_another_gic(void) {
    fresh();
    priority(TIMER, 0xa0);
    enable(TIMER), enable(UART);
    edge(DISK);
    gic_set_line(&gic, TIMER, true);
    cpu(GICC_IAR);
    gic_set_line(&gic, UART, true);
    gic_set_line(&gic, DISK, true);
    set_dist(GICD_SGIR, 2u << 24 | 9);
    CHECK(irq);
    static struct gic other;
    bool other_irq = false;
    gic_init(&other, check_wire(&other_irq));
    check_copy_fields(&gic_distributor_ops, &other, &gic);
    CHECK(gic_distributor_ops.restored(&other));
    CHECK(other_irq);
    CHECK_EQUAL(other.running_priority, gic.running_priority);
    CHECK_EQUAL(other.best, gic.best);
    CHECK(check_same_fields(&gic_distributor_ops, &other, &gic));
    other.binary_point = 8;
    CHECK(!gic_distributor_ops.restored(&other));
    other.binary_point = 0;
    other.aliased_binary_point = 0;
    CHECK(!gic_distributor_ops.restored(&other));
}

static void test_reset_leaves_the_lines(void) {
    fresh();
    enable(UART);
    gic_set_line(&gic, UART, true);
    gic_distributor_ops.reset(&gic);
    CHECK(!irq);
    CHECK_EQUAL(dist(GICD_CTLR), 0);
    CHECK_EQUAL(dist(GICD_ISENABLER + 4), 0);
    CHECK_EQUAL(dist(GICD_ISPENDR + 4), 2);
    CHECK_EQUAL(cpu(GICC_ABPR), 1);
}

int main(void) {
    test_identification();
    test_registers_read_back();
    test_a_level_interrupt_lasts_while_its_line_does();
    test_an_edge_is_kept_until_acknowledged();
    test_enables_and_masks();
    test_priorities_preempt_and_nest();
    test_the_binary_point_makes_groups_of_priorities();
    test_split_end_of_interrupt();
    test_software_interrupts_carry_their_source();
    test_group_1_and_its_aliases();
    test_lines_that_are_not_there();
    test_state_goes_into_another_gic();
    test_reset_leaves_the_lines();
    return 0;
}
