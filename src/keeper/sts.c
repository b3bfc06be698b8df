/* 1. A policy is replaced by a later one of the same domain, ends at fetched_at + max_age by the wall clock, and by nothing else.
 * 2. What is in force is in the state before anybody hears of it, so that a restart does not forget it.
 * 3. A clock that goes backwards ends nothing.
 *
 *     state row                     says
 *     sts/domains                   which domains have a row of their own
 *     sts/policy/DOMAIN             the policy; without an entry in sts/domains nobody reads it */
#include "keeper/sts.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/internal.h"
#include "keeper/levels.h"
#include "keeper/patience.h"
#include "keeper/sts_fetch.h"
#include "keeper/sts_rows.h"
#include "keeper/tlsrpt.h"
#include "requests/sts.h"

#define CHECK_MS (5 * 60 * 1000) /* how long what was looked up is not looked up again */
#define AGAIN_MS                                                                                   \
    (60 * 1000) /* the same when there was no answer, and between two fetches that fail */
#define ANSWER_MS                                                                                  \
    (24 * 3600 * INT64_C(1000)) /* how long "there is none" counts while nobody can be asked */
#define UNASKED_MS    5000      /* the same when courier could not be asked */
#define RENEW_MS      2000      /* the same when letters fail by the policy */
#define BACKGROUND_MS (60 * 60 * 1000) /* between two fetches of one domain that nobody waits for */
#define WAIT_MS       40000            /* for another thread that looks the same domain up */
#define ARENA_BYTES   ((size_t)4 << 20)
#define LOOKING_MAX                                                                                \
    6 /* at once: who is slow outside keeps others from neither courier nor each other */

/* ── looking up ── */

/* One domain while it is looked up: what is known of it, and what was found. */
struct looking {
    struct keeper *k;
    struct slice domain;
    enum sts_wish wish;
    struct arena *arena;
    struct slice known_id; /* empty: no policy is in force */
    uint64_t max_age_s;
    int64_t age_ms;
    int64_t since_try_ms; /* since the last fetch; INT64_MAX without one */
    bool failed;          /* that one failed */
    bool listed;          /* the state's list of domains has this one */

    enum sts_text text;
    struct slice id;
    bool unasked; /* courier could not be asked */
    bool fetched;
    struct sts_policy policy;
    int64_t fetched_at;
    const char *problem;
    struct slice why;
};

/* A policy is fetched when there is another one, before it ends, and when letters fail by it; one that fails to come not at
 * once again. Without a TXT record nothing is fetched, unless a policy is known: whoever can forge the DNS must not keep
 * it from being fetched anew until it has run out (RFC 8461 section 10.2). */
static bool wants_fetch(const struct looking *l)
{
    if (l->text == STS_TEXT_UNASKED || (l->text != STS_TEXT_PRESENT && l->known_id.len == 0)) {
        return false;
    }
    if (l->wish == STS_RENEW) {
        return l->since_try_ms >= RENEW_MS;
    }
    if (l->failed && l->since_try_ms < AGAIN_MS) {
        return false;
    }
    return l->known_id.len == 0 ||
           (l->text == STS_TEXT_PRESENT && !slice_equal(l->id, l->known_id)) ||
           (uint64_t)l->age_ms / 1000 >= l->max_age_s / 2;
}

static void look(struct looking *l)
{
    l->text = sts_fetch_id(l->k, l->domain, l->arena, &l->id, &l->why);
    l->unasked = l->text == STS_TEXT_UNASKED;
    if (l->unasked || l->text == STS_TEXT_UNKNOWN) {
        log_event(l->unasked ? LOG_WARNING : LOG_INFO, l->unasked ? "sts.unasked" : "sts.unknown",
                  LOG_SLICE("reason", l->why));
    }
    if (l->text != STS_TEXT_PRESENT) {
        l->id = l->known_id;
    }
    if (!wants_fetch(l)) {
        return;
    }
    const char *problem = sts_fetch_policy(l->k, l->domain, l->arena, &l->policy, &l->why);
    l->unasked = problem && !*problem;
    if (l->unasked) {
        log_event(LOG_WARNING, "sts.unasked", LOG_SLICE("reason", l->why));
        return;
    }
    l->problem = problem;
    l->fetched = true;
    l->fetched_at = clock_wall_ms();
    if (!l->problem && l->policy.mode != STS_ENFORCE) { /* `testing` demands nothing either */
        keeper_level_withdraw(l->k, l->domain);
    }
    if (l->problem) {
        const struct tls_result failure = {TLS_POLICY_STS, slice_text(l->problem),
                                           .host = SLICE_NONE};
        tlsrpt_count(l->k, l->domain, &failure, 1);
    }
    log_event(l->problem ? LOG_WARNING : LOG_INFO, l->problem ? "sts.not-fetched" : "sts.fetched",
              LOG_TEXT("result", l->problem ? l->problem : "ok"), LOG_SLICE("reason", l->why));
}

