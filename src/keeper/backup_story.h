/* keeper/backup_story - what the keeper remembers of backups, in the state: the last one, where it is, what was done, and the
 * vaults that are no longer used. Plain values; the caller's arena. */
#pragma once

#include "base/arena.h"

#include "requests/backup.h"

#define BACKUP_STORY_MAX ((size_t)300 << 10) /* bytes of one, encoded */

/* Where backups are made. */
struct backup_vault {
    struct slice prefix; /* empty: not known yet */
    struct slice place;  /* empty: nowhere */
};

struct backup_story {
    uint64_t number; /* of the last backup that was made */
    struct slice digest;
    uint64_t records;
    struct slice root;
    uint64_t made_at;  /* wall clock, of its view */
    uint64_t tried_at; /* of the last trial restore, whatever came of it */
    uint64_t good_at;  /* of the last that succeeded */
    uint64_t oldest_at;
    struct slice vault;     /* where it was made: "PREFIX PLACE" */
    uint64_t more_left_at;  /* of backups in vaults that `left` has no room for; 0: none */
    struct cbor_list left;  /* struct backup_left: the last left first */
    struct cbor_list lines; /* struct backup_line, the newest first */
    uint64_t locked;  /* number of the last backup whose objects are all locked for as long as it */
    uint64_t locking; /* of the one whose round is under way, and where that is */
    struct slice lock_from;
    struct slice lock_next;
    bool lock_wrapped;
};

extern const struct cbor_schema backup_story_schema;

/* Put a line in front; the last falls off. */
void backup_story_add(struct backup_story *s, struct backup_line line, struct arena *arena);

/* Whether backups are now made elsewhere than the last was, as far as is known. */
bool backup_story_moved(const struct backup_story *s, const struct backup_vault *now);

/* A backup was made: remember it and where. What was used until then is left; what is used is not. */
void backup_story_made(struct backup_story *s, const struct backup_record *r, struct slice root,
                       struct arena *arena);

/* Nothing is left of the vault with this prefix at that place. */
void backup_story_ended(struct backup_story *s, struct slice prefix, struct slice place,
                        struct arena *arena);

/* The vaults that are not used now, the one that was used last among them when backups are made elsewhere; those at
 * `place` alone, unless that is empty. Copies that last as long as the arena. */
struct cbor_list backup_story_left(const struct backup_story *s, const struct backup_vault *now,
                                   struct slice place, struct arena *arena);

/* Where the round that locks the last backup's objects for longer is, or is to begin: filled in when one is due. */
void backup_story_locks(const struct backup_story *s, struct backup_next *out);

/* How far it came. */
void backup_story_locked(struct backup_story *s, const struct backup_locked *l);

/* What is known of the vault that is used now: filled in, or left alone. */
void backup_story_known(const struct backup_story *s, const struct backup_vault *now,
                        struct backup_next *out);
