#include "host/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#include "host/sandbox_calls.h"

/* Landlock's numbers (linux/landlock.h). Our own, because the header of the oldest system that
 * builds this knows only the first thirteen rights, and the kernel that runs it may know more. */
#define ACCESS_EXECUTE     (UINT64_C(1) << 0)
#define ACCESS_WRITE_FILE  (UINT64_C(1) << 1)
#define ACCESS_READ_FILE   (UINT64_C(1) << 2)
#define ACCESS_READ_DIR    (UINT64_C(1) << 3)
#define ACCESS_REMOVE_DIR  (UINT64_C(1) << 4)
#define ACCESS_REMOVE_FILE (UINT64_C(1) << 5)
#define ACCESS_MAKE_DIR    (UINT64_C(1) << 7)
#define ACCESS_MAKE_REG    (UINT64_C(1) << 8)
#define ACCESS_REFER       (UINT64_C(1) << 13)
#define ACCESS_TRUNCATE    (UINT64_C(1) << 14)
#define ACCESS_FIRST       ((UINT64_C(1) << 13) - 1) /* all of ABI 1 */
#define ACCESS_IOCTL_DEV   (UINT64_C(1) << 15)
#define NET_BIND_TCP       (UINT64_C(1) << 0)
#define NET_CONNECT_TCP    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT     (UINT64_C(1) << 0)
#define SCOPE_SIGNAL       (UINT64_C(1) << 1)

#define ABI_REFER     2
#define ABI_TRUNCATE  3
#define ABI_NET       4
#define ABI_IOCTL_DEV 5
#define ABI_SCOPE     6

#define LOCKED_MAX (UINT64_C(64) << 20) /* bytes of locked memory: base/secret */

#define FLAG_VERSION      1U
#define RULE_PATH_BENEATH 1

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct path_rule {
    uint64_t access;
    int32_t fd;
} __attribute__((packed));

void sandbox_close_others(int from)
{
    (void)close_range((unsigned)from, ~0U, 0);
}

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, FLAG_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

/* Set soft and hard limit; who may not raise the hard one gets as much as there is. */
static bool limit(int what, uint64_t max, struct error *e)
{
    struct rlimit now;
    struct rlimit wanted = {max, max};

    if (setrlimit((__rlimit_resource_t)what, &wanted) == 0) {
        return true;
    }
    if (errno == EPERM && getrlimit((__rlimit_resource_t)what, &now) == 0) {
        now.rlim_cur = now.rlim_max;
        return setrlimit((__rlimit_resource_t)what, &now) == 0 ||
               error_errno(e, ERROR_CONFIG, "sandbox: set a resource limit");
    }
    return error_errno(e, ERROR_CONFIG, "sandbox: set a resource limit");
}

static bool set_limits(const struct sandbox *s, struct error *e)
{
    /* A sanitizer's shadow memory takes terabytes of addresses. */
    bool bounded = s->memory_max != 0 && !SANDBOX_SANITIZED;

    return limit(RLIMIT_CORE, 0, e) && limit(RLIMIT_NOFILE, s->files_max, e) &&
           limit(RLIMIT_MEMLOCK, LOCKED_MAX, e) &&
           (!bounded || limit(RLIMIT_AS, s->memory_max, e)) &&
           /* a uid that we do not change may have any number of other processes */
           (s->tasks_max == 0 || geteuid() != 0 || limit(RLIMIT_NPROC, s->tasks_max, e));
}

