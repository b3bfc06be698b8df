#include "tests/walls/deeds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define PATH_SIZE  512
#define WHOLE_SIZE 2048 /* of a path made of two */
#define FDS_TRIED  256
#define REFUSED(x) ((x) ? 0 : errno ? errno : ECANCELED)

static void tell(const char *deed, const char *object, int result)
{
    log_event(LOG_INFO, "deed", LOG_TEXT("deed", deed), LOG_TEXT("object", object),
              LOG_NUMBER("result", result));
}

/* ── files: by every way to a name that the process may have ── */

static int open_at(int dirfd, const char *path, int flags)
{
    int fd = openat(dirfd, path, flags | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno;
    }
    if (flags & O_CREAT) {
        (void)unlinkat(dirfd, path, 0);
    }
    (void)close(fd);
    return 0;
}

/* `name` is relative to the data directory `data`, or absolute. */
static int reach(const char *data, const char *name, int flags)
{
    char path[WHOLE_SIZE];
    int result = open_at(AT_FDCWD, name, flags);

    if (name[0] != '/') {
        (void)snprintf(path, sizeof(path), "%s/%s", data, name);
        int whole = open_at(AT_FDCWD, path, flags);
        (void)snprintf(path, sizeof(path), "/%s", name);
        int below_root = open_at(AT_FDCWD, path, flags);
        result = whole && below_root ? result : 0;
    }
    const char *last = name[0] != '/' && !(flags & O_CREAT) ? strrchr(name, '/') : NULL;
    for (int fd = 0; fd < FDS_TRIED && result; fd++) { /* what it was left with */
        (void)snprintf(path, sizeof(path), "../%s", name);
        if (open_at(fd, path, flags) == 0 || (last && open_at(fd, last + 1, flags) == 0)) {
            result = 0;
        }
    }
    return result;
}

static void try_files(const char *data)
{
    static const char *const files[] = {
        "ledger/planted-ledger",
        "record-keys/planted-record-keys",
        "trial/planted-trial",
        "catalog/planted-catalog",
        "state/planted-state",
        "keys/planted-keys",
        "passwords/planted-passwords",
        "master.key",
        "planted-open",
        "../postern.conf",
        "/etc/passwd",
        "/etc/shadow",
        "/proc/self/maps",
        "/proc/1/environ",
        "/dev/mem",
    };
    static const char *const directories[] = {"ledger", "record-keys", "catalog", "state", "trial",
                                              "keys",   "passwords",   "run",     ".",     "open"};
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        tell("read", files[i], reach(data, files[i], O_RDONLY));
        tell("change", files[i], reach(data, files[i], O_WRONLY));
    }
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/made-by-%d", directories[i], (int)getpid());
        tell("make", directories[i], reach(data, path, O_WRONLY | O_CREAT | O_EXCL));
    }
}

/* ── other processes ── */

static int fork_once(long flags)
{
    long child = syscall(SYS_clone, flags, 0, 0, 0, 0);

    if (child == 0) {
        _exit(0);
    }
    if (child < 0) {
        return errno;
    }
    (void)waitpid((pid_t)child, NULL, 0);
    return 0;
}

static int own_a_descriptor_for_another(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        return errno;
    }
    /* The kernel would send the signal on our behalf. */
    bool ok = fcntl(pair[0], F_SETSIG, SIGKILL) == 0 && fcntl(pair[0], F_SETOWN, getppid()) == 0;
    int result = REFUSED(ok);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return result;
}

static int change_limit(pid_t whose)
{
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    return REFUSED(syscall(SYS_prlimit64, whose, RLIMIT_NOFILE, &most, NULL) == 0);
}

static void try_processes(void)
{
    tell("fork", "itself", fork_once(SIGCHLD));
    tell("fork", "namespaces", fork_once(SIGCHLD | CLONE_NEWUSER | CLONE_NEWNET));
    tell("signal", "parent", REFUSED(kill(getppid(), 0) == 0));
    tell("signal", "init", REFUSED(kill(1, 0) == 0));
    tell("abort", "parent", REFUSED(syscall(SYS_tgkill, getppid(), getppid(), SIGABRT) == 0));
    tell("own", "parent", own_a_descriptor_for_another());
    tell("limit", "itself", change_limit(0));
    tell("limit", "parent", change_limit(getppid()));
    tell("outlive", "parent", REFUSED(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0));
    tell("dumpable", "itself", REFUSED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0));
    tell("personality", "itself", REFUSED(syscall(SYS_personality, 0x0400000) >= 0));
    tell("priority", "parent", REFUSED(setpriority(PRIO_PROCESS, (id_t)getppid(), 19) == 0));
}

