/* keeper/renewal - the master key as the keeper knows it: recorded when it changes, and after a rotation what is sealed
 * under a former key is put under the present one, in the background. For the keeper's own files. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"

struct keeper;

/* Record that another master key is in force than at the last start, or that it is kept in another way. Before the threads
 * run. */
bool keeper_key_known(struct keeper *k, struct error *e) MUST_CHECK;

/* The key of the catalog's hashes, which a rotation does not change; the caller owns it. Kept in the state, so that
 * the catalog need not be made anew. */
bool keeper_catalog_key(struct keeper *k, struct secret **key, struct error *e) MUST_CHECK;

/* Have auth seal a verifier under the present key, if it is under a former one: then it becomes another, in the arena. One
 * that opens under no key stays as it is: the account's logins say so. */
bool keeper_renew_verifier(struct keeper *k, struct slice account, struct slice *verifier,
                           struct arena *arena, struct error *e) MUST_CHECK;

/* Put verifiers, key slots and key files under the present key; a thread that ends when it is done. */
void keeper_renew(void *keeper);
