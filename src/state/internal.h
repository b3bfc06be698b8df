/* state/internal - the table underneath: sealed values under kinds and keyed names. */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"

#include "state/state.h"

#define STORE_ID_LEN    32 /* HMAC-SHA-256 of kind and name */
#define STORE_VALUE_MAX STATE_VALUE_MAX

/* What a row is; part of its name and of its seal. Numbers are never reused. */
enum store_kind {
    STORE_CHECK = 1, /* one row: shows whether a key is the right one */
    STORE_ACCOUNT = 2,
    STORE_LEVEL = 3,
    STORE_VALUE = 4,
    STORE_NAMES = 5, /* one row, of a store that was sealed anew: the key of its names */
    STORE_FACTORS = 6,
    STORE_CONTACT = 8,
    STORE_RECIPIENT = 9,
};

struct store;

struct state {
    struct store *store;
    _Atomic uint64_t version; /* of the accounts */
};

/* Open or make the database, whose names and values are sealed under keys derived from `key`. */
bool store_open(const char *path, const struct secret *key, struct store **out,
                struct error *e) MUST_CHECK;

/* Accepts NULL. */
void store_close(struct store *s);

/* Append the value to `plain` if there is one. */
bool store_get(struct store *s, enum store_kind kind, struct slice name, struct buf *plain,
               bool *found, struct error *e) MUST_CHECK;

/* Write a value, new or in place of the old one; durable on return. */
bool store_put(struct store *s, enum store_kind kind, struct slice name, struct slice plain,
               struct error *e) MUST_CHECK;

/* Write several values in one transaction. */
bool store_put_many(struct store *s, enum store_kind kind, const struct slice *names,
                    const struct slice *plains, size_t n, struct error *e) MUST_CHECK;

/* Write a value in the place of `was`; *did is false when another is there by now, or none. */
bool store_replace(struct store *s, enum store_kind kind, struct slice name, struct slice was,
                   struct slice plain, bool *did, struct error *e) MUST_CHECK;

/* Remove a value; gone from the file on return. *found says whether there was one. */
bool store_delete(struct store *s, enum store_kind kind, struct slice name, bool *found,
                  struct error *e) MUST_CHECK;

/* Step through the values of a kind in no meaningful order: start with a zeroed id, which is moved
 * on. Others may write in between. */
bool store_next(struct store *s, enum store_kind kind, uint8_t id[static STORE_ID_LEN],
                struct buf *plain, bool *found, struct error *e) MUST_CHECK;

/* Copy everything to a new file while others go on. */
bool store_backup(struct store *s, const char *path, struct error *e) MUST_CHECK;
