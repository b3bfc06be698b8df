/* The steps of a change of keys, taken one by one, and the thread that looks whether one is due. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/handlers.h"
#include "keeper/internal.h"
#include "keeper/own_domain.h"
#include "keeper/publish.h"
#include "keeper/rotation.h"
#include "keeper/rotation_keys.h"
#include "keeper/rotation_parts.h"
#include "keeper/rotation_publish.h"
#include "keeper/rotation_step.h"
#include "requests/own_domain.h"

#define LOOK_MAX      ((size_t)64 << 20) /* of memory for one domain */
#define LOOK_EVERY_MS 60000              /* or sooner, when new keys need not be seen for as long */
#define QUESTIONS_MS  30000
/* Beyond the queue's lifetime: others verify what they took in late. */
#define RETIRE_MORE_MS (2ull * 86400000)
#define REMIND_MS      (7ull * 86400000)

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

/* ── steps ── */

/* One look at one domain. */
struct look {
    struct keeper *keeper;
    struct slice domain;
    struct arena *arena;
    struct own_domain own;
    struct dkim_rotation rotation;
    struct slice by; /* a person, or "postern" */
    struct slice reason;
};

static bool keep(struct look *l, struct error *e)
{
    return rotation_keep(l->keeper, l->domain, &l->rotation, l->arena, e);
}

static struct slice names_text(const struct cbor_list *names, struct arena *arena)
{
    const struct slice *all = names->items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < names->count; i++) {
        text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "", SLICE_ARG(all[i]));
    }
    return text;
}

static bool record(struct look *l, const char *what, const struct cbor_list *names, struct error *e)
{
    struct act act = {
        .by = l->by,
        .verb = SLICE("dkim rotate"),
        .object = l->domain,
        .reason = l->reason,
        .detail = arena_printf(l->arena, "%s %.*s", what, SLICE_ARG(names_text(names, l->arena)))};

    return keeper_record_one(l->keeper, LEDGER_PATIENT, RECORD_ADMIN, &act_schema, &act, e);
}

static void tell(struct look *l, const char *event, const char *sentence)
{
    char text[ERROR_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "%.*s: %s", SLICE_ARG(l->domain), sentence);
    keeper_alert(l->keeper, event, text);
    l->rotation.told_at = (uint64_t)clock_wall_ms();
}

/* Selectors of the keys that sign now. */
static struct cbor_list in_use(struct look *l)
{
    const struct zone_facts *f = &l->own.facts;
    struct slice *names = arena_array(l->arena, f->n_keys + 1, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < f->n_keys && n < ROTATION_SELECTORS_MAX; i++) {
        if (f->keys[i].used) {
            names[n++] = f->keys[i].selector;
        }
    }
    return (struct cbor_list){names, n};
}

/* The signer destroys them. */
static bool drop(struct look *l, const struct cbor_list *selectors, struct error *e)
{
    return rotation_drop_keys(l->keeper, l->domain, selectors, l->arena, e);
}

/* One new key for each algorithm that signs now. */
static bool make_keys(struct look *l, struct cbor_list *made, struct error *e)
{
    const struct zone_facts *f = &l->own.facts;
    struct slice *names = arena_array(l->arena, 2, sizeof(*names));
    bool has[2] = {false, false};

    *made = (struct cbor_list){names, 0};
    for (size_t i = 0; i < f->n_keys; i++) {
        bool rsa = f->keys[i].algorithm == DKIM_RSA_SHA256;
        if (!f->keys[i].used || has[rsa]) {
            continue;
        }
        has[rsa] = true;
        if (!rotation_make_key(l->keeper, &l->own, &f->keys[i], &names[made->count], l->arena, e)) {
            return false;
        }
        made->count++;
    }
    keeper_keys_changed(l->keeper);
    return made->count ||
           error_set(e, ERROR_INPUT, "%.*s signs with no key yet; `postern dkim new` makes one",
                     SLICE_ARG(l->domain));
}

/* Where the settings name a server for it; otherwise, and when that fails, a person is told. */
static bool publish(struct look *l)
{
    const char *said = rotation_publish(l->keeper, l->domain, &l->rotation.next, l->arena);

    if (said) {
        tell(l, "dkim-publish", said);
    }
    return !said;
}

/* What was made and is not kept track of is destroyed again, so that a failure that repeats itself fills nothing. */
static bool begin(struct look *l, struct error *e)
{
    struct cbor_list made;
    struct error ignored;

    bool well = make_keys(l, &made, e);
    if (well) {
        l->rotation = (struct dkim_rotation){
            .phase = ROTATION_PUBLISH,
            .since = (uint64_t)clock_wall_ms(),
            .told_at = (uint64_t)clock_wall_ms(),
            .based_on = rotation_selectors(settings_of(l->keeper), l->arena),
            .active = in_use(l),
            .next = made,
        };
        well = record(l, "made", &made, e) && keep(l, e);
    }
    if (!well) {
        (void)!drop(l, &made, &ignored);
        return false;
    }
    (void)publish(l);
    return true;
}

