#include "processes/privileges.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability)   (UINT64_C(1) << (capability))
#define CAPABILITIES_LAST 63

/* For the children before they lock themselves in: ids, root directory, bounding set, limits. For
 * us: their directories, certificates that only root may read, SIGKILL, and the end of their background threads. */
static const uint64_t kept = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
                             BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_CHOWN) |
                             BIT(CAP_FOWNER) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_KILL) |
                             BIT(CAP_SYS_NICE);

bool privileges_drop(struct error *e)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[2];

    struct rlimit no_core = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0) {
        return error_errno(e, ERROR_CONFIG, "keep the memory from being read");
    }
    if (geteuid() != 0) {
        return true;
    }
    if (syscall(SYS_capget, &header, now) != 0) {
        return error_errno(e, ERROR_CONFIG, "look at the capabilities");
    }
    for (int c = 0; c <= CAPABILITIES_LAST; c++) {
        if (!(kept & BIT(c))) {
            (void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* the kernel knows fewer than 64 */
        }
    }
    /* Only what we have: a container may have been given less. */
    for (int half = 0; half < 2; half++) {
        uint32_t mask = (uint32_t)(kept >> (32 * half));
        now[half].permitted &= mask;
        now[half].effective = now[half].permitted;
        now[half].inheritable = 0;
    }
    return syscall(SYS_capset, &header, now) == 0 ||
           error_errno(e, ERROR_CONFIG, "give up capabilities");
}
