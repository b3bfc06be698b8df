#include "keeper/guard.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#include "catalog/known.h"
#include "keeper/internal.h"
#include "keeper/outside.h"
#include "letter/guard.h"

#define BUCKETS       1024
#define PAGE          1000
#define RECALL_MS     (LIMITS_DAY_MS + LIMITS_HOUR_MS)
#define SENTENCE_MAX  400
#define RESTORE_ARENA ((size_t)256 << 20)

_Static_assert(GUARD_WINDOWS == LIMITS_WINDOWS && GUARD_MEASURES == LIMITS_MEASURES,
               "requests and stage speak of the same");

/* One account. */
struct guarded {
    struct guarded *next;
    uint64_t account; /* its number */
    struct limits_count count;
    struct limits own; /* higher limits; 0: as the settings say */
    uint64_t own_until;
    bool own_known;
    int64_t told_at[LIMITS_WINDOWS]; /* when the person responsible was told last */
};

struct guard {
    pthread_mutex_t lock; /* guards what follows */
    struct guarded *buckets[BUCKETS];
    struct set known;
    uint64_t changes; /* of accounts' own limits */
};

struct guard *guard_new(void)
{
    struct guard *g = calloc(1, sizeof(*g));

    if (!g) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&g->lock, NULL);
    g->known.max = GUARD_KNOWN_MAX;
    return g;
}

void guard_free(struct guard *g)
{
    if (!g) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (g->buckets[i]) {
            struct guarded *x = g->buckets[i];
            g->buckets[i] = x->next;
            limits_count_done(&x->count);
            free(x);
        }
    }
    set_done(&g->known);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ── accounts ── */

static uint64_t number_of(struct keeper *k, struct slice account)
{
    return catalog_known_key(k->tail.catalog, SLICE(" account"), account);
}

static struct guarded *find(struct guard *g, uint64_t account)
{
    struct guarded *x = g->buckets[account % BUCKETS];

    while (x && x->account != account) {
        x = x->next;
    }
    return x;
}

static struct guarded *find_or_make(struct guard *g, uint64_t account)
{
    struct guarded *x = find(g, account);

    if (!x) {
        x = calloc(1, sizeof(*x));
        if (!x) {
            arena_panic("out of memory");
        }
        x->account = account;
        x->next = g->buckets[account % BUCKETS];
        g->buckets[account % BUCKETS] = x;
    }
    return x;
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

/* Have the account's own limits in memory; the state is read without the lock. */
static bool know_own(struct keeper *k, struct slice account, uint64_t number, struct arena *arena,
                     struct error *e)
{
    struct guard *g = k->guard;
    struct account_limits own;

