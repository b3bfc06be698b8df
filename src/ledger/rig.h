/* ledger/rig - what the ledger's tests share: a ledger in a folder of its own, records that can be
 * told apart, and the question whether exactly the acknowledged ones are there. Tests only. */
#pragma once

#include <pthread.h>

#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/verify.h"

#define RIG_MAX      4000
#define RIG_PATH_MAX 64

struct rig_ack {
    unsigned number;
    struct ledger_ref ref;
};

struct rig {
    char path[RIG_PATH_MAX];
    int dirfd;
    struct secret *key;
    struct ledger_options options;
    struct ledger *ledger;
    pthread_mutex_t lock;
    unsigned n; /* acknowledged */
    struct rig_ack acked[RIG_MAX];
    unsigned alarms;
    enum ledger_alarm last_alarm;
    bool unsettled;
};

/* Make an empty folder; in memory where there is such a place: no test here hangs on what a disk does, and each sync of one takes
 * its time. */
void rig_folder(char path[static RIG_PATH_MAX]);

/* A ledger in such a folder: with the default options, or with these. */
void rig_init(struct rig *r);
void rig_init_with(struct rig *r, struct ledger_options options);

/* The same options, key and acknowledged records over a new, empty folder; not open yet, and without alarms. */
void rig_twin(struct rig *r, const struct rig *of);

/* Close, remove the folder. */
void rig_done(struct rig *r);

/* Close and open again. */
void rig_reopen(struct rig *r);

/* Append record `number`, whose body follows from the number; note it when acknowledged. */
bool rig_append(struct rig *r, unsigned number);

/* A reader of the rig's ledger, the caller's to close. */
struct ledger_reader *rig_reader(struct rig *r);

/* Fail unless the ledger holds exactly the acknowledged records, `n` of them, each whole. */
void rig_expect(struct rig *r, unsigned n);

/* Fail unless verify finds no fault, with and without the key. */
void rig_verify_clean(struct rig *r);

/* Whether a record that stood at `a` is at `b`, perhaps in the pack of that number by now. */
bool rig_same_place(const struct ledger_ref *a, const struct ledger_ref *b);

/* Make packs of all segments but the last; returns how many. */
unsigned rig_pack(struct rig *r);

/* The body of record `number`, of varied length. */
struct slice rig_body(unsigned number, uint8_t room[static 8192]);

/* Remove a folder's files. */
void rig_empty(int dirfd);

/* Read a pack's first key file; put it back, as from a backup; take one record's key out of it, with nothing that says why. */
void rig_key_file(const struct rig *r, uint32_t number, struct buf *bytes);
void rig_key_file_back(const struct rig *r, uint32_t number, const struct buf *bytes);
void rig_lose_key(const struct rig *r, uint32_t number, uint64_t seq);
