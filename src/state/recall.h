/* state/recall - some values of the store in memory, as they were read or are no more. Opening a sealed row costs
 * some 20 microseconds, and a sign-in, an attempt to deliver ask for the same few again and again.
 *
 * Nobody else writes the file (store.c, invariant 6), so a value holds until it is written or removed
 * through the same store, which forgets it here first. Bounded: a place for each of some hundred hashes of
 * names, and no value longer than a page. Not thread-safe: the store's lock guards it. */
#pragma once

#include "state/internal.h"

struct recall;

/* Know nothing yet. */
struct recall *recall_new(void) __attribute__((returns_nonnull));

/* Wipes what it held. NULL is fine. */
void recall_free(struct recall *r);

/* Append the value to `plain`, or learn that there is none: *found says which. False when it is not known
 * here. */
bool recall_get(const struct recall *r, enum store_kind kind, struct slice name, struct buf *plain,
                bool *found);

/* Keep what was read; not found: `plain` is ignored. */
void recall_keep(struct recall *r, enum store_kind kind, struct slice name, bool found,
                 struct slice plain);

/* Forget it: it is about to change. */
void recall_forget(struct recall *r, enum store_kind kind, struct slice name);