    (void)pthread_mutex_lock(&g->lock);
    bool known = find_or_make(g, number)->own_known;
    uint64_t changes = g->changes;
    (void)pthread_mutex_unlock(&g->lock);
    if (known) {
        return true;
    }
    if (!guard_own_limits(k, account, arena, &own, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = find_or_make(g, number);
    (void)memcpy(x->own.most, own.most, sizeof(x->own.most));
    x->own_until = own.until;
    x->own_known = changes == g->changes; /* otherwise it may be what was before */
    (void)pthread_mutex_unlock(&g->lock);
    return true;
}

void guard_forget_limits(struct keeper *k, struct slice account)
{
    (void)pthread_mutex_lock(&k->guard->lock);
    find_or_make(k->guard, number_of(k, account))->own_known = false;
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

static struct limits limits_of(struct keeper *k, const struct limits *own, uint64_t until,
                               int64_t now_ms)
{
    const struct limits_settings *s = &k->options.settings(k->options.context)->limits;
    struct limits limits;

    of_settings(&s->hour, limits.most[LIMITS_HOUR]);
    of_settings(&s->day, limits.most[LIMITS_DAY]);
    for (unsigned w = 0; until > (uint64_t)now_ms && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            limits.most[w][m] = own->most[w][m] ? own->most[w][m] : limits.most[w][m];
        }
    }
    return limits;
}

/* ── admitting ── */

/* Whom nobody here has written to; under the lock. */
static void mark_first(const struct guard *g, struct outside *o)
{
    for (size_t i = 0; i < o->n; i++) {
        bool known = false;
        for (size_t d = 0; d < o->n_domains; d++) {
            known = known || set_get(&g->known, o->numbers[i * o->n_domains + d]);
        }
        o->first[i] = !known;
    }
}

static void know(void *known, uint64_t number)
{
    (void)set_put(known, number, 1);
}

/* Those of its recipients that become known by it. */
static void make_known(struct guard *g, struct guard_letter *l, struct arena *arena)
{
    uint64_t *numbers = arena_array(arena, l->letter.n_outside + 1, sizeof(*numbers));

    for (size_t i = 0; i < l->letter.n_outside; i++) {
        if (l->letter.first[i]) {
            know(&g->known, l->letter.outside[i]);
            numbers[l->n_known++] = l->letter.outside[i];
        }
    }
    l->known = numbers;
}

/* Whether the person responsible is to be told: once within a window. */
static bool is_news(struct guarded *x, const struct limits_excess *excess, int64_t now_ms)
{
    int64_t window = excess->window == LIMITS_HOUR ? LIMITS_HOUR_MS : LIMITS_DAY_MS;
    int64_t *told_at = &x->told_at[excess->window];

    if (*told_at && now_ms >= *told_at && now_ms - *told_at < window) {
        return false;
    }
    *told_at = now_ms;
    return true;
}

static void tell(struct keeper *k, const struct facts *f, const struct limits_excess *x)
{
    struct limit_record record = {.account = f->account,
                                  .window = (uint64_t)x->window + 1,
                                  .measure = (uint64_t)x->measure + 1,
                                  .most = x->most,
                                  .had = x->had,
                                  .added = x->added,
                                  .client = f->client};
    char sentence[ERROR_TEXT_MAX];
    struct error e;

    log_event(LOG_WARNING, "limits.reached",
              LOG_TEXT("limit", limits_setting(x->window, x->measure)), LOG_NUMBER("most", x->most),
              LOG_NUMBER("had", x->had), LOG_NUMBER("added", x->added));
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_LIMIT, &limit_record_schema, &record, &e)) {
        log_event(LOG_ERROR, "limits.not_recorded", LOG_TEXT("reason", e.text));
    }
    (void)snprintf(
        sentence, sizeof(sentence),
        "%.*s reached a limit: %s is %llu. What is beyond is put off. See `postern account show`; "
        "`postern account limits` gives higher ones",
        SLICE_ARG(f->account), limits_setting(x->window, x->measure), (unsigned long long)x->most);
    keeper_alert(k, "account-limit", sentence);
}

static void refuse(struct keeper *k, const struct facts *f, const struct limits_excess *x,
                   bool news, struct arena *arena, struct guard_letter *out)
{
    OWN(buf) struct buf sentence = {.max = SENTENCE_MAX};

    limits_sentence(x, &sentence);
    out->code = limits_code(x, &out->enhanced);
    out->sentence = arena_copy(arena, buf_slice(&sentence));
    if (news) {
        tell(k, f, x);
    }
}

static void refuse_for_now(struct guard_letter *out, const struct error *why)
{
    log_event(LOG_ERROR, "limits.unknown", LOG_TEXT("reason", why->text));
    out->code = 451;
    out->enhanced = "4.3.0";
    out->sentence = SLICE("Your account could not be looked up; please try again later");
}

bool guard_admit(struct keeper *k, const struct facts *f, struct arena *arena,
                 struct guard_letter *out)
{
    struct guard *g = k->guard;
    struct limits_excess excess = {0};
    struct outside outside;
    struct error e;
    bool news = false;