/* ── code ── */

static int map_code(int fd)
{
    void *m =
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    return REFUSED(m != MAP_FAILED);
}

static int turn_into_code(void)
{
    void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return REFUSED(m != MAP_FAILED && mprotect(m, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void try_code(void)
{
    int memory = memfd_create("code", MFD_CLOEXEC);

    (void)!ftruncate(memory, 4096);
    tell("code", "anonymous", map_code(-1));
    tell("code", "memory file", map_code(memory));
    tell("code", "data", turn_into_code());
    (void)close(memory);
}

/* ── sockets ── */

/* A datagram socket that exists may send anywhere without connect(2). */
static int send_to(const char *path, bool abstract)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) {
        return errno;
    }
    (void)snprintf(to.sun_path + abstract, sizeof(to.sun_path) - 1, "%s", path);
    bool ok = sendto(pair[0], "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1;
    int result = REFUSED(ok);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return result;
}

static int attach_filter(void)
{
    struct sock_filter none = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &none};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        return errno;
    }
    int rc = setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    int result = REFUSED(rc == 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return result;
}

/* Only where sockets may be made at all: elsewhere that ends the process. */
static void try_making_sockets(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    tell("socket", "tcp", REFUSED(tcp >= 0));
    tell("bind", "tcp", REFUSED(bind(tcp, (struct sockaddr *)&any, sizeof(any)) == 0));
    tell("socket", "unix", REFUSED(socket(AF_UNIX, SOCK_STREAM, 0) >= 0));
    tell("socket", "netlink", REFUSED(socket(AF_NETLINK, SOCK_RAW, 0) >= 0));
    tell("socket", "raw", REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0));
    tell("socket", "packet", REFUSED(socket(AF_PACKET, SOCK_RAW, 0) >= 0));
    (void)close(tcp);
}

void deeds_try_all(struct role *r, bool sockets)
{
    const struct settings *settings = role_settings(r);
    char data[PATH_SIZE];
    char word = 'x';

    (void)snprintf(data, sizeof(data), "%.*s", SLICE_ARG(settings->general.data_directory));
    try_files(data);
    try_processes();
    try_code();
    tell("send", "socket", send_to("/run/planted.sock", false));
    tell("send", "abstract", send_to("postern-walls", true));
    tell("filter", "socket", attach_filter());
    tell("type", "terminal", REFUSED(ioctl(STDERR_FILENO, TIOCSTI, &word) == 0));
    tell("mode", "setuid", REFUSED(fchmodat(AT_FDCWD, "/ledger/planted-ledger", 04755, 0) == 0));
    if (sockets) {
        try_making_sockets();
    }
    tell("end", "", ECANCELED);
}

/* ── deadly ones ── */

static void run_program(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
}

static void trace_parent(void)
{
    (void)syscall(SYS_ptrace, 16 /* attach */, getppid(), 0, 0);
}

static void read_parent(void)
{
    char byte = 0;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)(uintptr_t)0x400000, 1};
    (void)syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0);
}

static void take_descriptor(void)
{
    (void)syscall(SYS_pidfd_open, getppid(), 0);
}

static void connect_somewhere(void)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(25)};
    (void)connect(STDIN_FILENO, (struct sockaddr *)&there, sizeof(there));
}

static void make_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

static void listen_at_a_port(void)
{
    (void)listen(STDIN_FILENO, 1);
}

static void enter_namespace(void)
{
    (void)unshare(CLONE_NEWUSER);
}

static void become_root(void)
{
    (void)syscall(SYS_setresuid, 0, 0, 0);
}

static void leave_root_directory(void)
{
    (void)!chroot("..");
}

static void make_ring(void)
{
    (void)syscall(SYS_io_uring_setup, 1, NULL);
}

static void load_filter(void)
{
    (void)syscall(SYS_bpf, 0, NULL, 0);
}

void deeds_try_deadly(const char *name)
{
    static const struct {
        const char *name;
        void (*deed)(void);
    } deadly[] = {
        {"exec",      run_program         },
        {"ptrace",    trace_parent        },
        {"vm-read",   read_parent         },
        {"pidfd",     take_descriptor     },
        {"connect",   connect_somewhere   },
        {"socket",    make_socket         },
        {"listen",    listen_at_a_port    },
        {"namespace", enter_namespace     },
        {"root",      become_root         },
        {"chroot",    leave_root_directory},
        {"io-uring",  make_ring           },
        {"bpf",       load_filter         },
    };

    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        if (strcmp(deadly[i].name, name) == 0) {
            errno = 0;
            deadly[i].deed();
            tell(name, "deadly", errno);
        }
    }
}
