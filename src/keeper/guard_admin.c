/* What a person asks and orders about an account's sending. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/admin.h"
#include "keeper/consent.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/provider.h"
#include "keeper/suspend.h"
#include "keeper/suspension_end.h"
#include "keeper/suspensions.h"

static bool none_such(struct slice name, struct error *e)
{
    return error_set(e, ERROR_INPUT, "there is no account `%.*s`; `postern user list` shows them",
                     SLICE_ARG(slice_head(name, 100)));
}

/* An address without an account, as which a provider may hand letters on; and one that is suspended as such, whatever the settings say
 * by now. */
static bool find_without(struct keeper *k, struct slice address, struct arena *arena,
                         struct account *out, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct suspension_record suspension;
    struct slice whose = address;
    bool found = false;

    if (!suspension_of(k, address, arena, &suspension, &found, e)) {
        return false;
    }
    if (!found) {
        if (settings->connector_sections.count == 0 ||
            !account_address_is_ours(k, address, arena, e)) {
            return none_such(address, e);
        }
        if (!keeper_provider_account(k, &whose, arena, out, &found, e)) {
            return false;
        }
        if (found) {
            return error_set(
                e, ERROR_INPUT, "`%.*s` is an address of the account `%.*s`: name that",
                SLICE_ARG(slice_head(address, 100)), SLICE_ARG(slice_head(out->name, 100)));
        }
    }
    *out = (struct account){.name = account_canonical(whose, arena)};
    return true;
}

/* Whose letters are counted under this name. */
static bool find_account(struct keeper *k, struct slice name, struct arena *arena,
                         struct account *out, struct error *e)
{
    struct slice canonical = account_canonical(name, arena);
    bool found = false;

    return state_account_get(k->state, canonical, arena, out, &found, e) &&
           (found || find_without(k, canonical, arena, out, e));
}

/* "recipients-per-day 5000, ... until 2026-12-31" */
static struct slice limits_detail(const struct account_limits *l, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = 1000};
    char when[CLOCK_TEXT_MAX];

    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            if (l->most[w][m]) {
                buf_printf(&text, "%s %llu, ", limits_setting(w, m),
                           (unsigned long long)l->most[w][m]);
            }
        }
    }
    clock_rfc3339((int64_t)l->until, when);
    buf_printf(&text, "until %.10s", when);
    return arena_copy(arena, buf_slice(&text));
}

static bool has_figures(const struct account_limits *l)
{
    bool any = false;

    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            any = any || l->most[w][m];
        }
    }
    return any;
}

static bool check(const struct account_limits *l, struct error *e)
{
    if (l->reason.len == 0) {
        return error_set(e, ERROR_INPUT, "say why: --reason");
    }
    if (!l->until) {
        return has_figures(l) ? error_set(e, ERROR_INPUT, "say until when: --until") : true;
    }
    if (!has_figures(l)) {
        return error_set(e, ERROR_INPUT, "give a limit, such as --recipients-per-day 5000");
    }
    return l->until > (uint64_t)clock_wall_ms() ||
           error_set(e, ERROR_INPUT, "the day that --until names is over");
}

static bool put(struct keeper_admin *admin, struct account_limits *l, struct arena *arena,
                struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    struct slice name = arena_printf(arena, "limits/%.*s", SLICE_ARG(l->account));
    bool found = false;

    if (!l->until) {
        return state_value_delete(admin->keeper->state, name, &found, e);
    }
    l->by = admin->caller.by;
    l->since = (uint64_t)clock_wall_ms();
    cbor_write(&value, &account_limits_schema, l);
    return state_value_put(admin->keeper->state, name, buf_slice(&value), e);
}

bool keeper_on_account_limits(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct account_limits limits = *(const struct account_limits *)r->ask;
    struct account account;

    if (!check(&limits, e) || !find_account(admin->keeper, limits.account, r->arena, &account, e)) {
        return false;
    }
    struct act act = {.verb = SLICE("account limits"),
                      .object = account.name,
                      .reason = limits.reason,
                      .detail = limits.until ? limits_detail(&limits, r->arena)
                                             : SLICE("as set for all")};
    limits.account = account.name;
    if (!keeper_admin_act(admin, &act, e) || !put(admin, &limits, r->arena, e)) {
        return false;
    }
    guard_forget_limits(admin->keeper, account.name);
    return true;
}

bool keeper_on_account_show(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct account_name_ask *ask = r->ask;
    struct account_show_answer *answer = r->answer;
    struct suspension_record suspension;
    struct account account;
    bool suspended = false;

    if (!find_account(admin->keeper, ask->account, r->arena, &account, e) ||
        !guard_own_limits(admin->keeper, account.name, r->arena, &answer->own, e)) {
        return false;
    }
    answer->role = account.role;
    answer->disabled = account.disabled;
    answer->sessions = sessions_count_of(admin->keeper->sessions, account.name);
    guard_look(admin->keeper, &answer->own, r->arena, answer);
    if (!suspension_of(admin->keeper, account.name, r->arena, &suspension, &suspended, e)) {
        return false;
    }
    if (suspended) {
        answer->suspended_at = suspension.at;
        answer->suspended_by = suspension.by.len ? suspension.by : SLICE("its signs");
        answer->suspended_why = suspension.reason;
    }
    return true;
}

/* ── suspended, by a person ── */

