#include "keeper/redecide_look.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/backlog.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/redecide.h"
#include "keeper/redecide_names.h"
#include "keeper/secrets.h"

#define PACE_MS   10   /* between two letters, */
#define YIELD_MS  2000 /* and for so long it lets letters go first that come in */
#define AGAIN_MS  INT64_C(60000)
#define STEPS     7 /* 1 min, 2 min, up to 64 min: until what could not be decided is looked at again */
#define MARGIN_MS 60000 /* a decision may have looked so long before it was recorded */

struct redecide_looks {
    pthread_mutex_t lock; /* guards the others */
    pthread_cond_t changed;
    struct redecide_names now;
    struct redecide_names later; /* what could not be decided */
    int64_t later_at;            /* steady clock */
    unsigned step;
    uint64_t known; /* how often something became known */
    bool closed;
};

struct redecide_looks *redecide_looks_new(void)
{
    struct redecide_looks *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("looks");
    }
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->changed, NULL);
    l->now.all = true;
    return l;
}

void redecide_looks_free(struct redecide_looks *l)
{
    if (l) {
        (void)pthread_cond_destroy(&l->changed);
        (void)pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

void redecide_looks_close(struct redecide_looks *l)
{
    if (l) {
        (void)pthread_mutex_lock(&l->lock);
        l->closed = true;
        (void)pthread_cond_broadcast(&l->changed);
        (void)pthread_mutex_unlock(&l->lock);
    }
}

/* ── what became known ── */

void redecide_known(struct keeper *k, struct slice address)
{
    struct redecide_looks *l = k->looks;

    if (!l) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    redecide_names_add(&l->now, address);
    l->known++;
    (void)pthread_cond_signal(&l->changed);
    (void)pthread_mutex_unlock(&l->lock);
}

uint64_t redecide_mark(struct keeper *k)
{
    struct redecide_looks *l = k->looks;
    uint64_t known = 0;

    if (l) {
        (void)pthread_mutex_lock(&l->lock);
        known = l->known;
        (void)pthread_mutex_unlock(&l->lock);
    }
    return known;
}

void redecide_missed(struct keeper *k, uint64_t mark, const struct facts *f,
                     const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;
    const struct recipient *all = f->recipients.items;
    bool missed = redecide_mark(k) != mark;

    for (size_t i = 0; missed && i < d->rulings.count; i++) {
        struct slice in = redecide_is_policys(&rulings[i]) ? rulings[i].recipients : SLICE_NONE;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
            if (at < f->recipients.count) {
                redecide_known(k, all[at].address);
            }
        }
    }
}

/* ── a look at the queue ── */

/* One round of the thread. */
struct looking {
    struct keeper *keeper;
    struct redecide_names names;
    struct parcel **parcels; /* of what is held: references, each letter once or more */
    size_t n, max;
    bool later; /* something could not be decided now */
};

static bool may_be_meant(const struct looking *l, const struct queue_entry *entry)
{
    return queue_entry_is_stuck(entry) &&
           (l->names.all || redecide_names_has_domain(&l->names, entry->domain));
}

static void count_one(void *context, const struct queue_entry *entry)
{
    struct looking *l = context;

    l->max += may_be_meant(l, entry) ? 1 : 0;
}

static void gather_one(void *context, const struct queue_entry *entry)
{
    struct looking *l = context;
    bool again = l->n && l->parcels[l->n - 1] == entry->parcel;

    if (l->n < l->max && !again && may_be_meant(l, entry)) {
        l->parcels[l->n++] = parcel_hold(entry->parcel);
    }
}

/* What the state has of him that is newer than that. */
static bool has_newer(struct keeper *k, struct slice address, uint64_t at)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20, .wipes = true};
    struct recipient_keys keys = {.address = SLICE_NONE};
    struct secret_agreed agreed = {.at = 0};
    struct secret_telephone telephone = {.at = 0};
    uint64_t since = at > MARGIN_MS ? at - MARGIN_MS : 0;
    bool found = false;
    struct error e;

    if (!recipient_keys_of(k, address, &arena, &keys, &e) ||
        !secrets_agreed(k, address, &arena, &agreed, &found, &e) ||
        !secrets_telephone(k, address, &arena, &telephone, &e)) {
        log_event(LOG_WARNING, "redecide.unread", LOG_TEXT("reason", e.text));
        return true; /* what says the same as before is not recorded */
    }
    const struct recipient_key *all = keys.keys.items;
    bool newer = (found && agreed.at >= since) || (telephone.number.len && telephone.at >= since);
    for (size_t i = 0; i < keys.keys.count; i++) {
        newer = newer || all[i].added_at >= since;
    }
    return newer;
}

