#include "keeper/approvers.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "letter/delegation.h"

#define AUDITOR       PERMIT_TO(ACCOUNT_AUDITOR)
#define OFFICER       PERMIT_TO(ACCOUNT_OFFICER)
#define ADMINISTRATOR PERMIT_TO(ACCOUNT_ADMINISTRATOR)
#define NAMED_MAX     20 /* accounts in a sentence */

/* Who approves what. */
static const unsigned roles[] = {
    [REQUEST_ERASE] = OFFICER,
    [REQUEST_ACCOUNT] = OFFICER,
    [REQUEST_RELEASE] = OFFICER | AUDITOR,
    [REQUEST_DISPOSAL] = OFFICER,
    [REQUEST_SUBJECT] = OFFICER,
    [REQUEST_DELEGATION] = OFFICER,
    [REQUEST_FACTOR] = OFFICER,
    [REQUEST_CONTACTS] = OFFICER,
};

static unsigned roles_of(const struct request_record *r)
{
    return r->kind < sizeof(roles) / sizeof(roles[0]) ? roles[r->kind] : 0;
}

static bool is_other(const struct account *a, const struct request_record *r, struct slice subject)
{
    return !a->disabled && !slice_equal(a->name, r->by) && !slice_equal(a->name, subject);
}

static void choose(const struct account *accounts, size_t n, const struct request_record *r,
                   struct slice subject, unsigned wanted, struct approvers *out)
{
    for (size_t i = 0; i < n; i++) {
        if (wanted & PERMIT_TO(accounts[i].role) && is_other(&accounts[i], r, subject)) {
            out->accounts[out->count++] = accounts[i].name;
        }
    }
}

/* Root of the machine asked, without a pass. */
static bool is_root(const struct request_record *r)
{
    return slice_equal(r->by, r->at);
}

static struct slice names(const struct approvers *a, struct arena *arena)
{
    struct slice text = a->root ? SLICE("root of the machine") : SLICE_NONE;

    for (size_t i = 0; i < a->count && i < NAMED_MAX; i++) {
        text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "",
                            SLICE_ARG(a->accounts[i]));
    }
    return text;
}

bool approvers_of(struct keeper *k, const struct request_record *r, struct slice subject,
                  struct arena *arena, struct approvers *out, struct error *e)
{
    struct account *accounts = NULL;
    size_t n = 0;

    if (!state_accounts(k->state, arena, &accounts, &n, e)) {
        return false;
    }
    *out = (struct approvers){.accounts = arena_array(arena, n + 1, sizeof(struct slice))};
    choose(accounts, n, r, subject, roles_of(r), out);
    if (out->count == 0 && r->role == ACCOUNT_OFFICER) {
        choose(accounts, n, r, subject, ADMINISTRATOR, out);
    }
    out->root =
        out->count == 0 && !is_root(r) &&
        k->options.settings(k->options.context)->archive.second_person == SETTING_SECOND_ROOT;
    out->text = names(out, arena);
    return true;
}

bool approvers_are_there(const struct approvers *a, const struct request_record *r, struct error *e)
{
    if (a->count || a->root) {
        return true;
    }
    return error_set(
        e, ERROR_DENIED,
        "this takes a second person, and nobody else could approve it: %s, or "
        "%s`second-person = root`",
        r->role == ACCOUNT_OFFICER
            ? "have root give another account the role officer or administrator (`postern "
              "--as root user set NAME --role ROLE --reason TEXT`)"
            : "have another account be an officer's",
        is_root(r) ? "ask as an account and set " : "set ");
}

static bool refuse(const struct keeper_admin *admin, const struct approvers *a,
                   const struct request_record *r, struct error *e)
{
    if (admin->caller.account.len && slice_equal(admin->caller.account, r->by)) {
        return error_set(e, ERROR_DENIED, "you asked for it yourself; %.*s may approve it",
                         SLICE_ARG(a->text));
    }
    return error_set(e, ERROR_DENIED,
                     a->text.len ? "%.*s may approve it, signed in by `postern login`"
                                 : "nobody could approve it%.*s: it takes another officer",
                     SLICE_ARG(a->text));
}

static bool is_among(const struct approvers *a, struct slice account)
{
    bool among = false;

    for (size_t i = 0; i < a->count; i++) {
        among = among || slice_equal(a->accounts[i], account);
    }
    return among;
}

/* Who asked must still be what he was then. */
static bool asker_is_there(struct keeper *k, const struct request_record *r, struct arena *arena,
                           struct error *e)
{
    struct account account;
    bool found = false;

    bool machine = r->role == ACCOUNT_ADMINISTRATOR && slice_equal(r->at, SLICE("uid 0"));
    if (is_root(r)) {
        return true;
    }
    if (!state_account_get(k->state, r->by, arena, &account, &found, e)) {
        return false;
    }
    return (found && !account.disabled && (account.role == r->role || machine)) ||
           error_set(e, ERROR_DENIED, "%.*s, who asked for it, is no %s any more: refuse it",
                     SLICE_ARG(r->by), account_role_name(r->role));
}

bool approvers_allow(struct keeper_admin *admin, const struct request_record *r,
                     struct arena *arena, struct error *e)
{
    const struct caller *caller = &admin->caller;
    struct approvers a;

    if (!asker_is_there(admin->keeper, r, arena, e) ||
        !approvers_of(admin->keeper, r, request_subject(r, arena), arena, &a, e)) {
        return false;
    }
    if (caller->account.len && is_among(&a, caller->account)) {
        admin->role = caller->role;
        return true;
    }
    if (!a.root || admin->uid != 0 || caller->account.len || slice_equal(r->by, caller->by)) {
        return refuse(admin, &a, r, e);
    }
    keeper_alert(admin->keeper, "second-person-root",
                 "root of the machine approved what takes two persons, because no other account "
                 "could");
    return true;
}

bool approvers_allow_no(struct keeper_admin *admin, const struct request_record *r,
                        struct arena *arena, struct error *e)
{
    struct slice account = admin->caller.account;
    struct approvers a;

    if (!approvers_of(admin->keeper, r, request_subject(r, arena), arena, &a, e)) {
        return false;
    }
    return (account.len && (is_among(&a, account) || admin->caller.role == ACCOUNT_OFFICER)) ||
           (a.root && admin->uid == 0) || refuse(admin, &a, r, e);
}

struct slice request_subject(const struct request_record *r, struct arena *arena)
{
    struct request_account account;
    struct delegation delegation;
    struct request_factor factor;
    struct error e;

    if (r->kind == REQUEST_FACTOR) {
        return cbor_read(r->arguments, &request_factor_schema, arena, &factor, &e) ? factor.account
                                                                                   : SLICE_NONE;
    }
    if (r->kind == REQUEST_DELEGATION) {
        return cbor_read(r->arguments, &delegation_schema, arena, &delegation, &e) ? delegation.to
                                                                                   : SLICE_NONE;
    }
    if (r->kind != REQUEST_ACCOUNT ||
        !cbor_read(r->arguments, &request_account_schema, arena, &account, &e)) {
        return SLICE_NONE;
    }
    return account.gives ? account.account : SLICE_NONE;
}
