/* keyring/recovery - the master key once more, sealed under words for a safe.
 *
 * The recovery key is 128 random bits that a person keeps on paper: six groups of five letters and
 * digits (Crockford's base 32: no I, L, O, U), the last of them partly a checksum that catches
 * typing errors. The file recovery.sealed holds the master key sealed under it, so that the
 * file may lie in every backup. */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#define RECOVERY_TEXT_LEN 35 /* "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX" */

/* A new random recovery key, as text without a NUL in a secret of RECOVERY_TEXT_LEN bytes. */
struct secret *recovery_new(void) __attribute__((returns_nonnull));

/* Whether a person typed a well-formed key: case and hyphens do not matter, O is 0, I and L are 1. */
bool recovery_check(struct slice typed) MUST_CHECK;

/**
 * Seal the master key into a file, durably; an older one is replaced.
 *
 * @param typed  the recovery key as text
 * @return       false with ERROR_INPUT when `typed` is malformed, ERROR_BUSY or ERROR_CONFIG as
 *               file_replace()
 */
bool recovery_seal(int dirfd, const char *name, struct slice typed, const struct secret *master,
                   uint64_t generation, struct error *e) MUST_CHECK;

/**
 * Get the master key back.
 *
 * @param master      set to the key, which the caller owns
 * @param generation  set to its generation
 * @return        false with ERROR_INPUT when `typed` is malformed, ERROR_DENIED when it is not the
 *                key of this file, ERROR_CONFIG when the file is missing or newer, ERROR_CORRUPT
 *                when it is damaged
 */
bool recovery_open(int dirfd, const char *name, struct slice typed, struct secret **master,
                   uint64_t *generation, struct error *e) MUST_CHECK;

/* As recovery_open(), of a file's content. */
bool recovery_open_bytes(struct slice text, struct slice typed, struct secret **master,
                         uint64_t *generation, struct error *e) MUST_CHECK;

/* The generation of the master key that a file holds, without opening it. Errors as recovery_open(). */
bool recovery_look(int dirfd, const char *name, uint64_t *generation, struct error *e) MUST_CHECK;

/* As recovery_look(), of a file's content. */
bool recovery_look_bytes(struct slice text, uint64_t *generation, struct error *e) MUST_CHECK;

/* Whether two texts are the same well-formed recovery key, however each was typed. */
bool recovery_same(struct slice a, struct slice b) MUST_CHECK;
