/* cli/manifest - the list of what is in a backup, written last: a backup without it is none.
 *
 *     postern-backup 1
 *     records 12345
 *     file <SHA-256> <bytes> <path>
 *
 * Paths are one name or a known directory and a name, so that a manifest of unknown origin names
 * nothing outside. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "cli/files.h"

#define MANIFEST_NAME      "manifest"
#define MANIFEST_MAX       ((size_t)64 << 20)
#define MANIFEST_FILES_MAX 200000

struct manifest_file {
    struct slice directory; /* "ledger", "record-keys", "state", "keys", or empty */
    const char *name;
    struct files_copy copy;
};

struct manifest {
    uint64_t records; /* of the ledger in it */
    struct manifest_file *files;
    size_t count;
};

/* Append the first two lines. */
void manifest_begin(struct buf *out, uint64_t records);

/* Append a file; `directory` may be "". */
void manifest_add(struct buf *out, const char *directory, const char *name,
                  const struct files_copy *copy);

/* Read a whole manifest; it lives in the arena. False with ERROR_CORRUPT, or ERROR_CONFIG when a
 * newer Postern wrote it. */
bool manifest_read(struct slice text, struct arena *arena, struct manifest *out,
                   struct error *e) MUST_CHECK;

/* The file of that path, or NULL. */
const struct manifest_file *manifest_find(const struct manifest *m, const char *directory,
                                          const char *name);
