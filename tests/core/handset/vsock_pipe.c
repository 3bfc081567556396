/* vsock_pipe PORT: connects to a port of the host, sends its standard input and prints what comes back.
 * vsock_pipe PORT listen: takes connections at a port, one after another, and sends each back what it sends.
 * For Linux on ARM, with no library but the compiler's; kept built beside this file:
 *
 *   arm-none-eabi-gcc -Os -marm -march=armv7-a -nostdlib -static -ffreestanding -fno-builtin -Wall -Wextra \
 *       -Werror -Wl,--build-id=none -s -o vsock_pipe.elf vsock_pipe.c -lgcc
 */
enum {
    EXIT = 1,
    READ = 3,
    WRITE = 4,
    CLOSE = 6,
    SOCKET = 281,
    BIND,
    CONNECT,
    LISTEN,
    ACCEPT,
    SHUTDOWN = 293,
    SETSOCKOPT
};
enum { AF_VSOCK = 40, SOCK_STREAM = 1, HOST = 2, ANY = 0xffffffff, SHUT_WRITE = 1, SIZE = 65536 };
enum { CONNECT_TIMEOUT = 6 }; /* of AF_VSOCK's own options */

struct address {
    unsigned short family, reserved;
    unsigned port, cid;
    unsigned char zero[4];
};

static char buffer[SIZE];

static long call(long number, long a, long b, long c) {
    register long r7 __asm__("r7") = number, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}

/* How long connect() waits: Linux gives up after two seconds, which a busy computer may take to answer. */
static long be_patient(long made) {
    long time[2] = {60, 0};
    register long r7 __asm__("r7") = SETSOCKOPT, r0 __asm__("r0") = made, r1 __asm__("r1") = AF_VSOCK;
    register long r2 __asm__("r2") = CONNECT_TIMEOUT, r3 __asm__("r3") = (long)time;
    register long r4 __asm__("r4") = sizeof time;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4) : "memory");
    return r0;
}

static void check(long result, const char *name) {
    unsigned length = 0;
    if (result >= 0)
        return;
    while (name[length])
        length++;
    call(WRITE, 2, (long)name, (long)length);
    call(WRITE, 2, (long)" failed\n", 8);
    call(EXIT, 1, 0, 0);
}

/* Until the end of what `from` sends. */
static void copy(long from, long to) {
    long count;
    while ((count = call(READ, from, (long)buffer, SIZE)) > 0)
        for (long at = 0, sent; at < count; at += sent)
            check(sent = call(WRITE, to, (long)(buffer + at), count - at), "write");
    check(count, "read");
}

void start(long *stack) {
    const char *text = (const char *)stack[2];
    struct address address = {AF_VSOCK, 0, 0, HOST, {0}};
    while (*text)
        address.port = address.port * 10 + (unsigned)(*text++ - '0');
    long made = call(SOCKET, AF_VSOCK, SOCK_STREAM, 0);
    check(made, "socket");
    if (stack[0] > 2) {
        address.cid = ANY;
        check(call(BIND, made, (long)&address, sizeof address), "bind");
        check(call(LISTEN, made, 8, 0), "listen");
        for (;;) {
            long taken = call(ACCEPT, made, 0, 0);
            check(taken, "accept");
            copy(taken, taken);
            call(CLOSE, taken, 0, 0);
        }
    }
    check(be_patient(made), "setsockopt");
    check(call(CONNECT, made, (long)&address, sizeof address), "connect");
    copy(0, made);
    call(SHUTDOWN, made, SHUT_WRITE, 0);
    copy(made, 1);
    call(EXIT, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov r0, sp\n bl start\n");
