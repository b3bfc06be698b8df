/* requests/backup - what the process that makes backups asks of the keeper, and people of it through the
 * keeper. It reads nothing of the data directory itself: the keeper hands it descriptors. */
#pragma once

#include "ipc/ipc.h"
#include "letter/backups.h"

#define BACKUP_FILES_MAX 100000
#define BACKUP_NAME_MAX  128
#define BACKUPS_LIST_MAX 200

enum backup_order { BACKUP_NOTHING, BACKUP_RUN, BACKUP_TRY, BACKUP_LOOK };

/* keeper_backup_next: what is to be done now? A view that is still held ends with it. What is known of the last
 * backup is answered only when it was made in the same vault. */
struct backup_next_ask {
    struct slice prefix; /* of the vault: of its key */
    struct slice place;  /* the target as it is set */
};

/* A vault from before a rotation of the master key, or at a former target. */
struct backup_left {
    struct slice prefix; /* of its objects' names */
    struct slice place;
    uint64_t last_at; /* of the last backup in it */
    uint64_t number;  /* and that one's number and digest */
    struct slice digest;
};

#define BACKUPS_LEFT_MAX BACKUP_ENDED_MAX

extern const struct cbor_schema backup_left_schema;

struct backup_next {
    uint64_t order;      /* enum backup_order */
    uint64_t number;     /* of the last backup that was made; 0: none */
    struct slice digest; /* of its manifest */
    uint64_t records;    /* of the ledger in it, and its root */
    struct slice root;
    uint64_t before; /* backups of a time before that are too old */
    struct cbor_list
        left;      /* struct backup_left: others at that place, whose old backups go as well */
    bool lock_due; /* its objects are still to be locked for longer, see keeper_backup_locked */
    struct slice
        lock_from; /* vault/relock: a round that is under way, or where the one before stood */
    struct slice lock_next;
    bool lock_wrapped;
};

extern const struct ipc_message keeper_backup_next;

/* keeper_backup_view: freeze a view of what is to be backed up. The list of files, a struct
 * backup_files, comes as a memory file. */
struct backup_view {
    uint64_t at;
    uint64_t records;
    struct slice note;
};

struct backup_file {
    struct slice directory;
    struct slice name;
    uint64_t size;
    bool grows;
};

struct backup_files {
    struct cbor_list files; /* struct backup_file */
};

#define BACKUP_FILES_BYTES_MAX ((size_t)16 << 20)

extern const struct cbor_schema backup_files_schema;
extern const struct ipc_message keeper_backup_view;

/* keeper_backup_open: a descriptor for reading one of them; only while the view is held. */
struct backup_open_ask {
    struct slice directory;
    struct slice name;
};

extern const struct ipc_message keeper_backup_open;

/* keeper_backup_end: the view is not needed any more; what comes now may take long. */
extern const struct ipc_message keeper_backup_end;

/* keeper_backup_made, keeper_backup_tried: what came of it (struct backup_record, trial_record without
 * `by`). The keeper records it, and alarms when it failed. */
extern const struct ipc_message keeper_backup_made;
extern const struct ipc_message keeper_backup_tried;

/* keeper_backup_locked: how far the round is that locks a backup's objects for longer; with a reason it did not get
 * further, which alarms. */
struct backup_locked {
    uint64_t number; /* of the backup */
    struct slice from;
    struct slice next;
    bool wrapped;
    bool done;
    struct slice reason;
};

#define BACKUP_OWN_NAME_LEN 16 /* vault/vault */

extern const struct ipc_message keeper_backup_locked;

/* admin_backup_order: have it done now (struct backup_next of which only order counts). Answers how many
 * reports there were before: admin_backups shows when there is one more. */
struct backup_order_ask {
    uint64_t order;
    struct slice reason;
};

struct backup_order_answer {
    uint64_t reports;
    uint64_t life;    /* of the keeper: another one knows nothing of the order */
    uint64_t records; /* that a backup must have, which is to be called this order's */
};

extern const struct ipc_message admin_backup_order;

/* admin_backups: what was done last, and what holds. */
struct backup_line {
    uint64_t time; /* when it was recorded */
    uint64_t order;
    uint64_t number;
    uint64_t at;
    uint64_t records;
    uint64_t bytes; /* that were stored or fetched */
    struct slice reason;
};

struct backups_answer {
    struct slice place; /* empty: no target is set */
    uint64_t reports;   /* since the start, whatever became of them */
    uint64_t oldest_at; /* of the backups that are left; 0: not known */
    uint64_t keep_ms;
    uint64_t busy;          /* enum backup_order: under way */
    struct cbor_list lines; /* struct backup_line, the newest first */
    struct cbor_list left;  /* struct backup_left */
    bool more_left;         /* and such of which nothing was kept */
    uint64_t life;          /* of the keeper, in which the reports are counted */
};

extern const struct cbor_schema backups_answer_schema;
extern const struct ipc_message admin_backups;

/* admin_backup_forget: a vault that the daemon does not reach was removed by a person, who says so. */
struct backup_forget_ask {
    struct slice prefix;
    struct slice place;
    struct slice reason;
};

extern const struct ipc_message admin_backup_forget;
