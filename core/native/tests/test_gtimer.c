/* The generic timer, by CP15 register. */
#include "check.h"
#include "gtimer.h"

static const struct cp_register CNTFRQ = {15, 14, 0, 0, 0, false}, CNTKCTL = {15, 14, 0, 1, 0, false},
                                CNTP_TVAL = {15, 14, 0, 2, 0, false}, CNTP_CTL = {15, 14, 0, 2, 1, false},
                                CNTV_TVAL = {15, 14, 0, 3, 0, false}, CNTV_CTL = {15, 14, 0, 3, 1, false},
                                CNTPCT = {15, 0, 0, 14, 0, true}, CNTVCT = {15, 0, 1, 14, 0, true},
                                CNTP_CVAL = {15, 0, 2, 14, 0, true}, CNTV_CVAL = {15, 0, 3, 14, 0, true},
                                CNTVOFF = {15, 0, 4, 14, 0, true};

static struct gtimer timer;
static bool physical, virtual_line;
static uint64_t now;

static uint64_t get(const struct cp_register *reg) {
    uint64_t value = 0;
    CHECK(gtimer_read(&timer, now, reg, true, &value));
    return value;
}

static void set(const struct cp_register *reg, uint64_t value) {
    CHECK(gtimer_write(&timer, now, reg, true, value));
}

static void fresh(void) {
    now = 1000000;
    physical = virtual_line = false;
    gtimer_init(&timer, check_wire(&physical), check_wire(&virtual_line));
}

static void test_the_counter_runs_at_62_5_mhz(void) {
    fresh();
    CHECK_EQUAL(get(&CNTFRQ), 62500000);
    CHECK_EQUAL(get(&CNTPCT), 62500);
    now += 1000000000;
    CHECK_EQUAL(get(&CNTVCT), 62562500);
    now += 15;
    CHECK_EQUAL(get(&CNTVCT), 62562500);
    now += 1;
    CHECK_EQUAL(get(&CNTVCT), 62562501);
}

static void test_registers_read_back(void) {
    fresh();
    set(&CNTFRQ, 1000);
    CHECK_EQUAL(get(&CNTFRQ), 1000);
    set(&CNTKCTL, 0x303);
    CHECK_EQUAL(get(&CNTKCTL), 0x303);
    set(&CNTV_CVAL, 0x123456789abcdef);
    CHECK_EQUAL(get(&CNTV_CVAL), 0x123456789abcdef);
    CHECK_EQUAL(get(&CNTP_CVAL), 0);
    set(&CNTP_CTL, 0xff);
    CHECK_EQUAL(get(&CNTP_CTL), 7); /* ENABLE, IMASK, and ISTATUS: 0 has passed */
    set(&CNTV_CTL, 3);
    CHECK_EQUAL(get(&CNTV_CTL), 3);
}

static void test_a_timer_fires_at_its_compare_value(void) {
    fresh();
    CHECK_EQUAL(gtimer_deadline(&timer, now), UINT64_MAX);
    set(&CNTV_TVAL, 100);
    CHECK_EQUAL(get(&CNTV_CVAL), 62600);
    CHECK_EQUAL(get(&CNTV_TVAL), 100);
    CHECK_EQUAL(gtimer_deadline(&timer, now), UINT64_MAX); /* not enabled */
    set(&CNTV_CTL, 1);
    CHECK_EQUAL(gtimer_deadline(&timer, now), 62600 * 16);
    now = 62600 * 16 - 1;
    gtimer_update(&timer, now);
    CHECK(!virtual_line);
    now++;
    gtimer_update(&timer, now);
    CHECK(virtual_line && !physical);
    CHECK_EQUAL(get(&CNTV_CTL), 5);
    CHECK_EQUAL(gtimer_deadline(&timer, now), UINT64_MAX);
    set(&CNTV_CTL, 3); /* masked */
    CHECK(!virtual_line);
    CHECK_EQUAL(get(&CNTV_CTL), 7);
    set(&CNTV_CTL, 1);
    CHECK(virtual_line);
    now += 160;
    CHECK_EQUAL(get(&CNTV_TVAL), (uint32_t)-10);
    set(&CNTV_TVAL, 10); /* the next one takes the line away */
    CHECK(!virtual_line);
}

