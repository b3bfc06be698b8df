#include "ledger/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "host/file.h"
#include "ledger/io.h"

bool marker_write(const struct ledger *l, const char *name, struct slice bytes, struct error *e)
{
    int dirfd = l->options.record_keys;
    struct iovec iov = {NULL, bytes.len};
    char name_new[32];

    (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
    (void)snprintf(name_new, sizeof(name_new), "%s.new", name);
    if (ledger_io.unlink(dirfd, name_new) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name_new);
    }
    OWN(fd) int fd = ledger_io.create(dirfd, name_new, l->options.mode);
    if (fd < 0) {
        return error_errno(e, ERROR_BUSY, "%s: create", name_new);
    }
    if (!ledger_write(fd, &iov, 1, 0, e) || !ledger_sync(fd, e)) {
        return error_add(e, "%s", name_new);
    }
    return (ledger_io.rename(dirfd, name_new, name) == 0 && ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: rename", name_new);
}

bool marker_remove(const struct ledger *l, const char *name, struct error *e)
{
    int dirfd = l->options.record_keys;

    return ((ledger_io.unlink(dirfd, name) == 0 || errno == ENOENT) &&
            ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: remove", name);
}

bool marker_read(const struct ledger *l, const char *name, uint8_t *bytes, size_t len, bool *there,
                 struct error *e)
{
    uint8_t seen[MARKER_MAX + 1];
    size_t got = 0;
    OWN(fd) int fd = -1;

    enum file_found found = file_open(l->options.record_keys, name, O_RDONLY, &fd, e);
    *there = found == FILE_FOUND;
    if (found != FILE_FOUND) {
        return found == FILE_MISSING;
    }
    if (!file_read_at(fd, 0, seen, len + 1, &got, e)) {
        return false;
    }
    (void)memcpy(bytes, seen, len);
    return got == len || error_set(e, ERROR_CORRUPT, "%s: damaged", name);
}