static bool is_new(void *context, struct slice address, uint64_t decided_at)
{
    const struct looking *l = context;

    return redecide_names_has(&l->names, address) ||
           (l->names.all && has_newer(l->keeper, address, decided_at));
}

static void nap(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* What comes in goes first, for a while. */
static void pace(struct keeper *k)
{
    int64_t until = clock_steady_ms() + YIELD_MS;

    nap(PACE_MS);
    while (backlog_length(&k->backlog) && clock_steady_ms() < until && !atomic_load(&k->closing)) {
        nap(PACE_MS);
    }
}

static void look_at(struct looking *l, const struct letter_id *id)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    const struct redecide_order order = {
        .reason = SLICE("something new is known of a recipient"), .is_new = is_new, .context = l};
    struct redecide_done done;
    struct error e;

    if (redecide_letter(l->keeper, id, &order, &arena, &done, &e)) {
        return;
    }
    l->later = l->later || (e.kind != ERROR_LIMIT && e.kind != ERROR_CORRUPT);
    if (e.kind == ERROR_LIMIT) {
        keeper_alert(l->keeper, "decided-often",
                     "a letter that its policy holds is no longer decided once more by itself, "
                     "because that was done too often: `postern queue list`, then `postern queue "
                     "decide`, or `postern queue release --reason` by the officer");
    }
    log_event(LOG_WARNING, "letter.not_decided_anew", LOG_TEXT("reason", e.text));
}

static void look(struct looking *l)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 30};

    queue_each(l->keeper->queue, count_one, l);
    l->parcels = arena_array(&arena, l->max + 1, sizeof(struct parcel *));
    queue_each(l->keeper->queue, gather_one, l);
    for (size_t i = 0; i < l->n; i++) {
        if (!atomic_load(&l->keeper->closing)) {
            look_at(l, &l->parcels[i]->id);
            pace(l->keeper);
        }
        parcel_drop(l->parcels[i]);
    }
}

/* ── the thread ── */

/* Under the lock: what could not be decided is due. */
static bool is_due(const struct redecide_looks *l)
{
    return !redecide_names_are_empty(&l->later) && l->later_at <= clock_steady_ms();
}

/* Wait for something to look for. False: the process ends. */
static bool take(struct redecide_looks *l, struct redecide_names *out)
{
    (void)pthread_mutex_lock(&l->lock);
    while (!l->closed && redecide_names_are_empty(&l->now) && !is_due(l)) {
        if (redecide_names_are_empty(&l->later)) {
            (void)pthread_cond_wait(&l->changed, &l->lock);
        } else {
            (void)thread_wait(&l->changed, &l->lock, l->later_at);
        }
    }
    if (is_due(l)) {
        redecide_names_join(&l->now, &l->later);
        redecide_names_clear(&l->later);
    }
    *out = l->now;
    redecide_names_clear(&l->now);
    bool open = !l->closed;
    (void)pthread_mutex_unlock(&l->lock);
    return open;
}

static void look_later(struct redecide_looks *l, const struct looking *round)
{
    (void)pthread_mutex_lock(&l->lock);
    if (round->later) {
        redecide_names_join(&l->later, &round->names);
        l->later_at = clock_steady_ms() + (AGAIN_MS << l->step);
        l->step += l->step + 1 < STEPS ? 1 : 0;
    } else if (redecide_names_are_empty(&l->later)) {
        l->step = 0;
    }
    (void)pthread_mutex_unlock(&l->lock);
}

void keeper_redecide(void *keeper)
{
    struct keeper *k = keeper;
    struct looking *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("a look");
    }
    thread_background();
    while (take(k->looks, &l->names)) {
        l->keeper = k;
        l->n = l->max = 0;
        l->later = false;
        look(l);
        look_later(k->looks, l);
    }
    free(l);
}
