/* processes/auth_verifier - what is kept instead of a password, and the check against it.
 *
 * Argon2id (RFC 9106, version 1.3) with 19 MiB, two passes and one lane, and behind it the keys of SCRAM
 * (auth_scram) where they are wanted, sealed under the key of the auth process and bound to the account: who
 * has the state store alone cannot even begin to guess, and a verifier moved to another account
 * opens nothing. Thread-safe; each check takes some 25 ms of a core and 19 MiB while it runs. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#include "processes/auth_scram.h"
#include "requests/auth.h"

struct verifiers;

/* Prepare: makes the verifier that unknown accounts are checked against. ERROR_BUSY when there is
 * no memory for it. `seal` outlives it. */
struct verifiers *verifiers_new(const struct secret *seal, struct error *e) MUST_CHECK;

/* NULL is fine. */
void verifiers_free(struct verifiers *v);

/* How SCRAM keys are to be made. */
struct scram_wish {
    struct slice salt; /* SCRAM_SALT_LEN bytes */
    uint64_t iterations;
};

/**
 * Append the sealed verifier of a password.
 *
 * @param account   as the keeper writes it: in lower case
 * @param password  1 to AUTH_PASSWORD_MAX bytes; what SASLprep refuses has no SCRAM keys
 * @param wish      NULL: without SCRAM keys
 * @return          false with ERROR_INPUT for an impossible password, ERROR_BUSY without memory
 */
bool verifier_make(struct verifiers *v, struct slice account, struct slice password,
                   const struct scram_wish *wish, struct buf *sealed, struct error *e) MUST_CHECK;

/* Append the verifier anew if it has not the SCRAM keys that are wished for; `password` is known to be right. False, and
 * nothing appended, when there is nothing to do. */
bool verifier_complete(struct verifiers *v, struct slice account, struct slice sealed,
                       struct slice password, const struct scram_wish *wish,
                       struct buf *completed) MUST_CHECK;

/**
 * The SCRAM keys of a verifier, for which it takes the same time whether there are any.
 *
 * @param sealed  empty: there is no such account
 * @param keys    filled in any case: with keys of a password that nobody knows when false comes back
 */
bool verifier_scram(struct verifiers *v, struct slice account, struct slice sealed,
                    struct scram_keys *keys) MUST_CHECK;

/**
 * Seal a verifier anew that is sealed under a former key (keyring/former).
 *
 * @param renewed  appended to; nothing when it is sealed under the present key
 * @return         false with ERROR_CORRUPT when it opens under none
 */
bool verifier_renew(struct verifiers *v, struct slice account, struct slice sealed,
                    struct buf *renewed, struct error *e) MUST_CHECK;

enum verifier_match {
    VERIFIER_RIGHT,
    VERIFIER_WRONG,
    VERIFIER_UNREADABLE, /* not sealed by this key for this account */
    VERIFIER_BUSY,       /* no memory now */
};

/**
 * Check a password. It takes the same time for all answers but VERIFIER_BUSY.
 *
 * @param sealed  empty: there is no such account; then the answer is VERIFIER_WRONG
 */
enum verifier_match verifier_check(struct verifiers *v, struct slice account, struct slice sealed,
                                   struct slice password) MUST_CHECK;

OWN_BY(verifiers, struct verifiers, verifiers_free)
