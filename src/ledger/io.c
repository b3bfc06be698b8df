#include "ledger/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"

#include "host/file.h"
#include "ledger/internal.h"
#include "ledger/pack_format.h"

static int create(int dirfd, const char *name, mode_t mode)
{
    int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd >= 0) {
        (void)fchmod(fd, mode); /* whatever the umask: the reader's group must be able to read */
    }
    return fd;
}

static int sync_folder(int dirfd)
{
    struct error e;
    return file_sync_folder(dirfd, &e) ? 0 : -1;
}

static int unlink_name(int dirfd, const char *name)
{
    return unlinkat(dirfd, name, 0);
}

static int rename_name(int dirfd, const char *from, const char *to)
{
    return renameat(dirfd, from, dirfd, to);
}

struct ledger_io ledger_io = {
    .create = create,
    .pwritev = pwritev,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .sync_folder = sync_folder,
    .unlink = unlink_name,
    .rename = rename_name,
};

static size_t iov_bytes(const struct iovec *iov, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += iov[i].iov_len;
    }
    return bytes;
}

/* One call's worth at a time. A short write is a failure: on a file it means that the disk or a limit
 * gave out, and what comes behind would leave a hole. The kernel moves at most 2 GiB a call, so a
 * call's bytes are kept below that. */
bool ledger_write(int fd, struct iovec *iov, size_t n, uint64_t at, struct error *e)
{
    while (n) {
        size_t take = 1;
        size_t bytes = iov[0].iov_len;
        while (take < n && take < IOV_MAX && bytes + iov[take].iov_len < (size_t)1 << 30) {
            bytes += iov[take++].iov_len;
        }
        ssize_t wrote = 0;
        do {
            wrote = ledger_io.pwritev(fd, iov, (int)take, (off_t)at);
        } while (wrote < 0 && errno == EINTR);
        if (wrote < 0) {
            return error_errno(e, ERROR_BUSY, "write");
        }
        if ((size_t)wrote != iov_bytes(iov, take)) {
            errno = ENOSPC; /* what a short write of a file means, with rare exceptions */
            return error_set(e, ERROR_BUSY, "write: %zd of %zu bytes", wrote, bytes);
        }
        at += bytes;
        iov += take;
        n -= take;
    }
    return true;
}

bool ledger_sync(int fd, struct error *e)
{
    return ledger_io.fdatasync(fd) == 0 || error_errno(e, ERROR_BUSY, "sync");
}

static bool has_segment(int dirfd, uint32_t number)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    segment_name(number, name);
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool segment_list(int dirfd, struct segment_list *list, struct error *e)
{
    struct segment_list found = {0};
    struct stat st;

    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        (void)error_errno(e, ERROR_CONFIG, "ledger: open folder");
        own_fd(&fd);
        return false;
    }
    errno = 0;
    for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        uint32_t number = 0;
        enum ledger_file file = ledger_file_of(d->d_name, &number);
        if (file == FILE_OTHER) {
            continue;
        }
        /* Of a segment and a pack of one number the segment counts. */
        bool counts = file == FILE_SEGMENT || (file == FILE_PACK && !has_segment(dirfd, number));
        found.count += counts;
        found.last = counts && number > found.last ? number : found.last;
        if (fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            found.bytes += (uint64_t)st.st_size;
        }
        errno = 0;
    }
    bool ok = errno == 0 || error_errno(e, ERROR_BUSY, "ledger: read folder");
    (void)closedir(dir);
    if (ok) {
        *list = found;
    }
    return ok;
}
