/* keeper/backups - when a backup is due, what of the data directory it holds, and what came of it.
 *
 * The process that makes it (`backup`) has the key of the backups and no way to the files: it asks here for
 * work, gets a frozen view as descriptors for reading, and reports. While a view is held nothing is packed or
 * erased; it ends when everything was fetched, with the report, with the next question, after a day (a slow target
 * must not keep erasures waiting, whether anybody asks or not; the next run goes on), or with the keeper. Each report is a record;
 * a failure comes again, later each time, and alarms. Thread-safe. */
#pragma once

#include "base/error.h"

#include "ipc/ipc.h"

struct keeper;

struct backups;

/* What was done last, from the state. */
struct backups *backups_new(struct keeper *k) __attribute__((returns_nonnull));
void backups_free(struct backups *b);

/* Drop a view that is held for too long; called from time to time. */
void backups_look(struct backups *b);

/* When the last backup was made and the last trial restore succeeded, wall clock; 0: never. */
int64_t backups_last_made(struct backups *b);
int64_t backups_last_tried(struct backups *b);

/* The time of the oldest backup that is left where they are made now; 0: not known. */
int64_t backups_oldest(struct backups *b);

/* The vaults that are not used now: struct backup_left, from the arena. *more: there are such of which nothing was kept. */
struct cbor_list backups_left(struct backups *b, struct arena *arena, bool *more);

/* Whether one of them is this, and to take it off the list: a person says that it was removed. */
bool backups_has_left(struct backups *b, struct slice prefix, struct slice place,
                      struct arena *arena);
void backups_forget(struct backups *b, struct slice prefix, struct slice place);

/* ── keeper/backup_gone.c ── */

/**
 * Until when a backup can hold a key that was destroyed at `destroyed_at`.
 *
 * Backups from before a rotation of the master key are removed as the others are, at the same target. Those at a
 * former target are not: as long as there are such, it is never known that none does.
 *
 * @param gone  set to whether it is known that none does any more
 * @return      wall clock: when the last such backup is old enough to be removed, and a later one made; 0:
 *              no backups are made by the daemon
 */
int64_t backups_gone_at(struct keeper *k, int64_t destroyed_at, bool *gone);

/* Until when backups can hold what is destroyed now, as the end of a sentence; nothing when no backups are made. Those at a
 * former target are named. */
struct slice backups_gone_text(struct keeper *k, struct arena *arena);

/* A view of the files: keeper/backup_view.c. */
struct backup_sight {
    int lock;      /* packs stay; -1: no view is held */
    int state;     /* a copy of the state */
    int keys;      /* memory file: struct signer_files */
    uint32_t last; /* segment */
};

/* Freeze one; `answer_fd` becomes the list of its files. ERROR_BUSY while records are packed or erased. */
struct backup_view;
bool backup_sight_take(struct keeper *k, struct backup_sight *s, struct backup_view *view,
                       struct arena *arena, int *answer_fd, uint8_t root[static 32],
                       struct error *e) MUST_CHECK;
void backup_sight_drop(struct backup_sight *s);

/* Open a file of it for reading. ERROR_DENIED for what is not in it. */
bool backup_sight_open(struct keeper *k, const struct backup_sight *s, struct slice directory,
                       struct slice name, struct arena *arena, int *fd, struct error *e) MUST_CHECK;
