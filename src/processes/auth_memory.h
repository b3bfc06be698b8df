/* processes/auth_memory - passwords that were right a moment ago, so that a busy client does not
 * pay for argon2 each time.
 *
 * What is remembered is an HMAC of account, verifier and password under a random key that never
 * leaves this process: another verifier, another password or another process finds nothing. A table
 * of fixed size; the oldest of a row of four gives way. Thread-safe. Time is the caller's. */
#pragma once

#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

struct auth_memory;

/* Make an empty one. */
struct auth_memory *auth_memory_new(void) __attribute__((returns_nonnull));

/* Wipe it and give it back. NULL is fine. */
void auth_memory_free(struct auth_memory *m);

/* Was this password right for this account and verifier, not longer ago than was said then? */
bool auth_memory_knows(struct auth_memory *m, struct slice account, struct slice verifier,
                       struct slice password, int64_t now_ms);

/* Remember it until `until_ms`. */
void auth_memory_add(struct auth_memory *m, struct slice account, struct slice verifier,
                     struct slice password, int64_t now_ms, int64_t until_ms);

OWN_BY(auth_memory, struct auth_memory, auth_memory_free)