    *out = (struct guard_letter){.account = number_of(k, f->account), .at_ms = clock_wall_ms()};
    if (!know_own(k, f->account, out->account, arena, &e)) {
        refuse_for_now(out, &e);
        return false;
    }
    outside_read(k, f, arena, &outside);
    out->letter = (struct limits_letter){.bytes = f->size,
                                         .outside = outside_numbers(&outside, arena),
                                         .first = outside.first,
                                         .n_outside = outside.n};
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = find_or_make(g, out->account);
    const struct limits limits = limits_of(k, &x->own, x->own_until, out->at_ms);
    mark_first(g, &outside);
    bool allowed = limits_allow(&x->count, &limits, &out->letter, out->at_ms, &excess);
    if (allowed) {
        limits_add(&x->count, &out->letter, out->at_ms);
        make_known(g, out, arena);
    } else {
        news = is_news(x, &excess, out->at_ms);
    }
    (void)pthread_mutex_unlock(&g->lock);
    if (!allowed) {
        refuse(k, f, &excess, news, arena, out);
    }
    return allowed;
}

void guard_take_back(struct keeper *k, const struct guard_letter *l)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = find(g, l->account);
    if (x) {
        limits_take_back(&x->count, &l->letter, l->at_ms);
    }
    for (size_t i = 0; i < l->n_known; i++) {
        (void)set_put(&g->known, l->known[i], 0);
    }
    (void)pthread_mutex_unlock(&g->lock);
}

void guard_learn(struct keeper *k, const struct facts *f)
{
    (void)pthread_mutex_lock(&k->guard->lock);
    catalog_known_of(k->tail.catalog, f, know, &k->guard->known);
    (void)pthread_mutex_unlock(&k->guard->lock);
}

void guard_look(struct keeper *k, const struct account_limits *own,
                struct account_show_answer *answer)
{
    struct guard *g = k->guard;
    int64_t now = clock_wall_ms();
    struct limits limits;

    (void)memcpy(limits.most, own->most, sizeof(limits.most));
    limits = limits_of(k, &limits, own->until, now);
    (void)memcpy(answer->allowed, limits.most, sizeof(answer->allowed));
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = find(g, number_of(k, own->account));
    for (unsigned w = 0; x && w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            answer->sent[w][m] = limits_sent(&x->count, w, m, now);
        }
    }
    (void)pthread_mutex_unlock(&g->lock);
}

/* ── after a start ── */

/* Count a letter again that was sent within the last day. */
static bool recall(struct keeper *k, const struct catalog_letter *l, struct arena *arena,
                   struct error *e)
{
    struct guard *g = k->guard;
    struct outside o;
    struct facts f;

    if (!keeper_read(k, l->facts, &facts_schema, arena, &f, e)) {
        return false;
    }
    outside_read(k, &f, arena, &o);
    const uint64_t *numbers = outside_numbers(&o, arena);
    for (size_t i = 0; i < o.n; i++) {
        if (!catalog_known_first(k->tail.catalog, numbers[i], l->seq, &o.first[i], e)) {
            return false;
        }
    }
    const struct limits_letter letter = {
        .bytes = f.size, .outside = numbers, .first = o.first, .n_outside = o.n};
    limits_recall(&find_or_make(g, number_of(k, f.account))->count, &letter,
                  (int64_t)f.received_at);
    return true;
}

/* What cannot be read is said, and not counted: the letters behind it count all the same. */
static void recall_page(struct keeper *k, const struct catalog_letter *letters, size_t count,
                        uint64_t since, bool *young)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct error e;

    *young = false;
    for (size_t i = 0; i < count; i++) {
        if (letters[i].received_at < since) {
            continue;
        }
        *young = true;
        if (letters[i].kind == LETTER_SUBMITTED && !recall(k, &letters[i], &arena, &e)) {
            log_event(LOG_WARNING, "limits.unread", LOG_NUMBER("seq", letters[i].seq),
                      LOG_TEXT("reason", e.text));
        }
        arena_reset(&arena);
    }
}

bool guard_restore(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = RESTORE_ARENA};
    uint64_t since = (uint64_t)clock_wall_ms() - RECALL_MS;
    uint64_t before = INT64_MAX;
    bool young = true;

    if (!catalog_known_each(k->tail.catalog, know, &k->guard->known, e)) {
        return false;
    }
    while (young) {
        struct catalog_letter *letters = NULL;
        size_t count = 0;
        arena_reset(&arena);
        if (!catalog_letters(k->tail.catalog, CATALOG_BEFORE, before, PAGE, &arena, &letters,
                             &count, e)) {
            return false;
        }
        recall_page(k, letters, count, since, &young);
        before = count ? letters[count - 1].seq : before;
    }
    return true;
}
