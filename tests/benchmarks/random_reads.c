/* random_reads DEVICE COUNT: reads 4 KiB from COUNT random places of a disk, past the guest's page cache, one
 * after another, and says how many microseconds that took. For Linux on ARM; see Makefile.
 *
 * The places are the same in each run.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

enum { READ = 3, WRITE = 4, OPEN = 5, EXIT = 1, PREAD64 = 180, CLOCK_GETTIME64 = 403, LSEEK64 = 140 };
enum { O_DIRECT = 0x10000, O_LARGEFILE = 0x20000, SEEK_END = 2, CLOCK_MONOTONIC = 1, SIZE = 4096 };

static char buffer[SIZE] __attribute__((aligned(SIZE)));

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r7 __asm__("r7") = number, r0 __asm__("r0") = a, r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c, r3 __asm__("r3") = d, r4 __asm__("r4") = e, r5 __asm__("r5") = f;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}

static void print(const char *text) {
    u32 length = 0;
    while (text[length])
        length++;
    call(WRITE, 1, (long)text, (long)length, 0, 0, 0);
}

static void leave(const char *text, int code) {
    print(text);
    call(EXIT, code, 0, 0, 0, 0, 0);
}

static void print_number(u32 value) {
    char digits[11];
    u32 at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    print(digits + at);
}

static u64 nanoseconds(void) {
    struct {
        u64 seconds, nanoseconds;
    } now = {0, 0};
    call(CLOCK_GETTIME64, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
    return now.seconds * 1000000000ull + now.nanoseconds;
}

void start(long *stack) {
    const char *device = (const char *)stack[2], *text = (const char *)stack[3];
    u64 size = 0;
    u32 count = 0, random = 2463534242u, shift = 0;
    if (stack[0] < 3)
        leave("usage: random_reads DEVICE COUNT\n", 2);
    while (*text >= '0' && *text <= '9')
        count = count * 10 + (u32)(*text++ - '0');
    long disk = call(OPEN, (long)device, O_DIRECT | O_LARGEFILE, 0, 0, 0, 0);
    if (disk < 0 || call(LSEEK64, disk, 0, 0, (long)&size, SEEK_END, 0) < 0 || size < SIZE)
        leave("random_reads: the disk cannot be opened\n", 1);
    while ((u64)SIZE << (shift + 1) <= size)
        shift++; /* as many places as the largest power of two that fits */
    u64 begin = nanoseconds();
    for (u32 done = 0; done < count; done++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        u64 place = (u64)(random & ((1u << shift) - 1)) * SIZE;
        if (call(PREAD64, disk, (long)buffer, SIZE, 0, (long)(u32)place, (long)(place >> 32)) != SIZE)
            leave("random_reads: a read failed\n", 1);
    }
    u64 took = nanoseconds() - begin;
    print("RANDOM-READS ");
    print_number((u32)(took / 1000));
    leave(" us\n", 0);
}

__attribute__((naked)) void _start(void) {
    __asm__("mov r0, sp\n b start");
}
