/* letter/backups - the records of backups that were made and of trial restores. Conventions as in
 * letter/records.h. */
#pragma once

#include "letter/records.h"

#define BACKUP_PLACE_MAX  2048
#define BACKUP_PREFIX_MAX 32
#define BACKUP_ENDED_MAX  50

/* Further types of records. */
enum backup_record_type {
    RECORD_BACKUP = 58, /* a backup was made, or failed */
    RECORD_TRIAL = 59,  /* it was tried whether one can be restored */
};

/* RECORD_BACKUP: a backup was made, or was not. */
struct backup_record {
    uint64_t number;     /* of the backup in its vault; 0: it did not come so far */
    uint64_t at;         /* of the view that was backed up */
    struct slice place;  /* the target as it is set */
    struct slice digest; /* SHA-256 of the sealed manifest */
    uint64_t records;    /* leaves of the ledger that it holds */
    uint64_t files;
    uint64_t bytes;      /* of all of them */
    uint64_t put;        /* objects that were stored */
    uint64_t put_bytes;  /* and their size */
    uint64_t removed;    /* objects, of backups that were old enough */
    uint64_t oldest_at;  /* the time of the oldest backup that is left */
    uint64_t damaged;    /* manifests that were no longer what was stored */
    bool rolled_back;    /* the target did not hold the backup before as we know it */
    struct slice reason; /* why it failed; empty: it was made, durably */
    struct slice by;     /* who asked for it; empty: it was due */
    uint64_t kept;       /* objects that were old enough and are locked still */
    struct slice prefix; /* of the vault: of the names of its objects */
    struct cbor_list
        ended; /* texts: prefixes of vaults from before a rotation, of which nothing is left there */
};

extern const struct cbor_schema backup_record_schema;

enum trial_kind {
    TRIAL_RESTORE = 1, /* fetched into an empty folder, opened, verified, removed */
    TRIAL_OBJECTS = 2, /* every object fetched and opened */
};

/* RECORD_TRIAL: whether a backup could be restored. */
struct trial_record {
    uint64_t kind;
    uint64_t number; /* of the backup; 0: none was found */
    uint64_t at;     /* its time */
    struct slice place;
    uint64_t records; /* leaves of the ledger that were verified */
    uint64_t files;
    uint64_t bytes;    /* that were fetched */
    uint64_t letters;  /* that were picked at random and read */
    uint64_t accounts; /* in the state */
    uint64_t missing;  /* objects that are not there */
    uint64_t damaged;  /* objects that are not what was stored */
    uint64_t took_ms;
    struct slice root;   /* of the tree, which was that of the live ledger at that size */
    struct slice reason; /* what is wrong; empty: all is as it should be */
    struct slice by;     /* who asked for it; empty: it was due */
};

extern const struct cbor_schema trial_record_schema;
