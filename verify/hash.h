/* verify/hash - SHA-256, one computation after the other in the same context.
 *
 * A struct hash belongs to one thread. It does not fail: without memory the program ends. */
#pragma once

#include "verify/bytes.h"

#define HASH_LEN 32

struct hash;

/* A fresh one, begun. Free accepts NULL. */
struct hash *hash_new(void) __attribute__((returns_nonnull));
void hash_free(struct hash *h);

/* Begin anew; what was added is forgotten. */
void hash_begin(struct hash *h);

/* Add bytes. */
void hash_add(struct hash *h, const void *bytes, size_t len);

/* Give out the digest and begin anew. */
void hash_end(struct hash *h, uint8_t out[static HASH_LEN]);
