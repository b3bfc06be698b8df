#include "processes/auth_provider.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "keyring/digest.h"
#include "requests/oidc.h"

#define PLACES        64 /* sections that were ever read in the life of the process */
#define PATIENCE_MS   12000
#define HTTP_OK       200
#define HTTP_LATE     408
#define HTTP_TOO_MANY 429
#define HTTP_BROKEN   500

/* Keys that are counted: who verifies with them goes on with them while others are put in their place. */
struct held {
    atomic_uint refs;
    struct jose_keys *keys;
    uint8_t digest[DIGEST_LEN];
    int64_t fetched_ms;
};

struct place {
    uint8_t name[DIGEST_LEN]; /* of section and issuer */
    bool taken;
    struct held *held; /* NULL: none yet */
    int64_t
        tried_ms;  /* when they were last asked for; 0: never; guarded by `fetching`, as the next */
    bool answered; /* then there was an answer */
    pthread_mutex_t fetching;
    _Atomic uint64_t counts[PROVIDER_EVENTS];
};

struct providers {
    struct ipc_pool *courier;
    atomic_uint waiting[PROVIDER_SIDES];
    pthread_mutex_t lock; /* guards the next, and the places but for what `fetching` does */
    uint64_t generation;
    struct place places[PLACES];
};

struct providers *providers_new(struct ipc_pool *courier)
{
    struct providers *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    p->courier = courier;
    (void)pthread_mutex_init(&p->lock, NULL);
    for (size_t i = 0; i < PLACES; i++) {
        (void)pthread_mutex_init(&p->places[i].fetching, NULL);
    }
    return p;
}

static void release(struct held *h)
{
    if (h && atomic_fetch_sub(&h->refs, 1) == 1) {
        jose_keys_free(h->keys);
        free(h);
    }
}

OWN_BY(held, struct held, release)

void providers_free(struct providers *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        release(p->places[i].held);
        (void)pthread_mutex_destroy(&p->places[i].fetching);
    }
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

uint64_t providers_generation(struct providers *p)
{
    (void)pthread_mutex_lock(&p->lock);
    uint64_t generation = p->generation;
    (void)pthread_mutex_unlock(&p->lock);
    return generation;
}

/* One more who waits for a provider; leave() when it is true. */
static bool enter(struct providers *p, enum provider_side side, struct error *e)
{
    static const unsigned most[PROVIDER_SIDES] = {PROVIDER_MAIL_MAX, PROVIDER_DESK_MAX};

    if (atomic_fetch_add(&p->waiting[side], 1) < most[side]) {
        return true;
    }
    (void)atomic_fetch_sub(&p->waiting[side], 1);
    return error_set(e, ERROR_LIMIT, "too many wait for a provider: try again in a moment");
}

static void leave(struct providers *p, enum provider_side side)
{
    (void)atomic_fetch_sub(&p->waiting[side], 1);
}

/* Where a section's keys and counts stand; NULL when too many came and went. */
static struct place *place_of(struct providers *p, const struct oidc_settings *provider)
{
    uint8_t name[DIGEST_LEN];
    struct place *found = NULL;

    digest_hmac(provider->name, provider->issuer, name);
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < PLACES && !found; i++) {
        struct place *at = &p->places[i];
        if (!at->taken) {
            (void)memcpy(at->name, name, sizeof(name));
            at->taken = true;
        }
        found = memcmp(at->name, name, sizeof(name)) == 0 ? at : NULL;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return found;
}

void providers_count(struct providers *p, const struct oidc_settings *provider,
                     enum provider_event event)
{
    struct place *at = place_of(p, provider);

    if (at) {
        (void)atomic_fetch_add(&at->counts[event], 1);
    }
}

void providers_look(struct providers *p, const struct oidc_settings *provider,
                    struct provider_record *out)
{
    struct place *at = place_of(p, provider);

