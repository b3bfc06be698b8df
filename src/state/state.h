/* state/state - what is now and must be able to vanish: accounts, levels shown, small values.
 *
 * One SQLite file with full synchronisation whose values are sealed one by one; names that are
 * addresses or domains stand in it as keyed hashes. Nothing is readable without the key, and what
 * is deleted is gone. The ledger says what happened; this says what holds. The keeper alone opens
 * it. Thread-safe. */
#pragma once

#include "base/own.h"
#include "base/secret.h"

#include "formats/cbor/cbor.h"
#include "letter/account_role.h"
#include "letter/contact.h"

#define STATE_FORMAT_VERSION 1
#define STATE_VERIFIER_MAX   512
#define STATE_DIRECTORY_MAX  32
#define STATE_KEY_MAX        64
#define STATE_PLACE_LEN      32
#define STATE_VALUE_MAX      ((size_t)256 * 1024) /* bytes of one value before sealing */

struct state;

struct account {
    struct slice name;          /* what its holder logs in with: an address, lower case */
    struct cbor_list addresses; /* texts: what it may send as, besides its name */
    struct slice display;
    struct slice verifier; /* sealed by auth; empty: nobody can log in */
    bool disabled;
    uint64_t created_at;
    uint64_t role; /* enum account_role; whoever had none when it was written is an employee */
    struct cbor_list groups; /* names, see letter/group.h */
    struct cbor_list
        domains; /* of an application: it may send as every address in them that nobody has */
    bool beside; /* the password behind the verifier is good enough beside a second factor only */
    uint64_t
        drill_until; /* wall milliseconds; not 0: it is of a drill (keeper/drills), and good until then */
    struct slice directory; /* whose [directory] says whether a password is right; empty: none */
    struct slice directory_key; /* by which it knows the person again */
    bool directory_closed;      /* closed because the directory said so, not by a person */
    struct slice notify;        /* a further address for notices to its holder; empty: none */
};

extern const struct cbor_schema account_schema;

/**
 * Open the store, making it when it is not there.
 *
 * @param path  of state.db
 * @param key   the derived key "state"
 * @return      false with ERROR_CONFIG for a newer format or another key, ERROR_CORRUPT when it is
 *              no state store, ERROR_BUSY when it cannot be opened
 */
bool state_open(const char *path, const struct secret *key, struct state **out,
                struct error *e) MUST_CHECK;

/* NULL is fine. */
void state_close(struct state *s);

/* Read an account; its members come from the arena. *found says whether there is one. */
bool state_account_get(struct state *s, struct slice name, struct arena *arena, struct account *out,
                       bool *found, struct error *e) MUST_CHECK;

/* Write an account, new or changed; durable on return. */
bool state_account_put(struct state *s, const struct account *account, struct error *e) MUST_CHECK;

/* Write several, all or none of them. */
bool state_accounts_put(struct state *s, const struct account *accounts, size_t n,
                        struct error *e) MUST_CHECK;

/* Write an account in the place of what was read of it; *did is false when it was changed meanwhile. */
bool state_account_replace(struct state *s, const struct account *was, const struct account *now,
                           bool *did, struct error *e) MUST_CHECK;

/* Give an account another verifier, unless it was changed in any way since it was read. */
bool state_account_renew(struct state *s, const struct account *was, struct slice verifier,
                         bool *did, struct error *e) MUST_CHECK;

/* Another number after every change of an account; what was read of them before may be out of date. */
uint64_t state_accounts_version(struct state *s);

/* All accounts, by name. */
bool state_accounts(struct state *s, struct arena *arena, struct account **accounts, size_t *count,
                    struct error *e) MUST_CHECK;

/* The values that are accounts as they are to be when a change is approved. */
bool state_accounts_to_be(struct state *s, struct arena *arena, struct account **accounts,
                          size_t *count, struct error *e) MUST_CHECK;

/* The best enum tls_level that a next hop has shown, 0 when it is new. */
bool state_level_get(struct state *s, struct slice where, uint64_t *level,
                     struct error *e) MUST_CHECK;
bool state_level_put(struct state *s, struct slice where, uint64_t level,
                     struct error *e) MUST_CHECK;
bool state_level_delete(struct state *s, struct slice where, bool *found,
                        struct error *e) MUST_CHECK;

/* Write contacts, new or changed, all or none of them. */
bool state_contacts_put(struct state *s, const struct contact_row *rows, size_t n,
                        struct error *e) MUST_CHECK;
bool state_contact_delete(struct state *s, const struct contact_row *row,
                          struct error *e) MUST_CHECK;

/* Step through all contacts in no meaningful order: start with a zeroed place, which is moved on. */
bool state_contact_next(struct state *s, uint8_t place[static STATE_PLACE_LEN], struct arena *arena,
                        struct contact_row *out, bool *found, struct error *e) MUST_CHECK;

/* Small values under names of their owners' choosing ("checkpoint/last"): the sealed place for what
 * has no type of its own here. At most STATE_VALUE_MAX bytes. */
bool state_value_get(struct state *s, struct slice name, struct arena *arena, struct slice *value,
                     bool *found, struct error *e) MUST_CHECK;
bool state_value_put(struct state *s, struct slice name, struct slice value,
                     struct error *e) MUST_CHECK;

/* Several of them, all or none, for one wait for the disk. */
bool state_values_put(struct state *s, const struct slice *names, const struct slice *values,
                      size_t n, struct error *e) MUST_CHECK;

/* *found says whether there was one. */
bool state_value_delete(struct state *s, struct slice name, bool *found,
                        struct error *e) MUST_CHECK;

/* Step through all of them, in no meaningful order and without their names: start with a zeroed place, which is moved on. */
bool state_value_next(struct state *s, uint8_t place[static STATE_PLACE_LEN], struct arena *arena,
                      struct slice *value, bool *found, struct error *e) MUST_CHECK;

/* The value that is there while nothing is to be delivered: set by the keeper on a person's order, or
 * by a restore. */
#define STATE_QUEUE_PAUSED "queue/paused"

/* Write a consistent copy to a new file, durably, while others go on reading and writing. False
 * with ERROR_CONFIG when the file exists or cannot be made, ERROR_BUSY when the disk fails. */
bool state_backup(struct state *s, const char *path, struct error *e) MUST_CHECK;

OWN_BY(state, struct state, state_close)
