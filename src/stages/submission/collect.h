/* stages/submission/collect - a letter's bytes on their way from the connection into a sealed memory
 * file.
 *
 * A small letter costs one write(2): its runs gather in a buffer. A large one is written out piece
 * by piece, so a session never holds more than COLLECT_BUFFER of it. Every byte is taken from the
 * budget of the process before it is kept, and given back by collect_drop(). A memory file is never
 * used twice: once sealed it belongs to its readers. One session's. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "ipc/budget.h"

#define COLLECT_BUFFER ((size_t)64 << 10) /* bytes */
#define COLLECT_STEP   ((size_t)64 << 10) /* bytes taken from the budget at a time */

struct collect {
    struct ipc_budget *budget;
    size_t acquired; /* bytes of the budget */
    size_t len;      /* bytes of the letter so far */
    int fd;          /* -1 while all of the letter is in the buffer */
    struct buf buffer;
};

/* Make *c ready for a letter; nothing is taken yet. */
void collect_init(struct collect *c, struct ipc_budget *budget);

/* Add the letter's next bytes. ERROR_LIMIT when the budget is used up, ERROR_BUSY when memory or
 * descriptors are; the letter is then lost, collect_drop() remains to be called. */
bool collect_add(struct collect *c, struct slice run, struct error *e) MUST_CHECK;

/* Seal what was added. Returns the memory file, which lives until collect_drop(), or -1. */
int collect_seal(struct collect *c, struct error *e) MUST_CHECK;

/* Give everything back: the next letter may begin. */
void collect_drop(struct collect *c);
