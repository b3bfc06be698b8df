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
