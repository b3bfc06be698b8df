/* formats/jose/keys - a provider's public keys (JWK set, RFC 7517), and what they have signed.
 *
 * Of a set count keys for signatures alone: RSA of 2048 to 8192 bits, P-256, Ed25519; shared secrets and private keys are
 * passed over, as is what is not understood. A key signs by the algorithms of its own kind, and where it names one, by that
 * alone: no public key ever is a shared secret. Thread-safe but for a set that is being made or freed. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

#include "formats/jose/jwt.h"

#define JOSE_KEYS_MAX 64

struct jose_keys;

/* Read a set. NULL when it is none, or has no key that counts. */
struct jose_keys *jose_keys_read(struct slice text);

/* NULL is fine. */
void jose_keys_free(struct jose_keys *keys);

OWN_BY(jose_keys, struct jose_keys, jose_keys_free)

/* How many count. */
size_t jose_keys_count(const struct jose_keys *keys);

enum jose_verdict {
    JOSE_SIGNED,
    JOSE_NOT_SIGNED,
    JOSE_NO_KEY, /* none of that name and kind: the provider may have a new one */
};

/* Whether a token was signed with one of the keys: the one that it names, or when it names none, any of its kind. */
enum jose_verdict jose_verify(const struct jose_keys *keys, const struct jwt *token);
