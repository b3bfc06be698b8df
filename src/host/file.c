#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"

#define SMALL_MAX ((size_t)64 << 10) /* what is overwritten of a file */

enum file_found file_open(int dirfd, const char *name, int flags, int *fd, struct error *e)
{
    int opened = openat(dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW);
    if (opened >= 0) {
        *fd = opened;
        return FILE_FOUND;
    }
    if (errno == ENOENT) {
        return FILE_MISSING;
    }
    (void)error_errno(e, ERROR_CONFIG, "%s: open", name);
    return FILE_FAILED;
}

bool file_read_at(int fd, uint64_t offset, void *to, size_t len, size_t *got, struct error *e)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (uint8_t *)to + done, len - done, (off_t)(offset + done));
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "read");
        }
        done += n > 0 ? (size_t)n : 0;
    }
    *got = done;
    return true;
}

bool file_write_at(int fd, uint64_t offset, struct slice bytes, struct error *e)
{
    ssize_t n = 0;

    /* Nothing of an interrupted call was written when it says EINTR. */
    do {
        n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return error_errno(e, ERROR_BUSY, "write");
    }
    if ((size_t)n != bytes.len) {
        return error_set(e, ERROR_BUSY, "write: %zd of %zu bytes", n, bytes.len);
    }
    return true;
}

bool file_read_all(int dirfd, const char *name, struct buf *out, struct error *e)
{
    OWN(fd) int fd = -1;
    struct stat st;
    size_t got = 0;

    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found == FILE_MISSING) {
        return error_set(e, ERROR_CONFIG, "%s: no such file", name);
    }
    if (found == FILE_FAILED) {
        return false;
    }
    if (fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "%s: stat", name);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(e, ERROR_CONFIG, "%s: not a regular file", name);
    }
    if (st.st_size == 0) {
        return true;
    }
    uint8_t *room = buf_room(out, (size_t)st.st_size);
    if (!room) {
        return error_set(e, ERROR_LIMIT, "%s: larger than expected", name);
    }
    if (!file_read_at(fd, 0, room, (size_t)st.st_size, &got, e)) {
        return error_add(e, "%s", name);
    }
    out->len += got;
    return true;
}

bool file_sync_folder(int dirfd, struct error *e)
{
    /* A descriptor opened with O_PATH cannot be synced: open the folder itself once more. */
    OWN(fd) int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return error_errno(e, ERROR_BUSY, "sync folder");
    }
    return true;
}

bool file_make_folder(int dirfd, const char *name, mode_t mode, struct error *e)
{
    if (mkdirat(dirfd, name, mode) != 0) {
        return errno == EEXIST || error_errno(e, ERROR_CONFIG, "%s", name);
    }
    OWN(fd) int made = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    OWN(fd) int above = made < 0 ? -1 : openat(made, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0 || fsync(above) != 0) {
        return error_errno(e, ERROR_BUSY, "%s: sync the folder above", name);
    }
    return true;
}

/* Create the file and make its bytes durable, but not yet its entry in the folder. */
static bool create(int dirfd, const char *name, struct slice content, mode_t mode, struct error *e)
{
    OWN(fd)
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0700);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%s: create", name);
    }
    bool ok = file_write_at(fd, 0, content, e);
    if (ok && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        ok = error_errno(e, ERROR_BUSY, "sync");
    }
    if (!ok) {
        (void)unlinkat(dirfd, name, 0);
        return error_add(e, "%s", name);
    }
    return true;
}

bool file_create(int dirfd, const char *name, struct slice content, mode_t mode, struct error *e)
{
    if (!create(dirfd, name, content, mode, e)) {
        return false;
    }
    if (!file_sync_folder(dirfd, e)) {
        (void)unlinkat(dirfd, name, 0);
        return error_add(e, "%s", name);
    }
    return true;
}

bool file_replace(int dirfd, const char *name, struct slice content, mode_t mode, struct error *e)
{
    char fresh[256];

    int n = snprintf(fresh, sizeof(fresh), "%s.new", name);
    if (n < 0 || (size_t)n >= sizeof(fresh)) {
        return error_set(e, ERROR_CONFIG, "%s: the name is too long", name);
    }
    (void)unlinkat(dirfd, fresh, 0); /* what an earlier crash left */
    if (!create(dirfd, fresh, content, mode, e)) {
        return false;
    }
    if (renameat(dirfd, fresh, dirfd, name) != 0) {
        (void)error_errno(e, ERROR_CONFIG, "%s: replace", name);
        (void)unlinkat(dirfd, fresh, 0);
        return false;
    }
    return file_sync_folder(dirfd, e) || error_add(e, "%s", name);
}

bool file_overwrite(int fd, struct error *e)
{
    static const uint8_t zeros[SMALL_MAX];
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "stat");
    }
    size_t len = (uint64_t)st.st_size < SMALL_MAX ? (size_t)st.st_size : SMALL_MAX;
    return file_write_at(fd, 0, slice_of(zeros, len), e) &&
           (fsync(fd) == 0 || error_errno(e, ERROR_BUSY, "sync"));
}

bool file_destroy(int dirfd, const char *name, struct error *e)
{
    OWN(fd) int fd = -1;

    switch (file_open(dirfd, name, O_RDWR, &fd, e)) {
    case FILE_MISSING:
        return true;
    case FILE_FAILED:
        return false;
    case FILE_FOUND:
        break;
    }
    return (file_overwrite(fd, e) &&
            (unlinkat(dirfd, name, 0) == 0 || error_errno(e, ERROR_BUSY, "remove")) &&
            file_sync_folder(dirfd, e)) ||
           error_add(e, "%s", name);
}
