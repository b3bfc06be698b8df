/* Who grants that an account may send as another's address, and who takes it away.
 *
 * Whoever has an address alone grants it himself. Otherwise an officer or administrator asks, and where there is an
 * officer another person must approve it: with somebody else's name goes the means to act as he. Taking away gives
 * nothing and is done at once. What is granted is recorded before it holds, what is taken away holds no more before it is
 * recorded. */
#include "keeper/account_parts.h"
#include "keeper/approvals.h"
#include "keeper/drills.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keeper/leavers.h"
#include "requests/delegation.h"
#include "stages/retention/term.h"

/* "until 2027-01-31"; empty when it has no end. Read is the last day that belongs to it. */
static struct slice until_text(const struct delegation *d, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = 64};

    if (d->until) {
        buf_add_text(&text, "until ");
        retention_day_write((int64_t)d->until - 1, &text);
    }
    return arena_copy(arena, buf_slice(&text));
}

/* ── what is asked for ── */

static bool check_group(struct keeper *k, struct slice group, struct arena *arena, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;
    bool known = false;

    if (!group_name_is_good(group)) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no address such as `board@example.test` and no group such as "
                         "`accounting`",
                         SLICE_ARG(slice_head(group, 100)));
    }
    if (!state_accounts(k->state, arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        known = known || account_is_in_group(&accounts[i], group);
    }
    return known || error_set(e, ERROR_INPUT,
                              "no account is in the group `%.*s`: `postern user "
                              "list --group` shows who is in which",
                              SLICE_ARG(group));
}

/* Who is to get it: an open account, that does not have the address anyhow. */
static bool check_account(struct keeper *k, const struct delegation *d, struct arena *arena,
                          struct error *e)
{
    struct account account;
    bool found = false;

    if (!state_account_get(k->state, d->to, arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled) {
        return error_set(e, ERROR_INPUT,
                         "there is no open account `%.*s`: `postern user list` shows those there "
                         "are",
                         SLICE_ARG(slice_head(d->to, 100)));
    }
    return !account_has_address(&account, d->from) ||
           error_set(e, ERROR_INPUT, "`%.*s` has this address and needs no delegation",
                     SLICE_ARG(d->to));
}

/* What ended with who left does not come back, also where it was approved before. */
static bool check_holders(struct keeper *k, struct slice address, struct arena *arena,
                          struct error *e)
{
    bool left = false;

