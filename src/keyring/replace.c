#include "keyring/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/own.h"

#include "host/file.h"

void replace_name(const char *name, char out[static REPLACE_NAME_MAX])
{
    (void)snprintf(out, REPLACE_NAME_MAX, "%s.new", name);
}

bool replace_tidy(int dirfd, const char *name, struct error *e)
{
    char fresh[REPLACE_NAME_MAX];

    replace_name(name, fresh);
    return file_destroy(dirfd, fresh, e);
}

/* A file system that cannot change names in one step forgets the former one first: then a crash in between leaves
 * its bytes in a free block. */
static bool exchange(int dirfd, const char *fresh, const char *name, int former, struct error *e)
{
    if (renameat2(dirfd, fresh, dirfd, name, RENAME_EXCHANGE) == 0) {
        return file_sync_folder(dirfd, e);
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return error_errno(e, ERROR_BUSY, "%s: rename", fresh);
    }
    return (renameat(dirfd, fresh, dirfd, name) == 0 ||
            error_errno(e, ERROR_BUSY, "%s: rename", fresh)) &&
           file_sync_folder(dirfd, e) && file_overwrite(former, e);
}

bool replace_commit(int dirfd, const char *name, struct error *e)
{
    OWN(fd) int former = -1;
    char fresh[REPLACE_NAME_MAX];

    replace_name(name, fresh);
    switch (file_open(dirfd, name, O_RDWR, &former, e)) {
    case FILE_MISSING:
        return error_set(e, ERROR_CONFIG, "%s: there is nothing to be replaced", name);
    case FILE_FAILED:
        return false;
    case FILE_FOUND:
        break;
    }
    return exchange(dirfd, fresh, name, former, e) && replace_tidy(dirfd, name, e);
}
