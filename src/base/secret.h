/* base/secret - bytes that must not be swapped, dumped, printed or left behind.
 *
 * The memory is locked, excluded from core dumps and wiped when freed. There is deliberately no
 * way to turn a secret into text. Thread-safe: new and free may be called from any thread, one
 * secret is used by one. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

#define SECRET_MAX 4096 /* bytes: a PKCS#8 RSA-4096 key fits */

struct secret {
    uint8_t *ptr;
    size_t len;
};

/* A new zeroed secret of `len` bytes, 1 to SECRET_MAX. Never NULL: see base/arena on memory. */
struct secret *secret_new(size_t len) __attribute__((returns_nonnull));

/* A new secret holding a copy of s; the caller wipes the original. */
struct secret *secret_copy(struct slice s) __attribute__((returns_nonnull));

/* Wipe and free. NULL is fine. */
void secret_free(struct secret *s);

/* Equal, in time that depends on the lengths alone. */
bool secret_equal(struct slice a, struct slice b);

static inline struct slice secret_slice(const struct secret *s)
{
    return s ? (struct slice){s->ptr, s->len} : SLICE_NONE;
}

OWN_BY(secret, struct secret, secret_free)
