/* keyring/digest - SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) over OpenSSL.
 *
 * OpenSSL 3 looks an algorithm up by name in a locked table; here it is fetched once for each
 * process, which makes a small hash several times cheaper. Thread-safe; a struct digest is used by
 * one thread at a time. Hashing cannot fail: when the library is unusable the process ends. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

#define DIGEST_LEN 32 /* bytes of SHA-256 and of HMAC-SHA-256 */

struct digest;

/* A new SHA-256 in its starting state. Never NULL. */
struct digest *digest_new(void) __attribute__((returns_nonnull));

/* Free. NULL is fine. */
void digest_free(struct digest *d);

/* Start again. */
void digest_reset(struct digest *d);

/* Digest s after what was added before. */
void digest_add(struct digest *d, struct slice s);

/* Write the hash of what was added since the start; the digest is then as after digest_reset(). */
void digest_end(struct digest *d, uint8_t out[static DIGEST_LEN]);

/* The hash of a, followed by b: for one slice, pass SLICE_NONE as the other. */
void digest_of(struct slice a, struct slice b, uint8_t out[static DIGEST_LEN]);

/* The hash of `bytes`, and of `front` followed by them, in one pass over the memory. */
void digest_both(struct slice front, struct slice bytes, uint8_t alone[static DIGEST_LEN],
                 uint8_t behind[static DIGEST_LEN]);

/* HMAC-SHA-256 of s. Keys longer than 64 bytes are hashed first, as RFC 2104 says. */
void digest_hmac(struct slice key, struct slice s, uint8_t out[static DIGEST_LEN]);

OWN_BY(digest, struct digest, digest_free)
