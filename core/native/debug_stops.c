/* The table of stops: breakpoints first, by address. Blocks that hold one of them, old or new, are dropped,
 * to be translated with a look at their start, or without. */
#include <stdlib.h>
#include <string.h>

#include "vcpu_private.h"

/* Breakpoints first, by address. */
static int compare(const void *a, const void *b) {
    const struct debug_stop *left = a, *right = b;
    bool left_executes = left->kind == DEBUG_EXECUTE, right_executes = right->kind == DEBUG_EXECUTE;
    if (left_executes != right_executes)
        return left_executes ? -1 : 1;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* Blocks with a breakpoint, old or new, are to be translated again. */
static bool equal_breakpoints(const struct debug *debug, const struct debug_stop *stops, unsigned count) {
    return debug->breakpoints == count && (!count || memcmp(debug->stops, stops, count * sizeof *stops) == 0);
}

struct affected {
    const struct debug_stop *old, *new;
    unsigned old_count, new_count;
    void **blocks;
    size_t count, room;
    bool failed;
};

static bool holds(const struct engine_block *block, const struct debug_stop *stops, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (stops[i].physical || stops[i].address - block->pc < block->size)
            return true;
    return false;
}

static int look_at_block(void *key, void *value, void *context) {
    struct affected *affected = context;
    (void)key;
    if (!holds(value, affected->old, affected->old_count) &&
        !holds(value, affected->new, affected->new_count))
        return 0;
    if (affected->count == affected->room) {
        size_t room = affected->room ? affected->room * 2 : 64;
        void **blocks = realloc(affected->blocks, room * sizeof *blocks);
        if (!blocks) {
            affected->failed = true;
            return 1;
        }
        affected->blocks = blocks;
        affected->room = room;
    }
    affected->blocks[affected->count++] = value;
    return 0;
}

static void drop_blocks(struct vcpu *vcpu, struct affected *affected) {
    if (!vcpu->ran || !vcpu->debug.translator)
        return;
    vcpu->engine->each_block(vcpu->debug.translator, look_at_block, affected);
    for (size_t i = 0; i < affected->count; i++)
        vcpu->engine->drop_block(vcpu->debug.translator, affected->blocks[i], UINT64_MAX);
    free(affected->blocks);
    if (affected->failed)
        memory_forget_code(vcpu);
}

bool vcpu_set_stops(struct vcpu *vcpu, const struct debug_stop *stops, unsigned count) {
    struct debug *debug = &vcpu->debug;
    struct debug_stop *sorted = count ? calloc(count, sizeof *sorted) : NULL;
    unsigned breakpoints = 0;
    bool watched = debug->count > debug->breakpoints;
    if (count && !sorted)
        return false;
    for (unsigned i = 0; i < count; i++) { /* field by field: the rest is compared too */
        sorted[i].id = stops[i].id;
        sorted[i].kind = stops[i].kind;
        sorted[i].size = stops[i].size;
        sorted[i].physical = stops[i].physical;
        sorted[i].address = stops[i].kind == DEBUG_EXECUTE ? stops[i].address & ~1u : stops[i].address;
        breakpoints += stops[i].kind == DEBUG_EXECUTE;
    }
    if (count)
        qsort(sorted, count, sizeof *sorted, compare);
    struct debug_stop *old = debug->stops;
    if (!equal_breakpoints(debug, sorted, breakpoints)) {
        struct affected affected = {
            .old = old, .old_count = debug->breakpoints, .new = sorted, .new_count = breakpoints};
        drop_blocks(vcpu, &affected);
    }
    debug->stops = sorted;
    debug->count = count;
    debug->breakpoints = breakpoints;
    free(old);
    if ((watched || count > breakpoints) && !debug_watch_pages(vcpu)) {
        vcpu_set_stops(vcpu, NULL, 0);
        return false;
    }
    return true;
}
