/* keyring/keyring - keys from keys, and small things sealed under them.
 *
 * One master key; everything else is derived from it by HKDF-SHA-256 (RFC 5869) with the info
 * "postern/v1/<label>", so that a process which holds one derived key learns nothing of another.
 * keyring_seal() is for small values at rest (key files, values of the state): each sealing has
 * its own key, derived with a fresh random salt, so a key may seal any number of values.
 * Thread-safe. Records of the ledger have a form of their own: see ledger/record.h. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#define KEYRING_KEY_LEN 32 /* bytes of the master key and of every derived key */
#define KEYRING_ID_LEN  16 /* bytes of a key's public name */

/* What sealing adds: format (1), salt (32), tag (16). */
#define KEYRING_SEAL_OVERHEAD 49
#define KEYRING_SEAL_MAX      ((size_t)128 << 20) /* bytes of one sealed value */

/**
 * Derive the subkey of a label.
 *
 * @param from   the master key, or a key derived from it
 * @param label  what the key is for: "ledger", "state", "search", "signer", "auth"; a label never
 *               changes its meaning
 * @return       KEYRING_KEY_LEN bytes that the caller owns, never NULL
 */
struct secret *keyring_derive(const struct secret *from, const char *label)
    __attribute__((returns_nonnull));

/* As keyring_derive(), with a salt of its own, into the caller's memory (wiped by the caller). */
void keyring_derive_salted(struct slice from, struct slice salt, const char *label,
                           uint8_t out[static KEYRING_KEY_LEN]);

/* A new random key that the caller owns. Never NULL. */
struct secret *keyring_random(void) __attribute__((returns_nonnull));

/* Fill with bytes fit for keys. Cannot fail: without randomness the process ends. */
void keyring_random_bytes(uint8_t *out, size_t len);

/* The public name of a key: reveals nothing of it, tells whether a file was sealed under it. */
void keyring_id(const struct secret *key, uint8_t id[static KEYRING_ID_LEN]);

/**
 * Append `plain`, sealed, to out: AES-256-GCM under a key of its own.
 *
 * @param context  what the value is and where it belongs ("state/session/17"): authenticated, not
 *                 stored; opening needs the same
 * @param out      grows by plain.len + KEYRING_SEAL_OVERHEAD; `full` when that does not fit
 */
void keyring_seal(const struct secret *key, struct slice context, struct slice plain,
                  struct buf *out);

/**
 * Append what was sealed to out.
 *
 * @param out  on failure as before
 * @return     false with ERROR_CORRUPT when key, context or bytes are not those of the sealing,
 *             ERROR_CONFIG when a newer Postern wrote it, ERROR_LIMIT when out has no room
 */
bool keyring_open(const struct secret *key, struct slice context, struct slice sealed,
                  struct buf *out, struct error *e) MUST_CHECK;

/* As keyring_open(), for a value that is itself a key: it never touches ordinary memory. */
bool keyring_open_secret(const struct secret *key, struct slice context, struct slice sealed,
                         struct secret **out, struct error *e) MUST_CHECK;
