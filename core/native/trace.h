/* What a guest's process writes down of the guest's life while it runs: accesses of devices, exceptions,
 * executed blocks, samples of where it is. All of it is in a memfd that the handset reads as it likes: one
 * writer, no lock, and whoever reads too late loses the oldest and can tell. debug/trace/ring.py reads the
 * same layout.
 *
 * Tracing sees and changes nothing: a recorded run is the same with it and without.
 *
 * Left out: more than one trace of a guest at a time. Knows neither engine nor machine. Little endian.
 */
#ifndef POCKETVISOR_TRACE_H
#define POCKETVISOR_TRACE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_MAGIC = 0x52545650, /* "PVTR" */
    TRACE_VERSION = 1,
    TRACE_DEVICES = 128,
    TRACE_ACCESSES = 1 << 16,
    TRACE_EXCEPTIONS = 1 << 16,
    TRACE_SAMPLES = 1 << 14,
    TRACE_BLOCKS = 1 << 18,
    TRACE_FRAMES = 14,
    TRACE_STACK = 440,
    TRACE_ERROR = 256,
};

/* What is written down: bits. */
enum trace_kind {
    TRACE_OF_DEVICES = 1,
    TRACE_OF_EXCEPTIONS = 2,
    TRACE_OF_BLOCKS = 4,
    TRACE_OF_PLACES = 8,
    TRACE_OF_ALL = 15,
};

enum { TRACE_NO_DEVICE = UINT16_MAX };

struct trace_device {
    char name[32];
    uint32_t base, size;
    uint64_t reads, writes; /* while devices are traced */
    uint64_t reserved;
};

struct trace_access {
    uint64_t position; /* clock bytes of the instruction */
    uint64_t value;
    uint32_t pc, context;
    uint32_t offset;
    uint16_t device; /* index of its trace_device, or TRACE_NO_DEVICE: `offset` is the address */
    uint8_t size, write;
    uint8_t reserved[8];
};

enum trace_exception_kind {
    TRACE_UNDEFINED = 1,
    TRACE_SUPERVISOR_CALL, /* address: r7, where Linux has a call's number */
    TRACE_PREFETCH_ABORT,  /* address and status: IFAR and IFSR */
    TRACE_DATA_ABORT,      /* address and status: DFAR and DFSR */
    TRACE_INTERRUPT,       /* the entry; what it is comes with TRACE_ACKNOWLEDGED */
    TRACE_ACKNOWLEDGED,    /* the guest read the GIC's acknowledge register; address: what it got */
    TRACE_INTERRUPT_ENDED, /* and wrote the end of interrupt */
    TRACE_WAITING,         /* WFI */
    TRACE_WOKEN,
    TRACE_HYPERCALL, /* address: r0 */
    TRACE_INPUT,     /* an event from outside entered; address: its kind, status: its target */
    TRACE_EXCEPTION_KINDS = 16,
};

struct trace_exception {
    uint64_t position, clock_ns;
    uint32_t pc; /* of the instruction that caused it, or that comes after the interrupt */
    uint32_t context, address, status;
    uint8_t kind, mode; /* mode: of CPSR, before it */
    uint8_t reserved[6];
};

/* frames[0] is the caller of pc, as far as frame pointers tell. For who knows more of the code there is the
 * stack as it was, from sp up, and r4 to r11. */
struct trace_sample {
    uint64_t position, clock_ns;
    uint32_t pc, lr, sp, cpsr, context, frame_count;
    uint32_t frames[TRACE_FRAMES];
    uint32_t saved[8];
    uint32_t stack_size, reserved;
    uint8_t stack[TRACE_STACK];
};

/* `count` is written by translated code. Blocks are told apart by pc, physical address and kind. */
struct trace_block {
    uint64_t count;    /* starts of the block */
    uint64_t position; /* clock bytes about when it was first translated */
    uint32_t pc, physical;
    uint32_t context; /* CONTEXTIDR at that time: other contexts may share the block */
    uint16_t size;    /* bytes; 0: it was not translated to the end */
    uint16_t
        kind; /* bit 0: Thumb; above it the size of a part of a block that is executed by itself, else 0 */
};

struct trace_page {
    uint32_t magic, version;
    _Atomic uint32_t kinds;
    _Atomic uint32_t device_count;
    uint64_t period; /* ticks between samples */
    uint64_t begin_position, begin_ns;
    uint32_t tick_ps, reserved0;
    uint64_t reserved1[2];
    /* How many were written since the trace began; entry n is at n modulo the ring's size. */
    _Atomic uint64_t accesses, exceptions, samples;
    _Atomic uint64_t blocks;      /* entries in use */
    _Atomic uint64_t blocks_lost; /* had no room: they are executed and not counted */
    uint64_t reserved2[3];
    _Atomic uint64_t by_kind[TRACE_EXCEPTION_KINDS];
    uint8_t reserved3[0x1000 - 0x100];

    struct trace_device device[TRACE_DEVICES];
    uint8_t reserved4[0x1000];
    struct trace_access access[TRACE_ACCESSES];
    struct trace_exception exception[TRACE_EXCEPTIONS];
    struct trace_sample sample[TRACE_SAMPLES];
    struct trace_block block[TRACE_BLOCKS];
};

static_assert(sizeof(struct trace_device) == 64, "layout");
static_assert(sizeof(struct trace_access) == 40, "layout");
static_assert(sizeof(struct trace_exception) == 40, "layout");
static_assert(sizeof(struct trace_sample) == 576, "layout");
static_assert(sizeof(struct trace_block) == 32, "layout");
static_assert(offsetof(struct trace_page, accesses) == 0x40, "layout");
static_assert(offsetof(struct trace_page, by_kind) == 0x80, "layout");
static_assert(offsetof(struct trace_page, device) == 0x1000, "layout");
static_assert(offsetof(struct trace_page, access) == 0x4000, "layout");
static_assert(offsetof(struct trace_page, exception) == 0x284000, "layout");
static_assert(offsetof(struct trace_page, sample) == 0x504000, "layout");
static_assert(offsetof(struct trace_page, block) == 0xe04000, "layout");
static_assert(sizeof(struct trace_page) == 0x1604000, "layout");

struct trace {
    struct trace_page *page;
    uint32_t kinds;
    /* What was written, for the page is not ours alone. */
    uint64_t accesses, exceptions, samples;
    uint32_t blocks;
    uint32_t *buckets; /* index + 1 of a block, by a hash of what tells it apart */
};

/* NULL with a sentence in `error`. What an earlier trace left in the memfd is forgotten. */
struct trace *trace_open(int fd, uint32_t kinds, char error[TRACE_ERROR]);
/* NULL is allowed. No translated code may count into it any more. */
void trace_close(struct trace *trace);

/* The device's index. A machine has fewer devices than there is room for: more have none. */
uint16_t trace_add_device(struct trace *trace, const char *name, uint32_t base, uint32_t size);
void trace_access(struct trace *trace, const struct trace_access *access);
void trace_exception(struct trace *trace, const struct trace_exception *exception);
void trace_sample(struct trace *trace, const struct trace_sample *sample);
/* The block of this place, a new one if need be: NULL where there is no room. */
struct trace_block *trace_block(struct trace *trace, uint32_t pc, uint32_t physical, uint16_t kind);

#endif
