/* vault/fetch - read a backup back into files, and look whether all of it is there. */
#pragma once

#include "vault/run.h"

/**
 * Fetch a manifest of the vault.
 *
 * @param number  of the backup; 0: the newest that is there
 * @param known   as in run.h, or NULL; with number 0 an older one than that is ERROR_CORRUPT: the store was
 *                rolled back
 * @return        false with ERROR_CORRUPT when there is none or it is not what was stored
 */
bool vault_find(struct vault *v, uint64_t number, const struct vault_known *known,
                struct arena *arena, struct vault_manifest *m, struct error *e) MUST_CHECK;

/* Fetch one file into a new one of its name in `folder`, with exactly this mode, durably but for the folder's
 * entry; no file is left behind by a failure. */
bool vault_fetch_file(struct vault *v, const struct vault_file *f, int folder, mode_t mode,
                      struct error *e) MUST_CHECK;

/* What a look at a backup's objects found. */
struct vault_seen {
    uint64_t objects;
    uint64_t bytes;
    uint64_t missing; /* not there, or of another size */
    uint64_t damaged; /* not what was stored */
};

/**
 * Look whether the objects of a backup are there; `open`: fetch each and open it as well.
 *
 * Those that are damaged are removed, so that the next run stores them again; but no more than some, for to a machine
 * with bad memory all of them look so.
 */
bool vault_look(struct vault *v, const struct vault_manifest *m, bool open, struct vault_seen *seen,
                struct error *e) MUST_CHECK;

/**
 * Find the master key in a store of which nothing is known: every object that a recovery key could open is
 * tried. Of several keys that it opens the newest whose vault holds such a backup counts; a key counts only for the
 * vault whose objects it opens.
 *
 * @param typed       what the person typed as recovery key
 * @param number      of the backup; 0: any
 * @param below       generations from there on do not count: none of their backups opened
 * @param master      set to the key, which the caller owns
 * @param generation  set to its generation
 * @return       false with ERROR_DENIED when it opens none, ERROR_CORRUPT when there is none
 */
bool vault_recover(struct store store, struct slice typed, uint64_t number, uint64_t below,
                   struct secret **master, uint64_t *generation, struct error *e) MUST_CHECK;
