#include "keeper/factors.h"

#include "base/clock.h"
#include "base/log.h"

#include "config/settings_intake.h"
#include "formats/smtp/address.h"
#include "host/address.h"
#include "keeper/internal.h"
#include "keyring/digest.h"

#define NOTED_EVERY_MS  (UINT64_C(10) * 60 * 1000) /* from the same address */
#define NOTED_OTHERS_MS (UINT64_C(60) * 1000)      /* from another one      */

/* ── what an app password is good for ── */

struct app_password *app_password_find(const struct factors *f, struct slice which)
{
    struct app_password *apps = f->apps.items;

    for (size_t i = 0; i < f->apps.count; i++) {
        if (slice_equal(apps[i].id, which) || slice_equal_nocase(apps[i].name, which)) {
            return &apps[i];
        }
    }
    return NULL;
}

static bool is_in_networks(const struct cbor_list *networks, struct slice client)
{
    const struct slice *texts = networks->items;
    struct settings_network n;
    struct address a;
    struct error e;

    if (!address_parse(client, 1, &a, &e)) {
        return false;
    }
    for (size_t i = 0; i < networks->count; i++) {
        if (settings_network_read(texts[i], &n) && settings_network_has(&n, address_bytes(&a))) {
            return true;
        }
    }
    return false;
}

const char *app_password_refusal(const struct app_password *p, struct slice client, uint64_t now_ms)
{
    if (app_password_is_over(p, now_ms)) {
        return "the app password has expired";
    }
    if (!(p->scopes & APP_SCOPE_SEND)) {
        return "the app password is not for sending";
    }
    if (p->networks.count && !is_in_networks(&p->networks, client)) {
        return "the app password is not for this network";
    }
    return NULL;
}

int64_t app_password_until(const struct app_password *p, uint64_t now_ms, int64_t steady_ms,
                           int64_t ends_at_ms)
{
    uint64_t left = p->expires_at > now_ms ? p->expires_at - now_ms : 0; /* it may be any number */

    if (p->expires_at == 0 || ends_at_ms <= steady_ms ||
        left >= (uint64_t)(ends_at_ms - steady_ms)) {
        return ends_at_ms;
    }
    return steady_ms + (int64_t)left;
}

bool app_password_reaches(const struct cbor_list *domains, struct slice recipient)
{
    const struct slice *allowed = domains->items;
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct error e;

    if (domains->count == 0) {
        return true;
    }
    if (!smtp_domain_canonical(letter_domain(recipient), domain, &len, &e)) {
        return false;
    }
    for (size_t i = 0; i < domains->count; i++) {
        if (slice_equal(allowed[i], slice_of(domain, len))) {
            return true;
        }
    }
    return false;
}

/* ── changes ── */

/* Accounts share a few locks: a change waits for the ledger, and most others are not to wait for that. */
static pthread_mutex_t *lock_of(struct keeper *k, struct slice account)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < account.len; i++) {
        hash = (hash ^ account.ptr[i]) * 16777619U;
    }
    return &k->factors_locks[hash % FACTORS_LOCKS];
}

bool factors_put(struct keeper *k, struct slice account, struct arena *arena,
                 factors_change *change, void *context, struct error *e)
{
    pthread_mutex_t *lock = lock_of(k, account);
    struct factors f;

    (void)pthread_mutex_lock(lock);
    bool done = state_factors_get(k->state, account, arena, &f, e) && change(&f, context, e) &&
                state_factors_put(k->state, account, &f, e);
    (void)pthread_mutex_unlock(lock);
    return done;
}

struct use {
    struct slice id;
    struct slice client;
    uint64_t at;
};

static bool note(struct factors *f, void *context, struct error *e)
{
    const struct use *use = context;
    struct app_password *p = app_password_find(f, use->id);

    if (!p) {
        return error_set(e, ERROR_INPUT, "the app password was revoked");
    }
    p->used_at = use->at;
    p->used_from = use->client;
    return true;
}

void factors_note_use(struct keeper *k, struct slice account, const struct app_password *p,
                      struct slice client, struct arena *arena)
{
    struct use use = {p->id, client, (uint64_t)clock_wall_ms()};
    uint64_t every = slice_equal(p->used_from, client) ? NOTED_EVERY_MS : NOTED_OTHERS_MS;
    struct error e;

