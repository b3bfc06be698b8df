/* 1. What was counted is in the state three seconds later, of many domains ten: an end or a crash costs no more than that.
 * 2. A report that a place took is recorded and its counts are dropped in this order: a crash between them sends it twice, and
 *    never not at all.
 *
 *     state row              says
 *     tlsrpt/SLOT/SHARD      the counts of a part of the domains, of one day
 *     tlsrpt/sent            the last reports: what `postern domain reports` shows */
#include "keeper/tlsrpt.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/smtp/address.h"
#include "keeper/internal.h"
#include "keeper/sts.h"
#include "keeper/tlsrpt_days.h"
#include "keeper/tlsrpt_send.h"
#include "keyring/keyring.h"

#define LOOK_EVERY_US 500000
#define MORE_US       250000 /* courier counts questions, and letters wait for some */
#define WRITE_MS      3000
#define WRITE_MAX     64 /* rows at once, for one wait for the disk */
#define LATEST_MS                                                                                  \
    (4 * 60 * 60 * 1000) /* behind midnight: not all of the world at once (RFC 8460 section 4.1) */
#define AGAIN_MS    (60 * 60 * 1000)
#define UNASKED_MS  (60 * 1000) /* courier could not be asked: that is no try */
#define TRIES_MAX   5
#define ARENA_BYTES ((size_t)16 << 20)

struct tlsrpt {
    pthread_mutex_t lock; /* guards what follows */
    struct rpt_days days;
    int64_t written_at; /* steady clock */
    int64_t jitter_ms;
};

static int64_t today(void)
{
    return clock_wall_ms() / RPT_DAY_MS;
}

bool tlsrpt_open(struct keeper *k, struct error *e)
{
    struct tlsrpt *t = calloc(1, sizeof(*t));
    uint32_t random = 0;

    if (!t) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    keyring_random_bytes((uint8_t *)&random, sizeof(random));
    t->jitter_ms = random % LATEST_MS;
    k->tlsrpt = t;
    return rpt_days_load(k, &t->days, today(), e);
}

void tlsrpt_close(struct keeper *k)
{
    if (k->tlsrpt) {
        rpt_days_free(&k->tlsrpt->days);
        free(k->tlsrpt);
    }
}

void tlsrpt_count(struct keeper *k, struct slice domain, const struct tls_result *results, size_t n)
{
    struct tlsrpt *t = k->tlsrpt;

    if (!t || !k->options.settings(k->options.context)->tls_reports.on || domain.len > 253 ||
        !smtp_domain_valid(domain)) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < n; i++) {
        rpt_days_count(&t->days, today(), domain, &results[i]);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

/* ── writing down ── */

static bool next_dirty(struct tlsrpt *t, struct arena *arena, struct slice *name,
                       struct slice *value)
{
    (void)pthread_mutex_lock(&t->lock);
    bool found = rpt_days_dirty(&t->days, arena, name, value);
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

static void write_down(struct keeper *k)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct slice names[WRITE_MAX];
    struct slice values[WRITE_MAX];
    struct error e;
    size_t n = 0;

    while (n < WRITE_MAX && next_dirty(k->tlsrpt, &arena, &names[n], &values[n])) {
        n++;
    }
    if (n && !state_values_put(k->state, names, values, n, &e)) {
        log_event(LOG_WARNING, "tlsrpt.unwritten", LOG_TEXT("reason", e.text));
    }
    k->tlsrpt->written_at = clock_steady_ms();
}

/* ── reports ── */

/* A copy of the next one that is due. */
static bool next_due(struct keeper *k, struct arena *arena, struct tlsrpt_job *job)
{
    struct tlsrpt *t = k->tlsrpt;
    int64_t now = clock_wall_ms();
    int64_t day = 0;
    bool due = false;

    (void)pthread_mutex_lock(&t->lock);
    struct rpt_domain *r = rpt_days_due(&t->days, now / RPT_DAY_MS, clock_steady_ms(), &day);
    if (r && now >= (day + 1) * RPT_DAY_MS + t->jitter_ms) {
        r->next_at = clock_steady_ms() + AGAIN_MS;
        tlsrpt_job_copy(r, day, arena, job);
        due = true;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return due;
}

/* Sent, not wanted, or tried often enough: its counts go. */
static void end_job(struct keeper *k, const struct tlsrpt_job *job, enum tlsrpt_end how)
{
    struct tlsrpt *t = k->tlsrpt;

    (void)pthread_mutex_lock(&t->lock);
    struct rpt_domain *r = rpt_days_find(&t->days, job->day, job->counts.domain);
    if (r && how == TLSRPT_UNASKED) {
        r->next_at = clock_steady_ms() + UNASKED_MS;
    } else if (r && (how == TLSRPT_OVER || ++r->tries >= TRIES_MAX)) {
        rpt_days_drop(&t->days, job->day, job->counts.domain);
    } else if (r) {
        rpt_days_touch(&t->days, job->day, job->counts.domain);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static bool send_next(struct keeper *k)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct tlsrpt_job job = {.last = false};

    if (!k->options.settings(k->options.context)->tls_reports.on || !next_due(k, &arena, &job)) {
        return false;
    }
    job.last = job.counts.tries + 1 >= TRIES_MAX;
    end_job(k, &job, tlsrpt_send(k, &job, &arena));
    return true;
}

void keeper_tls_reports(void *keeper)
{
    struct keeper *k = keeper;

    bool more = false; /* one at a time: what is counted meanwhile is written down in between */

    while (!atomic_load(&k->closing)) {
        (void)usleep(more ? MORE_US : LOOK_EVERY_US);
        if (clock_steady_ms() - k->tlsrpt->written_at >= WRITE_MS) {
            write_down(k);
        }
        more = send_next(k) || sts_keep_fresh(k);
    }
}

bool keeper_on_domain_reports(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct domain_reports_ask *ask = r->ask;
    struct domain_reports_answer *answer = r->answer;
    struct domain_reports_answer all = {0};

    if (!tlsrpt_sent(k, r->arena, &all, e)) {
        return false;
    }
    struct domain_report *reports = all.reports.items;
    size_t n = 0;
    for (size_t i = 0; i < all.reports.count; i++) {
        if (ask->domain.len == 0 || slice_equal_nocase(reports[i].domain, ask->domain)) {
            reports[n++] = reports[i];
        }
    }
    answer->reports = (struct cbor_list){reports, n};
    return true;
}
