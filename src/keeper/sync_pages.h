/* keeper/sync_pages - what the pages of one reading may say. For the keeper's own files.
 *
 * The process that speaks with directory servers may have been taken over by one: room is made once, for the total that its first
 * answer says, and nothing that it says afterwards makes it another. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sync_pages {
    bool begun;
    uint64_t reading; /* 0: not begun */
    uint64_t total;
    size_t count; /* entries so far */
};

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
