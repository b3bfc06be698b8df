/* Accounts: what auth asks to let somebody in. Verifiers are made by auth and mean nothing here. */
#include "base/clock.h"

#include "keeper/account_like.h"
#include "keeper/account_parts.h"
#include "keeper/account_salt.h"
#include "keeper/admin.h"
#include "keeper/devices.h"
#include "keeper/drills.h"
#include "keeper/factors.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/owner_notices.h"
#include "requests/auth.h"

static bool add_factors(struct keeper *k, struct slice account, struct arena *arena,
                        struct keeper_account_answer *answer, struct error *e)
{
    struct factors f;

    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    const struct app_password *apps = f.apps.items;
    struct keeper_app *out = arena_array(arena, f.apps.count + 1, sizeof(*out));
    for (size_t i = 0; i < f.apps.count; i++) {
        out[i] = (struct keeper_app){apps[i].id, apps[i].verifier, apps[i].pin};
    }
    answer->apps = (struct cbor_list){out, f.apps.count};
    answer->second = factors_second(&f, arena);
    return true;
}

bool keeper_on_account(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_account_ask *ask = r->ask;
    struct keeper_account_answer *answer = r->answer;
    struct slice name = account_canonical(ask->user, r->arena);
    struct account account;
    bool found = ask->pin.len == 0;

    if ((ask->pin.len && !devices_find(k, ask->pin, r->arena, &name, &found, e)) ||
        (found && !state_account_get(k->state, name, r->arena, &account, &found, e))) {
        return false;
    }
    answer->salt = account_salt(k, name, r->arena);
    account_like(k, name, r->arena, &answer->like, &answer->like_verifier);
    answer->found = found;
    if (found) {
        answer->disabled = account.disabled;
        answer->account = account.name;
        answer->verifier = account.directory.len ? SLICE_NONE : account.verifier;
        answer->directory = account.directory;
        answer->directory_key = account.directory_key;
        return add_factors(k, account.name, r->arena, answer, e);
    }
    return true;
}

