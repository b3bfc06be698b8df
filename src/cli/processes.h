/* cli/processes - the daemon's processes, as the kernel lists them. */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/slice.h"

#define PROCESSES_MAX 128

struct process_view {
    pid_t pid;
    struct slice role; /* "keeper" */
    uint64_t resident_bytes;
};

/* The children of the supervisor, by pid; from the arena. None when /proc does not tell. */
size_t processes_list(pid_t supervisor, struct arena *arena,
                      struct process_view views[static PROCESSES_MAX]);
