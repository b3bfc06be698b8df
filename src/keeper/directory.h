/* keeper/directory - which account has which address, in memory.
 *
 * For what is asked of every letter with a subaddress, or of an application that sends as a whole domain; made anew
 * from the state when it is asked after an account was changed. Thread-safe but for closing. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "base/error.h"

struct keeper;
struct directory_row;

struct directory {
    pthread_mutex_t lock; /* guards what follows */
    bool read;
    uint64_t version; /* of the state's accounts */
    struct arena arena;
    struct directory_row *rows; /* ascending by key */
    size_t count;
    struct directory_row
        *groups; /* a row for each address of who is in one, ascending by the group's name */
    size_t n_groups;
};

/* Forget it. */
void directory_close(struct directory *d);

/**
 * Whether an account other than this one has that address, exactly, but for the case of ASCII letters.
 *
 * @param domain  in canonical form (formats/smtp/address.h)
 * @return        false when that cannot be told: the state could not be read
 */
bool directory_has_another(struct keeper *k, struct slice account, struct slice local,
                           struct slice domain, bool *another, struct error *e) MUST_CHECK;

/* Names of the accounts that have this address, in the arena; an address that is none is nobody's. */
bool directory_accounts(struct keeper *k, struct slice address, struct arena *arena,
                        struct slice **accounts, size_t *count, struct error *e) MUST_CHECK;

/* The addresses of who is in a group, in the arena. */
bool directory_group(struct keeper *k, struct slice group, struct arena *arena,
                     struct slice **addresses, size_t *count, struct error *e) MUST_CHECK;
