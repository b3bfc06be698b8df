/* 1. What it signs in with is taken away after the record of it is durable; delegations before, as everywhere: what a crash leaves is a right that nobody
 *    has, never one that the ledger calls gone.
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

/* Whether an address is the leaver's and no one else's. */
static bool is_alone(const struct leaving *l, struct slice address, bool *alone, struct error *e)
{
    struct slice *accounts = NULL;
    size_t count = 0;

    if (!directory_accounts(l->keeper, address, l->arena, &accounts, &count, e)) {
        return false;
    }
    *alone = count == 1 && slice_equal(accounts[0], l->account);
    return true;
}

static bool ends_with_it(const struct leaving *l, const struct delegation *d, bool *ends,
                         struct error *e)
{
    *ends = slice_equal(d->to, l->account) || (d->owner && slice_equal(d->by, l->account));
    return *ends || delegation_is_of_group(d) || is_alone(l, d->from, ends, e);
}

static bool end_delegations(const struct leaving *l, struct error *e)
{
    struct delegations all;

    delegations_all(l->keeper, l->arena, &all);
    const struct delegation *rows = all.rows.items;
    for (size_t i = 0; i < all.rows.count; i++) {
        bool ends = false;
        if (!ends_with_it(l, &rows[i], &ends, e) ||
            (ends &&
             (!delegations_remove(l->keeper, rows[i].from, rows[i].to, e) ||
              !note(l, "delegate remove", delegations_name(rows[i].from, rows[i].to, l->arena),
                    SLICE_NONE, e)))) {
            return false;
        }
    }
    return true;
}

bool leavers_end(struct keeper *k, struct slice account, const struct act *as, struct arena *arena,
                 struct error *e)
{
    struct leaving l = {.keeper = k, .account = account, .as = as, .arena = arena};

    return (end_factors(&l, e) && end_delegations(&l, e)) ||
           error_add(e, "the account is closed, and not all that it had is taken away: try again");
}
