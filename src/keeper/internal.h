/* keeper/internal - the keeper's parts, for its own files. Each part is guarded by its own lock; no lock is held while another is taken, nor
 * while the disk or another process is waited for. Only the indexer asks for the ledger's head under its lock, so that what it expects
 * comes in order, and approvals keep the order of what is recorded, held and destroyed by a lock of their own. */
#pragma once

#include <pthread.h>

#include "catalog/catalog.h"
#include "keeper/anchors.h"
#include "keeper/approvals.h"
#include "keeper/backlog.h"
#include "keeper/counters.h"
#include "keeper/factors.h"
#include "keeper/handlers.h"
#include "keeper/import.h"
#include "keeper/indexer.h"
#include "keeper/keeper.h"
#include "keeper/lookup.h"
#include "keeper/own_letters.h"
#include "keeper/packing.h"
#include "keeper/parcel.h"
#include "keeper/policies.h"
#include "keeper/queue.h"
#include "keeper/repeats.h"
#include "keeper/retention.h"
#include "keeper/sender.h"
#include "keeper/sessions.h"
#include "keeper/suspensions.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "letter/findings.h"
#include "requests/admin.h"
#include "requests/keeper.h"
#include "requests/signer.h"
#include "stages/protect/protect.h"
#include "state/state.h"

#define KEEPER_WORKERS   8                   /* letters that are inspected and protected at once */
#define KEEPER_ARENA_MAX ((size_t)512 << 20) /* for one letter and everything about it */
#define KEEPER_ASK_MS    30000               /* patience with signer and auth */
#define KEEPER_KEYGEN_MS 180000 /* and with a new key: primes are found when they are */
/* The record of what an inspector found: its answer, however large, and the letter's id. */
#define KEEPER_FINDINGS_MAX (IPC_BODY_MAX + 64)

/* Folds the ledger into the catalog; see tail.c. */
struct tail {
    pthread_mutex_t lock;   /* guards what follows up to `ended` */
    pthread_cond_t changed; /* something is asked of the thread */
    pthread_cond_t folded;  /* a pass ended */
    bool woken;
    bool hurried; /* somebody waits for this pass */
    bool closed;
    bool rebuild;
    uint64_t begun; /* passes over what was recorded */
    uint64_t ended;
    uint64_t complete;       /* the last pass that folded all it should */
    struct catalog *catalog; /* the thread's own once it runs */
    _Atomic uint64_t position;
};

/* DKIM keys that the signer holds. */
struct signing_keys {
    pthread_mutex_t lock;
    struct arena arena;
    struct signer_keys keys;
    int64_t read_at; /* steady clock; 0: to be read again */
    bool known;      /* were read once */
};

struct keeper {
    struct keeper_options options;
    struct ledger *ledger;
    struct state *state;
    struct secret *salts; /* see account_salt.h */
    struct account_likes *likes;
    struct sessions *sessions;
    struct queue *queue;
    struct repeats *repeats;
    struct guard *guard;
    struct backlog backlog;
    struct indexer indexer;
    struct tail tail;
    struct signing_keys keys;
    struct rotations *rotations;
    struct anchors *anchors;
    struct backups *backups;
    struct imports imports;
    struct retention retention;
    struct approvals approvals;
    struct senders senders;
    struct policies policies;
    struct pulls *pulls;
    struct syncs *syncs;
    struct contacts *contacts;
    struct drills *drills;
    const struct copy_method *copy_methods; /* keeper/copies.h */
    struct sts_cache *sts;                  /* keeper/sts.h */
    struct tlsrpt *tlsrpt;
    struct transport_cache *transport; /* keeper/transport.h */
    struct overrides *overrides;
    struct suspensions suspensions;
    struct tellings *tellings;    /* keeper/telling.h */
    struct redecide_looks *looks; /* keeper/redecide_look.h */
    struct keeper_counters counters;
    struct refusals refusals;
    pthread_mutex_t lookups_lock, consent_lock;   /* the latter: keeper/consent.h */
    pthread_mutex_t factors_locks[FACTORS_LOCKS]; /* keeper/factors.h */
    struct lookup *lookups;                       /* idle ones */
    pthread_t threads[KEEPER_WORKERS + 20];
    size_t n_threads;
    int64_t started_at;
    _Atomic uint64_t reseal_left;  /* segments that the reseal under way has still to look at */
    _Atomic int64_t checkpoint_at; /* wall clock of the last one */
    _Atomic bool consents, unreturned, closing, renewed; /* renewed: all has one master key */
};

