/* state/rows - the inside of the store, for the files that make it up: rows, sealed and bound to their place.
 *
 * The caller holds the lock, or is alone with a store that is being opened. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "keyring/keyring.h"
#include "state/internal.h"

#define STORE_CHECK_NAME  SLICE("check")
#define STORE_CONTEXT_MAX 64

enum statement { GET, PUT, DELETE, NEXT, WALK, N_STATEMENTS };

struct store {
    pthread_mutex_t lock; /* guards everything below */
    sqlite3 *db;
    sqlite3_stmt *statements[N_STATEMENTS];
    struct secret *key;   /* seals values */
    struct secret *names; /* hashes names */
    struct recall *recall;
};

/* Say what SQLite says. */
bool store_failed(struct store *s, struct error *e, const char *doing);

/* Run a statement without an answer. */
bool store_run(struct store *s, const char *sql, struct error *e) MUST_CHECK;

/* What a row's value is sealed with as associated data. */
struct slice store_context(enum store_kind kind, const uint8_t id[static STORE_ID_LEN],
                           uint8_t room[static STORE_CONTEXT_MAX]);

/* A prepared statement with kind and id bound; unbind it in the end. */
sqlite3_stmt *store_bind(struct store *s, enum statement which, enum store_kind kind,
                         const uint8_t id[static STORE_ID_LEN]);
void store_unbind(sqlite3_stmt *q);

/* Open the value in the first column of a row. */
bool store_unseal(struct store *s, enum store_kind kind, const uint8_t id[static STORE_ID_LEN],
                  sqlite3_stmt *row, struct buf *plain, struct error *e) MUST_CHECK;

/* Write a row under this key. */
bool store_seal(struct store *s, const struct secret *key, enum store_kind kind,
                const uint8_t id[static STORE_ID_LEN], struct slice plain,
                struct error *e) MUST_CHECK;

/* Append a row's value if it is there. */
bool store_get_row(struct store *s, enum store_kind kind, struct slice name, struct buf *plain,
                   bool *found, struct error *e) MUST_CHECK;

/* -- store_keys.c -- */

/* Take the keys that follow from this one; a store that was sealed anew has kept the one of its names. False when it
 * does not open. */
bool store_take_keys(struct store *s, const struct secret *from);

/* Find the key that the store is sealed under: this one, or one that it followed; then all is sealed anew. False with
 * ERROR_CONFIG for another master key's. */
bool store_find_key(struct store *s, const struct secret *key, struct error *e) MUST_CHECK;
