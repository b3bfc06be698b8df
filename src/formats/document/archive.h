/* formats/document/archive - the entries of a ZIP archive that lies in memory, by libzip.
 *
 * Names are never used as paths. Nothing is unpacked as a whole: an entry's bytes pass through a
 * sink, which stops them when it has seen enough, so that what an entry claims about its size
 * matters to nobody. One thread. */
#pragma once

#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

struct archive;

struct archive_entry {
    struct slice name; /* UTF-8, as it stands in the archive; lives as long as the archive */
    uint64_t size;     /* unpacked, as the archive claims */
    bool folder;
    bool encrypted;
    bool strong;    /* encrypted under AES */
    bool supported; /* packed in a way that can be undone here */
};

/* Takes bytes of an entry; false: enough. */
typedef bool archive_sink(void *context, struct slice bytes);

enum archive_got { ARCHIVE_WHOLE, ARCHIVE_STOPPED, ARCHIVE_BROKEN };

/* Open; `bytes` must outlive the archive. NULL when its directory cannot be read. */
struct archive *archive_open(struct slice bytes);

/* NULL is fine. */
void archive_close(struct archive *a);

/* How many entries its directory names; reading one may still fail. */
size_t archive_count(const struct archive *a);

/* Describe the i-th entry; false when its row in the directory cannot be read. */
bool archive_entry(struct archive *a, size_t i, struct archive_entry *out)
    __attribute__((warn_unused_result));

/* The entry with exactly this name; false when there is none. */
bool archive_find(struct archive *a, const char *name, size_t *i)
    __attribute__((warn_unused_result));

/* Unpack the i-th entry into the sink. BROKEN also when its checksum does not fit. */
enum archive_got archive_read(struct archive *a, size_t i, archive_sink *sink, void *context);

OWN_BY(archive, struct archive, archive_close)
