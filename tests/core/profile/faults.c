/* Stands between SQLite and the system: counts what goes to a profile's files, lets one call fail, or writes
 * down every call, so that a loss of power can be played through. Preloaded by test_profile_faults.py.
 *
 * Left out: reading, and files whose names have no ".vphone" in them. One thread at a time is expected. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, SYNC, TRUNCATE, UNLINK, MARK };

struct entry {
    uint32_t kind, name_size;
    uint64_t offset, size;
};

static long calls, fail_at;
static int fail_with, fail_on;
static int log_fd = -1;

void faults_arm(long at, int error, int from_then_on) {
    calls = 0;
    fail_at = at;
    fail_with = error;
    fail_on = from_then_on;
}

long faults_calls(void) {
    return calls;
}

void faults_log(int fd) {
    log_fd = fd;
}

static ssize_t real_write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return real(fd, data, size);
}

static void record(uint32_t kind, const char *name, uint64_t offset, const void *data, uint64_t size) {
    if (log_fd < 0)
        return;
    struct entry entry = {kind, (uint32_t)strlen(name), offset, size};
    if (real_write(log_fd, &entry, sizeof entry) < 0 || real_write(log_fd, name, entry.name_size) < 0)
        _exit(99);
    if (data && real_write(log_fd, data, size) < 0)
        _exit(99);
}

void faults_mark(uint64_t number) {
    record(MARK, "", number, NULL, 0);
}

/* Whether the descriptor is of a profile's file; its last part goes to name. */
static int ours(int fd, char *name, size_t size) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    char *deleted = strstr(path, " (deleted)");
    if (deleted)
        *deleted = 0;
    const char *last = strrchr(path, '/');
    if (!last || !strstr(last, ".vphone") || strstr(last, "-shm"))
        return 0;
    snprintf(name, size, "%s", last + 1);
    return 1;
}

static int fails(void) {
    calls++;
    if (!fail_at || calls < fail_at || (calls > fail_at && !fail_on))
        return 0;
    errno = fail_with;
    return 1;
}

#define NAME char name[256]

static ssize_t positioned(const char *symbol, int fd, const void *data, size_t size, off64_t offset) {
    NAME;
    int watched = ours(fd, name, sizeof name);
    if (watched && fails())
        return -1;
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, symbol);
    ssize_t done = real(fd, data, size, offset);
    if (watched && done > 0)
        record(WRITE, name, (uint64_t)offset, data, (uint64_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return positioned("pwrite", fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return positioned("pwrite64", fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size) {
    NAME;
    if (fd == log_fd || !ours(fd, name, sizeof name))
        return real_write(fd, data, size);
    if (fails())
        return -1;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = real_write(fd, data, size);
    if (done > 0)
        record(WRITE, name, (uint64_t)offset, data, (uint64_t)done);
    return done;
}

/* No test needs the disk itself: what reaches it is played through, or does not matter. */
int fsync(int fd) {
    NAME;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        record(SYNC, "", 0, NULL, 0);
        return 0;
    }
    if (!ours(fd, name, sizeof name))
        return 0;
    if (fails())
        return -1;
    record(SYNC, name, 0, NULL, 0);
    return 0;
}

int fdatasync(int fd) {
    return fsync(fd);
}

static int truncated(const char *symbol, int fd, off64_t size) {
    NAME;
    int watched = ours(fd, name, sizeof name);
    if (watched && fails())
        return -1;
    int (*real)(int, off64_t) = (int (*)(int, off64_t))dlsym(RTLD_NEXT, symbol);
    int result = real(fd, size);
    if (watched && result == 0)
        record(TRUNCATE, name, (uint64_t)size, NULL, 0);
    return result;
}

int ftruncate(int fd, off_t size) {
    return truncated("ftruncate", fd, size);
}

int ftruncate64(int fd, off64_t size) {
    return truncated("ftruncate64", fd, size);
}

int unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    int result = real(path);
    const char *last = strrchr(path, '/');
    if (result == 0 && last && strstr(last, ".vphone"))
        record(UNLINK, last + 1, 0, NULL, 0);
    return result;
}