    if (!leavers_left(k, address, arena, &left, e)) {
        return false;
    }
    return !left ||
           error_set(e, ERROR_INPUT,
                     "`%.*s` is a closed account's: open that account, or give the address to "
                     "another one by `postern user set --address`",
                     SLICE_ARG(slice_head(address, 100)));
}

static bool check(struct keeper *k, const struct delegation *d, struct arena *arena,
                  struct error *e)
{
    if (slice_trim(d->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
    }
    if (delegation_is_over(d, (uint64_t)approvals_now(k))) {
        return error_set(e, ERROR_INPUT, "--until is over already: name a day that is to come");
    }
    if (!drill_spares(k, d->from, arena, e) || !drill_spares(k, d->to, arena, e)) {
        return false;
    }
    return (delegation_is_of_group(d) ? check_group(k, d->from, arena, e)
                                      : account_address_is_ours(k, d->from, arena, e) &&
                                            check_holders(k, d->from, arena, e)) &&
           check_account(k, d, arena, e);
}

/* Whether whoever asks has the address, and nobody else has it. */
static bool has_it_alone(const struct keeper_admin *admin, struct slice address,
                         struct arena *arena, bool *alone, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;
    bool own = false;
    bool others = false;

    *alone = false;
    if (admin->caller.account.len == 0) {
        return true;
    }
    if (!state_accounts(admin->keeper->state, arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool has = account_has_address(&accounts[i], address);
        bool is_own = slice_equal(accounts[i].name, admin->caller.account);
        own = own || (has && is_own);
        others = others || (has && !is_own);
    }
    *alone = own && !others;
    return true;
}

/* ── granting ── */

/* Nobody uses up all places alone; one that is granted again takes none. */
static bool has_room(struct keeper_admin *admin, const struct delegation *d, struct arena *arena,
                     struct error *e)
{
    struct delegations all;
    size_t own = 0;

    delegations_all(admin->keeper, arena, &all);
    const struct delegation *rows = all.rows.items;
    for (size_t i = 0; i < all.rows.count; i++) {
        own += rows[i].owner && slice_equal(rows[i].by, admin->caller.by);
    }
    return own < DELEGATIONS_OWN_MAX || delegations_find(&all, d->from, d->to) ||
           error_set(e, ERROR_LIMIT, "you have granted %d already: `postern delegate remove` some",
                     DELEGATIONS_OWN_MAX);
}

static bool grant(struct keeper_admin *admin, struct delegation *d, struct arena *arena,
                  struct error *e)
{
    struct act act = {.verb = SLICE("delegate add"),
                      .object = delegations_name(d->from, d->to, arena),
                      .reason = d->reason,
                      .detail = until_text(d, arena)};

    d->by = admin->caller.by;
    d->since = (uint64_t)approvals_now(admin->keeper);
    return keeper_admin_act(admin, &act, e) && delegations_put(admin->keeper, d, e);
}

static bool ask_for(struct keeper_admin *admin, struct delegation *d, struct arena *arena,
                    struct admin_asked *asked, struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    struct slice until = until_text(d, arena);
    struct request_record request = {.kind = REQUEST_DELEGATION,
                                     .object = arena_printf(arena, "%.*s may send as %.*s%s%.*s",
                                                            SLICE_ARG(d->to), SLICE_ARG(d->from),
                                                            until.len ? " " : "", SLICE_ARG(until)),
                                     .reason = d->reason};

    d->by = admin->caller.by;
    cbor_write(&arguments, &delegation_schema, d);
    request.arguments = buf_slice(&arguments);
    return approvals_ask(admin, &request, d->to, arena, asked, e);
}

/* What is asked for, if it can be. */
static bool read_it(struct keeper_admin *admin, struct ipc_request *r, struct delegation *d,
                    struct error *e)
{
    const struct delegation_add_ask *wanted = r->ask;
    const struct delegation *ask = &wanted->grant;

    *d = (struct delegation){.from = ask->from,
                             .to = account_canonical(ask->to, r->arena),
                             .until = ask->until,
                             .reason = ask->reason};
    return check(admin->keeper, d, r->arena, e) &&
           has_it_alone(admin, d->from, r->arena, &d->owner, e);
}

/* An open desk is not enough for its holder to grant what is his. Before the lock: auth answers late who guesses. */
static bool prove(struct keeper_admin *admin, struct ipc_request *r, bool *owner, struct error *e)
{
    const struct delegation_add_ask *ask = r->ask;
    struct delegation d;

    if (!read_it(admin, r, &d, e)) {
        return false;
    }
    *owner = d.owner;
    return !d.owner || factors_prove_or_ask(admin, &ask->proof, r->arena, r->answer, e);
}

static bool add(struct keeper_admin *admin, struct ipc_request *r, bool proven, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct delegation d;
    size_t officers = 0;

    if (!read_it(admin, r, &d, e)) {
        return false;
    }
    if (d.owner && !proven) {
        return error_set(e, ERROR_BUSY, "the address became yours alone just now: try again");
    }
    if (d.owner) {
        return has_room(admin, &d, r->arena, e) && grant(admin, &d, r->arena, e);
    }
    if (admin->role != ACCOUNT_OFFICER && admin->role != ACCOUNT_ADMINISTRATOR) {
        return error_set(e, ERROR_DENIED,
                         "whoever has an address alone grants it; have an officer or "
                         "administrator ask for `%.*s`",
                         SLICE_ARG(slice_head(d.from, 100)));
    }
    if (!account_count_officers(k, SLICE_NONE, r->arena, &officers, e)) {
        return false;
    }
    return officers ? ask_for(admin, &d, r->arena, r->answer, e) : grant(admin, &d, r->arena, e);
}

/* ── what was approved ── */

static bool is_done(struct keeper *k, const struct delegation *d, struct arena *arena)
{
    struct delegations all;
    const struct delegation *now;

    delegations_all(k, arena, &all);
    now = delegations_find(&all, d->from, d->to);
    return now && slice_equal(now->by, d->by) && slice_equal(now->approved_by, d->approved_by) &&
           slice_equal(now->reason, d->reason) && now->until == d->until;
}

static bool put_approved(struct keeper *k, const struct docket_request *r,
                         const struct delegation *d, struct arena *arena, struct error *e)
{
    struct slice until = until_text(d, arena);
    const struct act act = {.by = r->record.by,
                            .at = r->record.at,
                            .role = r->record.role,
                            .verb = SLICE("delegate add"),
                            .object = delegations_name(d->from, d->to, arena),
                            .reason = r->record.reason,
                            .detail =
                                arena_printf(arena, "%.*s%sapproved by %.*s", SLICE_ARG(until),
                                             until.len ? ", " : "", SLICE_ARG(r->approval.by))};

    return keeper_record_one(k, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, e) &&
           delegations_put(k, d, e);
}

static enum carried carry_out(struct keeper *k, const struct docket_request *r, struct arena *arena,
                              struct slice *said, struct error *e)
{
    struct delegation d;

    if (!cbor_read(r->record.arguments, &delegation_schema, arena, &d, e)) {
        return CARRIED_FAILED;
    }
    d.approved_by = r->approval.by;
    d.since = (uint64_t)approvals_now(k);
    *said = arena_printf(arena, "%.*s may send as %.*s", SLICE_ARG(d.to), SLICE_ARG(d.from));
    if (is_done(k, &d, arena)) {
        return CARRIED_DONE;
    }
    if (!check(k, &d, arena, e)) {
        return e->kind == ERROR_INPUT ? CARRIED_FAILED : CARRIED_LATER;
    }
    return put_approved(k, r, &d, arena, e) ? CARRIED_DONE
           : e->kind == ERROR_LIMIT         ? CARRIED_FAILED
                                            : CARRIED_LATER;
}

enum carried delegation_approved(struct keeper *k, const struct docket_request *r,
                                 struct arena *arena, struct slice *said, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.changing);
    enum carried carried = carry_out(k, r, arena, said, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return carried;
}

/* ── taking away ── */

static bool is_about(const struct keeper_admin *admin, const struct delegation *d)
{
    const struct slice *own = admin->caller.addresses.items;
    struct slice account = admin->caller.account;
    bool about = slice_equal(d->to, account) || slice_equal(d->by, account);

    for (size_t i = 0; i < admin->caller.addresses.count; i++) {
        about = about || slice_equal_nocase(own[i], d->from);
    }
    return about && account.len;
}

/* Whether it was approved and is being given, or has been and that is not recorded yet: taken away now it would come back after a crash. */
static bool is_being_given(struct keeper *k, struct slice from, struct slice to,
                           struct arena *arena)
{
    bool given = false;

    (void)pthread_mutex_lock(&k->approvals.lock);
    for (const struct docket_request *r = k->approvals.docket.oldest; r && !given; r = r->next) {
        struct delegation d;
        struct error ignored;
        given = r->record.kind == REQUEST_DELEGATION && r->approved &&
                cbor_read(r->record.arguments, &delegation_schema, arena, &d, &ignored) &&
                slice_equal_nocase(d.from, from) && slice_equal(d.to, to);
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return given;
}

static bool remove_it(struct keeper_admin *admin, struct ipc_request *r, struct error *e)
{
    const struct delegation_remove_ask *ask = r->ask;
    struct slice to = account_canonical(ask->to, r->arena);
    struct act act = {.verb = SLICE("delegate remove"),
                      .object = delegations_name(ask->from, to, r->arena),
                      .reason = ask->reason};
    struct delegations all;

    if (slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
    }
    delegations_all(admin->keeper, r->arena, &all);
    const struct delegation *d = delegations_find(&all, ask->from, to);
    bool runs = admin->role == ACCOUNT_OFFICER || admin->role == ACCOUNT_ADMINISTRATOR;
    if (!d || (!runs && !is_about(admin, d))) {
        return error_set(e, ERROR_INPUT,
                         "there is no such delegation: `postern delegate list` shows those there "
                         "are");
    }
    if (is_being_given(admin->keeper, d->from, d->to, r->arena)) {
        return error_set(e, ERROR_BUSY, "it is being granted just now: try again");
    }
    /* First gone, then recorded: what a crash leaves is a right that nobody has, never one that the ledger calls gone. */
    return delegations_remove(admin->keeper, d->from, d->to, e) && keeper_admin_act(admin, &act, e);
}

/* ── one at a time, as accounts are changed ── */

bool keeper_on_delegation_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct keeper_admin *admin = keeper_admin_of(k, r);
    const struct admin_asked *asked = r->answer;
    bool proven = false;

    if (!prove(admin, r, &proven, e)) {
        return false;
    }
    if (asked->wants_proof) {
        return true;
    }
    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = add(admin, r, proven, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}

bool keeper_on_delegation_remove(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;

    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = remove_it(keeper_admin_of(ctx, r), r, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}

bool keeper_on_delegation_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct delegations *answer = r->answer;
    size_t n = 0;

    (void)e;
    delegations_all(admin->keeper, r->arena, answer);
    struct delegation *rows = answer->rows.items;
    for (size_t i = 0; i < answer->rows.count; i++) {
        if (admin->role != ACCOUNT_EMPLOYEE || is_about(admin, &rows[i])) {
            rows[n++] = rows[i];
        }
    }
    answer->rows.count = n;
    return true;
}
