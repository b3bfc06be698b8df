/* processes/auth_challenge - the challenges that passkeys were asked to sign, until they come back.
 *
 * A challenge belongs to one account and one purpose; by being found it is taken out, so that nothing is signed in with twice,
 * and it ends by itself. There are CHALLENGES_MAX in rows of account and purpose, of which the oldest gives way, and as many
 * in a table of their own for PASSKEY_ALONE: who asks without a password pushes out none of who gave one or is signed in, but
 * may push out others' of that purpose. Thread-safe. Time is the caller's. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

#include "requests/auth_passkeys.h"

#define CHALLENGES_MAX     4096
#define CHALLENGE_LASTS_MS 60000

struct challenges;

/* A table without any; free accepts NULL. */
struct challenges *challenges_new(void) __attribute__((returns_nonnull));
void challenges_free(struct challenges *t);

/* Draw one and remember it. */
void challenges_draw(struct challenges *t, struct slice account, enum passkey_purpose purpose,
                     int64_t now_ms, uint8_t out[static AUTH_CHALLENGE_LEN]);

/* Take it out; false when it is not there, is over, or is of another account or purpose. */
bool challenges_take(struct challenges *t, struct slice account, enum passkey_purpose purpose,
                     const uint8_t challenge[static AUTH_CHALLENGE_LEN], int64_t now_ms)
    __attribute__((warn_unused_result));

OWN_BY(challenges, struct challenges, challenges_free)