bool keeper_on_verifier(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_verifier_ask *ask = r->ask;
    struct account account;
    bool found = false;
    bool did = false;

    if (!state_account_get(k->state, ask->account, r->arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled || !slice_equal(account.verifier, ask->was)) {
        return error_set(e, ERROR_BUSY, "the account was changed just now");
    }
    return state_account_renew(k->state, &account, ask->now, &did, e) &&
           (did || error_set(e, ERROR_BUSY, "the account was changed just now"));
}

/* Whether the account is what it was when the sign-in was looked at. Who changes one ends its sessions afterwards: one of
 * the two sees the other. */
static bool is_still(struct keeper *k, const struct account *was, struct arena *arena,
                     struct error *e)
{
    OWN(buf) struct buf before = {.max = STATE_VALUE_MAX};
    OWN(buf) struct buf after = {.max = STATE_VALUE_MAX};
    struct account now;
    bool found = false;

    if (!state_account_get(k->state, was->name, arena, &now, &found, e)) {
        return false;
    }
    cbor_write(&before, &account_schema, was);
    if (found) {
        cbor_write(&after, &account_schema, &now);
    }
    return slice_equal(buf_slice(&before), buf_slice(&after)) ||
           error_set(e, ERROR_BUSY, "the account was changed just now: sign in again");
}

/* A session about to be opened. */
struct opening {
    const struct keeper_session_ask *ask;
    struct arena *arena;
    struct account account;
    struct app_password app;
    bool has_app;
    uint64_t second_since; /* when the authenticator app was set up; 0: there is none */
    uint64_t passkeys_at;  /* when passkeys changed last, as that matters */
    struct slice passkey;  /* what its holder calls the one that was used */
    bool passkey_unused;   /* nobody signed in with it before */
    int64_t ends_at_ms;    /* of the steady clock */
};

/* A provider's token: it ends the session, and who has a role sends by one and comes to the desk by one where that is
 * wanted alone. */
static void judge_token(struct opening *o, const struct settings *settings, const char **refused)
{
    const struct oidc_settings *provider = settings_oidc(settings, o->ask->provider);
    uint64_t now = (uint64_t)clock_wall_ms();

    if (o->ask->provider.len == 0) {
        return;
    }
    if (!provider || (o->ask->until && o->ask->until <= now)) {
        *refused = "the token has expired, or its provider is no longer in the settings";
    } else if (o->account.role != ACCOUNT_EMPLOYEE && !provider->roles) {
        *refused = "accounts with a role do not sign in by this provider";
    } else if (o->ask->until) {
        int64_t until = clock_steady_ms() + (int64_t)(o->ask->until - now);
        o->ends_at_ms = until < o->ends_at_ms ? until : o->ends_at_ms;
    }
}

/* What an app password is good for is judged here, by the row as it is now. */
static void judge_app(struct opening *o, const struct factors *f, const char **refused)
{
    const struct app_password *app = app_password_find(f, o->ask->app);
    uint64_t now = (uint64_t)clock_wall_ms();

    if (!app || o->ask->desk) {
        *refused = "the app password was revoked";
        return;
    }
    o->app = *app;
    o->has_app = true;
    *refused = app_password_refusal(app, o->ask->client, now);
    if (app->expires_at && !*refused) {
        o->ends_at_ms = app_password_until(app, now, clock_steady_ms(), o->ends_at_ms);
    }
}

static bool spend(struct factors *f, void *context, struct error *e)
{
    return factors_spend(f, context, e);
}

/* At the desk a code or passkey goes with the password, or a passkey alone; it is spent, durably, before the session is
 * there. */
static bool judge_code(struct keeper *k, struct opening *o, const char **refused, struct error *e)
{
    struct auth_proof proof = o->ask->proof;

    if (!o->ask->desk) {
        *refused = "a second factor is on: an app password is needed";
        return true;
    }
    if (factors_put(k, o->account.name, o->arena, spend, &proof, e)) {
        return true;
    }
    factors_alarm(k, e);
    *refused = arena_text(o->arena, slice_text(e->text));
    return e->kind == ERROR_DENIED;
}

/* What the account proves itself with besides its password, or instead of it. */
static bool judge_factors(struct keeper *k, struct opening *o, const char **refused,
                          struct error *e)
{
    struct factors f;

    if (!state_factors_get(k->state, o->account.name, o->arena, &f, e)) {
        return false;
    }
    o->second_since = f.totp_since;
    o->passkeys_at = f.passkeys_at;
    if (o->ask->app.len) {
        judge_app(o, &f, refused);
        return true;
    }
    if ((o->ask->factor || !factors_are_on(&f)) && o->ask->proof.passkey.len == 0) {
        return true;
    }
    const struct passkey *p = passkey_find(&f, o->ask->proof.passkey);
    o->passkey = p ? p->name : SLICE_NONE;
    o->passkey_unused = p && p->used_at == 0;
    return judge_code(k, o, refused, e);
}

/* Whether account and factors are what they were when that was looked at. */
static bool are_still(struct keeper *k, const struct opening *o, struct error *e)
{
    struct factors f;

    if (!is_still(k, &o->account, o->arena, e) ||
        !state_factors_get(k->state, o->account.name, o->arena, &f, e)) {
        return false;
    }
    bool same = f.totp_since == o->second_since && f.passkeys_at == o->passkeys_at;
    if (o->has_app ? app_password_find(&f, o->app.id) != NULL : same) {
        return true;
    }
    return error_set(e, ERROR_BUSY, "it was changed just now how the account signs in: try again");
}

static bool open_session(struct keeper *k, const struct opening *o,
                         uint8_t handle[static AUTH_SESSION_LEN], struct error *e)
{
    const struct sign_in sign_in = {
        .account = o->ask->account,
        .client = o->ask->client,
        .mechanism = o->ask->mechanism,
        .accepted = true,
        .app = o->app.id,
        .app_name = o->app.name,
        .passkey = o->passkey,
        .device = o->ask->device,
        .country = o->ask->desk ? SLICE_NONE : guard_locate(k, o->ask->client, o->arena)};
    const struct session_start start = {.account = &o->account,
                                        .app = o->has_app ? &o->app : NULL,
                                        .mechanism = o->ask->mechanism,
                                        .client = o->ask->client,
                                        .device = o->passkey.len ? o->passkey : o->ask->device,
                                        .desk = o->ask->desk,
                                        .ends_at_ms = o->ends_at_ms};

    if (!sessions_begin(k->sessions, &start, handle, e)) {
        return false;
    }
    /* Recorded as accepted when it stands; nobody has the handle before. */
    if (!are_still(k, o, e) ||
        !keeper_record_one(k, LEDGER_PATIENT, RECORD_SIGN_IN, &sign_in_schema, &sign_in, e)) {
        sessions_end(k->sessions, slice_of(handle, AUTH_SESSION_LEN));
        return false;
    }
    if (o->has_app) {
        factors_note_use(k, o->account.name, &o->app, o->ask->client, o->arena);
    }
    return true;
}

static void tell_holder(struct keeper *k, const struct opening *o)
{
    const struct guard_sign_in in = {.account = o->account.name,
                                     .app = o->app.id,
                                     .app_unused = o->has_app && o->app.used_at == 0,
                                     .device = o->ask->device,
                                     .client = o->ask->client};
    unsigned news = !o->ask->desk       ? guard_signed_in(k, &in, o->arena)
                    : o->passkey_unused ? GUARD_NEW_DEVICE
                                        : 0;
    const struct owner_sign_in told = {.client = o->ask->client,
                                       .app = o->app.name,
                                       .device = o->ask->device,
                                       .passkey = o->passkey,
                                       .new_network = news & GUARD_NEW_NETWORK,
                                       .new_device = news & GUARD_NEW_DEVICE};

    if (news) {
        owner_told_sign_in(k, &o->account, &told, o->arena);
    }
}

bool keeper_on_session(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct keeper_session_answer *answer = r->answer;
    const struct settings *settings = k->options.settings(k->options.context);
    struct opening o = {.ask = r->ask, .arena = r->arena};
    uint8_t *handle = arena_alloc(r->arena, AUTH_SESSION_LEN);
    const char *refused = NULL;
    bool found = false;

    o.ends_at_ms = clock_steady_ms() + (o.ask->desk ? settings->auth.desk_timeout_ms
                                                    : settings->submission.session_timeout_ms);
    if (!state_account_get(k->state, o.ask->account, r->arena, &o.account, &found, e)) {
        return false;
    }
    if (!found || o.account.disabled || drill_is_over(&o.account)) {
        return error_set(e, ERROR_DENIED, "no such account");
    }
    o.ends_at_ms = drill_bounds(&o.account, o.ends_at_ms);
    judge_token(&o, settings, &refused);
    if (!refused && !judge_factors(k, &o, &refused, e)) {
        return false;
    }
    if (refused) {
        answer->refused = slice_text(refused);
        return true;
    }
    if (!open_session(k, &o, handle, e)) {
        return false;
    }
    answer->session = slice_of(handle, AUTH_SESSION_LEN);
    (void)atomic_fetch_add(&k->counters.sign_ins, 1);
    tell_holder(k, &o);
    return true;
}

bool keeper_on_session_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_session_end_ask *ask = r->ask;

    (void)e;
    for (struct slice rest = ask->sessions; rest.len; rest = slice_from(rest, AUTH_SESSION_LEN)) {
        sessions_end(k->sessions, slice_head(rest, AUTH_SESSION_LEN));
    }
    return true;
}

