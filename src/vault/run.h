/* vault/run - make one backup, and remove the old.
 *
 * What the vault holds already is not sent again: pieces that it lists, and files that the backup before
 * holds and that only grow, if that backup is the one that we know. The manifest comes last: without it nothing counts, and the next run finds the
 * pieces there. Removing goes the other way round, manifests first. */
#pragma once

#include "keyring/digest.h"
#include "vault/vault.h"

/* A file of the view that is backed up. */
struct vault_source_file {
    struct slice directory;
    struct slice name;
    uint64_t size; /* so much of it, which must be there */
    bool grows;    /* what was written of it never changes */
};

struct vault_source {
    const struct vault_source_file *files;
    size_t count;
    /* Open one for reading. */
    bool (*open)(void *context, const struct vault_source_file *file, int *fd, struct error *e);
    void *context;
};

/* What the manifest says besides. */
struct vault_view {
    uint64_t at; /* wall clock */
    uint64_t records;
    struct slice note;
    struct slice recovery; /* content of recovery.sealed, from which an empty machine begins */
    struct slice program;
    bool
        locks; /* what is stored is locked for a time; vault/relock does it for what was there before */
    struct buf *taken; /* receives the own names of what was taken over, for that; may be NULL */
};

/* The last backup that we remember ourselves, whatever the store says; number 0: none. */
struct vault_known {
    uint64_t number;
    uint8_t digest[DIGEST_LEN]; /* of the manifest's object */
};

struct vault_made {
    struct vault_known backup; /* that was made */
    uint64_t files;
    uint64_t bytes;     /* of all files */
    uint64_t put;       /* objects that were stored */
    uint64_t put_bytes; /* and their size */
    uint64_t removed;   /* objects */
    uint64_t kept;      /* objects that are locked still and go later */
    uint64_t damaged;   /* manifests that could not be opened, and were removed */
    uint64_t oldest_at; /* time of the oldest backup that is left */
    bool rolled_back; /* the store does not hold the backup that we know, or another in its place */
};

/**
 * Make a backup.
 *
 * @param known  compared with what the store holds
 * @param made   filled, but for what vault_expire() fills
 * @return       false with ERROR_BUSY (the store), ERROR_CONFIG (a file of the view); what was stored
 *               until then stays and is found by the next run
 */
bool vault_run(struct vault *v, const struct vault_source *source, const struct vault_view *view,
               const struct vault_known *known, struct vault_made *made,
               struct error *e) MUST_CHECK;

/**
 * Remove backups whose time is before `before`, but never the one just made; manifests that are not what was
 * stored, which are worth nothing; and objects that no backup left names.
 *
 * @param made  as vault_run() filled it; removed, damaged and oldest_at are filled
 * @return      false with ERROR_BUSY when the store does not answer, does not give what it lists, or does not give
 *              back the backup just made: then no object goes that is needed
 */
bool vault_expire(struct vault *v, uint64_t before, struct vault_made *made,
                  struct error *e) MUST_CHECK;

/* A vault that is no longer used, in the same store: of the time before a rotation. */
struct vault_former {
    struct slice prefix;
    const struct secret *key; /* NULL: it was destroyed */
    uint64_t last_at;         /* of the last backup in it */
    struct vault_known last;
};

/**
 * Do the same to it: backups whose time is before `before` go, but the last only when its own time is; then everything
 * that has its prefix goes. Without a key nothing goes until then.
 *
 * @param v      of the vault that is used: never removed from
 * @param made   removed and damaged are added to; oldest_at becomes earlier when there is an older one
 * @param ended  set to whether nothing of it is left
 */
bool vault_expire_former(struct vault *v, const struct vault_former *f, uint64_t before,
                         struct vault_made *made, bool *ended, struct error *e) MUST_CHECK;
