/* processes/auth_codes - second factors as auth makes, seals and checks them: the secret of an authenticator app (TOTP,
 * RFC 6238) and recovery codes.
 *
 * Recovery codes have 16 letters of 24, 73 bits of chance. What is kept of them are HMACs over account, number and code
 * under a key of their own, sealed under auth's key and bound to the account; the secret of TOTP is sealed likewise. Nobody
 * here remembers what was used: the keeper does, durably, before it counts. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#include "keyring/digest.h"
#include "requests/auth_factors.h"

#define RECOVERY_CODE_LETTERS 16

/* Make the secret of an authenticator app: `shown` in base32 and `sealed` are appended to; the caller wipes the former. */
bool auth_totp_make(const struct secret *seal, struct slice account, struct buf *shown,
                    struct buf *sealed, struct error *e) MUST_CHECK;

/* Make recovery codes: appended to `shown`, each with a line feed behind it, and to `sealed`. */
bool auth_recovery_make(const struct secret *seal, struct slice account, struct buf *shown,
                        struct buf *sealed, struct error *e) MUST_CHECK;

/**
 * Whether what somebody typed is a code of the account: of its authenticator app, or a recovery code that was not used.
 *
 * @param now_s  seconds since 1970
 * @param proof  set to which it is; untouched when it is none
 * @param of     what the proof's `of` points at
 */
bool auth_code_check(const struct secret *seal, struct slice account,
                     const struct auth_second *second, struct slice typed, int64_t now_s,
                     struct auth_proof *proof, uint8_t of[static DIGEST_LEN]) MUST_CHECK;
