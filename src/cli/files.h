/* cli/files - directories and durable copies of files, for init, backup and restore. */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "keyring/digest.h"

#define FILES_WHOLE UINT64_MAX

/* Make a directory with its parents (0755), and open it. A directory that is there is as good.
 * False with ERROR_CONFIG. */
bool files_make_directory(const char *path, mode_t mode, struct arena *arena, int *fd,
                          struct error *e) MUST_CHECK;

/* Make `name` below a directory when it is not there, and open it. False with ERROR_CONFIG. */
bool files_make_below(int at, const char *name, mode_t mode, int *fd, struct error *e) MUST_CHECK;

/* Whether nothing is in it. */
bool files_is_empty(int directory, bool *empty, struct error *e) MUST_CHECK;

/* Write all of it. False with ERROR_BUSY. */
bool files_write(int fd, struct slice bytes, struct error *e) MUST_CHECK;

/* Write a new file, mode 0600, down to the disk. False with ERROR_CONFIG when it is there or cannot be made, ERROR_BUSY when it
 * could not be written: then there is none. */
bool files_write_new(const char *path, struct slice bytes, struct error *e) MUST_CHECK;

/* Likewise, of two parts, one behind the other. */
bool files_write_new_parts(const char *path, struct slice first, struct slice second,
                           struct error *e) MUST_CHECK;

/* What was copied. */
struct files_copy {
    uint64_t size;
    uint8_t digest[DIGEST_LEN]; /* SHA-256 */
};

/**
 * Copy a file to a new one, durably but for the folder's entry.
 *
 * @param mode    permission bits, exactly
 * @param length  copy so many bytes from its beginning, which must be there; FILES_WHOLE: all
 * @param copy    set to size and digest of what was read
 * @return        false with ERROR_CONFIG (cannot be opened or made, too short) or ERROR_BUSY; then
 *                no such file was left behind
 */
bool files_copy(int from_dir, const char *from, int to_dir, const char *to, mode_t mode,
                uint64_t length, struct files_copy *copy, struct error *e) MUST_CHECK;

/* Call back for each regular file whose name does not begin with a dot, in the order of names. */
bool files_each(int directory, bool (*visit)(void *context, const char *name, struct error *e),
                void *context, struct error *e) MUST_CHECK;
