/* Many threads, one disk: the committer, a thread of the ledger's own, takes all that waits, writes it
 * as one batch, syncs once and wakes who waited. Sealing is done before, by each thread for itself.
 * As no caller ever does another's work, a caller may run in the background (thread_background()).
 *
 * What is patient waits a moment for somebody to come along who is not, and shares his commit.
 *
 * Records are sealed under the active segment's key. When the segment changed between sealing and
 * commit, the committer sends them back to be sealed again: a segment holds no record of another's
 * key. */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"

#include "ledger/io.h"
#include "ledger/writer.h"

#define PATIENCE_MS 3

static struct sealer *borrow_sealer(struct ledger *l)
{
    struct sealer *s = NULL;

    (void)pthread_mutex_lock(&l->lock);
    if (l->n_sealers) {
        s = l->sealers[--l->n_sealers];
    }
    (void)pthread_mutex_unlock(&l->lock);
    return s ? s : sealer_new();
}

/* The newest is lent first: its memory is still in the processor's cache. More than a few are
 * never kept, as no more than a few threads run at once. */
static void return_sealer(struct ledger *l, struct sealer *s)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->n_sealers < sizeof(l->sealers) / sizeof(l->sealers[0])) {
        l->sealers[l->n_sealers++] = s;
        s = NULL;
    }
    (void)pthread_mutex_unlock(&l->lock);
    sealer_free(s);
}

static void seal_all(struct ledger *l, const struct ledger_record *records, struct waiter *w)
{
    struct sealer *s = borrow_sealer(l);
    int64_t now = ledger_now(l);

    for (size_t i = 0; i < w->n; i++) {
        if (records[i].type < LEDGER_TYPE_OWN) {
            clear_make(&records[i], now, &w->records[i]);
        } else {
            sealer_seal(s, w->key, &records[i], now, &w->records[i]);
        }
    }
    return_sealer(l, s);
}

static void free_sealed(struct waiter *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->records[i].bytes);
        w->records[i] = (struct sealed){0};
    }
}

static uint64_t bytes_of(const struct waiter *w)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < w->n; i++) {
        bytes += w->records[i].len;
    }
    return bytes;
}

static void refuse(struct waiter *w, const struct error *why)
{
    w->outcome = OUTCOME_FAILED;
    *w->error = *why;
}

/* Sort out who must seal again and who may not use the disk's last space. True when somebody is left. */
static bool admit(struct ledger *l, struct waiter *waiters)
{
    uint64_t room = atomic_load(&l->reserve_bytes) ? segment_room(l) : UINT64_MAX;
    bool any = false;
    bool low = false;
    struct error full;

    (void)error_set(&full, ERROR_LIMIT, "ledger: the disk has no space left above the reserve");
    for (struct waiter *w = waiters; w; w = w->next) {
        w->outcome = OUTCOME_OPEN;
        if (w->key != l->key_in_use) {
            w->outcome = OUTCOME_STALE;
            continue;
        }
        uint64_t bytes = bytes_of(w);
        if (bytes > room && w->urgency == LEDGER_LETTER) {
            refuse(w, &full);
            low = true;
            continue;
        }
        room -= room == UINT64_MAX || bytes > room ? 0 : bytes;
        any = true;
    }
    if (low && !l->disk_low) {
        ledger_alarm(l, LEDGER_ALARM_DISK, &full);
    }
    l->disk_low = low;
    return any;
}

/* Commit what waits; every waiter has an outcome afterwards. */
static void serve(struct ledger *l, struct waiter *waiters)
{
    struct error e;
    bool ok = true;

    if (l->segment.fd < 0 || !l->settled) {
        ok = segment_start(l, &e);
    }
    if (ok && admit(l, waiters)) {
        ok = segment_commit(l, waiters, &e);
    }
    for (struct waiter *w = waiters; w; w = w->next) {
        if (!ok && w->outcome == OUTCOME_OPEN) {
            refuse(w, &e);
        } else if (w->outcome == OUTCOME_OPEN) {
            w->outcome = OUTCOME_DONE;
        }
    }
}

/* Tell the waiters, without a lock: woken under one, each would only wait for it. A waiter lives on its
 * caller's stack and may be gone as soon as it is told. */
static void wake_all(struct waiter *waiters)
{
    struct waiter *next = NULL;

    for (struct waiter *w = waiters; w; w = next) {
        next = w->next;
        atomic_store(&w->served, true);
        (void)sem_post(&w->told);
    }
}

/* A segment that has grown enough is ended behind its last batch, when everybody has been told. One that is
 * not settled is not written again: an end that could not be cut clean would get a second one behind it. */
static void rotate_if_full(struct ledger *l, bool anyway)
{
    struct error e;

    if (l->segment.fd < 0 || !l->settled ||
        (l->segment.length < l->options.segment_bytes && !anyway)) {
        return;
    }
    segment_end(l, END_FULL);
    if ((l->segment.fd < 0 || !l->settled) && !segment_start(l, &e)) {
        ledger_alarm(l, LEDGER_ALARM_FAILED, &e); /* the next batch tries again */
    }
}

