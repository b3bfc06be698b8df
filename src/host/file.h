/* host/file - files that must still be there after the power failed.
 *
 * Small helpers around openat(2), pread(2), pwrite(2) and fsync(2): exact lengths, interrupted
 * calls resumed, every failure an error with the file's name in it. A file is durable only when
 * both its bytes and its folder's entry were synced; file_create() and file_replace() do both.
 * Names are relative to a folder's descriptor, so that a confined process needs no paths. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* What file_open() found; a missing file is an ordinary answer. */
enum file_found { FILE_FOUND, FILE_MISSING, FILE_FAILED };

/**
 * Open an existing file, close-on-exec.
 *
 * @param dirfd  folder that `name` is relative to, or AT_FDCWD
 * @param flags  O_RDONLY or O_RDWR; symbolic links are not followed
 * @param fd     set to the descriptor, which the caller owns, when FILE_FOUND is returned
 * @return       FILE_FAILED with ERROR_CONFIG for every reason but a missing file
 */
enum file_found file_open(int dirfd, const char *name, int flags, int *fd,
                          struct error *e) MUST_CHECK;

/**
 * Read up to `len` bytes at `offset`; fewer only at the end of the file.
 *
 * @param got  set to the number of bytes read
 * @return     false with ERROR_BUSY when the disk fails
 */
bool file_read_at(int fd, uint64_t offset, void *to, size_t len, size_t *got,
                  struct error *e) MUST_CHECK;

/* Write all of `bytes` at `offset`. Any failure, a short write too, is ERROR_BUSY; then an
 * unknown part was written. */
bool file_write_at(int fd, uint64_t offset, struct slice bytes, struct error *e) MUST_CHECK;

/**
 * Append a whole small file to `out`.
 *
 * @return  false with ERROR_LIMIT when it does not fit into out->max, ERROR_CONFIG when it cannot
 *          be opened (missing too), ERROR_BUSY when it cannot be read
 */
bool file_read_all(int dirfd, const char *name, struct buf *out, struct error *e) MUST_CHECK;

/* Overwrite a small file, at most 64 KiB, synced, and remove it durably. A missing one is fine. */
bool file_destroy(int dirfd, const char *name, struct error *e) MUST_CHECK;

/* The same bytes through an open descriptor: overwrite and sync. */
bool file_overwrite(int fd, struct error *e) MUST_CHECK;

/* Make a folder's entries durable. False with ERROR_BUSY. */
bool file_sync_folder(int dirfd, struct error *e) MUST_CHECK;

/* Make a folder that may be there already, durably: its name is synced in the folder above, without
 * which a power cut loses it with all that was synced in it. `name` may be a path. False with ERROR_CONFIG
 * when it cannot be made, ERROR_BUSY when the disk fails. */
bool file_make_folder(int dirfd, const char *name, mode_t mode, struct error *e) MUST_CHECK;

/**
 * Create a file that must not exist yet, with its content, durably.
 *
 * @param mode  permission bits, exactly (the umask is not applied)
 * @return      false with ERROR_CONFIG when the file exists or the folder does not allow it,
 *              ERROR_BUSY when the disk fails; then no file of that name was left behind
 */
bool file_create(int dirfd, const char *name, struct slice content, mode_t mode,
                 struct error *e) MUST_CHECK;

/* As file_create(), but an existing file is replaced in one step: whoever opens it sees the old
 * or the new content, also after a crash. Uses `name`.new beside it. */
bool file_replace(int dirfd, const char *name, struct slice content, mode_t mode,
                  struct error *e) MUST_CHECK;
