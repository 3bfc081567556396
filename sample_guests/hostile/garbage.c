/* Code made up as it goes: random instructions, random system registers, code that replaces itself. */
#include "board.h"
#include "console.h"
#include "exceptions.h"
#include "gic.h"
#include "mmu.h"
#include "modes.h"

/* Random words as instructions; exceptions and a watchdog bring it back. */
static uint32_t *garbage;
enum { GARBAGE_WORDS = 1 << 18 };

static bool come_back(struct exception_frame *frame) {
    frame->pc = (uint32_t)foreign_return;
    frame->spsr = 0xd3;
    return true;
}

static void watchdog(unsigned irq) {
    (void)irq;
    __asm__ volatile("mcr p15, 0, %0, c14, c3, 1" ::"r"(0));
    gic_divert = foreign_return;
}

/* Instructions that change mode, mask interrupts or write system registers (the mode `system` does): with all
 * rights, one of them would be the end of it. It may hang itself even so, as hostile guests do. */
static bool escapes(uint32_t word) {
    return (word & 0xfff10020) == 0xf1000000     /* CPS */
           || (word & 0x0fb00000) == 0x03200000  /* MSR, immediate */
           || (word & 0x0fb000f0) == 0x01200000  /* MSR */
           || (word & 0xfe500000) == 0xf8100000  /* RFE */
           || (word & 0x0e508000) == 0x08508000  /* LDM with the saved status */
           || (word & 0x0c10f000) == 0x0010f000  /* arithmetic that sets the PC and the status */
           || (word & 0x0ffffff0) == 0x012fff10  /* BX, maybe to Thumb */
           || (word & 0x0f100f10) == 0x0e000f10  /* MCR p15 */
           || (word & 0x0ff00f00) == 0x0c400f00; /* MCRR p15 */
}

static uint32_t random_word(bool kernel) {
    uint32_t word = chance();
    while (kernel && escapes(word))
        word = chance();
    return word;
}

static void run_garbage(uint32_t cpsr) {
    bool kernel = cpsr & 3;
    /* Far from the image: a random branch reaches 32 MiB. */
    garbage = (uint32_t *)0xc0000000;
    mmu_alias((uint32_t)garbage, (uint32_t)section_of_heap(), MEMORY_USER);
    exception_hook = come_back;
    gic_connect(IRQ_VIRTUAL_TIMER, watchdog);
    interrupts_off(); /* the garbage has them on: before it has begun there is nothing to come back from */
    for (uint32_t count = 0;; count++) {
        if (count % 4096 == 0)
            for (uint32_t i = 0; i < GARBAGE_WORDS; i++)
                garbage[i] = random_word(kernel);
        uint32_t registers[15], thumb = kernel ? 0 : count & 0x20;
        for (int i = 0; i < 15; i++)
            registers[i] = chance() & 1 ? (uint32_t)garbage + (chance() & 0xffff8) : chance();
        /* Half a millisecond from now the watchdog comes. */
        __asm__ volatile("dsb\n mcr p15, 0, %0, c7, c5, 0\n isb\n" /* ICIALLU */
                         "mcr p15, 0, %1, c14, c3, 0\n"            /* CNTV_TVAL */
                         "mcr p15, 0, %2, c14, c3, 1\n isb" ::"r"(0),
                         "r"(31250), "r"(1)
                         : "memory");
        foreign_run(registers, (uint32_t)garbage + (chance() & 0xffff8), cpsr | thumb);
        progress(count, "jumps into garbage");
    }
}

void execute_as_user(void) {
    run_garbage(0x10);
}
void execute_as_kernel(void) {
    run_garbage(0x13);
}

/* System registers with any number, read and written. Not those without which nothing goes on: control,
 * translation tables, domains, vectors; nor the old wait for interrupts, which would wait for ever. */
void write_system(void) {
    uint32_t *code = section_of_heap();
    mmu_map((uint32_t)code, 1 << 20, MEMORY_EXECUTABLE);
    interrupts_off();
    for (uint32_t count = 0;; count++) {
        uint32_t dice = chance(), crn = dice >> 16 & 15, crm = dice & 15, op2 = dice >> 5 & 7;
        bool vital =
            crn == 1 || crn == 2 || crn == 3 || crn == 12 || crn == 13 || (crn == 7 && crm == 0 && op2 == 4);
        /* MCR or MRC p15, op1, r0, crn, crm, op2; or MCRR or MRRC p15, op1, r0, r1, crm */
        code[0] = 0xee000f10 | (dice & 0x00f000ef) | crn << 16;
        if ((dice >> 28) == 0) {
            code[0] = 0xec410f00 | (dice & 0x001000f0) | crm;
            vital = crm == 2; /* the 64-bit form of the tables */
        }
        if (vital)
            code[0] |= 1 << 20; /* only read */
        code[1] = 0xe12fff1e;
        __asm__ volatile("dsb\n mcr p15, 0, %0, c7, c5, 0\n dsb\n isb" ::"r"(0) : "memory");
        ((void (*)(uint32_t, uint32_t))code)(chance(), chance());
        progress(count, "system registers tried");
    }
}

/* New code in the same place, called at once. */
void rewrite_code(void) {
    uint32_t *code = section_of_heap(), wrong = 0;
    mmu_map((uint32_t)code, 1 << 20, MEMORY_EXECUTABLE);
    for (uint32_t count = 0;; count++) {
        uint32_t number = chance() & 0xfff, *at = code + (chance() & 0x3f0);
        at[0] = 0xe3000000 | (number & 0xf000) << 4 | (number & 0xfff); /* movw r0, #number */
        at[1] = 0xe12fff1e;                                             /* bx lr */
        __asm__ volatile("dsb\n mcr p15, 0, %0, c7, c5, 0\n dsb\n isb" ::"r"(0) : "memory");
        wrong += ((uint32_t (*)(void))at)() != number;
        if (wrong)
            print("rewrite: %u wrong answers\n", wrong);
        progress(count, "programs written and run");
    }
}
