/* stages/submission/endings - ends at the keeper the sessions of clients that have left, many with one question.
 *
 * A client that has gone waits for nothing, so its thread does not either: a thread of this file's own asks, some
 * milliseconds later, for all that came meanwhile. Until then the keeper still knows the handle, which nobody but this
 * process has. Thread-safe. */
#pragma once

#include "ipc/pool.h"
#include "requests/auth.h"

struct endings;

/* The pool outlives it. Never NULL. */
struct endings *endings_new(struct ipc_pool *keeper) __attribute__((returns_nonnull));

/* End what is left, and the thread. NULL is fine. */
void endings_free(struct endings *x);

/* Have a session ended soon. Waits only where a full question is under way and another is full: 2 s at most, after which the
 * keeper is left to end it itself, as it does with every session in time. */
void endings_add(struct endings *x, const uint8_t handle[static AUTH_SESSION_LEN]);

/* Wait until everything that was added has been asked for, 2 s at most. */
void endings_settle(struct endings *x);
