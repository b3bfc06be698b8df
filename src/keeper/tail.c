/* The catalog follows the ledger: one thread folds what was committed, in batches, one transaction
 * each. It reads the ledger as any reader does, so a rebuild is nothing but the same from the
 * beginning. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/internal.h"
#include "keeper/renewal.h"
#include "keyring/keyring.h"

#define BATCH_MAX 1000 /* records in one transaction */
#define ARENA_MAX ((size_t)512 << 20)

/* Between two transactions: what comes meanwhile shares the next one. A transaction for each commit
 * of the ledger would cost more than the commit, and the queue does not wait for it: it lives in
 * memory. */
#define GATHER_MS 100

/* As long does a question wait for the catalog, and is then answered from what there is: while it is
 * being made anew, say. */
#define SETTLE_MS 1000

void tail_wake(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->tail.lock);
    if (!k->tail.woken) { /* otherwise it gathers already */
        k->tail.woken = true;
        (void)pthread_cond_signal(&k->tail.changed);
    }
    (void)pthread_mutex_unlock(&k->tail.lock);
}

/* Fold up to a batch. *more says whether there may be something left below the head. */
static bool fold_batch(struct keeper *k, struct ledger_reader *reader, struct arena *arena,
                       bool *more, struct error *e)
{
    struct catalog *c = k->tail.catalog;
    struct ledger_position at = catalog_position(c);
    struct ledger_head head;
    struct ledger_entry entry;
    enum ledger_next next = LEDGER_ENTRY;
    size_t count = 0;

    ledger_head(k->ledger, &head);
    *more = false;
    if (at.seq >= head.size) {
        return true;
    }
    if (!catalog_begin(c, e)) {
        return false;
    }
    while (count < BATCH_MAX &&
           (next = ledger_reader_next(reader, &at, &head, arena, &entry, e)) == LEDGER_ENTRY) {
        if (!catalog_apply(c, &entry, arena, e)) {
            catalog_abort(c);
            return false;
        }
        arena_reset(arena);
        count++;
    }
    if (next == LEDGER_FAILED) {
        catalog_abort(c);
        return false;
    }
    *more = count == BATCH_MAX;
    if (!catalog_commit(c, at, e)) {
        return false;
    }
    atomic_store(&k->tail.position, at.seq);
    return true;
}

static bool fold_all(struct keeper *k, struct ledger_reader *reader, struct arena *arena,
                     struct error *e)
{
    bool more = true;

    while (more && !atomic_load(&k->closing)) {
        if (!fold_batch(k, reader, arena, &more, e)) {
            return false;
        }
    }
    return true;
}

/* A catalog that does not fit its ledger is made anew, once; if that fails too, the ledger has
 * something that this program cannot read, and a person must look. */
static bool fold_or_rebuild(struct keeper *k, struct ledger_reader *reader, struct arena *arena,
                            struct error *e)
{
    if (fold_all(k, reader, arena, e)) {
        return true;
    }
    if (e->kind != ERROR_CORRUPT) {
        return false;
    }
    log_event(LOG_WARNING, "catalog.rebuild", LOG_TEXT("reason", e->text));
    return catalog_clear(k->tail.catalog, e) && fold_all(k, reader, arena, e);
}

/* What letters say is no business of the catalog. */
static bool open_reader(struct keeper *k, struct ledger_reader **reader, struct error *e)
{
    if (!keeper_reader(k, reader, e)) {
        return false;
    }
    ledger_reader_leave_out(*reader, RECORD_CONTENT);
    return true;
}

bool tail_open(struct keeper *k, struct error *e)
{
    OWN(secret) struct secret *key = NULL;
    const char *path = k->options.catalog_path;

    if (!keeper_catalog_key(k, &key, e)) {
        return false;
    }
    if (catalog_open(path, true, secret_slice(key), &k->tail.catalog, e)) {
        return true;
    }
    if (e->kind != ERROR_CORRUPT) {
        return false;
    }
    log_event(LOG_WARNING, "catalog.rebuild", LOG_TEXT("reason", e->text));
    return catalog_open_anew(path, secret_slice(key), &k->tail.catalog, e);
}

bool tail_catch_up(struct keeper *k, struct error *e)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    OWN(arena) struct arena arena = {.max = ARENA_MAX};

    return open_reader(k, &reader, e) && fold_or_rebuild(k, reader, &arena, e);
}

/* Wait until woken, and not before `earliest`; returns false when closing. *rebuild says what was
 * asked for meanwhile. */
static bool wait_for_work(struct tail *t, int64_t earliest, bool *rebuild)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->woken && !t->closed) {
        (void)pthread_cond_wait(&t->changed, &t->lock);
    }
    while (!t->closed && !t->hurried && thread_wait(&t->changed, &t->lock, earliest)) {
    }
    t->woken = false;
    t->hurried = false;
    *rebuild = t->rebuild;
    t->rebuild = false;
    t->begun++;
    bool go_on = !t->closed;
    (void)pthread_mutex_unlock(&t->lock);
    return go_on;
}

static void end_pass(struct tail *t, bool folded)
{
    (void)pthread_mutex_lock(&t->lock);
    t->ended = t->begun;
    t->complete = folded ? t->begun : t->complete;
    (void)pthread_cond_broadcast(&t->folded);
    (void)pthread_mutex_unlock(&t->lock);
}

/* Ask for a pass that sees everything recorded by now; returns its number. */
static uint64_t ask_for_pass(struct tail *t, bool rebuild)
{
    t->woken = true;
    t->hurried = true;
    t->rebuild = t->rebuild || rebuild;
    (void)pthread_cond_signal(&t->changed);
    return t->begun + 1;
}

bool tail_settle(struct keeper *k)
{
    struct tail *t = &k->tail;
    int64_t latest = clock_steady_ms() + SETTLE_MS;

    (void)pthread_mutex_lock(&t->lock);
    uint64_t pass = ask_for_pass(t, false);
    while (!t->closed && t->ended < pass && thread_wait(&t->folded, &t->lock, latest)) {
    }
    bool settled = t->complete >= pass;
    (void)pthread_mutex_unlock(&t->lock);
    return settled;
}

void tail_rebuild(struct keeper *k)
{
    struct tail *t = &k->tail;

    (void)pthread_mutex_lock(&t->lock);
    uint64_t pass = ask_for_pass(t, true);
    while (!t->closed && t->ended < pass) {
        (void)pthread_cond_wait(&t->folded, &t->lock);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void keeper_tail(void *keeper)
{
    struct keeper *k = keeper;
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct error e;
    int64_t earliest = 0;
    bool rebuild = false;

    thread_background();
    while (wait_for_work(&k->tail, earliest, &rebuild)) {
        bool ready = reader || open_reader(k, &reader, &e);
        if (ready && rebuild) {
            ready = catalog_clear(k->tail.catalog, &e);
        }
        bool folded = ready && fold_or_rebuild(k, reader, &arena, &e);
        if (!folded) {
            log_event(LOG_ERROR, "catalog.failed", LOG_TEXT("reason", e.text));
            keeper_alert(k, "catalog-failed", e.text);
            (void)sleep(1);
            tail_wake(k);
        }
        end_pass(&k->tail, folded);
        arena_reset(&arena); /* what a failure left */
        earliest = clock_steady_ms() + GATHER_MS;
    }
}
