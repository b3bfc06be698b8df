/* 1. Everything is taken away after the record of it is durable. What a crash leaves between the two is taken away, and recorded again, when this is done
 *    again: by the approved request, by the next synchronisation, and before the account is opened.
 * 2. The password goes before the second factor that stood beside it: what a crash leaves is never a password alone that was none.
 * 3. Doing it again does what is left. */
#include "keeper/leavers.h"

#include "keeper/account_parts.h"
#include "keeper/app_passwords.h"
#include "keeper/devices.h"
#include "keeper/directory.h"
#include "keeper/internal.h"
#include "keeper/passkey_rows.h"

#define NO_REASON "the account is closed"

#define ONE_MAX ((size_t)16 << 20) /* what is read of one account */

/* What is taken away, and the records of it. */
struct leaving {
    struct keeper *keeper;
    struct slice account;
    const struct act *as;
    struct arena *arena;
    struct cbor_list apps; /* as they were */
    struct cbor_list passkeys;
};

static bool note(const struct leaving *l, const char *verb, struct slice object,
                 struct slice detail, struct error *e)
{
    struct act act = *l->as;

    act.verb = slice_text(verb);
    act.object = object;
    act.detail = detail;
    act.reason = act.reason.len ? act.reason : SLICE(NO_REASON);
    return keeper_record_one(l->keeper, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, e);
}

/* ── the password ── */

/* A rotation of the master key may seal it anew meanwhile. */
static bool drop_password(const struct leaving *l, struct error *e)
{
    struct state *state = l->keeper->state;
    struct account was;
    bool found = false;
    bool did = false;

    if (!state_account_get(state, l->account, l->arena, &was, &found, e)) {
        return false;
    }
    if (!found || was.verifier.len == 0) {
        return true;
    }
    if (!note(l, "user set", l->account,
              SLICE("no password any more: the second factor beside it is gone"), e)) {
        return false;
    }
    while (found && !did) {
        struct account now = was;
        now.verifier = SLICE_NONE;
        now.beside = false;
        if (!state_account_replace(state, &was, &now, &did, e) ||
            (!did && !state_account_get(state, l->account, l->arena, &was, &found, e))) {
            return false;
        }
    }
    return true;
}

/* ── what it signs in with ── */

static bool note_apps(const struct leaving *l, struct error *e)
{
    const struct app_password *apps = l->apps.items;

    for (size_t i = 0; i < l->apps.count; i++) {
        if (!note(l, apps[i].pin.len ? "device revoke" : "app-password revoke", l->account,
                  app_password_describe(&apps[i], l->arena), e)) {
            return false;
        }
    }
    return true;
}

static bool note_passkeys(const struct leaving *l, struct error *e)
{
    const struct passkey *keys = l->passkeys.items;

    for (size_t i = 0; i < l->passkeys.count; i++) {
        if (!note(l, "passkey remove", l->account,
                  arena_printf(l->arena, "%.*s (%.*s)", SLICE_ARG(keys[i].name),
                               SLICE_ARG(keys[i].id)),
                  e)) {
            return false;
        }
    }
    return true;
}

static bool clear(struct factors *f, void *context, struct error *e)
{
    struct leaving *l = context;

    l->apps = f->apps;
    l->passkeys = f->passkeys;
    if ((factors_are_on(f) && !drop_password(l, e)) || !note_apps(l, e) || !note_passkeys(l, e) ||
        (f->totp.len && !note(l, "totp off", l->account, SLICE_NONE, e))) {
        return false;
    }
    *f = (struct factors){.totp_step = f->totp_step};
    return true;
}

static bool has_any(const struct factors *f)
{
    return f->apps.count || f->passkeys.count || f->totp.len || f->totp_asked.len ||
           f->recovery.len;
}

