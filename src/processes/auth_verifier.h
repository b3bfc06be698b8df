/* processes/auth_verifier - what is kept instead of a password, and the check against it.
 *
 * Argon2id (RFC 9106, version 1.3) with 19 MiB, two passes and one lane, sealed under the key of
 * the auth process and bound to the account: who has the state store alone cannot even begin to
 * guess, and a verifier moved to another account opens nothing. Thread-safe; each check takes some
 * 25 ms of a core and 19 MiB while it runs. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#include "requests/auth.h"

struct verifiers;

/* Prepare: makes the verifier that unknown accounts are checked against. ERROR_BUSY when there is
 * no memory for it. `seal` outlives it. */
struct verifiers *verifiers_new(const struct secret *seal, struct error *e) MUST_CHECK;

/* NULL is fine. */
void verifiers_free(struct verifiers *v);

/**
 * Append the sealed verifier of a password.
 *
 * @param account   as the keeper writes it: in lower case
 * @param password  1 to AUTH_PASSWORD_MAX bytes
 * @return          false with ERROR_INPUT for an impossible password, ERROR_BUSY without memory
 */
bool verifier_make(struct verifiers *v, struct slice account, struct slice password,
                   struct buf *sealed, struct error *e) MUST_CHECK;

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