/* Everything only root can do, and then never again. */
static bool drop_root(const struct sandbox *s, struct error *e)
{
    if (geteuid() != 0) {
        return true;
    }
    if (s->uid == 0 || s->gid == 0) {
        return error_set(e, ERROR_CONFIG, "sandbox: no user to become");
    }
    if (s->root >= 0 && (fchdir(s->root) != 0 || chroot(".") != 0 || chdir("/") != 0)) {
        return error_errno(e, ERROR_CONFIG, "sandbox: change the root directory");
    }
    for (int capability = 0; capability < 64; capability++) {
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    if (setgroups(0, NULL) != 0 || setresgid(s->gid, s->gid, s->gid) != 0 ||
        setresuid(s->uid, s->uid, s->uid) != 0) {
        return error_errno(e, ERROR_CONFIG, "sandbox: become user %u", (unsigned)s->uid);
    }
    return setuid(0) != 0 || error_set(e, ERROR_CONFIG, "sandbox: user 0 could come back");
}

static bool set_privileges(const struct sandbox *s, struct error *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return error_errno(e, ERROR_CONFIG, "sandbox: give up privileges");
    }
    if (s->parent == 0) {
        return true;
    }
    /* After the change of ids, which takes it back. A parent that died before is seen by getppid. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != s->parent) {
        return error_set(e, ERROR_BUSY, "sandbox: the parent is gone");
    }
    return true;
}

static struct ruleset rules_of(const struct sandbox *s, int abi)
{
    struct ruleset r = {.fs = ACCESS_FIRST};

    r.fs |= abi >= ABI_REFER ? ACCESS_REFER : 0;
    r.fs |= abi >= ABI_TRUNCATE ? ACCESS_TRUNCATE : 0;
    r.fs |= abi >= ABI_IOCTL_DEV ? ACCESS_IOCTL_DEV : 0;
    if (abi >= ABI_NET) {
        r.net = NET_BIND_TCP | (s->groups & SANDBOX_CONNECT ? 0 : NET_CONNECT_TCP);
    }
    r.scoped = abi >= ABI_SCOPE ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0;
    return r;
}

static bool allow_path(int rules, const struct ruleset *all, int fd, enum sandbox_rights rights,
                       struct error *e)
{
    struct stat about;
    struct path_rule rule = {ACCESS_READ_FILE | ACCESS_READ_DIR, fd};

    if (fstat(fd, &about) != 0) {
        return error_errno(e, ERROR_CONFIG, "sandbox: look at an allowed path");
    }
    if (rights == SANDBOX_WRITE) {
        rule.access |= ACCESS_WRITE_FILE | ACCESS_REMOVE_DIR | ACCESS_REMOVE_FILE |
                       ACCESS_MAKE_DIR | ACCESS_MAKE_REG | ACCESS_REFER | ACCESS_TRUNCATE;
    }
    if (rights == SANDBOX_RUN) {
        rule.access |= ACCESS_EXECUTE;
    }
    if (!S_ISDIR(about.st_mode)) {
        rule.access &= ACCESS_EXECUTE | ACCESS_READ_FILE | ACCESS_WRITE_FILE | ACCESS_TRUNCATE;
    }
    rule.access &= all->fs;
    return syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0U) == 0 ||
           error_errno(e, ERROR_CONFIG, "sandbox: landlock: allow a path");
}

/* Nothing in the file system but the paths given, no TCP but what the groups say, no signals and
 * no abstract sockets to the outside. */
static bool limit_objects(const struct sandbox *s, struct error *e)
{
    int abi = sandbox_landlock_abi();

    if (abi == 0) {
        return s->best_effort ||
               error_set(e, ERROR_CONFIG,
                         "sandbox: this kernel has no landlock; `sandbox = best-effort` runs "
                         "without it");
    }
    struct ruleset all = rules_of(s, abi);
    OWN(fd) int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0U);
    if (rules < 0) {
        return error_errno(e, ERROR_CONFIG, "sandbox: landlock");
    }
    for (size_t i = 0; i < s->n_paths; i++) {
        if (!allow_path(rules, &all, s->paths[i].fd, s->paths[i].rights, e)) {
            return false;
        }
    }
    return syscall(SYS_landlock_restrict_self, rules, 0U) == 0 ||
           error_errno(e, ERROR_CONFIG, "sandbox: landlock");
}

bool sandbox_enter(const struct sandbox *s, struct error *e)
{
    return set_limits(s, e) && drop_root(s, e) && set_privileges(s, e) && limit_objects(s, e) &&
           sandbox_limit_calls(s->groups, e);
}

bool sandbox_enclose(const struct sandbox *s, struct error *e)
{
    for (int capability = 0; capability < 64; capability++) {
        if (capability != CAP_DAC_READ_SEARCH) {
            (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
    }
    return set_limits(s, e) && set_privileges(s, e) && limit_objects(s, e) &&
           sandbox_refuse_calls(e);
}
