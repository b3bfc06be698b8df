/* processes/auth_scram - what is kept of a password for SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677), and what a
 * message of it proves.
 *
 * The keys stand in an account's verifier behind the one of argon2, sealed with it (auth_verifier). PBKDF2
 * takes no memory, so that who has the keys in clear guesses faster than against argon2; and who has
 * the server key can pretend to a client that he is us. Thread-safe. */
#pragma once

#include "base/buf.h"

#include "formats/sasl/scram.h"

#define SCRAM_KEYS_TEXT_MAX 192 /* bytes of scram_keys_write() */

struct scram_keys {
    uint64_t iterations;
    uint8_t salt[SCRAM_SALT_LEN];
    uint8_t stored[SCRAM_KEY_LEN];
    uint8_t server[SCRAM_KEY_LEN];
};

/* Make the keys of a password that sasl_prepare() prepared; takes some 25 ms of a core for 100,000 iterations. */
void scram_keys_make(struct slice prepared, const uint8_t salt[static SCRAM_SALT_LEN],
                     uint64_t iterations, struct scram_keys *out);

/* Append them as text, in the form of RFC 5803: SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER. */
void scram_keys_write(const struct scram_keys *keys, struct buf *out);

/* Read them; false when the text is none. */
bool scram_keys_read(struct slice text, struct scram_keys *out) __attribute__((warn_unused_result));

/* Whether the proof is one of these keys about this AuthMessage, in the same time for every answer. */
bool scram_proves(const struct scram_keys *keys, struct slice message,
                  const uint8_t proof[static SCRAM_KEY_LEN]);

/* What proves to the client that we have the keys. */
void scram_signature(const struct scram_keys *keys, struct slice message,
                     uint8_t out[static SCRAM_KEY_LEN]);
