/* stages/delivery/kept - sessions kept open for the next letter to the same next hop.
 *
 * A line is everything that goes to one next hop (its key: a domain or a fixed route). It has at
 * most so many sessions at once; a worker takes one that rests, opens one, or waits until another
 * worker puts one back. Shared by all workers of a process and thread-safe; a session that was
 * taken is the taker's until it is put back or reported gone. */
#pragma once

#include <stdint.h>

#include "base/own.h"

#include "stages/delivery/reach.h"

struct kept;

enum kept_turn {
    KEPT_SESSION, /* here is one, quiet until now */
    KEPT_OPEN,    /* open one; then kept_put() or kept_gone() */
    KEPT_BUSY,    /* all that the line may have stayed busy until the deadline */
};

/* What a session proves it proved when it was opened: so long after that none serves any more. */
#define KEPT_AGE_MS (5 * 60 * 1000)

/* What a session must be to serve. */
struct kept_wish {
    struct slice key; /* of the line */
    enum tls_level level;
    bool require_tls;     /* it passes REQUIRETLS on */
    const void *settings; /* it was opened with the same; compared, never looked into */
    uint64_t limit;       /* sessions of the line at once, at least 1 */
    bool fresh;           /* none that rested: one just turned out dead, so others may be */
};

/* Make one without a session. */
struct kept *kept_new(void) __attribute__((returns_nonnull));

/* Every session must have been put back or be gone. NULL is fine. */
void kept_free(struct kept *k);

/**
 * Take a resting session, or the right to open one.
 *
 * @param deadline_ms  by clock_steady_ms(): how long to wait for either
 * @param out          set when KEPT_SESSION comes back
 */
enum kept_turn kept_take(struct kept *k, const struct kept_wish *wish, int64_t deadline_ms,
                         struct reached *out) __attribute__((warn_unused_result));

/* Put a session back to rest until `until_ms` (steady clock); *reached is emptied. */
void kept_put(struct kept *k, const struct kept_wish *wish, struct reached *reached,
              int64_t until_ms);

/* The session that was taken, or the right to open one, is used up. Close the session first. */
void kept_gone(struct kept *k, const struct kept_wish *wish);

/* Close a resting session with that address, port included. False when there is none. */
bool kept_make_room(struct kept *k, const struct address *address);

/* Close resting sessions whose time is over at `now_ms`. Returns when the next one's is, or
 * INT64_MAX. May take seconds: servers are told good-bye. */
int64_t kept_expire(struct kept *k, int64_t now_ms);

OWN_BY(kept, struct kept, kept_free)
