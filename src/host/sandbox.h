/* host/sandbox - lock this process in: the same short recipe for every process, in one order.
 *
 *     limits, root directory, ids, no new privileges, not dumpable, landlock, system calls
 *
 * What a process needs it opens before and keeps as descriptors; what it does not need is closed by
 * sandbox_close_others() first. The walls only ever get higher: nothing here can be undone. Call
 * while the process has one thread.
 *
 * System calls outside the allowed groups come back as ENOSYS, which the C library takes for an
 * older kernel and works around. Those that only a taken-over process would try (exec, ptrace, a
 * socket where none is due, new namespaces, bpf, io_uring, kernel keys ...) end the process with
 * SIGSYS: the supervisor reports it, and whoever tries learns nothing further. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define SANDBOX_PATHS_MAX 16

/* Groups of system calls beyond memory, threads, clocks, descriptors that are open, memory files,
 * and packets on sockets that are connected. */
#define SANDBOX_FILE_READ  (1U << 0) /* open, stat and list what landlock lets through */
#define SANDBOX_FILE_WRITE (1U << 1) /* make, write, sync, rename, remove; includes FILE_READ */
#define SANDBOX_ACCEPT     (1U << 2) /* accept on listening sockets that were handed over */
#define SANDBOX_CONNECT    (1U << 3) /* new internet sockets, to any port; bind for UDP (DNS) */
#define SANDBOX_FORK       (1U << 4) /* copies of this very process; wait for them, end them */
#define SANDBOX_LIMITS     (1U << 6) /* lower its own resource limits */
#define SANDBOX_MAP_EXEC   (1U << 5) /* map code: libraries that load others while they run */

enum sandbox_rights {
    SANDBOX_READ,  /* files and directories below */
    SANDBOX_WRITE, /* and everything a directory's owner does */
    SANDBOX_RUN,   /* as SANDBOX_READ, and programs and libraries in it run */
};

struct sandbox {
    uint64_t groups; /* SANDBOX_... */
    uid_t uid;       /* with gid: taken on when the process is root, with no other groups */
    gid_t gid;
    int root;            /* directory that becomes "/" when the process is root; -1: none */
    pid_t parent;        /* die when it does; 0: do not */
    bool best_effort;    /* go on where the kernel has no landlock */
    uint64_t memory_max; /* bytes of address space, 0: no limit */
    uint64_t files_max;  /* open descriptors */
    uint64_t tasks_max;  /* threads and copies of all processes of the uid taken on, 0: no limit */
    size_t n_paths;

    struct {
        int fd; /* directory or file, opened before; stays the caller's */
        enum sandbox_rights rights;
    } paths[SANDBOX_PATHS_MAX];
};

/* Close every descriptor from `from` on. */
void sandbox_close_others(int from);

/**
 * Lock the process in for good.
 *
 * @return  false with ERROR_CONFIG when the kernel lacks something that s demands or refuses it:
 *          the process is then partly locked and must end
 */
bool sandbox_enter(const struct sandbox *s, struct error *e) MUST_CHECK;

/**
 * Confine a copy of this process that is about to execute somebody else's program: limits, no new
 * privileges, nothing of root's power but to read what others own, landlock, and no sockets, signals or
 * debugging. It keeps its user; `groups`, `uid`, `root` and `tasks_max` do not count.
 *
 * @return  false with ERROR_CONFIG, then the copy must end
 */
bool sandbox_enclose(const struct sandbox *s, struct error *e) MUST_CHECK;

/* Make a filter for the groups, to be put on later, inside: by a copy of this process (SANDBOX_FORK)
 * whose duty is narrower. Before sandbox_enter(). The descriptor is the caller's. ERROR_BUSY. */
bool sandbox_prepare_narrowing(uint64_t groups, int *fd, struct error *e) MUST_CHECK;

/* Give up what such a filter does not allow, for good. ERROR_CONFIG: the process must end. */
bool sandbox_narrow(int fd, struct error *e) MUST_CHECK;

/* Landlock's ABI version in the running kernel; 0 when it has none. */
int sandbox_landlock_abi(void);