bool keeper_on_account_suspend(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct account_suspend_ask *ask = r->ask;
    struct suspension_record record = {
        .by = admin->caller.by, .reason = ask->reason, .role = admin->role};
    struct account account;

    if (ask->reason.len == 0) {
        return error_set(e, ERROR_INPUT, "say why: --reason");
    }
    if (!find_account(admin->keeper, ask->account, r->arena, &account, e) ||
        !keeper_admin_record(admin, "account suspend", account.name, ask->reason, e)) {
        return false;
    }
    record.account = account.name;
    return suspension_begin(admin->keeper, &record, r->arena, e);
}

/* What becomes of the letters that were held: of those that have left meanwhile, nothing. */
static bool order_letters(struct keeper_admin *admin, struct slice ids, uint64_t which,
                          struct slice reason, struct ipc_request *r, struct error *e)
{
    struct order order = {.kind = which == 1 ? ORDER_RELEASE : ORDER_CANCEL,
                          .by = admin->caller.by,
                          .reason = reason};

    struct account_release_answer *answer = r->answer;

    for (; which && ids.len >= LETTER_ID_LEN; ids = slice_from(ids, LETTER_ID_LEN)) {
        order.id = slice_head(ids, LETTER_ID_LEN);
        if (!keeper_order(admin->keeper, &order, r->arena, &answer->letters, e)) {
            return false;
        }
    }
    return true;
}

/* *now is its row as it was last: letters that were decided meanwhile stand in it too. */
static bool end_suspension(struct keeper_admin *admin, const struct suspension_record *was,
                           const struct account_release_ask *ask, struct arena *arena,
                           struct suspension_record *now, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct suspension_record record = {.account = was->account,
                                       .state = SUSPENSION_ENDED,
                                       .at = (uint64_t)clock_wall_ms(),
                                       .by = admin->caller.by,
                                       .reason = ask->reason,
                                       .role = admin->role,
                                       .released = ask->letters};
    struct suspension_end end;
    bool found = false;

    consent_hold(k); /* an approval adds to the row, and so does who decides a letter */
    bool ended = suspension_of(k, was->account, arena, now, &found, e) &&
                 suspension_end_record(k, &record, arena, &end, e) &&
                 suspensions_drop(k, was->account, arena, &found, e);
    if (ended) {
        guard_open(k, was->account, &end);
    }
    consent_let_go(k);
    return ended;
}

/* ── what was added ── */

static size_t add_if_new(struct account_added *rows, size_t n, const struct account_added *row,
                         uint64_t since)
{
    if (row->at >= since) {
        rows[n++] = *row;
    }
    return n;
}

/* Signs are of what was sent within a day: from then on whoever stole it may have been there. */
static void list_added(struct keeper *k, struct slice account, uint64_t suspended_at,
                       struct arena *arena, struct account_release_answer *answer)
{
    struct account_added *rows = arena_array(arena, ACCOUNT_ADDED_MAX, sizeof(*rows));
    struct factors f;
    struct error e;
    size_t n = 0;

    if (!state_factors_get(k->state, account, arena, &f, &e)) { /* it holds up no release */
        log_event(LOG_ERROR, "account.factors_not_listed", LOG_TEXT("reason", e.text));
        return;
    }
    const struct app_password *apps = f.apps.items;
    const struct passkey *keys = f.passkeys.items;
    answer->since = suspended_at > LIMITS_DAY_MS ? suspended_at - LIMITS_DAY_MS : 0;
    for (size_t i = 0; i < f.apps.count && n < APP_PASSWORDS_MAX; i++) {
        const struct account_added row = {apps[i].pin.len ? SLICE("device") : SLICE("app password"),
                                          apps[i].name, apps[i].created_at};
        n = add_if_new(rows, n, &row, answer->since);
    }
    for (size_t i = 0; i < f.passkeys.count && n < ACCOUNT_ADDED_MAX - 1; i++) {
        const struct account_added row = {SLICE("passkey"), keys[i].name, keys[i].created_at};
        n = add_if_new(rows, n, &row, answer->since);
    }
    if (f.totp.len) {
        const struct account_added row = {SLICE("authenticator app"), SLICE_NONE, f.totp_since};
        n = add_if_new(rows, n, &row, answer->since);
    }
    answer->added = (struct cbor_list){rows, n};
}

bool keeper_on_account_release(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct account_release_ask *ask = r->ask;
    struct account_release_answer *answer = r->answer;
    struct suspension_record was;
    struct suspension_record now = {0};
    struct account account;
    bool found = false;

    if (ask->reason.len == 0) {
        return error_set(e, ERROR_INPUT, "say why: --reason");
    }
    if (!find_account(admin->keeper, ask->account, r->arena, &account, e) ||
        !suspension_of(admin->keeper, account.name, r->arena, &was, &found, e)) {
        return false;
    }
    if (!found) {
        if (!guard_is_closed(admin->keeper, account.name, r->arena)) {
            return error_set(e, ERROR_INPUT, "the account is not suspended");
        }
        was = (struct suspension_record){
            .state = SUSPENSION_BEGUN,
            .at = (uint64_t)clock_wall_ms()}; /* its row could not be written */
    }
    if (slice_equal(admin->caller.account, account.name)) {
        return error_set(e, ERROR_DENIED, "another person lets an account send again, not itself");
    }
    was.account = account.name;
    list_added(admin->keeper, account.name, was.at, r->arena, answer);
    return keeper_admin_record(admin, "account release", account.name, ask->reason, e) &&
           order_letters(admin, was.letters, ask->letters, ask->reason, r, e) &&
           end_suspension(admin, &was, ask, r->arena, &now, e) && /* with its row go the ids */
           order_letters(admin, now.letters, ask->letters, ask->reason, r,
                         e); /* decided meanwhile */
}
