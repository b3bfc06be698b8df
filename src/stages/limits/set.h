/* stages/limits/set - numbers that were seen, each with a small number beside it: addresses as keyed hashes, with when.
 *
 * Open addressing in one block of memory that doubles up to a maximum; what would not fit then is not kept, and set_put()
 * says so. Zero is no key: it is taken for one. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct set {
    uint64_t *keys; /* 0: free */
    uint32_t *values;
    size_t room;  /* a power of two, or 0 */
    size_t count; /* of keys, those with value 0 too */
    size_t max;   /* keys at most; 0: as many as come */
};

/* The value beside a key; 0: it is not there. */
uint32_t set_get(const struct set *s, uint64_t key);

/* Put a value beside a key; 0 takes it out. False: there is no room. */
bool set_put(struct set *s, uint64_t key, uint32_t value);

/* Forget the keys whose value is less. */
void set_drop_below(struct set *s, uint32_t value);

/* Free its memory; empty afterwards, with the same maximum. */
void set_done(struct set *s);
