/* state/factors - what an account proves itself with besides its main password: app passwords, TOTP, recovery
 * codes, passkeys.
 *
 * One row of the state for each account that has any, beside the account's own row, so that a code or a sign-in
 * changes nothing about the account. Thread-safe as the state is. */
#pragma once

#include "letter/app_password.h"
#include "letter/passkey.h"
#include "state/state.h"

#define FACTORS_TOTP_MAX       256
#define FACTORS_RECOVERY_MAX   1024
#define FACTORS_RECOVERY_CODES 10

struct factors {
    struct cbor_list apps;     /* struct app_password */
    struct slice totp;         /* sealed by auth; empty: there is none */
    uint64_t totp_step;        /* the last one whose code was used: it and all before are spent */
    uint64_t totp_since;       /* wall milliseconds */
    struct slice recovery;     /* the codes' hashes, sealed by auth */
    uint64_t recovery_spent;   /* bits: codes that were used */
    struct slice totp_asked;   /* as `totp`, of one that waits for its first code */
    struct cbor_list passkeys; /* struct passkey */
    uint64_t totp_asked_at;    /* wall milliseconds: when it was shown */
    uint64_t passkeys_at; /* wall milliseconds: the first was added, or one was removed, last */
};

/* Read an account's; all zero when it has none. */
bool state_factors_get(struct state *s, struct slice account, struct arena *arena,
                       struct factors *out, struct error *e) MUST_CHECK;

/* Write it; durable on return. ERROR_LIMIT when it is too long. */
bool state_factors_put(struct state *s, struct slice account, const struct factors *factors,
                       struct error *e) MUST_CHECK;