static bool take_over(struct look *l, struct error *e)
{
    struct cbor_list former = l->rotation.active;

    l->rotation.active = l->rotation.next;
    l->rotation.next = former;
    l->rotation.phase = ROTATION_RETIRE;
    l->rotation.since = (uint64_t)clock_wall_ms();
    l->rotation.seen_since = 0;
    return record(l, "signs with", &l->rotation.active, e) && keep(l, e);
}

/* What we put there goes; what somebody else did, a person must take away. */
static void withdraw(struct look *l, const struct cbor_list *selectors)
{
    const char *said = rotation_publish_remove(l->keeper, l->domain, selectors, l->arena);

    if (said) {
        tell(l, "dkim-remove", said);
    }
}

static bool destroy(struct look *l, struct error *e)
{
    struct cbor_list former = l->rotation.next;

    if (!rotation_publish_retire(l->keeper, l->domain, &former, l->arena, e) ||
        !record(l, "destroyed", &former, e) || !drop(l, &former, e)) {
        return false;
    }
    l->rotation.phase = ROTATION_QUIET;
    l->rotation.since = (uint64_t)clock_wall_ms();
    l->rotation.next = (struct cbor_list){NULL, 0};
    withdraw(l, &former);
    return keep(l, e);
}

static bool take_step(struct look *l, enum rotation_act act, struct error *e)
{
    switch (act) {
    case ROTATION_REST:
        return true;
    case ROTATION_BEGIN:
        return begin(l, e);
    case ROTATION_SEEN:
        l->rotation.seen_since = (uint64_t)clock_wall_ms();
        return keep(l, e);
    case ROTATION_LOST:
        l->rotation.seen_since = 0;
        return keep(l, e);
    case ROTATION_SWITCH:
        return take_over(l, e);
    case ROTATION_DESTROY:
        return destroy(l, e);
    case ROTATION_REMIND:
        tell(l, "dkim-publish",
             "new DKIM keys wait for being published; `postern domain dns` prints their records");
        return keep(l, e);
    }
    return true;
}

/* ── looking ── */

/* Whether the DNS shows every key that is to come, as it is. */
static bool is_published(struct look *l)
{
    const struct zone_lookup lookup = own_domain_lookup(&l->own);
    struct zone_record *wanted = NULL;
    size_t n = zone_wanted(&l->own.facts, l->arena, &wanted);
    size_t good = 0;

    for (size_t i = 0; i < n; i++) {
        struct zone_verdict verdict;
        if (wanted[i].kind == ZONE_KIND_DKIM &&
            rotation_is_among(&l->rotation.next, wanted[i].key->selector)) {
            zone_judge(&wanted[i], &l->own.facts, &lookup, l->arena, &verdict);
            good += verdict.mark == ZONE_GOOD;
        }
    }
    return good == l->rotation.next.count;
}

/* When the newest key in use was made. */
static bool newest(struct look *l, uint64_t *made_at, struct error *e)
{
    struct cbor_list used = in_use(l);
    struct signer_keys keys;

    *made_at = 0;
    if (!keeper_keys_copy(l->keeper, l->arena, &keys, e)) {
        return false;
    }
    const struct signer_key *all = keys.keys.items;
    for (size_t i = 0; i < keys.keys.count; i++) {
        if (slice_equal_nocase(all[i].domain, l->domain) && rotation_is_among(&used, all[i].name) &&
            all[i].created_at > *made_at) {
            *made_at = all[i].created_at;
        }
    }
    return true;
}

static bool gather(struct look *l, struct error *e)
{
    int64_t deadline = clock_steady_ms() + QUESTIONS_MS;

    return own_domain_gather(l->keeper, l->domain, deadline, l->arena, &l->own, e) &&
           rotation_read(l->keeper, l->domain, l->arena, &l->rotation, e);
}

/* New keys that the signer has not are waited for in vain: a crash came between, or a backup without them was restored. Those of the
 * same change that it has go as well, or they would be published again. Asked of the signer itself: what it said a while ago
 * may be older than the keys. */
static bool forget_missing(struct look *l, struct error *e)
{
    const struct cbor_list lost = l->rotation.next;
    bool missing = false;

    if (l->rotation.phase != ROTATION_PUBLISH || rotation_has_keys(&l->own, &lost)) {
        return true;
    }
    if (!rotation_keys_missing(l->keeper, l->domain, &lost, &missing, e)) {
        return false;
    }
    if (!missing) {
        return true;
    }
    if (!drop(l, &lost, e)) {
        return false;
    }
    l->rotation.phase = ROTATION_QUIET;
    l->rotation.seen_since = 0;
    l->rotation.next = (struct cbor_list){NULL, 0};
    return rotation_publish_retire(l->keeper, l->domain, &lost, l->arena, e) && keep(l, e);
}

/* A server that was away, or a key that it did not know yet. As each try is recorded before it is made, one that fails again and
 * again is made less and less often. */
