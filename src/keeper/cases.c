/* Cases: letters that somebody gathers for a reason. What is in one is for the reader to say, from its records;
 * here it is opened, filled and closed, in the order of holds, since a case may have one of the same name. */
#include "requests/cases.h"

#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/holds.h"
#include "keeper/internal.h"
#include "search/query.h"

static const char *verb_of(uint64_t state)
{
    static const char *const verbs[] = {"case",      "case open",  "case add", "case remove",
                                        "case note", "case close", "case hold"};

    return verbs[state <= CASE_HELD ? state : 0];
}

/* ── what is asked ── */

static bool check_reason(const struct case_record *r, struct error *e)
{
    if (slice_trim(r->reason).len) {
        return true;
    }
    if (r->state == CASE_OPENED) {
        return error_set(e, ERROR_INPUT,
                         "a case has a reason, for which its letters are read: give --reason TEXT");
    }
    if (r->state == CASE_HELD) {
        return error_set(e, ERROR_INPUT, "nothing is held without a reason: give --reason TEXT");
    }
    return r->state != CASE_NOTED || error_set(e, ERROR_INPUT, "a note says something");
}

static bool check(struct keeper *k, const struct case_record *r, struct arena *arena,
                  struct error *e)
{
    bool some = r->query.len || r->letters.len;
    struct query query;

    if (!hold_name_is_good(r->name)) {
        return error_set(e, ERROR_INPUT,
                         "a case's name is 1 to %d letters, digits, `.`, `-` and `_`",
                         HOLD_NAME_MAX);
    }
    if (r->state < CASE_OPENED || r->state > CASE_HELD || r->state == CASE_CLOSED ||
        (some && r->state == CASE_HELD) || r->letters.len % LETTER_ID_LEN) {
        return error_set(e, ERROR_INPUT, "nothing that is done to a case");
    }
    if (!some && (r->state == CASE_ADDED || r->state == CASE_REMOVED)) {
        return error_set(e, ERROR_INPUT, "name letters by their ids, or give --query QUERY");
    }
    return check_reason(r, e) && (!r->query.len || query_parse(r->query, arena, &query, e)) &&
           (r->state == CASE_REMOVED || holds_letters_exist(k, r->letters, e));
}

/* ── what there is; with `order` held ── */

/* False unless there is an open case of that name. */
static bool find_open(struct keeper *k, struct slice name, bool *hold, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_case *c = docket_case(&k->approvals.docket, name);
    bool there = c != NULL;
    bool closed = c && c->closed;
    *hold = c && c->hold;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (!there) {
        return error_set(e, ERROR_INPUT, "there is no case of that name: `postern case list`");
    }
    return !closed || error_set(e, ERROR_INPUT, "the case is closed: open another");
}

/* What does not fit would be recorded and never found. */
static bool has_room(struct keeper *k, const struct case_record *r, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_case *c = docket_case(&k->approvals.docket, r->name);
    bool room = c && docket_case_takes(c, r);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return room || error_set(e, ERROR_LIMIT,
                             "a case takes %d queries and %d letters by their ids, with those that "
                             "were removed again: open another case",
                             CASE_QUERIES_MAX, CASE_LETTERS_MAX);
}

static bool may_open(struct keeper *k, const struct case_record *r, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket *d = &k->approvals.docket;
    bool there = docket_case(d, r->name) != NULL;
    bool held = docket_hold_last(d, r->name) != 0;
    bool room = d->n_cases < DOCKET_CASES_MAX;
    size_t theirs = docket_cases_by(d, r->by);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (there) {
        return error_set(e, ERROR_INPUT,
                         "there is, or was, a case of that name: a name is used once");
    }
    if (r->hold && held) {
        return error_set(e, ERROR_INPUT,
                         "there is a hold of that name already: choose another name for the case");
    }
    if (theirs >= DOCKET_OF_ONE_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "%.*s opened %zu cases, closed ones among them, and that is the most that "
                         "one person may: somebody else opens it",
                         SLICE_ARG(slice_head(r->by, 64)), theirs);
    }
    return room || error_set(e, ERROR_LIMIT, "there are %d cases already", DOCKET_CASES_MAX);
}