    *out = (struct provider_record){.keys_at_ms = 0};
    if (!at) {
        return;
    }
    for (size_t i = 0; i < PROVIDER_EVENTS; i++) {
        out->counts[i] = atomic_load(&at->counts[i]);
    }
    (void)pthread_mutex_lock(&p->lock);
    if (at->held) {
        out->keys_at_ms = clock_wall_ms() - (clock_steady_ms() - at->held->fetched_ms);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

bool providers_in_trouble(uint64_t status)
{
    return status >= HTTP_BROKEN || status == HTTP_LATE || status == HTTP_TOO_MANY;
}

/* Ask, by one who waits. */
static bool ask_now(struct providers *p, const struct oidc_settings *provider,
                    const struct provider_question *q, struct arena *arena, struct slice *body,
                    uint64_t *status, struct error *e)
{
    const struct provider_ask ask = {provider->name, provider->issuer, q->kind, q->form};
    struct provider_answer answer;
    OWN(memfd_map) struct memfd_map map = {.copied = false};
    OWN(fd) int fd = -1;

    if (!p->courier) {
        return error_set(e, ERROR_BUSY, "there is nobody to ask a provider");
    }
    if (!ipc_call(p->courier, &courier_identity, &ask, -1, &answer, &fd, arena, PATIENCE_MS, e) ||
        !memfd_map(fd, OIDC_BODY_MAX, &map, e)) {
        providers_count(p, provider, PROVIDER_UNANSWERED);
        return error_set(e, ERROR_BUSY, "the provider cannot be asked");
    }
    if (providers_in_trouble(answer.status)) {
        providers_count(p, provider, PROVIDER_UNANSWERED);
    }
    *body = arena_copy(arena, map.bytes);
    *status = answer.status;
    return true;
}

bool providers_ask(struct providers *p, const struct oidc_settings *provider,
                   const struct provider_question *q, struct arena *arena, struct slice *body,
                   uint64_t *status, struct error *e)
{
    if (!enter(p, q->side, e)) {
        return false;
    }
    bool asked = ask_now(p, provider, q, arena, body, status, e);
    leave(p, q->side);
    return asked;
}

bool providers_document(struct providers *p, const struct oidc_settings *provider,
                        struct arena *arena, struct jose_provider *out, struct error *e)
{
    const struct provider_question q = {PROVIDER_DESK, IDENTITY_DOCUMENT, SLICE_NONE};
    struct slice body;
    uint64_t status = 0;

    return providers_ask(p, provider, &q, arena, &body, &status, e) &&
           ((status == HTTP_OK && jose_provider_read(body, provider->issuer, arena, out)) ||
            error_set(e, ERROR_BUSY, "the provider's document cannot be read"));
}

/* The keys that there are, counted for the caller, and the generation that they are of. */
static struct held *take(struct providers *p, struct place *at, uint64_t *generation)
{
    (void)pthread_mutex_lock(&p->lock);
    struct held *h = at->held;
    *generation = p->generation;
    if (h) {
        (void)atomic_fetch_add(&h->refs, 1);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return h;
}

static void put(struct providers *p, struct place *at, struct held *fresh)
{
    (void)pthread_mutex_lock(&p->lock);
    struct held *was = at->held;
    at->held = fresh;
    p->generation += !was || memcmp(was->digest, fresh->digest, DIGEST_LEN) != 0;
    (void)pthread_mutex_unlock(&p->lock);
    release(was);
}

static bool fetch_keys(struct providers *p, const struct oidc_settings *provider, struct place *at,
                       struct arena *arena, struct error *e)
{
    const struct provider_question q = {.kind = IDENTITY_KEYS};
    struct held *fresh = NULL;
    struct slice body;
    uint64_t status = 0;

    if (!ask_now(p, provider, &q, arena, &body, &status, e)) {
        return false;
    }
    struct jose_keys *keys = status == HTTP_OK ? jose_keys_read(body) : NULL;
    if (!keys) {
        return error_set(e, ERROR_BUSY, "the provider's keys cannot be read");
    }
    if (!(fresh = calloc(1, sizeof(*fresh)))) {
        arena_panic("out of memory");
    }
    atomic_init(&fresh->refs, 1);
    fresh->keys = keys;
    fresh->fetched_ms = clock_steady_ms();
    digest_of(body, SLICE_NONE, fresh->digest);
    put(p, at, fresh);
    return true;
}

/* Fetch the keys, by one who waits and has the place for himself. ERROR_LIMIT: that was done a moment ago, and these are
 * they; ERROR_BUSY: they are not to be had. */
static bool renew_here(struct providers *p, const struct oidc_settings *provider, struct place *at,
                       struct arena *arena, struct error *e)
{
    int64_t now = clock_steady_ms();

    if (at->tried_ms && now - at->tried_ms < PROVIDER_PAUSE_MS) {
        return error_set(e, at->answered ? ERROR_LIMIT : ERROR_BUSY,
                         "the provider's keys were asked for a moment ago");
    }
    bool done = fetch_keys(p, provider, at, arena, e);
    at->tried_ms = clock_steady_ms();
    at->answered = done;
    log_event(done ? LOG_INFO : LOG_WARNING, "auth.keys", LOG_SLICE("provider", provider->name),
              LOG_NUMBER("fetched", done), LOG_TEXT("reason", done ? "" : e->text));
    return done;
}

/* The same, when there may be one more who waits: `patient`, for somebody else who is fetching them. */
static bool renew(struct providers *p, const struct oidc_settings *provider,
                  enum provider_side side, struct place *at, bool patient, struct arena *arena,
                  struct error *e)
{
    struct error full;

    if (!enter(p, side, &full)) {
        return error_set(e, ERROR_BUSY, "%s", full.text);
    }
    bool ours =
        (patient ? pthread_mutex_lock(&at->fetching) : pthread_mutex_trylock(&at->fetching)) == 0;
    bool done = ours ? renew_here(p, provider, at, arena, e)
                     : error_set(e, ERROR_BUSY, "the provider's keys are being fetched");
    if (ours) {
        (void)pthread_mutex_unlock(&at->fetching);
    }
    leave(p, side);
    return done;
}

static bool verify_with(struct held *h, const struct jwt *token, enum jose_verdict *out)
{
    int64_t age = h ? clock_steady_ms() - h->fetched_ms : INT64_MAX;

    if (age >= PROVIDER_STALE_MS) {
        return false;
    }
    *out = jose_verify(h->keys, token);
    return true;
}

bool providers_verify(struct providers *p, const struct oidc_settings *provider,
                      enum provider_side side, const struct jwt *token, struct arena *arena,
                      struct provider_said *out, struct error *e)
{
    struct place *at = place_of(p, provider);
    struct error why = {.kind = ERROR_NONE};

    if (!at) {
        return error_set(e, ERROR_BUSY, "too many [oidc] came and went: restart posternd");
    }
    OWN(held) struct held *first = take(p, at, &out->generation);
    bool settled = verify_with(first, token, &out->verdict) && out->verdict != JOSE_NO_KEY;
    if (settled && clock_steady_ms() - first->fetched_ms < PROVIDER_FRESH_MS) {
        return true;
    }
    bool renewed = renew(p, provider, side, at, !settled, arena, &why);
    OWN(held) struct held *second = take(p, at, &out->generation);
    bool known = verify_with(second, token, &out->verdict);
    bool perhaps = known && out->verdict == JOSE_NO_KEY && !renewed && why.kind != ERROR_LIMIT;
    return (known && !perhaps) ||
           error_set(e, ERROR_BUSY, "%s", renewed ? "there are no keys" : why.text);
}
