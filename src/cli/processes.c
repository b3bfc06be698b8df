#include "cli/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define TEXT_MAX 4096

/* A small file of /proc, with a NUL behind it; its length, 0 when it cannot be read. */
static size_t read_proc(pid_t pid, const char *name, char text[static TEXT_MAX])
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, TEXT_MAX - 1) : -1;
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

/* The parent stands behind the name, which is in parentheses and may hold anything. */
static pid_t parent_of(pid_t pid)
{
    char text[TEXT_MAX];

    if (!read_proc(pid, "stat", text)) {
        return 0;
    }
    const char *end = strrchr(text, ')');
    return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* The word behind --role. */
static struct slice role_of(pid_t pid, struct arena *arena)
{
    char text[TEXT_MAX];
    struct slice rest = {(const uint8_t *)text, read_proc(pid, "cmdline", text)};

    while (rest.len) {
        if (slice_equal(slice_cut(rest, 0, &rest), SLICE("--role"))) {
            return arena_copy(arena, slice_cut(rest, 0, &rest));
        }
    }
    return SLICE_NONE;
}

static uint64_t resident_of(pid_t pid)
{
    char text[TEXT_MAX];
    char *end = NULL;

    if (!read_proc(pid, "statm", text)) {
        return 0;
    }
    (void)strtoull(text, &end, 10);
    return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_pid(const void *a, const void *b)
{
    pid_t left = ((const struct process_view *)a)->pid;
    pid_t right = ((const struct process_view *)b)->pid;

    return (left > right) - (left < right);
}

size_t processes_list(pid_t supervisor, struct arena *arena,
                      struct process_view views[static PROCESSES_MAX])
{
    DIR *entries = opendir("/proc");
    size_t count = 0;

    if (!entries) {
        return 0;
    }
    for (const struct dirent *d = readdir(entries); d && count < PROCESSES_MAX;
         d = readdir(entries)) {
        uint64_t pid = 0;
        if (!slice_decimal(slice_text(d->d_name), INT32_MAX, &pid) ||
            parent_of((pid_t)pid) != supervisor) {
            continue;
        }
        struct slice role = role_of((pid_t)pid, arena);
        if (role.len) {
            views[count++] = (struct process_view){(pid_t)pid, role, resident_of((pid_t)pid)};
        }
    }
    (void)closedir(entries);
    qsort(views, count, sizeof(views[0]), by_pid);
    return count;
}
