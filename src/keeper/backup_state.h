/* keeper/backup_state - what keeper/backups holds, for its own files: what is under way, and what is remembered. */
#pragma once

#include <pthread.h>

#include "config/settings.h"
#include "keeper/backup_story.h"
#include "keeper/backups.h"
#include "ledger/ledger.h"

struct backups {
    struct keeper *k;
    pthread_mutex_t
        asking; /* held while a question of the other process is answered: one at a time */
    pthread_mutex_t lock; /* guards what follows */
    struct arena arena;   /* of the story; begun anew with each report */
    struct backup_story story;
    struct backup_sight sight; /* the asking lock's */
    int64_t taken_at;          /* likewise, steady clock: when the view was frozen */
    bool late;                 /* likewise: the view was dropped for its age */
    uint8_t root[LEDGER_ROOT_LEN];
    char prefix[BACKUP_PREFIX_MAX +
                1];   /* of the vault where the next is made; empty: not known yet */
    uint64_t busy;    /* enum backup_order */
    uint64_t hurried; /* the same: asked for by a person */
    unsigned lost;    /* how often in a row nothing was said of what was in hand */
    char by[LETTER_ADDRESS_MAX + 1];
    uint64_t reports;
    int64_t next_at; /* steady clock: not before */
    int64_t pause_ms;
    int64_t lock_at; /* steady clock: objects are locked for longer, but not before */
};

/* The settings in force. */
const struct backup_settings *backups_settings(const struct backups *b);