static void try_again(struct look *l, bool published)
{
    struct rotation_pause *p = rotation_pause_of(l->keeper, l->domain);
    bool well = true;

    if (clock_steady_ms() < p->due_ms || !publish_does_keys(settings_of(l->keeper), l->domain)) {
        return;
    }
    if (l->rotation.phase == ROTATION_PUBLISH && !published) {
        well = publish(l);
    }
    if (rotation_publish_pending(l->keeper, l->domain)) {
        withdraw(l, &(struct cbor_list){NULL, 0});
        well = well && !rotation_publish_pending(l->keeper, l->domain);
    }
    p->failures = well ? 0 : p->failures + 1;
    p->due_ms = clock_steady_ms() + (int64_t)rotation_pause_ms(p->failures);
}

static uint64_t retire_after(const struct settings *s)
{
    return s->dkim.rotate_retire_ms ? (uint64_t)s->dkim.rotate_retire_ms
                                    : (uint64_t)s->delivery.queue_lifetime_ms + RETIRE_MORE_MS;
}

static bool look_at(struct look *l, struct error *e)
{
    const struct settings *s = settings_of(l->keeper);
    struct rotation_times times = {.every_ms = (uint64_t)s->dkim.rotate_ms,
                                   .seen_ms = (uint64_t)s->dkim.rotate_seen_ms,
                                   .retire_ms = retire_after(s),
                                   .remind_ms = REMIND_MS};

    if (!gather(l, e) || !forget_missing(l, e) || !newest(l, &times.made_at, e)) {
        return false;
    }
    bool published = l->rotation.phase == ROTATION_PUBLISH && is_published(l);
    try_again(l, published);
    return take_step(l, rotation_step(&l->rotation, &times, (uint64_t)clock_wall_ms(), published),
                     e);
}

/* Nothing is looked up for a domain about which nothing is to be done. */
static bool concerns(struct keeper *k, const struct settings *s, struct slice domain)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    struct dkim_rotation r;
    struct error ignored;

    return s->dkim.rotate_ms || !rotation_read(k, domain, &arena, &r, &ignored) || r.phase ||
           rotation_publish_pending(k, domain);
}

static void look_at_all(struct keeper *k)
{
    const struct settings *s = settings_of(k);
    const struct slice *domains = s->general.domains.items;
    struct error e;

    if (!rotations_refresh(k, &e)) {
        log_event(LOG_WARNING, "dkim.rotation_unknown", LOG_TEXT("reason", e.text));
    }
    for (size_t i = 0; i < s->general.domains.count && !atomic_load(&k->closing); i++) {
        OWN(arena) struct arena arena = {.max = LOOK_MAX};
        struct look l = {
            .keeper = k, .domain = domains[i], .arena = &arena, .by = SLICE("postern")};
        if (!concerns(k, s, domains[i])) {
            continue;
        }
        (void)pthread_mutex_lock(&k->rotations->turn);
        if (!look_at(&l, &e)) {
            log_event(LOG_WARNING, "dkim.rotation_failed", LOG_SLICE("domain", domains[i]),
                      LOG_TEXT("reason", e.text));
        }
        (void)pthread_mutex_unlock(&k->rotations->turn);
    }
}

void keeper_rotate(void *keeper)
{
    struct keeper *k = keeper;
    int64_t due = 0;

    while (!atomic_load(&k->closing)) {
        if (clock_steady_ms() >= due) {
            int64_t seen = settings_of(k)->dkim.rotate_seen_ms;
            look_at_all(k);
            due = clock_steady_ms() + (seen < LOOK_EVERY_MS ? seen : LOOK_EVERY_MS);
        }
        (void)usleep(500000);
    }
}

/* ── for people ── */

static bool begin_for(struct keeper_admin *admin, struct ipc_request *r, struct slice domain,
                      struct error *e)
{
    OWN(arena) struct arena arena = {.max = LOOK_MAX}; /* of each domain, not of the request */
    const struct own_rotate_ask *ask = r->ask;
    struct look l = {.keeper = admin->keeper,
                     .domain = domain,
                     .arena = &arena,
                     .by = admin->caller.by,
                     .reason = ask->reason};

    if (!gather(&l, e)) {
        return false;
    }
    if (l.rotation.phase) {
        return error_set(e, ERROR_INPUT,
                         "%.*s: a change of keys is under way (%s); `postern dkim list`",
                         SLICE_ARG(domain), rotation_phase_name(l.rotation.phase));
    }
    return begin(&l, e);
}

bool keeper_on_own_rotate(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct own_rotate_ask *ask = r->ask;
    const struct settings *s = settings_of(k);
    const struct slice *domains = s->general.domains.items;
    size_t begun = 0;
    size_t found = 0;

    for (size_t i = 0; i < s->general.domains.count; i++) {
        if (ask->domain.len && !slice_equal_nocase(ask->domain, domains[i])) {
            continue;
        }
        found++;
        (void)pthread_mutex_lock(&k->rotations->turn);
        begun += begin_for(admin, r, domains[i], e); /* of all of ours, those that can */
        (void)pthread_mutex_unlock(&k->rotations->turn);
    }
    return begun || (found ? false
                           : error_set(e, ERROR_INPUT, "%.*s is none of our domains",
                                       SLICE_ARG(ask->domain)));
}