/* Called and left with the lock held. */
static void commit_all(struct ledger *l)
{
    struct waiter *waiters = l->first;
    bool rolling = l->rolling;

    l->first = NULL;
    l->last = &l->first;
    l->hurried = 0;
    l->committing = true;
    (void)pthread_mutex_unlock(&l->lock);
    serve(l, waiters);
    ledger_publish(l);
    wake_all(waiters);
    rotate_if_full(l, rolling);
    (void)pthread_mutex_lock(&l->lock);
    l->committing = false;
    if (rolling) {
        l->rolling = false;
        (void)pthread_cond_broadcast(&l->rolled);
    }
}

/* Wait until there is something to commit; false when there is not and the ledger is being closed. */
static bool wait_for_work(struct ledger *l)
{
    while (!l->hurried && !l->rolling && !l->closing) {
        (void)pthread_cond_wait(&l->work, &l->lock);
    }
    return l->first != NULL || l->rolling;
}

void ledger_commit_for_all(void *ledger)
{
    struct ledger *l = ledger;

    (void)pthread_mutex_lock(&l->lock);
    while (wait_for_work(l)) {
        commit_all(l);
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static void hurry(struct ledger *l)
{
    if (l->hurried++ == 0 && !l->committing) {
        (void)pthread_cond_signal(&l->work);
    }
}

/* Wait to be told; until a time when one is given, and false when that came first. */
static bool wait_told(struct waiter *w, int64_t until_ms)
{
    const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

    while ((until_ms ? sem_clockwait(&w->told, CLOCK_MONOTONIC, &until) : sem_wait(&w->told)) !=
           0) {
        if (errno == ETIMEDOUT) {
            return false;
        }
    }
    /* Always true. sem_clockwait() says so already, but ThreadSanitizer does not know that call. */
    return atomic_load(&w->served);
}

/* Queue and return with an outcome. The first of those who are patient ends the patience of all. */
static void await(struct ledger *l, struct waiter *w)
{
    w->next = NULL;
    w->outcome = OUTCOME_OPEN;
    atomic_store(&w->served, false);
    (void)pthread_mutex_lock(&l->lock);
    int64_t until = !l->first && w->urgency == LEDGER_PATIENT ? clock_steady_ms() + PATIENCE_MS : 0;
    *l->last = w;
    l->last = &w->next;
    if (w->urgency != LEDGER_PATIENT) {
        hurry(l);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (wait_told(w, until)) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    if (l->first == w) { /* otherwise it is being committed */
        hurry(l);
    }
    (void)pthread_mutex_unlock(&l->lock);
    (void)wait_told(w, 0);
}

static bool check_records(const struct ledger_record *records, size_t n, struct error *e)
{
    if (n == 0 || n > LEDGER_RECORDS_MAX) {
        return error_set(e, ERROR_INPUT, "ledger: %zu records at once", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (records[i].type < LEDGER_TYPE_OWN) {
            return error_set(e, ERROR_INPUT, "ledger: record type %u is the ledger's own",
                             records[i].type);
        }
        size_t body = records[i].body.len;
        if (body > LEDGER_BODY_MAX || records[i].rest.len > LEDGER_BODY_MAX - body) {
            return error_set(e, ERROR_LIMIT, "ledger: a record of %zu bytes and %zu is too large",
                             body, records[i].rest.len);
        }
    }
    return true;
}

bool ledger_append_any(struct ledger *l, enum ledger_urgency urgency,
                       const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                       struct error *e)
{
    OWN(heap) struct sealed *sealed = calloc(n, sizeof(*sealed));
    if (!sealed) {
        arena_panic("out of memory");
    }
    struct waiter w = {.records = sealed, .n = n, .refs = refs, .urgency = urgency, .error = e};
    (void)sem_init(&w.told, 0, 0);
    do {
        w.key = ledger_key_get(l);
        if (w.key) {
            seal_all(l, records, &w);
        }
        await(l, &w);
        free_sealed(&w);
        ledger_key_put(l, w.key);
    } while (w.outcome == OUTCOME_STALE);
    (void)sem_destroy(&w.told);
    return w.outcome == OUTCOME_DONE;
}

bool ledger_append_as(struct ledger *l, enum ledger_urgency urgency,
                      const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                      struct error *e)
{
    return check_records(records, n, e) && ledger_append_any(l, urgency, records, n, refs, e);
}

bool ledger_roll(struct ledger *l, struct error *e)
{
    (void)pthread_mutex_lock(&l->lock);
    uint32_t former = l->head.segment;
    l->rolling = true;
    (void)pthread_cond_signal(&l->work);
    while (l->rolling) {
        (void)pthread_cond_wait(&l->rolled, &l->lock);
    }
    bool rolled = l->head.segment > former;
    (void)pthread_mutex_unlock(&l->lock);
    return rolled || error_set(e, ERROR_BUSY, "ledger: no new segment can be begun");
}

bool ledger_append(struct ledger *l, const struct ledger_record *records, size_t n,
                   struct ledger_ref *refs, struct error *e)
{
    return ledger_append_as(l, LEDGER_LETTER, records, n, refs, e);
}
