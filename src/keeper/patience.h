/* keeper/patience - how long the decision about one letter may wait for servers of others: directories of keys, lists of revoked
 * certificates, the DNS, policies of MTA-STS.
 *
 * It begins no such wait when its time is over, and of all workers half may wait at once: a server that is slow keeps the letters
 * that it is about from being decided, and no others. What is not asked because of that is not known now; it never counts as a no.
 * Each is of the calling thread. One that began none, such as a person's question, waits as long as the caller wants. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_MS                                                                                \
    INT64_C(10000) /* of a decision, besides the one wait that was begun before it was over */
#define PATIENCE_WAITERS 4 /* threads that wait at once: half of KEEPER_WORKERS */

/* A decision begins, which may wait for so long; and ends. */
void patience_begin(int64_t ms);
void patience_end(void);

/* Whether this thread is deciding. */
bool patience_counts(void);

/* Whether to wait for somebody now; when true, patience_give() follows when he has answered or not. */
bool patience_take(void);
void patience_give(void);

/* What is left of the time, for who can wait for less: at most `most_ms`. */
int64_t patience_left_ms(int64_t most_ms);