/* Before anybody hears of the policy. What cannot be saved is in force nevertheless: it is a policy. */
static void save(struct looking *l)
{
    const struct sts_saving saving = {l->domain, l->id, l->fetched_at, &l->policy, l->listed};
    struct error e = {0};

    if (l->fetched && !l->problem && !sts_save(l->k, &saving, &e)) {
        log_event(LOG_WARNING, "sts.unsaved", LOG_TEXT("reason", e.text));
    }
}

/* Under the lock: is the row still good enough for the wish? */
static bool is_fresh(const struct sts_row *r, enum sts_wish wish, int64_t steady)
{
    int64_t since = r->checked_at ? steady - r->checked_at : INT64_MAX;

    switch (wish) {
    case STS_KNOWN:
        return true;
    case STS_CURRENT:
        return since < CHECK_MS;
    case STS_RENEW:
        return since < RENEW_MS;
    }
    return true;
}

static void begin(struct looking *l, struct sts_row *r)
{
    int64_t now = clock_wall_ms();

    r->busy = true;
    if (sts_row_in_force(r, now)) {
        l->known_id = arena_copy(l->arena, slice_text(r->id));
        l->max_age_s = r->policy.max_age_s;
        l->age_ms = now > r->fetched_at ? now - r->fetched_at : 0;
    }
    l->since_try_ms = r->tried_at ? clock_steady_ms() - r->tried_at : INT64_MAX;
    l->failed = r->problem != NULL;
    l->listed = r->listed;
    l->k->sts->looking++;
}

static void end(struct looking *l, struct sts_row *r)
{
    int64_t steady = clock_steady_ms();

    r->busy = false;
    l->k->sts->looking--;
    r->looked_at = clock_wall_ms();
    r->unasked = l->unasked;
    r->checked_at = l->unasked ? steady - CHECK_MS + (patience_counts() ? 0 : UNASKED_MS)
                    : l->text == STS_TEXT_UNKNOWN ? steady - CHECK_MS + AGAIN_MS
                                                  : steady;
    if (!l->unasked && l->text != STS_TEXT_UNKNOWN) {
        r->answered_at = steady;
    }
    if (l->fetched) {
        r->tried_at = steady;
        r->problem = l->problem;
    } else if (l->text == STS_TEXT_ABSENT && l->known_id.len == 0) {
        r->problem = NULL; /* there is none to be fetched any more */
    }
    if (l->fetched && !l->problem) {
        sts_row_set(r, &l->policy, l->id);
        r->fetched_at = l->fetched_at;
    }
    if (l->problem) {
        r->checked_at = steady - CHECK_MS + AGAIN_MS;
    }
    (void)snprintf(r->why, sizeof(r->why), "%.*s", (int)(l->why.len < 190 ? l->why.len : 190),
                   (const char *)l->why.ptr);
    (void)pthread_cond_broadcast(&l->k->sts->looked);
}

/* `late`: it was to be looked up, and its turn did not come. */
static void copy_out(struct sts_row *r, bool late, struct arena *arena, struct sts_known *out)
{
    bool holds = sts_row_in_force(r, clock_wall_ms());
    bool answered = r->answered_at && clock_steady_ms() - r->answered_at < ANSWER_MS;

    *out = (struct sts_known){
        .unasked = !holds && !answered && (r->unasked || r->busy || late),
        .doubt = !holds && (r->problem || !answered),
        .looked = r->checked_at != 0 || holds,
        .fetched_at = holds ? r->fetched_at : 0,
        .looked_at = r->looked_at,
        .problem = r->problem,
        .why = arena_copy(arena, slice_text(r->why)),
        .seen_at = r->seen_at,
        .proof = arena_copy(arena, slice_text(r->proof)),
        .published = arena_copy(arena, slice_text(r->published)),
    };
    if (holds) {
        out->policy = r->policy;
        out->policy.mx = arena_array(arena, r->policy.n_mx + 1, sizeof(*out->policy.mx));
        for (size_t i = 0; i < r->policy.n_mx; i++) {
            out->policy.mx[i] = arena_copy(arena, r->policy.mx[i]);
        }
        out->id = arena_copy(arena, slice_text(r->id));
    }
    r->used_at = clock_steady_ms();
}

