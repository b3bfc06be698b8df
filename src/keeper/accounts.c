/* Accounts: what auth asks to let somebody in, and what an administrator changes. A change is
 * recorded before it holds; verifiers are made by auth and mean nothing here. */
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/address.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/auth.h"

/* Accounts are kept in lower case: people do not remember the case of their login. */
static struct slice canonical(struct slice name, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        copy[i] = ascii_lower(name.ptr[i]);
    }
    return slice_of(copy, name.len);
}

bool keeper_on_account(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_account_ask *ask = r->ask;
    struct keeper_account_answer *answer = r->answer;
    struct account account;
    bool found = false;

    if (!state_account_get(k->state, canonical(ask->user, r->arena), r->arena, &account, &found,
                           e)) {
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

/* ── administration ── */

static bool check_address(struct slice text, struct arena *arena, struct error *e)
{
    struct mail_address address;
    enum mail_address_flaw flaw = mail_address_read(text, true, arena, &address);

    if (flaw == MAIL_ADDRESS_CLEAR) {
        return true;
    }
    return error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.test`: it %s",
                     SLICE_ARG(slice_head(text, 100)), mail_address_flaw_text(flaw));
}

/* The domain must be one of ours: nobody else's mail may leave through us. */
static bool is_ours(struct keeper *k, struct slice address)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *domains = settings->general.domains.items;

    for (size_t i = 0; i < settings->general.domains.count; i++) {
        if (slice_equal_nocase(domains[i], letter_domain(address))) {
            return true;
        }
    }
    return false;
}

static bool check_ours(struct keeper *k, struct slice address, struct arena *arena, struct error *e)
{
    if (!check_address(address, arena, e)) {
        return false;
    }
    return is_ours(k, address) ||
           error_set(e, ERROR_INPUT,
                     "`%.*s` is not in a domain of ours; `domain` in postern.conf lists them",
                     SLICE_ARG(slice_head(address, 100)));
}

static bool check_addresses(struct keeper *k, const struct admin_user_ask *ask, struct arena *arena,
                            struct error *e)
{
    const struct slice *addresses = ask->addresses.items;

    for (size_t i = 0; i < ask->addresses.count; i++) {
        if (!check_ours(k, addresses[i], arena, e)) {
            return false;
        }
    }
    return check_ours(k, ask->account, arena, e);
}

static bool make_verifier(struct keeper *k, struct slice account, struct slice password,
                          struct arena *arena, struct slice *verifier, struct error *e)
{
    struct auth_verifier_ask ask = {.account = account, .password = password};
    struct auth_verifier_answer answer;

    if (!ipc_call(k->options.auth, &auth_verifier, &ask, -1, &answer, NULL, arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    *verifier = answer.verifier;
    return true;
}

/* Who reads others' letters, and who says who may. */
static bool is_trusted(uint64_t role)
{
    return role == ACCOUNT_AUDITOR || role == ACCOUNT_OFFICER;
}

static bool has_officer(struct keeper *k, struct arena *arena, bool *has, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(k->state, arena, &accounts, &count, e)) {
        return false;
    }
    *has = false;
    for (size_t i = 0; i < count; i++) {
        *has |= accounts[i].role == ACCOUNT_OFFICER && !accounts[i].disabled;
    }
    return true;
}

/* Where there is an officer, he alone says who is auditor or officer. An administrator may do it in
 * an emergency: with a reason, and an alarm. */
static bool may_change(struct keeper_admin *admin, uint64_t old_role,
                       const struct admin_user_ask *ask, struct arena *arena, bool *overrides,
                       struct error *e)
{
    bool officer = false;

    *overrides = false;
    if ((!is_trusted(old_role) && !is_trusted(ask->role)) || admin->role == ACCOUNT_OFFICER) {
        return true;
    }
    if (!has_officer(admin->keeper, arena, &officer, e)) {
        return false;
    }
    *overrides = officer;
    return !officer || ask->reason.len ||
           error_set(e, ERROR_DENIED,
                     "accounts of auditors and officers are the officer's business; an "
                     "administrator gives --reason, and an alarm tells of it");
}

/* Record an act about an account, with the role it is given. */
static bool record_user(struct keeper_admin *admin, const char *verb,
                        const struct admin_user_ask *ask, const struct account *account,
                        uint64_t old_role, struct arena *arena, struct error *e)
{
    struct act act = {.verb = slice_text(verb), .object = account->name, .reason = ask->reason};
    bool overrides = false;

    if (!may_change(admin, old_role, ask, arena, &overrides, e)) {
        return false;
    }
    if (ask->role || overrides) {
        act.detail = arena_printf(arena, "role %s%s", account_role_name(account->role),
                                  overrides ? ", past the officer" : "");
    }
    if (!keeper_admin_act(admin, &act, e)) {
        return false;
    }
    if (overrides) {
        keeper_alert(admin->keeper, "role-override",
                     "an administrator changed an account of an auditor or officer, or made one, "
                     "which is the officer's business");
    }
    return true;
}

bool keeper_on_user_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_user_ask *ask = r->ask;
    struct account account = {.name = canonical(ask->account, r->arena),
                              .addresses = ask->addresses,
                              .display = ask->display,
                              .disabled = ask->disabled,
                              .created_at = (uint64_t)clock_wall_ms(),
                              .role = ask->role ? ask->role : ACCOUNT_EMPLOYEE};
    struct account old;
    bool found = false;

    if (!check_addresses(k, ask, r->arena, e) ||
        !state_account_get(k->state, account.name, r->arena, &old, &found, e)) {
        return false;
    }
    if (found) {
        return error_set(e, ERROR_INPUT, "the account `%.*s` exists; `postern user set` changes it",
                         SLICE_ARG(account.name));
    }
    if (ask->password.len &&
        !make_verifier(k, account.name, ask->password, r->arena, &account.verifier, e)) {
        return false;
    }
    return record_user(admin, "user add", ask, &account, ACCOUNT_EMPLOYEE, r->arena, e) &&
           state_account_put(k->state, &account, e);
}

bool keeper_on_user_set(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_user_ask *ask = r->ask;
    struct account account;
    bool found = false;

    if (!check_addresses(k, ask, r->arena, e) ||
        !state_account_get(k->state, canonical(ask->account, r->arena), r->arena, &account, &found,
                           e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_INPUT, "there is no account `%.*s`", SLICE_ARG(ask->account));
    }
    if (ask->addresses.count || ask->no_addresses) {
        account.addresses = ask->addresses;
    }
    account.display = ask->display.len ? ask->display : account.display;
    account.disabled = ask->disabled;
    if (ask->password.len &&
        !make_verifier(k, account.name, ask->password, r->arena, &account.verifier, e)) {
        return false;
    }
    uint64_t old_role = account.role;
    account.role = ask->role ? ask->role : account.role;
    if (!record_user(admin, ask->disabled ? "user disable" : "user set", ask, &account, old_role,
                     r->arena, e) ||
        !state_account_put(k->state, &account, e)) {
        return false;
    }
    sessions_end_account(k->sessions, account.name);
    return true;
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
                                       .role = accounts[i].role};
    }
    answer->users = (struct cbor_list){users, count};
    return true;
}