/* The rows that lead to it from elsewhere. */
static bool forget_rows(const struct leaving *l, struct error *e)
{
    const struct app_password *apps = l->apps.items;
    const struct passkey *keys = l->passkeys.items;

    for (size_t i = 0; i < l->apps.count; i++) {
        if (apps[i].pin.len && !devices_forget(l->keeper, apps[i].pin, l->account, l->arena, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < l->passkeys.count; i++) {
        if (!passkey_rows_forget(l->keeper, l->account, keys[i].credential, l->arena, e)) {
            return false;
        }
    }
    return true;
}

static bool end_factors(struct leaving *l, struct error *e)
{
    struct factors f;

    return state_factors_get(l->keeper->state, l->account, l->arena, &f, e) &&
           (!has_any(&f) ||
            (factors_put(l->keeper, l->account, l->arena, clear, l, e) && forget_rows(l, e)));
}

/* ── delegations ── */

/* A delegation, and who had its address when nobody who is open has it. */
struct granted {
    struct delegation d;
    struct slice *holders;
    size_t n_holders;
    bool ended;
};

/* Who has an address, if they are all closed; otherwise nobody. */
static bool last_holders(struct keeper *k, struct slice address, struct arena *arena,
                         struct slice **holders, size_t *count, struct error *e)
{
    OWN(arena) struct arena scratch = {.max = ONE_MAX};
    size_t n = 0;

    *count = 0;
    if (!directory_accounts(k, address, arena, holders, &n, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct account holder;
        bool found = false;
        if (!state_account_get(k->state, (*holders)[i], &scratch, &holder, &found, e)) {
            return false;
        }
        if (found && !holder.disabled) {
            return true;
        }
    }
    *count = n;
    return true;
}

bool leavers_left(struct keeper *k, struct slice address, struct arena *arena, bool *left,
                  struct error *e)
{
    struct slice *holders = NULL;
    size_t count = 0;

    *left = false;
    if (!last_holders(k, address, arena, &holders, &count, e)) {
        return false;
    }
    *left = count != 0;
    return true;
}

/* All delegations, looked at once for however many leave. */
static bool look(struct keeper *k, struct arena *arena, struct granted **out, size_t *count,
                 struct error *e)
{
    struct delegations all;

    delegations_all(k, arena, &all);
    const struct delegation *rows = all.rows.items;
    *out = arena_array(arena, all.rows.count + 1, sizeof(**out));
    *count = all.rows.count;
    for (size_t i = 0; i < *count; i++) {
        struct granted *g = &(*out)[i];
        *g = (struct granted){.d = rows[i]};
        if (!delegation_is_of_group(&g->d) &&
            !last_holders(k, g->d.from, arena, &g->holders, &g->n_holders, e)) {
            return false;
        }
    }
    return true;
}

static bool ends_with(const struct granted *g, struct slice account)
{
    bool ends = slice_equal(g->d.to, account) || (g->d.owner && slice_equal(g->d.by, account));

    for (size_t i = 0; i < g->n_holders; i++) {
        ends = ends || slice_equal(g->holders[i], account);
    }
    return ends && !g->ended;
}

static bool end_delegations(const struct leaving *l, struct granted *all, size_t count,
                            struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct delegation *d = &all[i].d;
        if (!ends_with(&all[i], l->account)) {
            continue;
        }
        if (!note(l, "delegate remove", delegations_name(d->from, d->to, l->arena), SLICE_NONE,
                  e) ||
            !delegations_remove(l->keeper, d->from, d->to, e)) {
            return false;
        }
        all[i].ended = true;
    }
    return true;
}

bool leavers_end_all(struct keeper *k, const struct slice *accounts, size_t n, const struct act *as,
                     struct arena *arena, struct error *e)
{
    OWN(arena) struct arena one = {.max = ONE_MAX};
    struct granted *all = NULL;
    size_t count = 0;
    bool done = look(k, arena, &all, &count, e);

    for (size_t i = 0; i < n && done; i++) {
        struct leaving l = {.keeper = k, .account = accounts[i], .as = as, .arena = &one};
        done = end_factors(&l, e) && end_delegations(&l, all, count, e);
        arena_reset(&one);
    }
    return done ||
           error_add(e, "the account is closed, and not all that it had is taken away: try again");
}

bool leavers_end(struct keeper *k, struct slice account, const struct act *as, struct arena *arena,
                 struct error *e)
{
    return leavers_end_all(k, &account, 1, as, arena, e);
}
