/* keeper/sync_pages - what the pages of one reading may say. For the keeper's own files.
 *
 * The process that speaks with directory servers may have been taken over by one: room is made once, for the total that its first
 * answer says, and nothing that it says afterwards makes it another; it has its time and its memory, too. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define SYNC_PAGES_ARENA  ((size_t)768 << 20) /* of all that is read of a directory at once */
#define SYNC_PAGES_WITHIN (15 * 60 * 1000)    /* ms of one reading */

struct sync_pages {
    bool begun;
    uint64_t reading; /* 0: not begun */
    uint64_t total;
    size_t count;     /* entries so far */
    int64_t until_ms; /* of clock_steady_ms(): when all must have come */
};

/**
 * Judge the asking of a page, whether or not it was answered, before anything else is done with it.
 *
 * @param answered  what the call said; `e` has why not
 * @param arena     which holds the answers
 * @return          false with another kind than ERROR_LIMIT, which is said here alone of what waits for a person, when there was no answer, when
 *                  it took too long, or when what came leaves too little room
 */
bool sync_pages_bear(struct sync_pages *p, bool answered, const struct arena *arena, int64_t now_ms,
                     struct error *e) MUST_CHECK;

/**
 * Take the numbers of an answer. What is counted then has its place behind those before.
 *
 * @param first  set to whether room for `total` entries is to be made now
 * @param at     set to the place of its first entry
 * @param n      how many entries it has
 * @return       false with ERROR_INPUT when it contradicts itself or what was said before, or would never end
 */
bool sync_pages_take(struct sync_pages *p, uint64_t reading, uint64_t total, size_t n, bool *first,
                     size_t *at, struct error *e) MUST_CHECK;

static inline bool sync_pages_go_on(const struct sync_pages *p)
{
    return !p->begun || p->count < p->total;
}
