#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/own.h"

#include "host/process.h"
#include "host/sandbox.h"
#include "host/sandbox_calls.h"
#include "host/thread.h"
#include "tests/test.h"

#define TEST_UID 61399

/* What became of a deed: 0, an errno, or -signal. */
#define SUCCEEDED 0
#define FATAL     (SANDBOX_SANITIZED ? EPERM : -SIGSYS)

static char folder[] = "/tmp/postern-sandbox-XXXXXX";

typedef int deed(void);

typedef bool enterer(const struct sandbox *s, struct error *e);

/* Do a deed inside the walls, in a child of its own. */
static int inside_of(struct sandbox s, enterer *enter, deed *do_it)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct error e;
        s.files_max = 256;
        s.parent = getppid();
        if (!enter(&s, &e)) {
            (void)fprintf(stderr, "%s\n", e.text);
            _exit(255);
        }
        int rc = do_it();
        _exit(rc == 0 ? SUCCEEDED : rc > 0 && rc < 250 ? rc : 254);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int inside(struct sandbox s, deed *do_it)
{
    return inside_of(s, sandbox_enter, do_it);
}

static struct sandbox walls(uint64_t groups)
{
    return (struct sandbox){.groups = groups, .root = -1, .uid = TEST_UID, .gid = TEST_UID};
}

static int close_as(int fd)
{
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return SUCCEEDED;
}

static int read_passwd(void)
{
    return close_as(open("/etc/passwd", O_RDONLY));
}

static int read_inside(void)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/known", folder);
    return close_as(open(path, O_RDONLY));
}

static int list_inside(void)
{
    return close_as(open(folder, O_RDONLY | O_DIRECTORY));
}

static int write_inside(void)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/new", folder);
    return close_as(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
}

static int run_program(void)
{
    return execl("/bin/true", "true", NULL) == 0 ? SUCCEEDED : errno;
}

static int tcp_socket(void)
{
    return close_as(socket(AF_INET, SOCK_STREAM, 0));
}

