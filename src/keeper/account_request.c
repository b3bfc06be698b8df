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

/* Whether the account is as it was when that was asked, or already as it is to be. */
static bool compare(struct keeper *k, const struct request_account *asked, struct arena *arena,
                    bool *same, bool *done, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    struct account now;
    struct slice encoded;
    bool found = false;

    if (!state_account_get(k->state, asked->account, arena, &now, &found, e)) {
        return false;
    }
    if (found) {
        account_digest(&now, arena, &encoded, digest);
    }
    *done = found && slice_equal(SLICE_ARRAY(digest), asked->after);
    *same = found ? slice_equal(SLICE_ARRAY(digest), asked->before) : asked->before.len == 0;
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

static enum carried approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                             struct slice *said, struct error *e)
{
    struct request_account asked;
    struct account account;
    bool there = false;
    bool same = false;
    bool done = false;
    bool enough = true;

    if (!cbor_read(r->record.arguments, &request_account_schema, arena, &asked, e)) {
        return CARRIED_FAILED;
    }
    if (!compare(k, &asked, arena, &same, &done, e) ||
        (!done && !account_waiting(k, r->record.id, &asked, arena, &account, &there, e))) {
        return CARRIED_LATER;
    }
    if (!done && same && there && !is_enough(k, &account, arena, &enough, e)) {
        return CARRIED_LATER;
    }
    if (!done && !enough) {
        (void)error_set(e, ERROR_INPUT,
                        "the password is good enough beside a second factor only, which is not "
                        "there any more: ask again");
        return CARRIED_FAILED;
    }
    if (!done && (!same || !there)) {
        (void)error_set(e, ERROR_INPUT,
                        !same ? "the account was changed since that was asked: ask again"
                              : "what was asked is not there any more: ask again");
        return CARRIED_FAILED;
    }
    /* What was put before a crash may have left passes of before. */
    if (done ? !desks_end_account(k, asked.account, e) : !put_approved(k, r, &account, arena, e)) {
        return CARRIED_LATER;
    }
    account_forget(k, r->record.id, arena);
    *said = arena_printf(arena, "%.*s is changed", SLICE_ARG(asked.account));
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
