/* keeper/account_like - an account for each name that somebody signs in with, whether there is such an account or not: what a client is told
 * before it has proved itself (the iterations of SCRAM) is told to who names nobody as that account would be told it.
 *
 * Accounts lie on a ring by a keyed hash of their names; a name's is the next one, so it stays the same for a name as long as the account is there.
 * The ring is made anew ten minutes after a change at the earliest. Thread-safe. For the keeper's own files. */
#pragma once

#include "base/arena.h"

struct keeper;
struct account_likes;

/* An empty ring; free accepts NULL. */
struct account_likes *account_likes_new(void) __attribute__((returns_nonnull));
void account_likes_free(struct account_likes *l);

/* The account of a name, canonical, and its verifier: both empty when there is none with a password. From the arena. */
void account_like(struct keeper *k, struct slice name, struct arena *arena, struct slice *account,
                  struct slice *verifier);
