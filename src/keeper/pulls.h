/* keeper/pulls - when which [pull] section is due, and what became of it the last time.
 *
 * The process that fetches asks for the next one, so it needs no clock and no order of its own. Nothing
 * here outlives the process: after a start everything is due. What was taken is in the ledger. Thread-safe. */
#pragma once

#include "base/slice.h"

#include "config/settings.h"

struct keeper;
struct pulls;

/* Make one in which everything is due. */
struct pulls *pulls_new(void) __attribute__((returns_nonnull));

/* Nobody may be waiting. NULL is fine. */
void pulls_free(struct pulls *p);

/* Whoever waits for a pull gets none any more. */
void pulls_close(struct pulls *p);
