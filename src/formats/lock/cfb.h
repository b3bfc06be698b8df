/* formats/lock/cfb - a compound file (MS-CFB, version 3): the container in which Office keeps what it encrypts.
 *
 * Writes one from a table of its storages and streams, all of which lie in memory; reads none. Pure. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define CFB_ENTRIES_MAX 16
#define CFB_BYTES_MAX   ((size_t)256 << 20) /* of a file; the format could hold 2 GiB */

enum cfb_kind { CFB_STORAGE = 1, CFB_STREAM = 2, CFB_ROOT = 5 };

struct cfb_entry {
    const char *name; /* ASCII, at most 31 characters, unique in its storage */
    int parent;       /* index of its storage; -1 of the root, which comes first */
    enum cfb_kind kind;
    struct slice data; /* of a stream */
};

/* Append the file to `out`; out->full when it does not fit. */
void cfb_write(const struct cfb_entry *entries, size_t n, struct buf *out);
