/* stages/intake/journal - what comes in at the journal's listener, one letter at a time.
 *
 * A journal report becomes the letter in it with the envelope that the report tells. What is none is
 * recorded as it came, and the report of the import says why. Thread-safe. */
#pragma once

#include "ipc/pool.h"
#include "requests/keeper.h"

struct journal_intake;

/* Begin; `keeper` outlives it. */
struct journal_intake *journal_intake_new(struct ipc_pool *keeper) __attribute__((returns_nonnull));

/* Nobody may be in a call. NULL is fine. */
void journal_intake_free(struct journal_intake *j);

/**
 * Record a letter.
 *
 * @param ask     what SMTP said of it: who sent the report, to whom
 * @param fd      its bytes, sealed; stays the caller's
 * @param answer  filled with 250 once it is durable, or with why it never will be
 * @return        false when it may or may not be recorded: the same letter may come again, and is then known
 */
bool journal_intake_take(struct journal_intake *j, const struct keeper_submit_ask *ask, int fd,
                         struct arena *arena, struct keeper_submit_answer *answer,
                         struct error *e) MUST_CHECK;
