/* What the tests of symbols and call stacks look into: a chain of calls, and variables of every kind. */

enum colour { RED, GREEN = 5, BLUE };
struct point {
    int x, y;
};
struct shape {
    const char *name;
    struct point corner;
    struct point more[3];
    enum colour colour;
    unsigned flags : 3, kind : 5;
    signed depth : 4;
    struct shape *next;
    union {
        float ratio;
        unsigned bits;
    };
    void (*draw)(struct shape *);
};

const char title[] = "a \"title\"";
struct shape first = {
    "first", {1, -2}, {{3, 4}, {5, 6}, {7, 8}}, GREEN, 5, 17, -3, &first, {0.5f}, 0,
};
int counter = -7;
unsigned long long large = 0x123456789abcull;
volatile _Bool ready = 1;
unsigned char bytes[4] = {1, 2, 3, 255};
static short table[2][3] = {{1, 2, 3}, {-1, -2, -3}};
double third = 0.25;
volatile int deep;

__attribute__((noinline)) int innermost(int value) {
    deep = value + table[1][value & 1];
    while (ready)
        __asm__ volatile("wfi"); /* the guest stands here */
    return deep;
}

__attribute__((noinline)) int middle(int value) {
    volatile int room[40];
    room[value & 31] = value;
    return innermost(value + 1) + room[0];
}

__attribute__((noinline)) int outer(int value) {
    return middle(value * 2) + counter;
}

void run(void) {
    outer(20);
    for (;;)
        ;
}

__attribute__((naked, section(".text.start"), target("arm"))) void _start(void) {
    __asm__ volatile("mov sp, #0x40000000\n\tadd sp, sp, #0x300000\n\tmov r11, #0\n\tmov r7, #0\n\tblx run\n\tb .");
}

/* What the tables of the unwinder refer to, and nobody calls here. */
void __aeabi_unwind_cpp_pr0(void) {}
void __aeabi_unwind_cpp_pr1(void) {}
