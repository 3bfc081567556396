/* The memory of translations, given back: they are made again as the guest runs on, and it never knows.
 *
 * Where the engine keeps them it tells nobody. So the executable mappings of an engine's size are noted as
 * engines are opened, and the one that generated code has called from is this one's.
 * Left out: giving back a part of them. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
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

bool vcpu_trim(struct vcpu *vcpu) {
    if (!vcpu->ran || vcpu->extra.rest)
        return false;
    memory_forget_code(vcpu);
    bool gave = give_back(vcpu->called_from);
    malloc_trim(0);
    return gave;
}
