/* keeper/keeper - keeps the three promises: records before 250, delivers from the record alone.
 *
 * The one writer of ledger, state, catalog and search index. What it decides on is read by its own
 * small lexers from the letter's raw bytes; what the inspector says goes into findings and search
 * and no further. Everything here is called by threads that serve channels (see the tables) or by
 * the keeper's own:
 *
 *     submit ─ ledger ─► backlog ─ workers: inspect, decide, protect ─ ledger ─► queue ─► jobs
 *                          the tail folds the ledger into catalog ─┘   └─► index
 *
 * Thread-safe but for open and close. */
#pragma once

#include "base/own.h"
#include "base/secret.h"

#include "config/settings.h"
#include "ipc/ipc.h"
#include "ipc/pool.h"
#include "letter/secret.h"

struct keeper;

struct keeper_options {
    const struct settings *(*settings)(void *context); /* those in force now */
    void (*alert)(void *context, const char *event, const char *sentence);
    void *context;
    int ledger_directory;     /* descriptor, stays the caller's */
    int record_keys;          /* likewise: the folder of the keys of packs' records */
    const char *ledger_path;  /* the same as a path, for free space */
    const char *catalog_path; /* of catalog.db */
    const char *search_path;  /* of search.db */
    const char *state_path;   /* of state.db */
    const struct secret *ledger_key;
    const struct secret *state_key;
    const struct secret *search_key;

    struct keeper_master {   /* the master key that they follow from */
        uint64_t generation; /* 0: nobody says, and nothing is recorded of it */
        uint64_t kept;       /* enum master_kept */
        int64_t since_ms;
        uint64_t formers; /* how many former ones are kept */
        struct slice by;  /* who alone can change it, as in acts */
    } master;

    struct ipc_pool *auth;
    struct ipc_pool *signer;
    struct ipc_pool *inspector;
    struct ipc_pool *courier;
    struct ipc_pool *scanner;
    struct ipc_pool *directory;                     /* NULL: there is none */
    struct slice (*timestamp_trust)(void *context); /* PEM: the file of that setting */
    struct slice (*smime_trust)(void *context);     /* likewise */

    /* Have the operator's program tell a password, and wait for its end; NULL: there is none. */
    enum secret_told (*tell_secret)(void *context, struct slice telephone, struct slice password,
                                    struct slice letter);
};

/**
 * Open everything, recover, and begin to work.
 *
 * @param options  copied; what it points at outlives the keeper
 * @return         false when something cannot be opened: nothing is accepted then
 */
bool keeper_open(const struct keeper_options *options, struct keeper **out,
                 struct error *e) MUST_CHECK;

/* Let the workers finish what they are at, then close. Nobody may be in a request. */
void keeper_close(struct keeper *k);

/* What each peer may ask; the context is the struct keeper, for delivery a struct keeper_courier. */
extern const struct ipc_table keeper_submission_table;
extern const struct ipc_table keeper_intake_table;
extern const struct ipc_table keeper_pull_table;
extern const struct ipc_table keeper_journal_table;
extern const struct ipc_table keeper_connector_table;
extern const struct ipc_table keeper_delivery_table;
extern const struct ipc_table keeper_auth_table;
extern const struct ipc_table keeper_admin_table; /* the control socket */
extern const struct ipc_table keeper_backup_table;

/* One delivery process as the keeper knows it: the context of its table. */
struct keeper_courier {
    struct keeper *keeper;
    uint64_t life;
};

/* A new delivery process began: what the old one had in hand goes back into the queue, and the old
 * one's channels get nothing any more. Returns the new one's life. */
uint64_t keeper_delivery_restarted(struct keeper *k);

extern const struct ipc_table
    keeper_reader_table; /* of reader: what was read; context: the keeper */

/* Append the metrics in Prometheus' text format. */
void keeper_metrics(struct keeper *k, struct buf *out);

OWN_BY(keeper, struct keeper, keeper_close)
