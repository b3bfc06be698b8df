/* ledger/stream - a file that is written from the front to the back, in large steps. For ledger/'s own
 * files. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define STREAM_STEP ((size_t)1 << 20)
#define STREAM_SYNC                                                                                \
    ((uint64_t)16 << 20) /* bytes: a commit beside it does not wait for more than these */

struct stream {
    int fd;           /* the caller's */
    uint64_t at;      /* of the file: where the buffer will stand */
    uint64_t synced;  /* what is before it is durable */
    struct buf bytes; /* not written yet */
};

/* Begin at an offset; what is before it, and syncing, is the caller's. */
struct stream stream_at(int fd, uint64_t at);

/* Write these bytes behind what came before: now, or with what follows. */
bool stream_add(struct stream *s, struct slice bytes, struct error *e) MUST_CHECK;

/* Write what is waiting. */
bool stream_flush(struct stream *s, struct error *e) MUST_CHECK;

/* Free the buffer. */
void stream_done(struct stream *s);