/* keeper.c: append records and wake the tail. */
bool keeper_record(struct keeper *k, enum ledger_urgency urgency,
                   const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                   struct error *e) MUST_CHECK;

/* Append one record given as struct and schema. */
bool keeper_record_one(struct keeper *k, enum ledger_urgency urgency, uint16_t type,
                       const struct cbor_schema *schema, const void *value,
                       struct error *e) MUST_CHECK;

/* Count an alarm, and tell it. */
void keeper_alert(struct keeper *k, const char *event, const char *sentence);

/* tail.c */
void tail_wake(struct keeper *k);
void keeper_tail(void *keeper);
bool tail_open(struct keeper *k, struct error *e) MUST_CHECK; /* a damaged catalog begins anew */
bool tail_settle(struct keeper *k);  /* have it hold what is recorded by now, or wait a second */
void tail_rebuild(struct keeper *k); /* make it anew; returns when that is done, or closing */
bool tail_catch_up(struct keeper *k, struct error *e) MUST_CHECK; /* before the thread runs */

/* queueing.c: backlog and queue after start */
bool keeper_restore(struct keeper *k, struct error *e) MUST_CHECK;

/* orders.c */
/* Cancel a busy entry if that was ordered while it was in hand; true: it is gone. */
bool keeper_cancel_wanted(struct keeper *k, struct queue_entry *entry,
                          struct arena *arena) MUST_CHECK;

/* Record an order and obey it; *done gets what was changed besides. */
bool keeper_order(struct keeper *k, const struct order *order, struct arena *arena,
                  struct admin_done *done, struct error *e) MUST_CHECK;

/* Whether delivery was paused when the state was last written. */
bool keeper_restore_pause(struct keeper *k, struct error *e) MUST_CHECK;

/* queueing.c: make queue entries of a decision's rulings: of those from `first` on, which a redecision added when that is not 0. */
void keeper_enqueue(struct keeper *k, struct parcel *p, const struct decision *d, size_t first);

/* notices.c: record what became of these recipients and, in the same commit, tell the sender where that is
 * due; `entry` is in hand. `late`: those that come again have waited longer than the warning time. */
bool keeper_record_outcome(struct keeper *k, struct queue_entry *entry, const struct facts *f,
                           const struct outcome *outcome, bool late, struct arena *arena,
                           struct error *e) MUST_CHECK;

/* Whether a ruling's route is the smart host. */
bool ruling_is_smarthost(struct keeper *k, const struct ruling *r);

/* levels.c: where a level was shown: the fixed next hop, or the domain. A hop that proves itself by names which one
 * domain's section accepts has shown that to this domain alone. */
struct slice keeper_shown_by(struct keeper *k, struct slice domain, struct slice route,
                             bool smarthost, struct arena *arena);

/* signing.c: the DKIM keys for a From domain that the settings select; at most PROTECT_KEYS_MAX. False with
 * ERROR_BUSY while nobody has told yet which there are: a letter is not to leave unsigned. */
bool keeper_dkim_keys(struct keeper *k, struct slice domain, struct arena *arena,
                      struct dkim_key *keys, size_t *count, struct error *e) MUST_CHECK;
bool keeper_sign(void *signing, const struct dkim_draft *drafts, size_t n,
                 struct protect_signature *signatures, struct error *e);
void keeper_keys_changed(struct keeper *k);

/* All keys of the signer, copied into the arena; and whether letters are signed with one. */
bool keeper_keys_copy(struct keeper *k, struct arena *arena, struct signer_keys *out,
                      struct error *e) MUST_CHECK;
bool keeper_signs_with(struct keeper *k, const struct signer_key *key);

struct signing { /* what keeper_sign() gets */
    struct keeper *keeper;
    const struct dkim_key *keys;
};

/* Sign the tree head, record the note. */
bool keeper_checkpoint(struct keeper *k, struct arena *arena, struct slice *note,
                       struct error *e) MUST_CHECK;

void keeper_watch(void *keeper); /* watch.c: a thread */
/* develop.c: have a letter's bytes read. What cannot be read is said in *findings; *terms_fd is the
 * caller's then, or -1. */
void keeper_inspect(struct keeper *k, const struct facts *f, int content_fd, struct arena *arena,
                    struct findings *findings, int *terms_fd);

/* The schedule of retries as it is set, or its default. */
struct schedule;
void keeper_schedule(const struct delivery_settings *settings, struct schedule *s);
