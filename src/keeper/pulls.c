/* 1. A pull is in hand of one worker of the process that lives, or of none: who begins anew has nothing in
 *    hand, and neither has a worker that asks for its next one. So no answer that is lost, and no process
 *    that dies, keeps a pull from its next time.
 * 2. Nothing is given to a process that is no more, though its question still waits here. */
#include "keeper/pulls.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/pull.h"

#define LOOK_MS     1000 /* settings may change meanwhile */
#define WAIT_MAX_MS 60000

struct pull_state {
    struct pull_state *next;
    char *name;
    uint64_t worker; /* in whose hand it is; 0: in nobody's */
    bool again;      /* `pull now` was said while it ran */
    int64_t next_at; /* of the steady clock */
    uint64_t last_at;
    struct keeper_pull_done_ask last; /* its texts are in the arena */
    struct arena arena;
};

struct pulls {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct pull_state *first;
    uint64_t life; /* of the process that pulls; 0: none has asked since the start */
    bool closed;
};

struct pulls *pulls_new(void)
{
    struct pulls *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->changed, NULL);
    return p;
}

void pulls_free(struct pulls *p)
{
    while (p && p->first) {
        struct pull_state *s = p->first;
        p->first = s->next;
        arena_done(&s->arena);
        free(s->name);
        free(s);
    }
    free(p);
}

void pulls_close(struct pulls *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->closed = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

/* The state of that name, made when it is new: then it is due. With the lock held. */
static struct pull_state *state_of(struct pulls *p, struct slice name)
{
    struct pull_state *s = p->first;

    while (s && !slice_equal(slice_text(s->name), name)) {
        s = s->next;
    }
    if (s) {
        return s;
    }
    s = calloc(1, sizeof(*s));
    if (!s || asprintf(&s->name, "%.*s", SLICE_ARG(name)) < 0) {
        arena_panic("out of memory");
    }
    arena_init(&s->arena, 1 << 16);
    s->next = p->first;
    p->first = s;
    return s;
}

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

/* ── for the process ── */

/* One that is due is that worker's; else *wake_at is when to look again. */
static struct pull_state *take_due(struct pulls *p, const struct settings *settings,
                                   uint64_t worker, int64_t *wake_at)
{
    const struct pull_settings *all = settings->pulls.items;
    int64_t now = clock_steady_ms();

    *wake_at = now + LOOK_MS;
    for (size_t i = 0; i < settings->pulls.count; i++) {
        struct pull_state *s = state_of(p, all[i].name); /* -fanalyzer: the list holds it */
        if (!s->worker && s->next_at <= now) {
            s->worker = worker;
            s->again = false;
            return s;
        }
        if (!s->worker && s->next_at < *wake_at) {
            *wake_at = s->next_at;
        }
    }
    return NULL;
}

/* Give back what is in the hand of that worker; 0: of any. */
static void give_back(struct pulls *p, uint64_t worker)
{
    for (struct pull_state *s = p->first; s; s = s->next) {
        if (worker == 0 || s->worker == worker) {
            s->worker = 0;
        }
    }
}

/* A new process begins: the one before it is no more. */
static void begin_life(struct pulls *p, uint64_t life)
{
    p->life = life;
    give_back(p, 0);
    (void)pthread_cond_broadcast(&p->changed);
}

/* Wait for one that is due, as long as the process lives; NULL when there was none. */
static struct pull_state *wait_for_due(struct keeper *k, const struct keeper_pull_next_ask *ask)
{
    struct pulls *p = k->pulls;
    int64_t until =
        clock_steady_ms() + (int64_t)(ask->wait_ms < WAIT_MAX_MS ? ask->wait_ms : WAIT_MAX_MS);
    int64_t wake_at = 0;

    give_back(p, ask->worker);
    struct pull_state *s = take_due(p, settings_of(k), ask->worker, &wake_at);
    while (!s && !p->closed && clock_steady_ms() < until) {
        (void)thread_wait(&p->changed, &p->lock, wake_at < until ? wake_at : until);
        if (p->life != ask->life) {
            return NULL;
        }
        s = take_due(p, settings_of(k), ask->worker, &wake_at);
    }
    return s;
}

bool keeper_on_pull_next(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct pulls *p = k->pulls;
    const struct keeper_pull_next_ask *ask = r->ask;
    struct keeper_pull_next_answer *answer = r->answer;
    struct pull_state *s = NULL;

    if (ask->life == 0 || (!ask->fresh && ask->worker == 0)) {
        return error_set(e, ERROR_INPUT, "a worker is asked for");
    }
    (void)pthread_mutex_lock(&p->lock);
    if (ask->fresh || p->life == 0) { /* 0: the process has lived longer than we */
        begin_life(p, ask->life);
    }
    if (!ask->fresh && p->life == ask->life) {
        s = wait_for_due(k, ask);
    }
    answer->name = s ? arena_copy(r->arena, slice_text(s->name)) : SLICE_NONE;
    (void)pthread_mutex_unlock(&p->lock);
    return true;
}

static bool names_mailbox(const struct pull_settings *pull, struct slice mailbox)
{
    const struct slice *all = pull->mailboxes.items;

    for (size_t i = 0; i < pull->mailboxes.count; i++) {
        if (slice_equal(all[i], mailbox)) {
            return true;
        }
    }
    return false;
}

bool keeper_on_pull_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_pull_begin_ask *ask = r->ask;
    struct keeper_pull_begin_answer *answer = r->answer;
    const struct pull_settings *pull = settings_pull(settings_of(k), ask->pull);
    const struct import_record wanted = {.kind = SOURCE_IMAP,
                                         .name = ask->pull,
                                         .owner = ask->mailbox,
                                         .path = ask->folder,
                                         .by = SLICE("[pull]")};

    if (!pull || !names_mailbox(pull, ask->mailbox)) {
        return error_set(e, ERROR_DENIED, "the settings name no such pull or mailbox");
    }
    (void)pthread_mutex_lock(&k->imports.lock);
    struct import *x = NULL;
    bool stands = imports_stand(k, &wanted, ask->uid_validity, &x, e);
    if (stands) {
        answer->uid = x->record.next & UINT32_MAX;
        answer->counts = (struct import_counts){x->record.taken, x->record.known, x->record.failed};
        answer->ticket = arena_copy(r->arena, slice_of(x->ticket, IMPORT_TICKET_LEN));
    }
    (void)pthread_mutex_unlock(&k->imports.lock);
    return stands;
}