static void test_the_earlier_of_two(void) {
    fresh();
    set(&CNTP_CVAL, 70000);
    set(&CNTV_CVAL, 80000);
    set(&CNTP_CTL, 1);
    set(&CNTV_CTL, 1);
    CHECK_EQUAL(gtimer_deadline(&timer, now), 70000 * 16);
    now = 70000 * 16;
    gtimer_update(&timer, now);
    CHECK(physical && !virtual_line);
    CHECK_EQUAL(gtimer_deadline(&timer, now), 80000 * 16);
}

static void test_values_far_away(void) {
    fresh();
    set(&CNTV_CVAL, UINT64_MAX); /* Linux's never */
    set(&CNTV_CTL, 1);
    CHECK_EQUAL(gtimer_deadline(&timer, now), UINT64_MAX);
    CHECK(!virtual_line);
    set(&CNTV_TVAL, 0x80000000); /* signed: before power on, and so, unsigned, far ahead */
    CHECK(!virtual_line);
    set(&CNTV_TVAL, (uint32_t)-1);
    CHECK(virtual_line);
}

static void test_user_mode_needs_leave(void) {
    fresh();
    uint64_t value;
    static const struct {
        const struct cp_register *reg;
        uint32_t bits;
    } cases[] = {{&CNTPCT, 1},        {&CNTVCT, 2},       {&CNTFRQ, 3},
                 {&CNTV_TVAL, 0x100}, {&CNTV_CTL, 0x100}, {&CNTV_CVAL, 0x100},
                 {&CNTP_TVAL, 0x200}, {&CNTP_CTL, 0x200}, {&CNTP_CVAL, 0x200}};
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++)
        for (uint32_t bit = 1; bit <= 0x200; bit <<= 1) {
            set(&CNTKCTL, bit);
            CHECK(gtimer_read(&timer, now, cases[index].reg, false, &value) ==
                  ((cases[index].bits & bit) != 0));
        }
    set(&CNTKCTL, 0x303);
    CHECK(!gtimer_read(&timer, now, &CNTKCTL, false, &value));
    CHECK(!gtimer_write(&timer, now, &CNTKCTL, false, 0));
    CHECK(!gtimer_write(&timer, now, &CNTFRQ, false, 0));
    CHECK(gtimer_write(&timer, now, &CNTV_CTL, false, 1));
    set(&CNTKCTL, 0);
    CHECK(!gtimer_write(&timer, now, &CNTV_CTL, false, 0));
    CHECK_EQUAL(get(&CNTV_CTL) & 1, 1);
}

static void test_what_is_not_there_is_undefined(void) {
    fresh();
    uint64_t value;
    static const struct cp_register others[] = {{14, 14, 0, 0, 0, false}, {15, 13, 0, 0, 0, false},
                                                {15, 14, 4, 1, 0, false}, {15, 14, 0, 0, 1, false},
                                                {15, 14, 0, 4, 0, false}, {15, 14, 0, 2, 2, false},
                                                {15, 0, 0, 13, 0, true}};
    for (size_t index = 0; index < sizeof others / sizeof *others; index++) {
        CHECK(!gtimer_read(&timer, now, &others[index], true, &value));
        CHECK(!gtimer_write(&timer, now, &others[index], true, 0));
    }
    CHECK(!gtimer_read(&timer, now, &CNTVOFF, true, &value)); /* there is no EL2 */
    CHECK(!gtimer_write(&timer, now, &CNTVCT, true, 0));
}

static void test_state_goes_into_another_timer(void) {
    fresh();
    set(&CNTP_CVAL, 1);
    set(&CNTP_CTL, 1);
    set(&CNTV_CVAL, 99999);
    set(&CNTV_CTL, 1);
    set(&CNTKCTL, 2);
    struct gtimer other;
    bool lines[2] = {false, false};
    gtimer_init(&other, check_wire(&lines[0]), check_wire(&lines[1]));
    check_copy_fields(&gtimer_ops, &other, &timer);
    CHECK(gtimer_ops.restored(&other));
    gtimer_update(&other, now);
    CHECK(lines[0] && !lines[1]);
    CHECK(check_same_fields(&gtimer_ops, &other, &timer));
    other.control[0] = 4;
    CHECK(!gtimer_ops.restored(&other));
    gtimer_ops.reset(&timer);
    CHECK(!physical);
    CHECK_EQUAL(get(&CNTKCTL), 0);
}

int main(void) {
    test_the_counter_runs_at_62_5_mhz();
    test_registers_read_back();
    test_a_timer_fires_at_its_compare_value();
    test_the_earlier_of_two();
    test_values_far_away();
    test_user_mode_needs_leave();
    test_what_is_not_there_is_undefined();
    test_state_goes_into_another_timer();
    return 0;
}
