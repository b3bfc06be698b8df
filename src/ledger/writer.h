/* ledger/writer - the state of the one process that writes. For ledger/'s own files.
 *
 * ledger.c opens, closes and answers; recover.c finds where to go on; segment.c writes the active
 * segment; append.c takes records from many threads. What is marked `committer` is touched only by
 * that thread (or while there is none); `lock` guards the rest. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "ledger/claims.h"
#include "ledger/seal.h"

/* The segment that is written. */
struct segment {
    int fd; /* -1: none */
    uint32_t number;
    uint64_t length;    /* end of the last commit */
    uint64_t allocated; /* the file's size: zeros between length and here */
    uint64_t step;      /* how much to take in advance next time */
};

struct waiter;

struct ledger {
    int dirfd; /* locked */
    struct secret *key;
    uint8_t id[LEDGER_ID_LEN];
    struct ledger_options options;
    _Atomic uint64_t reserve_bytes;

    pthread_mutex_t lock;
    pthread_cond_t work;         /* the committer waits for it */
    bool committing;             /* it does not wait: it looks by itself when it has done */
    bool closing;                /* it ends when nothing waits any more */
    bool rolling;                /* somebody waits for a new segment */
    pthread_cond_t rolled;       /* it tried */
    struct waiter *first;        /* waiting for the next commit, oldest first */
    struct waiter **last;        /* where the next one is hung */
    size_t hurried;              /* among them: cannot wait, or not any longer */
    struct segment_key *current; /* of the active segment; NULL while there is none */
    struct ledger_head head;     /* its root is filled in when asked for */
    struct merkle head_tree;
    struct sealer *sealers[8];
    unsigned n_sealers;
    pthread_t committer;

    pthread_mutex_t packing;  /* one at a time makes packs or erases */
    uint32_t pack_next;       /* guarded by it: before it all are packs */
    bool slots_durable;       /* guarded by it: key slots that are under the key are on the disk */
    uint64_t packed;          /* guarded by it: packs made, of segments and again */
    bool resealed;            /* guarded by it: since the last sweep */
    bool erased_known;        /* guarded by it: `erased` is what the ledger says; ledger/erased.h */
    struct seq_ranges erased; /* guarded by it */
    struct sweep *sweep;      /* guarded by it: under way; ledger/sweep.h */
    _Atomic int64_t saved_bytes; /* by the packs made since the start */
    _Atomic uint64_t erasures;   /* in packs since the start */
    _Atomic uint32_t damaged;    /* see ledger_damaged() */

    struct segment segment;         /* committer */
    struct segment_key *key_in_use; /* committer: of `segment` */
    struct merkle tree;             /* committer: after the last commit */
    int64_t time_ms;                /* committer: of the last commit */
    uint64_t closed_bytes;          /* committer: in the segments before the active one */
    enum start_reason next;         /* committer: why the next segment will be started */
    bool settled;                   /* committer: nothing refused stands behind `segment.length` */
    bool disk_low;                  /* committer: alarm given */
    struct digest *digest;          /* committer */
    struct digest *batch;           /* committer */
};

/* Records of one ledger_append(), waiting to be committed. Lives on its caller's stack. */
struct waiter {
    struct waiter *next;
    struct sealed *records;
    size_t n;
    struct ledger_ref *refs;
    struct segment_key *key; /* that the records are sealed under; NULL: none was active */
    enum ledger_urgency urgency;

    enum { OUTCOME_OPEN, OUTCOME_STALE, OUTCOME_DONE, OUTCOME_FAILED } outcome; /* committer */
    struct error *error;
    _Atomic bool served; /* set before `told` is posted */
    sem_t told;          /* posted once: the outcome stands, and the committer is done with this */
};

/* Where the ledger stands when it is opened. */
struct recovered {
    uint32_t number; /* last segment, 0 for none */
    uint64_t length;
    struct merkle tree;
    int64_t time_ms;
    enum start_reason reason;
    uint64_t bytes; /* in all segments */
};

/* The committer: commits what ledger_append() brings, until the ledger is closed. A thread_main. */
void ledger_commit_for_all(void *ledger);

/* Find it, and cut what is not to be kept. Sets the ledger's id when there is one. */
bool ledger_recover(struct ledger *l, struct recovered *r, struct error *e) MUST_CHECK;

/**
 * Start the next segment, durably, with a new key, and make it the active one. The former one must
 * have been closed or settled.
 *
 * @return  false with ERROR_BUSY or ERROR_LIMIT when the disk fails or is full; then no segment is
 *          active and the next call tries again
 */
bool segment_start(struct ledger *l, struct error *e) MUST_CHECK;

/**
 * Write what the waiters whose outcome is open brought as one batch, and sync it.
 *
 * @return  false with ERROR_LIMIT when the disk is full: nothing was written; with ERROR_BUSY when
 *          writing failed: the segment is then closed for good and its batch removed
 */
bool segment_commit(struct ledger *l, struct waiter *waiters, struct error *e) MUST_CHECK;

/* Write the segment's end, cut it to its length and close it. On failure it is as if it had crashed. */
void segment_end(struct ledger *l, enum end_reason reason);

/* After a failure: cut the failed batch off, or have the next segment say where it ends. */
void segment_settle(struct ledger *l, const struct error *why);

/* Free space above the reserve, in bytes; UINT64_MAX when it cannot be asked. */
uint64_t segment_room(const struct ledger *l);

/* Stop using the active segment's key and file. */
void segment_drop(struct ledger *l);

/* The caller's hooks: tell of an alarm, ask for the time in milliseconds since 1970. */
void ledger_alarm(const struct ledger *l, enum ledger_alarm alarm, const struct error *why);
int64_t ledger_now(const struct ledger *l);

/* Publish tree and position for ledger_head() and the sealing threads. */
void ledger_publish(struct ledger *l);

/* Borrow and give back the active segment's key. */
struct segment_key *ledger_key_get(struct ledger *l);
void ledger_key_put(struct ledger *l, struct segment_key *key);

/* As ledger_append_as(), also of the ledger's own records about packs and erasures. */
bool ledger_append_any(struct ledger *l, enum ledger_urgency urgency,
                       const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                       struct error *e) MUST_CHECK;

/* End or undo what a crash left of making packs and of rewriting key files. */
bool packing_tidy(struct ledger *l, struct error *e) MUST_CHECK;

/* Remove the files of objects to which no record of any pack can refer: no pack of their number or a higher one is there. Only when
 * no file of the ledger is missing. */
bool packing_tidy_objects(const struct ledger *l, struct error *e) MUST_CHECK;
