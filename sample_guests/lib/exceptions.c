#include "exceptions.h"
#include "console.h"
#include "text.h"

bool (*exception_hook)(struct exception_frame *frame);

extern char image_start[], rodata_start[], image_end[];

uint32_t exception_address(const struct exception_frame *frame) {
    uint32_t address;
    if (frame->kind == EXCEPTION_DATA)
        __asm__ volatile("mrc p15, 0, %0, c6, c0, 0" : "=r"(address)); /* DFAR */
    else if (frame->kind == EXCEPTION_PREFETCH)
        __asm__ volatile("mrc p15, 0, %0, c6, c0, 2" : "=r"(address)); /* IFAR */
    else
        address = frame->pc;
    return address;
}

uint32_t exception_status(const struct exception_frame *frame) {
    uint32_t status = 0;
    if (frame->kind == EXCEPTION_DATA)
        __asm__ volatile("mrc p15, 0, %0, c5, c0, 0" : "=r"(status)); /* DFSR */
    else if (frame->kind == EXCEPTION_PREFETCH)
        __asm__ volatile("mrc p15, 0, %0, c5, c0, 1" : "=r"(status)); /* IFSR */
    return status;
}

static const char *cause(uint32_t status) {
    switch ((status & 0xf) | (status >> 6 & 0x10)) { /* FS[4:0] is split: ARM ARM B3.13.3 */
    case 0x01:
        return "alignment";
    case 0x05:
        return "no translation (section)";
    case 0x07:
        return "no translation (page)";
    case 0x08:
        return "external abort";
    case 0x0d:
        return "no permission (section)";
    case 0x0f:
        return "no permission (page)";
    case 0x16:
        return "external abort, not exact";
    default:
        return "see the status";
    }
}

static void stop(void) __attribute__((noreturn));
static void stop(void) {
    print("halted\n");
    for (;;)
        __asm__ volatile("cpsid if\n wfi");
}

void panic(const char *pattern, ...) {
    char line[160];
    va_list values;
    va_start(values, pattern);
    format_list(line, sizeof line, pattern, values);
    va_end(values);
    print("panic: %s\n", line);
    stop();
}

/* Words on the stack that point behind a call in the text: most are the callers. */
static void print_callers(uint32_t sp) {
    print("  callers:");
    int found = 0;
    for (uint32_t at = sp & ~3u; at >= (uint32_t)image_start && at < (uint32_t)image_end && found < 12;
         at += 4) {
        uint32_t word = *(const uint32_t *)at;
        if (word < (uint32_t)image_start + 4 || word >= (uint32_t)rodata_start || word & 3)
            continue;
        uint32_t before = ((const uint32_t *)word)[-1];
        if ((before & 0x0f000000) == 0x0b000000 || (before & 0x0ffffff0) == 0x012fff30) { /* BL, BLX */
            print(" %08x", word);
            found++;
        }
    }
    print("\n");
}

void exception_taken(struct exception_frame *frame) {
    static const char *const names[] = {"undefined instruction", "supervisor call", "prefetch abort",
                                        "data abort"};
    static int depth;
    if (exception_hook && exception_hook(frame))
        return;
    if (depth++)
        stop(); /* the report itself failed */
    print("\n*** %s at %08x", names[frame->kind & 3], frame->pc);
    if (frame->kind >= EXCEPTION_PREFETCH) {
        uint32_t status = exception_status(frame);
        print(", %s %08x: %s (status %x)",
              frame->kind == EXCEPTION_PREFETCH ? "fetching"
              : status & 1 << 11                ? "writing"
                                                : "reading",
              exception_address(frame), cause(status), status);
    }
    print("\n");
    for (int i = 0; i < 13; i++)
        print("  r%-2s %08x%s",
              (const char *[]){"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}[i],
              frame->r[i], i % 4 == 3 ? "\n" : "");
    print("  sp  %08x  lr  %08x  spsr %08x\n", frame->sp, frame->lr, frame->spsr);
    print_callers(frame->sp);
    stop();
}
