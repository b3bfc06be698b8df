#include "letter/guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#include "catalog/known.h"
#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/outside.h"
#include "keeper/suspend.h"

#define KNOW_TRIES 100 /* to read what nobody changes meanwhile */

_Static_assert(GUARD_WINDOWS == LIMITS_WINDOWS && GUARD_MEASURES == LIMITS_MEASURES,
               "requests and stage speak of the same");

struct guard *guard_new(void)
{
    struct guard *g = calloc(1, sizeof(*g));

    if (!g) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&g->lock, NULL);
    g->known.max = GUARD_KNOWN_MAX;
    g->links.max = GUARD_LINKS_MAX;
    return g;
}

void guard_free(struct guard *g)
{
    if (!g) {
        return;
    }
    for (size_t i = 0; i < GUARD_BUCKETS; i++) {
        while (g->buckets[i]) {
            struct guarded *x = g->buckets[i];
            g->buckets[i] = x->next;
            limits_count_done(&x->count);
            free(x);
        }
    }
    for (size_t i = 0; i < GUARD_APPS; i++) {
        while (g->apps[i]) {
            struct guarded_app *x = g->apps[i];
            g->apps[i] = x->next;
            limits_count_done(&x->count);
            free(x);
        }
    }
    set_done(&g->known);
    set_done(&g->links);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ── accounts ── */

uint64_t guard_number(struct keeper *k, struct slice account)
{
    return catalog_known_key(k->tail.catalog, SLICE(" account"), account);
}

static struct slice state_name(struct slice account, struct arena *arena)
{
    return arena_printf(arena, "limits/%.*s", SLICE_ARG(account));
}

bool guard_own_limits(struct keeper *k, struct slice account, struct arena *arena,
                      struct account_limits *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    if (!state_value_get(k->state, state_name(account, arena), arena, &value, &found, e)) {
        return false;
    }
    if (!found) {
        *out = (struct account_limits){.account = account};
        return true;
    }
    return cbor_read(value, &account_limits_schema, arena, out, e);
}

static void keep_end(struct guarded *x, const struct suspension_end *end)
{
    x->end = *end;
    x->end.account = x->end.by = x->end.reason = SLICE_NONE; /* somebody else's memory */
}

/* What the state holds of an account. */
struct held {
    struct account_limits own;
    struct suspension_end end;
    int64_t since_ms; /* when it was made; 0: long ago */
    bool suspended;
};

static bool read_held(struct keeper *k, struct slice account, struct arena *arena, struct held *h,
                      struct error *e)
{
    struct suspension_record suspension;
    struct account row;
    bool found = false;

    if (!guard_own_limits(k, account, arena, &h->own, e) ||
        !suspension_of(k, account, arena, &suspension, &h->suspended, e) ||
        !suspension_end_of(k, account, arena, &h->end, e) ||
        !state_account_get(k->state, account, arena, &row, &found, e)) {
        return false;
    }
    h->since_ms = found && !row.drill_until ? (int64_t)row.created_at : 0; /* no drill is new */
    return true;
}

static void learn_held(struct guarded *x, const struct held *h)
{
    (void)memcpy(x->own.most, h->own.most, sizeof(x->own.most));
    if (h->own.until) {
        x->lately = x->own;
        x->lately_until = h->own.until + LIMITS_DAY_MS;
    } else if (x->lately_until) {
        x->lately_until = (uint64_t)clock_wall_ms() + LIMITS_DAY_MS;
    }
    x->own_until = h->own.until;
    x->signs.since_ms = h->since_ms;
    x->own_known = true;
    x->closed = x->closed || h->suspended;
    if (h->end.seq >= x->end.seq) {
        keep_end(x, &h->end);
    }
}

bool guard_know_own(struct keeper *k, struct slice account, uint64_t number, struct arena *arena,
                    struct error *e)
{
    struct guard *g = k->guard;

    for (unsigned n = 0; n < KNOW_TRIES; n++) {
        struct held held = {.suspended = false};
        (void)pthread_mutex_lock(&g->lock);
        bool known = guard_account(g, number)->own_known;
        uint64_t changes = g->changes;
        (void)pthread_mutex_unlock(&g->lock);
        if (known) {
            return true;
        }
        if (!read_held(k, account, arena, &held, e)) {
            return false;
        }
        (void)pthread_mutex_lock(&g->lock);
        bool as_read = changes == g->changes; /* otherwise it may be what was before */
        if (as_read) {
            learn_held(guard_account(g, number), &held);
        }
        (void)pthread_mutex_unlock(&g->lock);
        if (as_read) {
            return true;
        }
    }
    return error_set(e, ERROR_BUSY, "accounts are changed all the time");
}

void guard_forget_limits(struct keeper *k, struct slice account)
{
    (void)pthread_mutex_lock(&k->guard->lock);
    guard_account(k->guard, guard_number(k, account))->own_known = false;
    k->guard->changes++;
    (void)pthread_mutex_unlock(&k->guard->lock);
}

static void of_settings(const struct limits_window_settings *s,
                        uint64_t most[static LIMITS_MEASURES])
{
    most[LIMITS_LETTERS] = s->letters;
    most[LIMITS_RECIPIENTS] = s->recipients;
    most[LIMITS_ADDRESSES] = s->addresses;
    most[LIMITS_FIRST_TIME] = s->first_time;
    most[LIMITS_BYTES] = s->bytes;
}

struct limits guard_limits(struct keeper *k, const struct limits *own, uint64_t until,
                           int64_t now_ms)
{
    const struct limits_settings *s = &k->options.settings(k->options.context)->limits;
    struct limits limits = {0};

    of_settings(&s->hour, limits.most[LIMITS_HOUR]);
    of_settings(&s->day, limits.most[LIMITS_DAY]);
    for (unsigned w = 0; until > (uint64_t)now_ms && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            limits.most[w][m] = own->most[w][m] ? own->most[w][m] : limits.most[w][m];
        }
    }
    return limits;
}

