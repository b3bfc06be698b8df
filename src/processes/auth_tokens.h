/* processes/auth_tokens - access tokens that were right a moment ago, so that a busy client costs no signature and no question
 * to its provider each time.
 *
 * What is remembered is an HMAC of the token and of what it was judged by, under a random key that never leaves this
 * process. A table of fixed size; the oldest of a row of four gives way. Thread-safe. Time is the caller's. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/own.h"
#include "base/slice.h"

#define TOKEN_ACCOUNT_MAX  255
#define TOKEN_PROVIDER_MAX 20

/* What a right token says. */
struct token_identity {
    struct slice provider; /* name of its section */
    struct slice account;  /* as the provider writes it */
    int64_t until_ms;      /* wall clock: when it ends */
    bool factor; /* the provider asked for a second factor, and the settings take its word */
};

/* What it was judged by: with another one it is judged again. */
struct token_ground {
    const void *settings;
    uint64_t generation; /* of the providers' keys */
};

struct auth_tokens;

/* Make an empty one. */
struct auth_tokens *auth_tokens_new(void) __attribute__((returns_nonnull));

/* Wipe it and give it back. NULL is fine. */
void auth_tokens_free(struct auth_tokens *t);

/* Was it right on the same ground, not longer ago than was said then? Texts are copied into the arena. */
bool auth_tokens_find(struct auth_tokens *t, struct slice token, const struct token_ground *ground,
                      int64_t now_ms, struct arena *arena, struct token_identity *out);

/* Remember it until `until_ms`. What does not fit is not remembered. */
void auth_tokens_add(struct auth_tokens *t, struct slice token, const struct token_ground *ground,
                     const struct token_identity *identity, int64_t now_ms, int64_t until_ms);

OWN_BY(auth_tokens, struct auth_tokens, auth_tokens_free)