/* What the holder calls the app password that was used. Without it the record has its id. */
static void name_app(struct keeper *k, struct sign_in *sign_in, struct arena *arena)
{
    struct factors f;
    struct error e;

    if (sign_in->app.len && state_factors_get(k->state, sign_in->account, arena, &f, &e)) {
        const struct app_password *app = app_password_find(&f, sign_in->app);
        sign_in->app_name = app ? app->name : SLICE_NONE;
    }
}

bool keeper_on_sign_in_failed(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct sign_in sign_in = *(const struct sign_in *)r->ask;
    struct account account;
    bool found = false;

    sign_in.accepted = false;
    name_app(k, &sign_in, r->arena);
    (void)atomic_fetch_add(&k->counters.sign_in_failures, 1);
    if (!state_account_get(k->state, sign_in.account, r->arena, &account, &found, e)) {
        return false;
    }
    if (found) { /* of names that somebody invents nothing is remembered */
        guard_sign_in_failed(k, account.name);
    }
    return keeper_record_one(k, LEDGER_AWAITED, RECORD_SIGN_IN, &sign_in_schema, &sign_in, e);
}

/* Marks them; addresses without an account, whose letters a provider hands on, stand behind. Returns how many there are then. */
static size_t mark_suspended(struct admin_user *users, size_t count, const struct slice *names,
                             size_t n_names)
{
    size_t n = count;

    for (size_t s = 0; s < n_names; s++) {
        size_t i = 0;
        while (i < count && !slice_equal(users[i].account, names[s])) {
            i++;
        }
        if (i == count) {
            i = n++;
            users[i] = (struct admin_user){.account = names[s]};
        }
        users[i].suspended = true;
    }
    return n;
}

bool keeper_on_user_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct admin_users *answer = r->answer;
    struct account *accounts = NULL;
    struct slice *suspended = NULL;
    size_t count = 0;

    if (!state_accounts(admin->keeper->state, r->arena, &accounts, &count, e)) {
        return false;
    }
    size_t n = suspensions_list(admin->keeper, r->arena, &suspended);
    struct admin_user *users = arena_array(r->arena, count + n + 1, sizeof(*users));
    for (size_t i = 0; i < count; i++) {
        struct factors f;
        if (!state_factors_get(admin->keeper->state, accounts[i].name, r->arena, &f, e)) {
            return false;
        }
        users[i] = (struct admin_user){.second_since = f.totp_since,
                                       .passkeys = f.passkeys.count,
                                       .app_passwords = f.apps.count,
                                       .account = accounts[i].name,
                                       .addresses = account_join_addresses(&accounts[i], r->arena),
                                       .display = accounts[i].display,
                                       .disabled = accounts[i].disabled,
                                       .created_at = accounts[i].created_at,
                                       .role = accounts[i].role,
                                       .groups = accounts[i].groups,
                                       .directory = accounts[i].directory};
    }
    answer->users = (struct cbor_list){users, mark_suspended(users, count, suspended, n)};
    return true;
}
