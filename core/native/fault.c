/* See fault.h. */
#include "fault.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {"alloc", "eventfd", "log", "map", "shadow", "thaw"};
static _Atomic(const char *) armed;

bool fault_arm(const char *name) {
    for (size_t index = 0; index < sizeof names / sizeof *names; index++)
        if (strcmp(names[index], name) == 0) {
            atomic_store(&armed, names[index]);
            return true;
        }
    return false;
}

bool fault_hit(const char *name) {
    const char *set = atomic_load_explicit(&armed, memory_order_relaxed);
    if (!set || strcmp(set, name) != 0)
        return false;
    return atomic_compare_exchange_strong(&armed, &set, NULL);
}
