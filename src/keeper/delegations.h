/* keeper/delegations - who may send as an address that is not his own, now.
 *
 * One value of the state, and a copy of it in memory that submits are judged by. Who may grant and take away, and the
 * records of it, are delegation_ask.c's business. Thread-safe but for opening and closing. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "base/error.h"

#include "letter/delegation.h"

struct keeper;

struct delegation_book {
    pthread_mutex_t lock; /* guards what follows */
    struct arena arena;
    struct delegations all;
};

/* An address that an account may send as by delegation, and by which one. */
struct delegated {
    struct slice *addresses;
    struct delegation *by; /* as many */
    size_t count;
};

/* Read the book from the state; before anybody is served. close forgets it. */
bool delegations_open(struct keeper *k, struct error *e) MUST_CHECK;
void delegations_close(struct keeper *k);

/* What is delegated to an account at this moment, groups as the addresses of who is in them; in the arena. */
bool delegations_to(struct keeper *k, struct slice account, struct arena *arena,
                    struct delegated *out, struct error *e) MUST_CHECK;

/* All, also those that do not hold any more; in the arena. */
void delegations_all(struct keeper *k, struct arena *arena, struct delegations *out);

/* The one of that address or group to that account; NULL: there is none. */
const struct delegation *delegations_find(const struct delegations *all, struct slice from,
                                          struct slice to);

/* "board@example.test to anna@example.test", for an act; in the arena. */
struct slice delegations_name(struct slice from, struct slice to, struct arena *arena);

/* Write one, in the place of one of the same address to the same account; those that are over go. ERROR_LIMIT when there are
 * too many. The caller holds `changing` of approvals, here and below. */
bool delegations_put(struct keeper *k, const struct delegation *d, struct error *e) MUST_CHECK;

/* Take one away; one that is not there is no error. */
bool delegations_remove(struct keeper *k, struct slice from, struct slice to,
                        struct error *e) MUST_CHECK;
