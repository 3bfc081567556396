/* What the overrides library offers the engine. The library is loaded before libunicorn, so that its versions
 * of a few functions which libunicorn exports, and calls by name, take their place.
 *
 * The engine finds `pocketvisor_overrides` with dlsym(RTLD_DEFAULT): it links to neither library here. */
#ifndef POCKETVISOR_OVERRIDES_H
#define POCKETVISOR_OVERRIDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OVERRIDES_VERSION = 6 };

/* As libunicorn numbers them. */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };
enum right { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_EXECUTE = 4 };

/* The beginning of libunicorn's own record of a translated block. */
struct engine_block {
    uint32_t pc, reserved, flags;
    uint16_t size, instructions; /* once it is translated */
};
enum { BLOCK_THUMB = 1 << 8 }; /* of `flags` */

typedef bool engine_fill(void *cpu, uint64_t address, int size, int access, int mmu_index, bool probe,
                         uintptr_t return_address);
typedef void engine_set_page(void *cpu, uint32_t virtual_address, uint64_t physical, uint32_t attributes,
                             int rights, int mmu_index, uint32_t size);
typedef void engine_unaligned(void *cpu, uint64_t address, int access, int mmu_index,
                              uintptr_t return_address);

/* The functions of libunicorn behind the overrides, and a few more that only they can reach. */
struct engine_functions {
    engine_fill *fill;
    engine_set_page *set_page;
    engine_unaligned *unaligned;
    /* Ends the access in progress with an external abort; does not return. */
    void (*transaction_failed)(void *cpu, uint64_t physical, uint64_t address, unsigned size, int access,
                               int mmu_index, uint32_t attributes, uint32_t response,
                               uintptr_t return_address);
    /* Drops translated blocks; the range is in libunicorn's own numbering of host memory. */
    void (*invalidate)(void *engine, uint64_t start, uint64_t end);
    uint64_t (*number_of)(void *engine, void *host);

    /* TLB flushes: all, all of the MMU indices in a bit map, one page of them. */
    void (*flush)(void *cpu);
    void (*flush_indices)(void *cpu, uint16_t indices);
    void (*flush_page)(void *cpu, uint32_t address, uint16_t indices);

    /* The translator's own, to put operations into a block: void * are its temporaries and labels; a
     * uintptr_t is one of these as an operand, or relative to the translator (emit_extend, emit_branch,
     * constant_*). */
    void (*emit_call)(void *translator, void *function, void *result, int count, void **arguments);
    void (*emit_1)(void *translator, int operation, uintptr_t a);
    void (*emit_3)(void *translator, int operation, uintptr_t a, uintptr_t b, uintptr_t c);
    void (*emit_extend)(void *translator, uintptr_t i64, uintptr_t i32);
    void (*emit_branch)(void *translator, int condition, uintptr_t a, uintptr_t b, void *label);
    void *(*new_temporary)(void *translator, int type, bool local);
    void *(*new_label)(void *translator);
    uintptr_t (*constant_i32)(void *translator, int32_t value);
    uintptr_t (*constant_i64)(void *translator, int64_t value);
    void *check_exit; /* the helper that looks for a stop request at a block start */

    /* Where an access is from that came to a fill with this return address: its block's start and its own
     * instruction. False: from no block. The CPU's state stays as it is. */
    bool (*place)(void *cpu, uintptr_t return_address, uint32_t *start, uint32_t *pc);
    /* Leaves the block that an access is in, with the CPU's state as before the access's instruction; does
     * not return. */
    void (*leave)(void *cpu, uintptr_t return_address);

    /* `translator` is the same one for as long as the engine lives. begin_block: forgets what was put into
     * the block in translation. each_block: tells of all blocks, until a call does not answer 0; `block` is a
     * struct engine_block. drop_block: `page` is UINT64_MAX. */
    void (*begin_block)(void *translator);
    void (*each_block)(void *translator, int (*call)(void *key, void *block, void *context), void *context);
    void (*drop_block)(void *translator, void *block, uint64_t page);
};

/* Who is told instead of libunicorn. Without a listener on this thread every call goes straight on; so does
 * each call that a listener leaves NULL. */
struct overrides_listener {
    bool (*fill)(void *vcpu, void *cpu, uint64_t address, int size, int access, int mmu_index, bool probe,
                 uintptr_t return_address);
    void (*set_page)(void *vcpu, void *cpu, uint32_t virtual_address, uint64_t physical, uint32_t attributes,
                     int rights, int mmu_index, uint32_t size);
    void (*unaligned)(void *vcpu, void *cpu, uint64_t address, int access, int mmu_index,
                      uintptr_t return_address);
    /* A call that the translator puts into a block. True: something else was put there. */
    bool (*emit_call)(void *vcpu, void *translator, void *function, int count, void **arguments);
    /* A block is about to be translated, and a load or store in it; then it is. */
    void (*translate)(void *vcpu, const struct engine_block *block);
    void (*translated)(void *vcpu, const struct engine_block *block);
    /* Before: the most instructions that it may have. After: true to have it translated anew (begin_block()).
     */
    int (*limit)(void *vcpu, const struct engine_block *block, int instructions);
    bool (*again)(void *vcpu, const struct engine_block *block);
    void (*emit_access)(void *vcpu, void *translator, uintptr_t mmu_index);
    /* A flush of the whole TLB. True: not now. */
    bool (*flush)(void *vcpu, void *cpu);
    /* The guest writes DACR: told before and after. */
    void (*domains)(void *vcpu, uint32_t value, bool written);
    /* TTBCR was written with `value`. */
    void (*table_control)(void *vcpu, uint32_t value);
    /* The guest is about to change its mode (not by an exception). */
    void (*mode)(void *vcpu, uint32_t mode);
    /* The guest asks the engine to translate an address (ATS1CPR and its like), which walks the tables now.
     */
    void (*asks)(void *vcpu, uint32_t address);
};

/* How often this thread came through each override. */
struct overrides_passes {
    uint64_t exit_checks, fills, pages, unaligned;
};

struct overrides {
    uint32_t version;
    /* Finds the functions of the library behind a dlopen() handle. NULL where one is missing. */
    const struct engine_functions *(*bind)(void *libunicorn);
    /* This thread's listener, NULL for none. */
    void (*listen)(const struct overrides_listener *listener, void *vcpu);
    struct overrides_passes (*passes)(void);
};

#endif
