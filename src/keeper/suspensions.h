/* keeper/suspensions - of whom a suspension is in force: by name, to list them.
 *
 * A name in the state is a keyed hash, so nobody can list its rows by what they are called. They are gone through once at the start, and the
 * names are in memory from then on: of accounts, and of addresses without one, whose letters a provider hands on. The row
 * decides: keeper/suspend reads it. Thread-safe. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "base/error.h"

struct keeper;
struct suspended_name;

struct suspensions {
    pthread_mutex_t lock; /* guards what follows */
    struct suspended_name *first;
    size_t count;
};

/* Forget it. */
void suspensions_close(struct suspensions *s);

/* Read from the state who is. */
bool suspensions_read(struct keeper *k, struct error *e) MUST_CHECK;

/* A row was written, or is to be. */
void suspensions_add(struct keeper *k, struct slice account);

/* Delete the row: it is over. *found says whether there was one. */
bool suspensions_drop(struct keeper *k, struct slice account, struct arena *arena, bool *found,
                      struct error *e) MUST_CHECK;

/* How many there are. */
uint64_t suspensions_count(struct keeper *k);

/* Their names, in the arena and in no order; returns how many. */
size_t suspensions_list(struct keeper *k, struct arena *arena, struct slice **names);