static int unix_socket(void)
{
    return close_as(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int fork_once(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? SUCCEEDED : errno;
}

static int new_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0 ? SUCCEEDED : errno;
}

static int make_code(void)
{
    void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return m != MAP_FAILED && mprotect(m, 4096, PROT_READ | PROT_EXEC) == 0 ? SUCCEEDED : errno;
}

static int trace_parent(void)
{
    return syscall(SYS_ptrace, 16 /* attach */, getppid(), 0, 0) == 0 ? SUCCEEDED : errno;
}

static int signal_parent(void)
{
    return kill(getppid(), 0) == 0 ? SUCCEEDED : errno;
}

static int become_root(void)
{
    return setuid(0) == 0 ? SUCCEEDED : errno;
}

static void flag(void *argument)
{
    *(int *)argument = 1;
}

/* What every process of ours does all day. */
static int ordinary_work(void)
{
    int ran = 0;
    int pair[2];
    pthread_t thread;
    struct error e;
    OWN(fd) int memory = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *heap = malloc(10 << 20);

    if (memory < 0 || ftruncate(memory, 4096) != 0 || !heap ||
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        return errno;
    }
    free(heap);
    if (!thread_start_joinable("test", THREAD_STACK_SMALL, flag, &ran, &thread, &e)) {
        return 253;
    }
    thread_join(thread);
    struct stat about;
    return ran && fstat(memory, &about) == 0 ? SUCCEEDED : 252;
}

static void nothing_is_open_to_nobody(void **unused)
{
    (void)unused;
    struct sandbox s = walls(0);
    assert_int_equal(inside(s, ordinary_work), SUCCEEDED);
    assert_int_equal(inside(s, read_passwd), EACCES);
    assert_int_equal(inside(s, read_inside), EACCES);
    assert_int_equal(inside(s, fork_once), ENOSYS);
    assert_int_equal(inside(s, signal_parent), ENOSYS);
    assert_int_equal(inside(s, make_code), SANDBOX_SANITIZED ? SUCCEEDED : ENOSYS);
    assert_int_equal(inside(s, run_program), FATAL);
    assert_int_equal(inside(s, tcp_socket), FATAL);
    assert_int_equal(inside(s, unix_socket), FATAL);
    assert_int_equal(inside(s, new_namespace), FATAL);
    assert_int_equal(inside(s, trace_parent), FATAL);
    assert_int_equal(inside(s, become_root), FATAL);
}

static void files_only_below_what_was_given(void **unused)
{
    (void)unused;
    OWN(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sandbox s = walls(SANDBOX_FILE_READ);

    assert_int_equal(inside(s, read_inside), EACCES); /* the calls alone open nothing */
    s.n_paths = 1;
    s.paths[0].fd = fd;
    s.paths[0].rights = SANDBOX_READ;
    assert_int_equal(inside(s, read_inside), SUCCEEDED);
    assert_int_equal(inside(s, list_inside), SUCCEEDED);
    assert_int_equal(inside(s, read_passwd), EACCES);
    assert_int_equal(inside(s, write_inside), ENOSYS);
    s.groups = SANDBOX_FILE_WRITE;
    assert_int_equal(inside(s, write_inside), EACCES);
    s.paths[0].rights = SANDBOX_WRITE;
    assert_int_equal(inside(s, write_inside), SUCCEEDED);
    assert_int_equal(inside(s, read_passwd), EACCES);
}

static void groups_open_what_they_say(void **unused)
{
    (void)unused;
    assert_int_equal(inside(walls(SANDBOX_CONNECT), tcp_socket), SUCCEEDED);
    assert_int_equal(inside(walls(SANDBOX_CONNECT), unix_socket), ENOSYS);
    assert_int_equal(inside(walls(SANDBOX_FORK), fork_once), SUCCEEDED);
    assert_int_equal(inside(walls(SANDBOX_FORK), run_program), FATAL);
    assert_int_equal(inside(walls(SANDBOX_MAP_EXEC), make_code), SUCCEEDED);
    if (geteuid() == 0 || sandbox_landlock_abi() >= 6) {
        assert_int_equal(inside(walls(SANDBOX_FORK), signal_parent), EPERM);
    }
}

static int narrowing = -1;

/* What a copy may still do once it has narrowed itself: what everybody does, and lower its limits. */
static int narrow_then_fork(void)
{
    struct error e;
    return sandbox_narrow(narrowing, &e) ? fork_once() : 249;
}

static int narrow_then_signal(void)
{
    struct error e;
    return sandbox_narrow(narrowing, &e) ? signal_parent() : 249;
}

static int narrow_then_work(void)
{
    struct rlimit few = {16, 16};
    struct error e;
    return !sandbox_narrow(narrowing, &e)        ? 249
           : setrlimit(RLIMIT_NOFILE, &few) != 0 ? 248
                                                 : ordinary_work();
}

static void a_copy_may_give_up_more(void **unused)
{
    (void)unused;
    struct error e;

    assert_ok(sandbox_prepare_narrowing(SANDBOX_LIMITS, &narrowing, &e), e);
    assert_int_equal(inside(walls(SANDBOX_FORK), fork_once), SUCCEEDED);
    assert_int_equal(inside(walls(SANDBOX_FORK), narrow_then_work), SUCCEEDED);
    assert_int_equal(inside(walls(SANDBOX_FORK), narrow_then_fork), ENOSYS);
    assert_int_equal(inside(walls(SANDBOX_FORK), narrow_then_signal), ENOSYS);
    assert_int_equal(inside(walls(0), narrow_then_work), 249); /* not everybody may */
    (void)close(narrowing);
}

static void root_needs_somebody_to_become(void **unused)
{
    (void)unused;
    struct sandbox s = walls(0);
    s.uid = 0;
    if (geteuid() == 0) {
        assert_int_equal(inside(s, ordinary_work), 255);
    }
}

static void statuses_are_told(void **unused)
{
    (void)unused;
    char text[PROCESS_TEXT_MAX];
    process_status_text(SIGSYS, text);
    assert_string_equal(text, "killed by SIGSYS (a forbidden system call)");
    process_status_text(3 << 8, text);
    assert_string_equal(text, "exited with 3");
}

/* What is about to become somebody else's program runs what /usr has, and reaches nothing else. */
static void a_program_of_others_is_enclosed(void **unused)
{
    (void)unused;
    OWN(fd) int programs = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN(fd) int own = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct sandbox s = walls(0);
    s.n_paths = 2;
    s.paths[0].fd = programs;
    s.paths[0].rights = SANDBOX_RUN;
    s.paths[1].fd = own;
    s.paths[1].rights = SANDBOX_WRITE;

    assert_int_equal(inside_of(s, sandbox_enclose, tcp_socket), EPERM);
    assert_int_equal(inside_of(s, sandbox_enclose, unix_socket), EPERM);
    if (sandbox_landlock_abi() == 0) {
        return;
    }
    assert_int_equal(inside_of(s, sandbox_enclose, run_program), SUCCEEDED);
    assert_int_equal(inside_of(s, sandbox_enclose, write_inside), SUCCEEDED);
    assert_int_equal(inside_of(s, sandbox_enclose, read_passwd), EACCES);
    s.paths[0].rights = SANDBOX_READ;
    assert_int_equal(inside_of(s, sandbox_enclose, run_program), EACCES);
}

static int make_folder(void **unused)
{
    char path[64];
    (void)unused;
    if (!mkdtemp(folder) || chmod(folder, 0777) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/known", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    return fchmod(fd, 0644) == 0 ? close(fd) : -1;
}

static int remove_folder(void **unused)
{
    char path[64];
    (void)unused;
    (void)snprintf(path, sizeof(path), "%s/known", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/new", folder);
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_open_to_nobody),
        cmocka_unit_test(files_only_below_what_was_given),
        cmocka_unit_test(groups_open_what_they_say),
        cmocka_unit_test(a_copy_may_give_up_more),
        cmocka_unit_test(a_program_of_others_is_enclosed),
        cmocka_unit_test(root_needs_somebody_to_become),
        cmocka_unit_test(statuses_are_told),
    };
    return cmocka_run_group_tests_name("host/sandbox", tests, make_folder, remove_folder);
}
