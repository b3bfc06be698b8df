/* processes/backup - what the files of the process that makes backups share.
 *
 * It has the keys of the backups, of the ledger and of the state, for it restores them on trial, and no
 * network: what leaves it is sealed. The files come from the keeper as descriptors for reading. */
#pragma once

#include "processes/role.h"
#include "requests/backup.h"
#include "vault/fetch.h"

struct backup_process {
    struct role *role;
    struct ipc_pool *keeper;
    struct vault vault;
    int folder; /* of a target that is one */
    bool is_folder;
    uint64_t locking; /* number of the backup whose objects these are; 0: none */
    struct buf locks; /* own names of what is to be locked for longer */
};

/* Fetch the newest backup into the empty folder, open it, verify it, read some letters of it, and leave the folder empty
 * again. What is wrong stands in record->reason. */
void backup_try(struct backup_process *b, const struct backup_next *next, struct arena *arena,
                struct trial_record *record);

/* Lock some of what the last backup shares with others for as long as it, and say how far that came. */
void backup_relock(struct backup_process *b, const struct backup_next *next, struct arena *arena);

/* Fetch and open every object of the newest backup. */
void backup_look(struct backup_process *b, const struct backup_next *next, struct arena *arena,
                 struct trial_record *record);
