/* processes/auth_attempts - sign-ins at the desk by an OpenID provider that are under way: between the page that a browser was
 * sent to and the code that it brings, or until somebody typed a code on that page.
 *
 * An attempt is known by an unguessable id and taken out by being found, so that no code is good twice; it ends by itself
 * after ATTEMPT_LASTS_MS, or when the provider says, after ATTEMPT_DEVICE_LASTS_MS at most. Of ATTEMPTS_MAX the oldest gives way. Thread-safe but for an attempt itself, which is whose it
 * is. Time is the caller's. */
#pragma once

#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

#include "config/settings_oidc.h"
#include "formats/jose/base64url.h"
#include "processes/auth_tokens.h"

#define ATTEMPTS_MAX       256
#define ATTEMPT_ID_LEN     16
#define ATTEMPT_LASTS_MS   300000 /* people type passwords and look for their telephones meanwhile */
#define ATTEMPT_RANDOM_LEN 32
#define ATTEMPT_TEXT_LEN   BASE64URL_LEN(ATTEMPT_RANDOM_LEN)
#define ATTEMPT_CLIENT_MAX 64
#define ATTEMPT_DEVICE_MAX 2048
#define ATTEMPT_DEVICE_LASTS_MS                                                                    \
    900000 /* at most: they go to another machine and type a code there, too */

struct attempt {
    uint8_t id[ATTEMPT_ID_LEN];
    int64_t until_ms;
    uint16_t port;
    size_t provider_len;
    uint8_t provider[SETTINGS_OIDC_NAME_MAX];
    size_t client_len;
    uint8_t client[ATTEMPT_CLIENT_MAX]; /* who began it */
    uint8_t state[ATTEMPT_TEXT_LEN];
    uint8_t nonce[ATTEMPT_TEXT_LEN];
    uint8_t verifier[ATTEMPT_TEXT_LEN]; /* RFC 7636 */
    size_t device_len;                  /* not 0: by a code that is typed elsewhere (RFC 8628) */
    uint8_t device[ATTEMPT_DEVICE_MAX]; /* what the provider is asked with whether it was */
    int64_t next_ms;                    /* not before is it asked */
    int64_t pause_ms;                   /* between questions */
    size_t account_len; /* not 0: the provider has said who it is, and a code of ours is wanted, */
    uint8_t account[TOKEN_ACCOUNT_MAX];
    bool
        blocked; /* or it was blocked just then: what the provider said counts when it is not any more */
    bool factor; /* of one that was: as in a struct token_identity */
};

struct attempts;

/* Make a table with nothing under way. */
struct attempts *attempts_new(void) __attribute__((returns_nonnull));

/* NULL is fine, here and below. */
void attempts_free(struct attempts *t);

/* A new one with random numbers of its own, not in the table yet. */
struct attempt *attempt_new(int64_t now_ms) __attribute__((returns_nonnull));

/* Wipe it. */
void attempt_free(struct attempt *x);

/* Put it into the table, which owns it from here on. */
void attempts_put(struct attempts *t, struct attempt *x, int64_t now_ms);

/* Take it out: the caller's. NULL when there is none of that id any more. */
struct attempt *attempts_take(struct attempts *t, struct slice id, int64_t now_ms);

OWN_BY(attempts, struct attempts, attempts_free)
OWN_BY(attempt, struct attempt, attempt_free)
