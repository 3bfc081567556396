/* fstat() as its own system call. The C library's asks for a path that is empty, and a filter cannot tell
 * that from one that is not: with this, a guest's process needs no call that takes a path. In the library of
 * overrides, because that is in the process before all that calls it. */
#define _GNU_SOURCE
#include "stat_descriptor.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "the kernel's own layout");

int fstat(int fd, struct stat *found) {
    return (int)syscall(SYS_fstat, fd, found);
}

int fstat64(int fd, struct stat64 *found) {
    return (int)syscall(SYS_fstat, fd, found);
}

int pocketvisor_stat_descriptor(void) {
    return 1;
}
