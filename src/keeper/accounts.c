/* Accounts: what auth asks to let somebody in. Verifiers are made by auth and mean nothing here. */
#include "base/clock.h"

#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/auth.h"

bool keeper_on_account(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_account_ask *ask = r->ask;
    struct keeper_account_answer *answer = r->answer;
    struct account account;
    bool found = false;

    if (!state_account_get(k->state, account_canonical(ask->user, r->arena), r->arena, &account,
                           &found, e)) {
        return false;
    }
    answer->found = found;
    if (found) {
        answer->disabled = account.disabled;
        answer->account = account.name;
        answer->verifier = account.verifier;
    }
    return true;
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

bool keeper_on_session(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_session_ask *ask = r->ask;
    struct keeper_session_answer *answer = r->answer;
    struct sign_in sign_in = {.account = ask->account,
                              .client = ask->client,
                              .mechanism = ask->mechanism,
                              .accepted = true};
    const struct settings *settings = k->options.settings(k->options.context);
    int64_t ends_at_ms = clock_steady_ms() + (ask->desk ? settings->auth.desk_timeout_ms
                                                        : settings->submission.session_timeout_ms);
    uint8_t *handle = arena_alloc(r->arena, AUTH_SESSION_LEN);
    struct account account;
    bool found = false;

    if (!state_account_get(k->state, ask->account, r->arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled) {
        return error_set(e, ERROR_DENIED, "no such account");
    }
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_SIGN_IN, &sign_in_schema, &sign_in, e) ||
        !sessions_begin(k->sessions, &account, ask->mechanism, ask->desk, ends_at_ms, handle, e)) {
        return false;
    }
    if (!is_still(k, &account, r->arena, e)) {
        sessions_end(k->sessions, slice_of(handle, AUTH_SESSION_LEN));
        return false;
    }
    answer->session = slice_of(handle, AUTH_SESSION_LEN);
    (void)atomic_fetch_add(&k->counters.sign_ins, 1);
    return true;
}

bool keeper_on_session_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_session_end_ask *ask = r->ask;

    (void)e;
    sessions_end(k->sessions, ask->session);
    return true;
}

bool keeper_on_sign_in_failed(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct sign_in sign_in = *(const struct sign_in *)r->ask;

    sign_in.accepted = false;
    (void)atomic_fetch_add(&k->counters.sign_in_failures, 1);
    return keeper_record_one(k, LEDGER_AWAITED, RECORD_SIGN_IN, &sign_in_schema, &sign_in, e);
}

bool keeper_on_user_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct admin_users *answer = r->answer;
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(admin->keeper->state, r->arena, &accounts, &count, e)) {
        return false;
    }
    struct admin_user *users = arena_array(r->arena, count + 1, sizeof(*users));
    for (size_t i = 0; i < count; i++) {
        users[i] = (struct admin_user){.account = accounts[i].name,
                                       .addresses = accounts[i].addresses,
                                       .display = accounts[i].display,
                                       .disabled = accounts[i].disabled,
                                       .created_at = accounts[i].created_at,
                                       .role = accounts[i].role,
                                       .groups = accounts[i].groups};
    }
    answer->users = (struct cbor_list){users, count};
    return true;
}
