/* A change of an account that takes two persons: asked for, kept, and made when another one approved it. */
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/account_wait.h"
#include "keeper/desks.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keeper/leavers.h"
#include "keeper/renewal.h"

#define DETAIL_MAX 800 /* bytes of what a person is told about a change */

void account_digest(const struct account *a, struct arena *arena, struct slice *encoded,
                    uint8_t digest[static DIGEST_LEN])
{
    OWN(buf) struct buf bytes = {.max = STATE_VALUE_MAX};

    cbor_write(&bytes, &account_schema, a);
    digest_of(buf_slice(&bytes), SLICE_NONE, digest);
    *encoded = arena_copy(arena, buf_slice(&bytes));
}

static bool is_same_list(const struct cbor_list *a, const struct cbor_list *b)
{
    const struct slice *x = a->items;
    const struct slice *y = b->items;
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = slice_equal(x[i], y[i]);
    }
    return same;
}

static void add_list(struct buf *out, const char *what, const struct cbor_list *list,
                     const char *none)
{
    const struct slice *items = list->items;

    buf_add_text(out, out->len ? ", " : "");
    buf_add_text(out, list->count ? what : none);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%.*s", i ? " " : "", SLICE_ARG(items[i]));
    }
}

struct slice account_detail(const struct change *c, bool role, const char *end)
{
    OWN(buf) struct buf text = {.max = DETAIL_MAX};
    const struct cbor_list none = {NULL, 0};

    if (role) {
        buf_printf(&text, "role %s", account_role_name(c->account.role));
    }
    if (!is_same_list(&c->account.groups, c->found ? &c->old.groups : &none)) {
        add_list(&text, "groups ", &c->account.groups, "in no group");
    }
    if (!slice_equal(c->account.notify, c->found ? c->old.notify : SLICE_NONE)) {
        buf_printf(
            &text, "%stold at %.*s", text.len ? ", " : "",
            SLICE_ARG(c->account.notify.len ? c->account.notify : SLICE("no other address")));
    }
    buf_add_text(&text, end);
    return letter_text(c->arena, buf_slice(&text), DETAIL_MAX);
}

/* "anna@example.test: role auditor, groups sales, a new password" */
static struct slice describe(const struct change *c)
{
    OWN(buf) struct buf text = {.max = DETAIL_MAX};
    const struct account *a = &c->account;
    const struct cbor_list none = {NULL, 0};

    buf_printf(&text, "%.*s: %.*s", SLICE_ARG(a->name),
               SLICE_ARG(account_detail(c, true, c->ask->password.len ? ", a new password" : "")));
    if (!is_same_list(&a->addresses, c->found ? &c->old.addresses : &none)) {
        add_list(&text, "sends and reads as ", &a->addresses, "no other address");
    }
    if (!is_same_list(&a->domains, c->found ? &c->old.domains : &none)) {
        add_list(&text, "sends as every address of ", &a->domains, "no domain's every address");
    }
    if (c->takes.len) {
        buf_printf(&text, ", of which %.*s is or was another's", SLICE_ARG(c->takes));
    }
    buf_add_text(&text, a->disabled ? ", closed" : c->found && c->old.disabled ? ", opened" : "");
    return letter_text(c->arena, buf_slice(&text), DETAIL_MAX);
}

bool account_ask_for(const struct change *c, bool giving, struct admin_asked *asked,
                     struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    struct keeper *k = c->admin->keeper;
    struct letter_id id = letter_id_new();
    struct request_account account = {.account = c->account.name, .gives = giving};
    struct request_record request = {
        .kind = REQUEST_ACCOUNT, .object = describe(c), .reason = c->ask->reason};
    uint8_t before[DIGEST_LEN];
    uint8_t after[DIGEST_LEN];
    struct slice encoded;

    if (c->found) {
        account_digest(&c->old, c->arena, &encoded, before);
        account.before = SLICE_ARRAY(before);
    }
    account_digest(&c->account, c->arena, &encoded, after);
    account.after = SLICE_ARRAY(after);
    request.id = arena_copy(c->arena, letter_id_slice(&id));
    cbor_write(&arguments, &request_account_schema, &account);
    request.arguments = buf_slice(&arguments);
    if (!account_wait(k, request.id, encoded, c->arena, e)) {
        return false;
    }
    if (!approvals_ask(c->admin, &request, giving ? account.account : SLICE_NONE, c->arena, asked,
                       e)) {
        account_forget(k, request.id, c->arena);
        return false;
    }
    return true;
}

/* How it stands with what was asked. */
struct standing {
    struct request_account asked;
    struct account account; /* as it is to be, if that is `there` */
    bool there;
    bool same;   /* it is as it was when that was asked */
    bool done;   /* it is already as it is to be */
    bool closed; /* it is closed, and is to be */
};

static bool has_digest(const struct account *a, struct slice digest, struct arena *arena)
{
    uint8_t own[DIGEST_LEN];
    struct slice encoded;

    account_digest(a, arena, &encoded, own);
    return slice_equal(SLICE_ARRAY(own), digest);
}

