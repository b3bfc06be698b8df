/* keeper/backups - when a backup is due, what of the data directory it holds, and what came of it.
 *
 * The process that makes it (`backup`) has the key of the backups and no way to the files: it asks here for
 * work, gets a frozen view as descriptors for reading, and reports. While a view is held nothing is packed or
 * erased; it ends with the report, with the next question, after a day (a slow target must not keep erasures
 * waiting; the next run goes on), or with the keeper. Each report is a record;
 * a failure comes again, later each time, and alarms. Thread-safe. */
#pragma once

#include "base/error.h"

#include "ipc/ipc.h"

struct keeper;

struct backups;

/* What was done last, from the state. */
struct backups *backups_new(struct keeper *k) __attribute__((returns_nonnull));
void backups_free(struct backups *b);

/* When the last backup was made and the last trial restore succeeded, wall clock; 0: never. */
int64_t backups_last_made(struct backups *b);
int64_t backups_last_tried(struct backups *b);

/**
 * Until when a backup can hold a key that was destroyed at `destroyed_at`: for the certificate of a disposal.
 *
 * Backups from before a rotation of the master key, or at a former target, are not removed by the daemon: then it
 * is never known.
 *
 * @param gone  set to whether it is known that none does any more
 * @return      wall clock: when the last such backup is old enough to be removed, and a later one made; 0:
 *              no backups are made by the daemon
 */
int64_t backups_gone_at(struct backups *b, int64_t destroyed_at, bool *gone);

/* The same for what is destroyed now, as the end of a sentence; nothing when no backups are made. */
struct slice backups_gone_text(struct backups *b, struct arena *arena);

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
