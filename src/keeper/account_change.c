/* What an administrator or officer changes about accounts. A change is recorded before it holds. */
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/address.h"
#include "keeper/account_parts.h"
#include "keeper/account_salt.h"
#include "keeper/desks.h"
#include "keeper/drills.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keeper/leavers.h"
#include "requests/auth.h"

struct slice account_canonical(struct slice name, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        copy[i] = ascii_lower(name.ptr[i]);
    }
    return slice_of(copy, name.len);
}

static bool check_address(struct slice text, struct arena *arena, struct error *e)
{
    struct mail_address address;
    enum mail_address_flaw flaw = mail_address_read(text, true, arena, &address);

    if (flaw == MAIL_ADDRESS_CLEAR) {
        struct slice plain = mail_address_text(&address, arena);
        /* Addresses are compared as they are written: `"ceo"@example.test` must not pass for another one. */
        return slice_equal(plain, text) ||
               error_set(e, ERROR_INPUT, "write `%.*s` as `%.*s`", SLICE_ARG(slice_head(text, 100)),
                         SLICE_ARG(slice_head(plain, 100)));
    }
    return error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.test`: it %s",
                     SLICE_ARG(slice_head(text, 100)), mail_address_flaw_text(flaw));
}

bool account_address_is_ours(struct keeper *k, struct slice address, struct arena *arena,
                             struct error *e)
{
    if (!check_address(address, arena, e)) {
        return false;
    }
    return settings_is_ours(k->options.settings(k->options.context), letter_domain(address)) ||
           error_set(e, ERROR_INPUT,
                     "`%.*s` is not in a domain of ours; `domain` in postern.conf lists them",
                     SLICE_ARG(slice_head(address, 100)));
}

static bool check_groups(const struct admin_user_ask *ask, struct error *e)
{
    const struct slice *groups = ask->groups.items;

    for (size_t i = 0; i < ask->groups.count; i++) {
        if (!group_name_is_good(groups[i])) {
            return error_set(
                e, ERROR_INPUT,
                "`%.*s` is no name of a group such as `accounting`: a-z, 0-9 and dashes, "
                "at most %d of them",
                SLICE_ARG(slice_head(groups[i], 70)), GROUP_NAME_MAX);
        }
    }
    return ask->groups.count <= GROUPS_MAX ||
           error_set(e, ERROR_INPUT, "an account is in at most %d groups", GROUPS_MAX);
}

static bool check_addresses(struct keeper *k, const struct admin_user_ask *ask,
                            const struct cbor_list *plain, struct arena *arena, struct error *e)
{
    const struct slice *addresses = plain->items;

    for (size_t i = 0; i < plain->count; i++) {
        if (!account_address_is_ours(k, addresses[i], arena, e)) {
            return false;
        }
    }
    return check_groups(ask, e) && account_address_is_ours(k, ask->account, arena, e);
}

bool account_make_verifier(struct keeper *k, struct account *account, struct slice password,
                           struct arena *arena, struct error *e)
{
    struct auth_verifier_ask ask = {.account = account->name,
                                    .password = password,
                                    .display = account->display,
                                    .addresses = account->addresses,
                                    .salt = account_salt(k, account->name, arena)};
    struct auth_verifier_answer answer;

    if (!factors_has_second(k, account->name, arena, &ask.second_factor, e) ||
        !ipc_call(k->options.auth, &auth_verifier, &ask, -1, &answer, NULL, arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    account->verifier = answer.verifier;
    account->beside = answer.beside;
    return true;
}

/* Who reads others' letters, and who says who may. */
static bool is_trusted(uint64_t role)
{
    return role == ACCOUNT_AUDITOR || role == ACCOUNT_OFFICER;
}

static bool is_in_office(const struct account *a)
{
    return a->role != ACCOUNT_EMPLOYEE && a->role != ACCOUNT_APPLICATION && !a->disabled;
}

/* ── two persons ── */

/* Whether somebody gets a role by it, or the means to sign in as who has one: its holder, who proved anew that he is, has
 * them already. */
static bool gives_office(const struct change *c)
{
    bool own = slice_equal(c->admin->caller.account, c->account.name);
    bool before = c->found && is_in_office(&c->old);

    return is_in_office(&c->account) &&
           (!before || c->old.role != c->account.role || (c->ask->password.len && !own));
}

/* Likewise what another one's mail is read by, whole domains to send as, what a delegation of a group lets others send as, and, of who does not say how long letters are kept, a group that says
 * it. */
static bool gives(struct change *c, bool *giving, struct error *e)
{
    bool ruled = c->admin->role != ACCOUNT_OFFICER && account_changes_ruled_group(c);

    if (!account_takes_mail(c, &c->takes, e)) {
        return false;
    }
    *giving = gives_office(c) || c->takes.len || ruled || account_gains_domain(c) ||
              account_adds_to_delegation(c);
    return true;
}

static bool is_officer(const struct account *a)
{
    return a->role == ACCOUNT_OFFICER && !a->disabled;
}

bool account_count_officers(struct keeper *k, struct slice besides, struct arena *arena,
                            size_t *others, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(k->state, arena, &accounts, &count, e)) {
        return false;
    }
    *others = 0;
    for (size_t i = 0; i < count; i++) {
        *others += is_officer(&accounts[i]) && !slice_equal(accounts[i].name, besides);
    }
    return true;
}

/* ── by one ── */

/* Accounts of auditors and officers are the officer's business. An administrator may do what gives nothing
 * to anybody: with a reason, and an alarm. */
static bool may_change(const struct change *c, bool officer, bool *overrides, struct error *e)
{
    bool trusted = is_trusted(c->account.role) || (c->found && is_trusted(c->old.role));

    *overrides = trusted && officer && c->admin->role != ACCOUNT_OFFICER;
    return !*overrides || c->ask->reason.len ||
           error_set(e, ERROR_DENIED,
                     "accounts of auditors and officers are the officer's business; an "
                     "administrator gives --reason, and an alarm tells of it");
}

/* Whether two states of an account differ in nothing but the verifier. */
static bool is_same_but_verifier(struct account a, struct account b, struct arena *arena)
{
    uint8_t x[DIGEST_LEN];
    uint8_t y[DIGEST_LEN];
    struct slice encoded;

    a.verifier = b.verifier = SLICE_NONE;
    account_digest(&a, arena, &encoded, x);
    account_digest(&b, arena, &encoded, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

/* Write it. Meanwhile a rotation of the master key may have sealed the verifier anew: that one stays, unless there is a
 * new password. Any other change is not written over. */
static bool put(const struct change *c, struct error *e)
{
    struct state *state = c->admin->keeper->state;
    struct account was = c->old;
    struct account now = c->account;
    bool same_password = slice_equal(now.verifier, was.verifier);
    bool found = c->found;
    bool did = false;

    if (!found) {
        return state_account_put(state, &now, e);
    }
    while (found && is_same_but_verifier(was, c->old, c->arena)) {
        if (!state_account_replace(state, &was, &now, &did, e) || did) {
            return did;
        }
        if (!state_account_get(state, now.name, c->arena, &was, &found, e)) {
            return false;
        }
        now.verifier = same_password ? was.verifier : now.verifier;
    }
    return error_set(e, ERROR_BUSY, "the account was changed just now: try again");
}

static bool end_leaver(const struct keeper_admin *admin, const struct admin_user_ask *ask,
                       struct slice account, struct arena *arena, struct error *e)
{
    const struct act act = {
        .by = admin->caller.by, .at = admin->caller.at, .role = admin->role, .reason = ask->reason};

    return leavers_end(admin->keeper, account, &act, arena, e);
}

/* Record it, with the role that it gives, and do it. */
static bool change_alone(const struct change *c, bool officer, struct error *e)
{
    struct act act = {
        .verb = slice_text(c->verb), .object = c->account.name, .reason = c->ask->reason};
    bool overrides = false;

    if (!may_change(c, officer, &overrides, e)) {
        return false;
    }
    act.detail =
        account_detail(c, c->ask->role || overrides, overrides ? ", past the officer" : "");
    if (!keeper_admin_act(c->admin, &act, e)) {
        return false;
    }
    if (overrides) {
        keeper_alert(c->admin->keeper, "role-override",
                     "an administrator changed an account of an auditor or officer, which is the "
                     "officer's business");
    }
    if (!account_remember_addresses(c->admin->keeper, c->found ? &c->old : NULL, &c->account,
                                    c->arena, e) ||
        !put(c, e) ||
        (c->ask->password.len &&
         !factors_forget_asked(c->admin->keeper, c->account.name, c->arena, e))) {
        return false;
    }
    return desks_end_account(c->admin->keeper, c->account.name, e) &&
           (!c->account.disabled || end_leaver(c->admin, c->ask, c->account.name, c->arena, e));
}

/* Where there is an officer, roles and the means to use them take two persons, and so does it that the last
 * officer goes: with him would go the rule. */
static bool change(struct change *c, struct admin_asked *asked, struct error *e)
{
    size_t others = 0;
    bool giving = false;
    bool was_officer = c->found && is_officer(&c->old);

    if (!account_count_officers(c->admin->keeper, c->account.name, c->arena, &others, e) ||
        !gives(c, &giving, e)) {
        return false;
    }
    bool officer = others || was_officer;
    bool last = was_officer && !others && !is_officer(&c->account);
    return officer && (giving || last) ? account_ask_for(c, giving, asked, e)
                                       : change_alone(c, officer, e);
}

static bool set_password(struct change *c, struct error *e)
{
    if (c->ask->password.len && c->account.directory.len) {
        return error_set(e, ERROR_INPUT,
                         "the password of %.*s is that of the directory %.*s: it is changed there",
                         SLICE_ARG(c->account.name), SLICE_ARG(c->account.directory));
    }
    return c->ask->password.len == 0 ||
           account_make_verifier(c->admin->keeper, &c->account, c->ask->password, c->arena, e);
}

static bool user_add(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct admin_user_ask *ask = r->ask;
    struct cbor_list plain;
    struct cbor_list domains;
    account_split_addresses(&ask->addresses, r->arena, &plain, &domains);
    struct change c = {
        .admin = keeper_admin_of(ctx, r),
        .ask = ask,
        .arena = r->arena,
        .verb = "user add",
        .account = {.name = account_canonical(ask->account, r->arena),
                    .addresses = plain,
                    .domains = domains,
                    .display = ask->display,
                    .groups = ask->groups,
                    .disabled = ask->disabled,
                    .created_at = (uint64_t)clock_wall_ms(),
                    .role = ask->role ? ask->role : ACCOUNT_EMPLOYEE}
    };
    struct account old;
    bool found = false;

    if (!check_addresses(ctx, ask, &plain, r->arena, e) ||
        !state_account_get(c.admin->keeper->state, c.account.name, r->arena, &old, &found, e)) {
        return false;
    }
    if (found) {
        return error_set(e, ERROR_INPUT, "the account `%.*s` exists; `postern user set` changes it",
                         SLICE_ARG(c.account.name));
    }
    return account_check_domains(&c, e) && set_password(&c, e) && change(&c, r->answer, e);
}

/* The account as it was, with what was asked over it. */
static bool overlay(struct change *c, struct cbor_list plain, struct cbor_list domains,
                    struct error *e)
{
    const struct admin_user_ask *ask = c->ask;
    bool none = slice_equal(ask->notify, SLICE("none"));

    if (ask->notify.len && !none && !check_address(ask->notify, c->arena, e)) {
        return false;
    }
    c->account = c->old;
    if (ask->addresses.count || ask->no_addresses) {
        c->account.addresses = plain;
        c->account.domains = domains;
    }
    if (ask->groups.count || ask->no_groups) {
        c->account.groups = ask->groups;
    }
    if (ask->notify.len) {
        c->account.notify = none ? SLICE_NONE : ask->notify;
    }
    c->account.display = ask->display.len ? ask->display : c->account.display;
    c->account.disabled = ask->disabled;
    c->account.directory_closed = false; /* from now on it is a person's word */
    c->account.role = ask->role ? ask->role : c->account.role;
    return true;
}

static bool user_set(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct admin_user_ask *ask = r->ask;
    struct change c = {.admin = keeper_admin_of(ctx, r),
                       .ask = ask,
                       .arena = r->arena,
                       .verb = ask->disabled ? "user disable" : "user set"};
    struct cbor_list plain;
    struct cbor_list domains;

    account_split_addresses(&ask->addresses, r->arena, &plain, &domains);
    if (!check_addresses(ctx, ask, &plain, r->arena, e) ||
        !state_account_get(c.admin->keeper->state, account_canonical(ask->account, r->arena),
                           r->arena, &c.old, &c.found, e)) {
        return false;
    }
    if (!c.found) {
        return error_set(e, ERROR_INPUT, "there is no account `%.*s`", SLICE_ARG(ask->account));
    }
    if (!drill_spares(ctx, c.old.name, r->arena, e)) {
        return false;
    }
    if (c.old.disabled &&
        (!end_leaver(c.admin, ask, c.old.name, r->arena, e) ||
         !state_account_get(c.admin->keeper->state, c.old.name, r->arena, &c.old, &c.found, e))) {
        return false;
    }
    return overlay(&c, plain, domains, e) && account_check_domains(&c, e) && set_password(&c, e) &&
           change(&c, r->answer, e);
}

/* ── one at a time ── */

/* Between looking at an account, or counting officers, and writing, no other change may come. */

bool keeper_on_user_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;

    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = user_add(ctx, r, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}

bool keeper_on_user_set(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct keeper_admin *admin = keeper_admin_of(k, r);
    const struct admin_user_ask *ask = r->ask;
    struct admin_asked *asked = r->answer;
    bool own = slice_equal(account_canonical(ask->account, r->arena), admin->caller.account);

    /* An open desk is not enough for a password of its holder's. */
    if (own && ask->password.len) {
        if (!factors_prove_or_ask(admin, &ask->proof, r->arena, asked, e)) {
            return false;
        }
        if (asked->wants_proof) {
            return true;
        }
    }

    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = user_set(ctx, r, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}