/* ── letters ── */

/* The number of a network for an account; of an empty address: that it was used at all. */
uint64_t guard_network(const struct catalog *c, struct slice account, struct slice client)
{
    return catalog_known_key(c, account, catalog_known_network(client));
}

void guard_make_known(void *guard, uint64_t number)
{
    struct guard *g = guard;

    (void)set_put(number & CATALOG_KNOWN_LINK ? &g->links : &g->known, number, 1);
}

/* It is none that was sent: nothing is held of it. */
static void forget(struct guarded *x, const struct letter_id *id)
{
    for (size_t i = 0; i < GUARD_RECENT && i < x->n_letters; i++) {
        if (memcmp(x->letters[i].id.bytes, id->bytes, LETTER_ID_LEN) == 0) {
            x->letters[i].at_ms = 0;
        }
    }
}

void guard_take_back(struct keeper *k, const struct guard_letter *l)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_find(g, l->account);
    if (x) {
        limits_take_back(&x->count, &l->letter, l->at_ms);
        forget(x, &l->id);
    }
    struct guarded_app *app = l->app ? guard_app_find(g, l->app) : NULL;
    if (app) {
        limits_take_back(&app->count, &l->letter, l->at_ms);
    }
    for (size_t i = 0; i < l->n_known; i++) {
        (void)set_put(&g->known, l->known[i], 0);
    }
    (void)pthread_mutex_unlock(&g->lock);
}

void guard_learn(struct keeper *k, const struct facts *f)
{
    (void)pthread_mutex_lock(&k->guard->lock);
    catalog_known_of(k->tail.catalog, f, guard_make_known, k->guard);
    (void)pthread_mutex_unlock(&k->guard->lock);
}

void guard_look(struct keeper *k, const struct account_limits *own, struct arena *arena,
                struct account_show_answer *answer)
{
    OWN(buf) struct buf signs = {.max = 4000};
    struct signs_verdict verdict = {0};
    struct guard *g = k->guard;
    int64_t now = clock_wall_ms();
    struct limits limits;

