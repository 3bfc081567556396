/* The memory of translations, given back: they are made again as the guest runs on, and it never knows.
 *
 * Where the engine keeps them it tells nobody. So the executable mappings of an engine's size are noted as
 * engines are opened, and the one that generated code has called from is this one's.
 * And for each block that was ever translated the engine keeps a note, so that a hook that is deleted takes
 * its blocks with it. Ours is never deleted, so the notes go as well: they would be a third of what is left.
 * Left out: giving back a part of them. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vcpu_private.h"

enum { ENGINES_MAX = 16, PROLOGUE = 64 << 10 }; /* the buffer begins with what enters and leaves blocks */

static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;
static uintptr_t buffers[ENGINES_MAX][2]; /* begin, end */
static unsigned buffer_count;

static bool is_a_buffer(uintptr_t begin, uintptr_t end) { /* with a guard page at its end, or without */
    return end - begin == TCG_BUFFER || end - begin == TCG_BUFFER - PAGE_SIZE;
}

void vcpu_note_buffers(void) {
    char line[512];
    unsigned long begin, end;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return;
    pthread_mutex_lock(&noting);
    buffer_count = 0;
    while (buffer_count < ENGINES_MAX && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx rwxp", &begin, &end) == 2 && is_a_buffer(begin, end)) {
            buffers[buffer_count][0] = begin;
            buffers[buffer_count++][1] = end;
        }
    pthread_mutex_unlock(&noting);
    fclose(maps);
}

/* Pages that nobody writes to take no memory; false where it is not known where they are. */
static bool give_back(uintptr_t called_from) {
    bool found = false;
    pthread_mutex_lock(&noting);
    for (unsigned i = 0; i < buffer_count && !found; i++) {
        uintptr_t begin = buffers[i][0] + PROLOGUE, end = buffers[i][1];
        if ((found = called_from - buffers[i][0] < end - buffers[i][0]))
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    pthread_mutex_unlock(&noting);
    return found;
}

/* libunicorn 2.1.4's struct hook, and the hash table that it took from GLib. */
struct note_table {
    int size, mod;
    unsigned mask;
    int count, occupied;
    struct note {
        void *key, *value;
        unsigned hash; /* below 2: there is none */
    } *notes;
    void *hash, *equal;
    int users;
    void (*free_key)(void *key), (*free_value)(void *value);
};
struct engine_hook {
    int head[6];
    uint64_t begin, end;
    void *callback, *user;
    struct note_table *table;
};

/* NULL where it is not what it should be. */
static struct note_table *notes_of(const struct vcpu *vcpu) {
    const struct engine_hook *hook = (const struct engine_hook *)vcpu->block_hook;
    if (!hook || hook->callback != (void *)vcpu_on_block || hook->user != vcpu)
        return NULL;
    struct note_table *table = hook->table;
    bool sane = table && table->notes && table->size > 0 && table->mask == (unsigned)table->size - 1 &&
                table->count >= 0 && table->count <= table->size && table->free_key && !table->free_value;
    return sane ? table : NULL;
}

void vcpu_note_hook(struct vcpu *vcpu) {
    const struct note_table *table = notes_of(vcpu);
    if (table && table->count == 0) {
        vcpu->empty_notes.size = table->size;
        vcpu->empty_notes.mod = table->mod;
    }
}

static void drop_notes(struct vcpu *vcpu) {
    struct note_table *table = notes_of(vcpu);
    int size = vcpu->empty_notes.size;
    struct note *none = table && size ? calloc((size_t)size, sizeof *none) : NULL;
    if (!none)
        return;
    for (int at = 0; at < table->size; at++)
        if (table->notes[at].hash > 1)
            table->free_key(table->notes[at].key);
    free(table->notes);
    table->notes = none;
    table->size = size;
    table->mod = vcpu->empty_notes.mod;
    table->mask = (unsigned)size - 1;
    table->count = table->occupied = 0;
}

bool vcpu_trim(struct vcpu *vcpu) {
    if (!vcpu->ran || vcpu->extra.rest)
        return false;
    memory_forget_code(vcpu);
    bool gave = give_back(vcpu->called_from);
    drop_notes(vcpu);
    malloc_trim(0);
    return gave;
}