    /* A clock that was set back must not keep it from being noted. */
    if (use.at >= p->used_at && use.at - p->used_at < every) {
        return;
    }
    if (!factors_put(k, account, arena, note, &use, &e)) {
        log_event(LOG_WARNING, "factors.unwritten", LOG_TEXT("reason", e.text));
    }
}

/* ── after a rotation of the master key ── */

/* What auth sealed, and what it became. */
struct renewed {
    struct slice label;
    struct slice was;
    struct slice now;
};

struct renewal {
    struct renewed items[APP_PASSWORDS_MAX + PASSKEYS_MAX + 3];
    size_t n;
    size_t changed;
};

static void add(struct renewal *r, struct slice label, struct slice sealed)
{
    if (sealed.len) {
        r->items[r->n++] = (struct renewed){label, sealed, sealed};
    }
}

/* What opens under no key stays as it is: whoever uses it is refused. */
static bool ask_auth(struct keeper *k, struct slice account, struct renewed *item,
                     struct arena *arena, bool *changed, struct error *e)
{
    const struct auth_factor_renew_ask ask = {account, item->label, item->was,
                                              k->options.master.generation};
    struct auth_sealed_answer answer;

    if (!ipc_call(k->options.auth, &auth_factor_renew, &ask, -1, &answer, NULL, arena,
                  KEEPER_ASK_MS, e)) {
        return e->kind == ERROR_CORRUPT;
    }
    *changed = answer.sealed.len > 0;
    item->now = *changed ? answer.sealed : item->was;
    return true;
}

static void replace(struct slice *sealed, const struct renewal *r)
{
    for (size_t i = 0; sealed->len && i < r->n; i++) {
        if (slice_equal(*sealed, r->items[i].was)) {
            *sealed = r->items[i].now;
            return;
        }
    }
}

/* What was changed meanwhile is sealed under the present key already. */
static bool put_renewed(struct factors *f, void *context, struct error *e)
{
    struct app_password *apps = f->apps.items;

    (void)e;
    for (size_t i = 0; i < f->apps.count; i++) {
        replace(&apps[i].verifier, context);
    }
    struct passkey *keys = f->passkeys.items;
    for (size_t i = 0; i < f->passkeys.count; i++) {
        replace(&keys[i].sealed, context);
    }
    replace(&f->totp, context);
    replace(&f->totp_asked, context);
    replace(&f->recovery, context);
    return true;
}

/* What is under a former key, and what it is to become. */
static bool look(struct keeper *k, struct slice account, struct arena *arena, struct renewal *r,
                 struct error *e)
{
    struct factors f;

    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    const struct app_password *apps = f.apps.items;
    for (size_t i = 0; i < f.apps.count; i++) {
        add(r, arena_printf(arena, "app/%.*s", SLICE_ARG(apps[i].id)), apps[i].verifier);
    }
    const struct passkey *keys = f.passkeys.items;
    for (size_t i = 0; i < f.passkeys.count; i++) {
        add(r, arena_printf(arena, "passkey/%.*s", SLICE_ARG(keys[i].id)), keys[i].sealed);
    }
    add(r, SLICE("totp"), f.totp);
    add(r, SLICE("totp"), f.totp_asked);
    add(r, SLICE("recovery"), f.recovery);
    for (size_t i = 0; i < r->n; i++) {
        bool changed = false;
        if (!ask_auth(k, account, &r->items[i], arena, &changed, e)) {
            return false;
        }
        r->changed += changed;
    }
    return true;
}

bool factors_renew(struct keeper *k, struct slice account, struct arena *arena, uint64_t *did,
                   struct error *e)
{
    struct renewal r = {.n = 0};

    if (!look(k, account, arena, &r, e)) {
        return false;
    }
    *did += r.changed > 0;
    return r.changed == 0 || factors_put(k, account, arena, put_renewed, &r, e);
}

bool factors_are_former(struct keeper *k, struct slice account, struct arena *arena, bool *former,
                        struct error *e)
{
    struct renewal r = {.n = 0};
    bool ok = look(k, account, arena, &r, e);

    *former = r.changed > 0;
    return ok;
}