    (void)memcpy(limits.most, own->most, sizeof(limits.most));
    const struct limits allowed = guard_limits(k, &limits, own->until, now);
    (void)memcpy(answer->allowed, allowed.most, sizeof(answer->allowed));
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_find(g, guard_number(k, own->account));
    for (unsigned w = 0; x && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            answer->sent[w][m] = limits_sent(&x->count, w, m, now);
        }
    }
    if (x) {
        guard_judge(k, x, now, &verdict);
    }
    (void)pthread_mutex_unlock(&g->lock);
    signs_sentence(&verdict, &signs);
    answer->points = verdict.sum - verdict.large; /* of those that suspend */
    answer->suspend_score = k->options.settings(k->options.context)->limits.suspend_score;
    answer->signs = arena_copy(arena, buf_slice(&signs));
}

/* ── suspended ── */

struct slice guard_close(struct keeper *k, struct slice account, struct arena *arena)
{
    struct guard *g = k->guard;
    uint8_t *ids = arena_alloc(arena, GUARD_RECENT * LETTER_ID_LEN);
    int64_t since = clock_wall_ms() - LIMITS_HOUR_MS;
    size_t n = 0;

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, guard_number(k, account));
    x->closed = true;
    for (size_t i = 0; i < GUARD_RECENT && i < x->n_letters; i++) {
        if (x->letters[i].at_ms >= since) {
            (void)memcpy(ids + LETTER_ID_LEN * n++, x->letters[i].id.bytes, LETTER_ID_LEN);
        }
    }
    (void)pthread_mutex_unlock(&g->lock);
    return slice_of(ids, n * LETTER_ID_LEN);
}

void guard_note_letter(struct guarded *x, const struct letter_id *id, int64_t at_ms)
{
    size_t at = x->n_letters++ % GUARD_RECENT;

    x->letters[at].at_ms = at_ms;
    x->letters[at].id = *id;
}

bool guard_remember(struct keeper *k, struct slice account, const struct letter_id *id,
                    struct arena *arena)
{
    struct guard *g = k->guard;
    bool closed = guard_is_closed(k, account, arena);

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, guard_number(k, account));
    forget(x, id); /* once, among those of now */
    guard_note_letter(x, id, clock_wall_ms());
    closed = closed || x->closed;
    (void)pthread_mutex_unlock(&g->lock);
    return closed;
}

void guard_open(struct keeper *k, struct slice account, const struct suspension_end *end)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, guard_number(k, account));
    limits_count_done(&x->count);
    x->count = (struct limits_count){0};
    x->signs = (struct signs){.since_ms = x->signs.since_ms};
    x->closed = false;
    g->changes++;
    keep_end(x, end);
    (void)pthread_mutex_unlock(&g->lock);
}

uint64_t guard_opened(struct keeper *k, struct slice account, uint64_t seq)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    const struct guarded *x = guard_account(g, guard_number(k, account));
    uint64_t letters = seq < x->end.seq ? x->end.released : 0;
    (void)pthread_mutex_unlock(&g->lock);
    return letters;
}

bool guard_opened_behind(struct keeper *k, struct slice account, uint64_t seq, uint64_t received_at,
                         uint64_t *letters)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    const struct guarded *x = guard_account(g, guard_number(k, account));
    bool behind = suspension_end_is_behind(&x->end, seq, received_at, letters);
    (void)pthread_mutex_unlock(&g->lock);
    return behind;
}

bool guard_is_closed(struct keeper *k, struct slice account, struct arena *arena)
{
    struct guard *g = k->guard;
    uint64_t number = guard_number(k, account);
    struct error e;

    if (!guard_know_own(k, account, number, arena, &e)) {
        log_event(LOG_ERROR, "limits.unknown", LOG_TEXT("reason", e.text));
        return true;
    }
    (void)pthread_mutex_lock(&g->lock);
    bool closed = guard_account(g, number)->closed;
    (void)pthread_mutex_unlock(&g->lock);
    return closed;
}