/* The hold comes first: a crash between them leaves more held, not less. */
static bool record_hold(struct keeper *k, const struct case_record *r, struct error *e)
{
    const struct hold_record h = {.name = r->name,
                                  .state = HOLD_PLACED,
                                  .query = r->query,
                                  .letters = r->letters,
                                  .by = r->by,
                                  .at = r->at,
                                  .role = r->role,
                                  .reason =
                                      slice_trim(r->reason).len ? r->reason : SLICE("a case")};

    return holds_have_room(k, r->by, 1, e) &&
           approvals_record_held(k, RECORD_HOLD, &hold_record_schema, &h, e);
}

static bool has_hold(struct keeper *k, struct slice name)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    bool held = docket_hold_last(&k->approvals.docket, name) != 0;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return held;
}

/* A hold that is not there yet, or was released. *hold: whether the case has one. */
static bool do_hold(struct keeper *k, const struct case_record *r, bool *hold, struct error *e)
{
    if (!find_open(k, r->name, hold, e)) {
        return false;
    }
    if (has_hold(k, r->name)) {
        return error_set(e, ERROR_INPUT,
                         *hold ? "the case has a hold: what is added to it is held"
                               : "there is a hold of that name, which is not the case's: hold the "
                                 "letters by another, or release that one first");
    }
    *hold = true;
    return holds_case(k, r, e);
}

/* *hold: whether the case has one. */
static bool do_act(struct keeper *k, const struct case_record *r, bool *hold, struct error *e)
{
    bool adds = r->state == CASE_OPENED || r->state == CASE_ADDED;

    if (r->state == CASE_HELD) {
        return do_hold(k, r, hold, e);
    }
    *hold = r->hold;
    if (r->state == CASE_OPENED ? !may_open(k, r, e)
                                : !find_open(k, r->name, hold, e) || !has_room(k, r, e)) {
        return false;
    }
    if (adds && *hold && (r->query.len || r->letters.len) && !record_hold(k, r, e)) {
        return false;
    }
    return approvals_record_held(k, RECORD_CASE, &case_record_schema, r, e);
}

bool keeper_on_case_act(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct case_act_answer *answer = r->answer;
    struct case_record record = *(const struct case_record *)r->ask;

    record.by = admin->caller.by;
    record.at = admin->caller.at;
    record.role = admin->role;
    record.hold = record.hold && record.state == CASE_OPENED;
    if (!check(ctx, &record, r->arena, e)) {
        return false;
    }
    if (record.state == CASE_HELD) {
        (void)tail_settle(ctx); /* what is in it is read from the catalog */
    }
    approvals_hold(ctx);
    bool done = do_act(ctx, &record, &answer->hold, e);
    approvals_let_go(ctx);
    if (done) {
        log_event(LOG_INFO, "admin.act", LOG_TEXT("verb", verb_of(record.state)),
                  LOG_SLICE("by", admin->caller.at));
    }
    return done;
}

/* ── its end ── */

static bool record_close(struct keeper_admin *admin, const struct case_close_ask *ask,
                         struct error *e)
{
    const struct case_record record = {.name = ask->name,
                                       .state = CASE_CLOSED,
                                       .by = admin->caller.by,
                                       .at = admin->caller.at,
                                       .role = admin->role,
                                       .reason = ask->reason};
    bool hold = false;

    approvals_hold(admin->keeper);
    bool closed =
        find_open(admin->keeper, ask->name, &hold, e) &&
        approvals_record_held(admin->keeper, RECORD_CASE, &case_record_schema, &record, e);
    approvals_let_go(admin->keeper);
    return closed;
}

/* What it held stays held until another person says that the hold may end: that is asked for first, so that no
 * case is closed of which nobody could ask it. */
bool keeper_on_case_close(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct case_close_ask *ask = r->ask;
    bool hold = false;

    if (slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT,
                         "a case is not closed without a reason: give --reason TEXT");
    }
    if (!find_open(ctx, ask->name, &hold, e)) {
        return false;
    }
    if (hold && has_hold(ctx, ask->name) &&
        !holds_ask_release(admin, ask->name, ask->reason, r->arena, r->answer, e)) {
        return false;
    }
    if (!record_close(admin, ask, e)) {
        return false;
    }
    log_event(LOG_INFO, "admin.act", LOG_TEXT("verb", verb_of(CASE_CLOSED)),
              LOG_SLICE("by", admin->caller.at));
    return true;
}