/* Under the lock, which is let go meanwhile. */
static void look_up(struct keeper *k, struct sts_row *r, enum sts_wish wish)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct looking l = {.k = k, .domain = slice_text(r->domain), .wish = wish, .arena = &arena};

    begin(&l, r); /* a busy row is not taken away */
    (void)pthread_mutex_unlock(&k->sts->lock);
    look(&l);
    save(&l);
    (void)pthread_mutex_lock(&k->sts->lock);
    end(&l, r);
}

/* A name that may stand behind "mta-sts.". */
static bool can_have_one(struct slice domain)
{
    return domain.len > 0 && domain.len <= STS_DOMAIN_MAX &&
           slice_find(domain, '*') == domain.len && sts_pattern_is_good(domain);
}

/* Under the lock: must the row be looked up by somebody before it can be used? */
static bool wants_look(const struct sts_row *r, enum sts_wish wish)
{
    return wish != STS_KNOWN && (r->busy || !is_fresh(r, wish, clock_steady_ms()));
}

void sts_find(struct keeper *k, struct slice domain, enum sts_wish wish, struct arena *arena,
              struct sts_known *out)
{
    struct sts_cache *c = k->sts;
    int64_t until = clock_steady_ms() + patience_left_ms(WAIT_MS);
    bool waited = true;

    *out = (struct sts_known){.why = SLICE("it is no name that could have one")};
    if (!can_have_one(domain)) {
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    struct sts_row *r = sts_row_find(c, domain);
    r = r || wish == STS_KNOWN ? r : sts_row_add(k, domain);
    while (r && wants_look(r, wish) && (r->busy || c->looking >= LOOKING_MAX) && waited) {
        waited = thread_wait(&c->looked, &c->lock, until);
        r = sts_row_find(c, domain); /* it may have gone when it was no more busy */
        r = r ? r : sts_row_add(k, domain);
    }
    bool late = r && wants_look(r, wish) && (r->busy || c->looking >= LOOKING_MAX);
    if (r && wants_look(r, wish) && !late) {
        look_up(k, r, wish);
    }
    if (r) {
        copy_out(r, late, arena, out);
    } else {
        out->why = SLICE("it was not looked up yet");
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void sts_seen(struct keeper *k, struct slice domain, const struct evidence *seen)
{
    struct sts_row *r = NULL;

    (void)pthread_mutex_lock(&k->sts->lock);
    r = seen->level ? sts_row_find(k->sts, domain) : NULL;
    if (r) {
        r->seen_at = clock_wall_ms();
        (void)snprintf(r->proof, sizeof(r->proof), "%.*s",
                       SLICE_ARG(slice_head(seen->proof, STS_PROOF_MAX)));
        (void)snprintf(r->published, sizeof(r->published), "%.*s",
                       SLICE_ARG(slice_head(seen->published, STS_WHY_MAX)));
    }
    (void)pthread_mutex_unlock(&k->sts->lock);
}

/* Under the lock. */
static struct sts_row *stale_row(struct sts_cache *c)
{
    int64_t now = clock_wall_ms();
    int64_t steady = clock_steady_ms();

    for (size_t i = 0; i < STS_BUCKETS; i++) {
        for (struct sts_row *r = c->buckets[i]; r; r = r->next) {
            if (!r->busy && sts_row_in_force(r, now) && now > r->fetched_at &&
                (uint64_t)(now - r->fetched_at) / 1000 >= r->policy.max_age_s / 2 &&
                (r->tried_at == 0 || steady - r->tried_at >= BACKGROUND_MS)) {
                return r;
            }
        }
    }
    return NULL;
}

bool sts_keep_fresh(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->sts->lock);
    struct sts_row *r = stale_row(k->sts);
    if (r) {
        look_up(k, r, STS_CURRENT);
        r->tried_at = clock_steady_ms(); /* also when there was nothing to fetch */
    }
    (void)pthread_mutex_unlock(&k->sts->lock);
    return r != NULL;
}

/* ── who asks ── */

bool keeper_on_sts(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_courier *courier = ctx;
    const struct keeper_sts_ask *ask = r->ask;
    struct keeper_sts_answer *answer = r->answer;
    struct sts_known known;

    sts_find(courier->keeper, ask->domain, ask->renew ? STS_RENEW : STS_CURRENT, r->arena, &known);
    if (known.unasked) {
        return error_set(e, ERROR_BUSY, "nobody could be asked for it");
    }
    *answer = (struct keeper_sts_answer){
        .mode = known.policy.mode,
        .id = known.id,
        .mx = {known.policy.mx, known.policy.n_mx},
        .max_age_s = known.policy.max_age_s,
        .doubt = known.doubt,
    };
    return true;
}