static void keep_last(struct pull_state *s, const struct keeper_pull_done_ask *done)
{
    arena_reset(&s->arena);
    s->last = *done;
    s->last.pull = slice_text(s->name);
    s->last.reason = arena_copy(&s->arena, done->reason);
    s->last_at = (uint64_t)clock_wall_ms();
}

bool keeper_on_pull_done(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct pulls *p = k->pulls;
    const struct keeper_pull_done_ask *ask = r->ask;
    const struct pull_settings *pull = settings_pull(settings_of(k), ask->pull);
    OWN(buf) struct buf sentence = {.max = ERROR_TEXT_MAX};

    if (!pull) {
        return error_set(e, ERROR_DENIED, "the settings name no such pull");
    }
    (void)pthread_mutex_lock(&p->lock);
    struct pull_state *s = state_of(p, ask->pull);
    bool worse = ask->broken && (s->last_at == 0 || s->last.broken == 0);
    keep_last(s, ask);
    if (p->life == ask->life && s->worker == ask->worker) {
        s->worker = 0;
    }
    s->next_at = s->again ? 0 : clock_steady_ms() + pull->interval_ms;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    log_event(ask->broken ? LOG_WARNING : LOG_INFO, "pull.ended", LOG_SLICE("pull", ask->pull),
              LOG_NUMBER("mailboxes", (int64_t)ask->mailboxes),
              LOG_NUMBER("broken", (int64_t)ask->broken), LOG_NUMBER("taken", (int64_t)ask->taken),
              LOG_NUMBER("failed", (int64_t)ask->failed));
    if (worse) {
        buf_printf(&sentence,
                   "pull %.*s: %llu mailboxes could not be read; `postern pull status` says why",
                   SLICE_ARG(ask->pull), (unsigned long long)ask->broken);
        keeper_alert(k, "pull-failed", arena_text(r->arena, buf_slice(&sentence)));
    }
    return true;
}

/* ── for people ── */

static uint64_t wall_of(int64_t steady)
{
    int64_t left = steady - clock_steady_ms();

    return left <= 0 ? 0 : (uint64_t)(clock_wall_ms() + left);
}

bool keeper_on_pulls(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct settings *settings = settings_of(k);
    const struct pull_settings *all = settings->pulls.items;
    struct admin_pulls_answer *answer = r->answer;
    size_t n = settings->pulls.count;
    struct admin_pull *rows = arena_array(r->arena, n + 1, sizeof(*rows));

    (void)e;
    (void)pthread_mutex_lock(&k->pulls->lock);
    for (size_t i = 0; i < n; i++) {
        const struct pull_state *s = state_of(k->pulls, all[i].name);
        rows[i] = (struct admin_pull){
            .name = all[i].name,
            .host =
                arena_printf(r->arena, "%.*s:%u", SLICE_ARG(all[i].host.host), all[i].host.port),
            .mailboxes = all[i].mailboxes.count,
            .running = s->worker != 0,
            .next_at = wall_of(s->next_at),
            .last_at = s->last_at,
            .last = s->last,
        };
        rows[i].last.pull = all[i].name;
        rows[i].last.reason = arena_copy(r->arena, s->last.reason);
    }
    (void)pthread_mutex_unlock(&k->pulls->lock);
    answer->pulls = (struct cbor_list){rows, n};
    return true;
}

bool keeper_on_pull_now(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct pulls *p = admin->keeper->pulls;
    const struct admin_pull_now_ask *ask = r->ask;

    if (!settings_pull(settings_of(admin->keeper), ask->name)) {
        return error_set(e, ERROR_INPUT, "postern.conf has no section [pull %.*s]",
                         SLICE_ARG(ask->name));
    }
    if (!keeper_admin_record(admin, "pull now", ask->name, SLICE_NONE, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&p->lock);
    struct pull_state *s = state_of(p, ask->name);
    s->again = true;
    s->next_at = 0;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return true;
}