/* Whether it was put as it is to be, and only the password that stood beside a second factor is gone since: keeper/leavers. */
static bool is_left(const struct standing *s, const struct account *now, struct arena *arena)
{
    struct account put = *now;

    put.verifier = s->account.verifier;
    put.beside = s->account.beside;
    return s->closed && !s->same && now->verifier.len == 0 &&
           has_digest(&put, s->asked.after, arena);
}

static bool look(struct keeper *k, struct slice id, struct arena *arena, struct standing *s,
                 struct error *e)
{
    struct account now;
    bool found = false;

    if (!state_account_get(k->state, s->asked.account, arena, &now, &found, e) ||
        !account_waiting(k, id, &s->asked, arena, &s->account, &s->there, e)) {
        return false;
    }
    s->same = found ? has_digest(&now, s->asked.before, arena) : s->asked.before.len == 0;
    s->closed = found && s->there && now.disabled && s->account.disabled;
    s->done = found && (has_digest(&now, s->asked.after, arena) || is_left(s, &now, arena));
    return true;
}

/* What the request said of it, but for whose account it is. */
static struct slice detail_of(const struct docket_request *r, struct arena *arena)
{
    struct slice rest;

    (void)slice_cut(r->record.object, ':', &rest);
    return letter_text(arena, slice_trim(rest), DETAIL_MAX);
}

/* Its verifier was made when that was asked. Since then the master key may have been rotated, and the key under which it
 * is sealed may be retired at any time. */
static bool put_approved(struct keeper *k, const struct docket_request *r, struct account *account,
                         struct arena *arena, struct error *e)
{
    const struct act act = {.by = r->record.by,
                            .at = r->record.at,
                            .role = r->record.role,
                            .verb = SLICE("user set"),
                            .object = account->name,
                            .reason = r->record.reason,
                            .detail = arena_printf(arena, "%.*s, approved by %.*s",
                                                   SLICE_ARG(detail_of(r, arena)),
                                                   SLICE_ARG(r->approval.by))};
    struct account was;
    bool found = false;

    if (!state_account_get(k->state, account->name, arena, &was, &found, e) ||
        !keeper_renew_verifier(k, account->name, &account->verifier, arena, e) ||
        !keeper_record_one(k, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, e) ||
        !account_remember_addresses(k, found ? &was : NULL, account, arena, e) ||
        !state_account_put(k->state, account, e) ||
        !factors_forget_asked(k, account->name, arena, e)) {
        return false;
    }
    return desks_end_account(k, account->name, e) &&
           (!account->disabled || leavers_end(k, account->name, &act, arena, e));
}

/* Whether its password may be put: one that is to stand beside a second factor needs it still. */
static bool is_enough(struct keeper *k, const struct account *account, struct arena *arena,
                      bool *enough, struct error *e)
{
    *enough = true;
    return !account->beside || factors_has_second(k, account->name, arena, enough, e);
}

/* What was put before a crash may have left passes of before, and what it had when it was closed. */
static bool finish(struct keeper *k, const struct docket_request *r, const struct standing *s,
                   struct arena *arena, struct error *e)
{
    const struct act act = {
        .by = r->record.by, .at = r->record.at, .role = r->record.role, .reason = r->record.reason};

    return desks_end_account(k, s->asked.account, e) &&
           (!s->closed || leavers_end(k, s->asked.account, &act, arena, e));
}

/* Whether it can be put still; false with ERROR_INPUT when not. */
static bool can_be_put(struct keeper *k, const struct standing *s, struct arena *arena,
                       struct error *e)
{
    bool enough = true;

    if (!s->same || !s->there) {
        return error_set(e, ERROR_INPUT,
                         !s->same ? "the account was changed since that was asked: ask again"
                                  : "what was asked is not there any more: ask again");
    }
    if (!is_enough(k, &s->account, arena, &enough, e)) {
        return false;
    }
    return enough || error_set(e, ERROR_INPUT,
                               "the password is good enough beside a second factor only, which is "
                               "not there any more: ask again");
}

static enum carried approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                             struct slice *said, struct error *e)
{
    struct standing s = {.there = false};

    if (!cbor_read(r->record.arguments, &request_account_schema, arena, &s.asked, e)) {
        return CARRIED_FAILED;
    }
    if (!look(k, r->record.id, arena, &s, e) ||
        ((s.done || (s.closed && !s.same)) && !finish(k, r, &s, arena, e))) {
        return CARRIED_LATER;
    }
    if (!s.done && !can_be_put(k, &s, arena, e)) {
        return e->kind == ERROR_INPUT ? CARRIED_FAILED : CARRIED_LATER;
    }
    if (!s.done && !put_approved(k, r, &s.account, arena, e)) {
        return CARRIED_LATER;
    }
    account_forget(k, r->record.id, arena);
    *said = arena_printf(arena, "%.*s is changed", SLICE_ARG(s.asked.account));
    return CARRIED_DONE;
}

enum carried account_approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                              struct slice *said, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.changing);
    enum carried carried = approved(k, r, arena, said, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return carried;
}
