/* processes/auth_factor - app passwords as auth makes, seals and checks them, and what seals codes too (auth_codes).
 *
 * An app password has 28 letters of 24, so 128 bits of chance: nobody guesses it, and a keyed hash does what argon2 does for
 * a password that a person chose, in microseconds. What is kept is an HMAC-SHA-256 over account, id and password
 * under a key of its own, sealed under auth's key and bound to account and id. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#include "processes/auth_verifier.h"
#include "requests/auth_factors.h"

#define APP_PASSWORD_LETTERS 28 /* "abcd-efgh-...": seven groups of four */

/**
 * Make an app password.
 *
 * @param seal      auth's key
 * @param account   as the keeper writes it: in lower case
 * @param wish      how its SCRAM keys are to be made; NULL: without
 * @param password  appended to, as it is shown; the caller wipes it
 * @param verifier  appended to
 */
bool auth_app_make(const struct secret *seal, struct slice account, struct slice id,
                   const struct scram_wish *wish, struct buf *password, struct buf *verifier,
                   struct error *e) MUST_CHECK;

/* Whether what somebody typed can be one at all: case, blanks and dashes aside. It says nothing about any account. */
bool auth_app_is_one(struct slice typed);

/* Whether it is the one that this verifier is of. One that does not open is nobody's. */
bool auth_app_check(const struct secret *seal, struct slice account, struct slice id,
                    struct slice verifier, struct slice typed) MUST_CHECK;

/* Of an app password's SCRAM keys those of one of the forms in which it is typed: as it is shown, and without dashes. A
 * client hashes what it was given, so that no other form will do. */
#define AUTH_APP_FORMS 2
bool auth_app_scram(const struct secret *seal, struct slice account, struct slice id,
                    struct slice verifier, size_t form, struct scram_keys *keys) MUST_CHECK;

/* Append `count` letters, drawn evenly from 24, in groups of four. */
void auth_letters_draw(size_t count, struct buf *out);

/* The `count` letters that somebody typed, as they were meant: case, blanks and dashes aside, and 1 or l as i. False when
 * they are more, fewer or others. */
bool auth_letters_read(struct slice typed, size_t count, uint8_t *out) MUST_CHECK;

/* Seal what is kept of an account under this label: "app/ID", "totp", "recovery". `sealed` is appended to. */
void auth_factor_seal(const struct secret *seal, struct slice account, struct slice label,
                      struct slice plain, struct buf *sealed);

/* Open it, also when it is sealed under a former key; `plain` is appended to, and the caller wipes it. False when it opens
 * under none. */
bool auth_factor_open(const struct secret *seal, struct slice account, struct slice label,
                      struct slice sealed, struct buf *plain) MUST_CHECK;

/* Overwrite what a buffer holds. */
void auth_factor_wipe(struct buf *b);

/**
 * Seal anew what is sealed under a former key.
 *
 * @param label    "app/ID", "totp", "recovery"
 * @param renewed  appended to; nothing when it is sealed under the present key
 * @return         false with ERROR_CORRUPT when it opens under none
 */
bool auth_factor_reseal(const struct secret *seal, struct slice account, struct slice label,
                        struct slice sealed, struct buf *renewed, struct error *e) MUST_CHECK;
