/* Invariants:
 *  1. Nothing is done that another person than the one who asked did not approve, in the ledger.
 *  2. What is done is what the request's record says.
 *  3. Whether it was done is recorded last; until then it is done again, which changes nothing.
 *
 * | request | verdicts | what is due |
 * |---|---|---|
 * | there | none | somebody says yes or no, until it expires |
 * | there | approved | it is done |
 * | there | approved, done or failed | nothing |
 * | there | refused or withdrawn | nothing */
#include "keeper/approvals.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_wait.h"
#include "keeper/admin.h"
#include "keeper/approvers.h"
#include "keeper/internal.h"

#define LOOK_EVERY_US 500000
#define AGAIN_MS      INT64_C(10000) /* until what could not be done is tried once more */
#define ARENA_MAX     ((size_t)64 << 20)

/* ── the docket ── */

void approvals_hold(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->approvals.order);
}

void approvals_let_go(struct keeper *k)
{
    (void)pthread_mutex_unlock(&k->approvals.order);
}

int64_t approvals_now(struct keeper *k)
{
    struct ledger_head head;
    int64_t wall = clock_wall_ms();

    ledger_head(k->ledger, &head);
    return wall > head.time_ms ? wall : head.time_ms;
}

static bool fold(struct keeper *k, uint64_t seq, uint16_t type, int64_t at, struct slice body,
                 struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    bool folded = docket_apply(&k->approvals.docket, seq, type, at, body, e);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return folded;
}

bool approvals_record_held(struct keeper *k, uint16_t type, const struct cbor_schema *schema,
                           const void *value, struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};
    struct ledger_ref ref;

    cbor_write(&body, schema, value);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "%s does not fit into a record", schema->name);
    }
    const struct ledger_record record = {type, buf_slice(&body)};
    return keeper_record(k, LEDGER_AWAITED, &record, 1, &ref, e) &&
           fold(k, ref.seq, type, approvals_now(k), record.body, e);
}

bool approvals_record_all_held(struct keeper *k, const struct ledger_record *records, size_t n,
                               struct error *e)
{
    struct ledger_ref refs[LEDGER_RECORDS_MAX];

    if (n > LEDGER_RECORDS_MAX) {
        return error_set(e, ERROR_LIMIT, "that is too much for one commit");
    }
    if (!keeper_record(k, LEDGER_AWAITED, records, n, refs, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!fold(k, refs[i].seq, records[i].type, approvals_now(k), records[i].body, e)) {
            return false;
        }
    }
    return true;
}

struct docket_hold *approvals_holds(struct keeper *k, struct arena *arena)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    struct docket_hold *holds = docket_copy_holds(&k->approvals.docket, arena);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return holds;
}

bool approvals_record(struct keeper *k, uint16_t type, const struct cbor_schema *schema,
                      const void *value, struct error *e)
{
    approvals_hold(k);
    bool recorded = approvals_record_held(k, type, schema, value, e);
    approvals_let_go(k);
    return recorded;
}

static bool fold_ref(struct keeper *k, struct lookup *l, struct ledger_ref ref, struct arena *arena,
                     struct error *e)
{
    struct ledger_entry entry;

    arena_reset(arena);
    return ledger_reader_get(l->reader, ref, arena, &entry, e) &&
           fold(k, ref.seq, entry.type, entry.time_ms, entry.body, e);
}

bool approvals_open(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena list_arena = {.max = ARENA_MAX};
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_records(k->tail.catalog, CATALOG_DOCKET, &list_arena, &records, &count, e)) {
        return false;
    }
    struct lookup *l = keeper_lookup(k, e);
    bool ok = l != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = fold_ref(k, l, records[i].ref, &arena, e);
    }
    if (l) {
        keeper_lookup_end(k, l);
    }
    return ok && subject_open(k, e) && disposal_clock_open(k, e);
}

void approvals_close(struct keeper *k)
{
    docket_done(&k->approvals.docket);
    subject_close(k);
    erase_damaged_forget(&k->approvals.damaged);
    rule_proof_done(&k->approvals.rules);
    (void)pthread_mutex_destroy(&k->approvals.order);
    (void)pthread_mutex_destroy(&k->approvals.lock);
    (void)pthread_mutex_destroy(&k->approvals.changing);
    (void)pthread_mutex_destroy(&k->approvals.doing);
}

/* ── asking ── */

static bool has_room(struct keeper *k, int64_t now, struct error *e)
{
    size_t waiting = 0;

    (void)pthread_mutex_lock(&k->approvals.lock);
    for (const struct docket_request *r = k->approvals.docket.oldest; r; r = r->next) {
        waiting += r->approved || docket_waits(r, now);
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return waiting < DOCKET_REQUESTS_MAX ||
           error_set(e, ERROR_LIMIT, "%zu requests wait already: `postern approvals` lists them",
                     waiting);
}

bool approvals_ask(struct keeper_admin *admin, struct request_record *request, struct slice subject,
                   struct arena *arena, struct admin_asked *asked, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct letter_id id = letter_id_new();
    struct approvers approvers;
    int64_t now = approvals_now(k);

    if (slice_trim(request->reason).len == 0) {
        return error_set(e, ERROR_INPUT,
                         "what takes two persons needs a reason: give --reason TEXT; it stands in "
                         "the ledger");
    }
    request->id = request->id.len ? request->id : arena_copy(arena, letter_id_slice(&id));
    request->by = admin->caller.by;
    request->at = admin->caller.at;
    request->role = admin->role;
    request->expires_at =
        (uint64_t)(now + k->options.settings(k->options.context)->archive.request_lifetime_ms);
    if (!has_room(k, now, e) || !approvers_of(k, request, subject, arena, &approvers, e) ||
        !approvers_are_there(&approvers, request, e) ||
        !approvals_record(k, RECORD_REQUEST, &request_record_schema, request, e)) {
        return false;
    }
    log_event(LOG_INFO, "request.waits", LOG_TEXT("kind", request_kind_name(request->kind)),
              LOG_SLICE("by", admin->caller.at));
    *asked = (struct admin_asked){.id = request->id,
                                  .expires_at = request->expires_at,
                                  .who = approvers.text,
                                  .object = request->object};
    return true;
}

/* ── doing ── */

static approvals_do *const doers[] = {
    [REQUEST_ERASE] = erase_approved,     [REQUEST_ACCOUNT] = account_approved,
    [REQUEST_RELEASE] = release_approved, [REQUEST_DISPOSAL] = disposal_approved,
    [REQUEST_SUBJECT] = subject_approved, [REQUEST_DELEGATION] = delegation_approved,
    [REQUEST_FACTOR] = factor_approved,   [REQUEST_CONTACTS] = contacts_approved,
};

static struct docket_request *copy_approved(struct keeper *k, struct slice id, struct arena *arena)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_request *r = docket_find(&k->approvals.docket, id);
    struct docket_request *copy = r && r->approved ? docket_copy(r, arena) : NULL;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return copy;
}

static enum carried carry_out(struct keeper *k, const struct docket_request *r, struct arena *arena,
                              struct slice *said, struct error *e)
{
    uint64_t kind = r->record.kind;

    if (kind >= sizeof(doers) / sizeof(doers[0]) || !doers[kind]) {
        (void)error_set(e, ERROR_CONFIG, "this program does not know what was approved");
        return CARRIED_LATER;
    }
    return doers[kind](k, r, arena, said, e);
}

/* Do one that was approved, and record what became of it; *state is VERDICT_APPROVED when it stays due, with *more when
 * it is to go on at once. */
static bool finish(struct keeper *k, struct slice id, struct arena *arena, uint64_t *state,
                   bool *more, struct slice *said, struct error *e)
{
    struct verdict_record v = {.id = id, .verdict = VERDICT_DONE};
    struct error why = {0};

    *state = VERDICT_APPROVED;
    *more = false;
    *said = SLICE_NONE;
    /* Before the request is taken: what the catalog hides or shows again does not count. */
    if (!approvals_prove(k, e)) {
        return false;
    }
    const struct docket_request *r = copy_approved(k, id, arena);
    if (!r) {
        *state = VERDICT_DONE; /* by somebody else, just now */
        return true;
    }
    enum carried carried = carry_out(k, r, arena, said, &why);
    if (carried == CARRIED_MORE) {
        *more = true;
        return true;
    }
    if (carried != CARRIED_DONE && !said->len) {
        *said = letter_text(arena, slice_text(why.text), 900);
    }
    if (carried == CARRIED_LATER) {
        log_event(LOG_WARNING, "request.later", LOG_TEXT("kind", request_kind_name(r->record.kind)),
                  LOG_TEXT("reason", why.text));
        return true;
    }
    v.verdict = carried == CARRIED_DONE ? VERDICT_DONE : VERDICT_FAILED;
    v.reason = *said;
    if (!approvals_record(k, RECORD_VERDICT, &verdict_record_schema, &v, e)) {
        return false;
    }
    *state = v.verdict;
    return true;
}

static bool next_approved(struct keeper *k, size_t n, struct arena *arena, struct slice *id)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_request *r = k->approvals.docket.oldest;
    while (r && (!r->approved || n-- > 0)) {
        r = r->next;
    }
    *id = r ? arena_copy(arena, r->record.id) : SLICE_NONE;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return id->len != 0;
}

static void finish_all(struct keeper *k)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct slice id;
    size_t stay = 0;

    while (next_approved(k, stay, &arena, &id) && !atomic_load(&k->closing)) {
        uint64_t state = VERDICT_APPROVED;
        bool more = false;
        struct slice said;
        struct error e;
        (void)pthread_mutex_lock(&k->approvals.doing);
        if (!finish(k, id, &arena, &state, &more, &said, &e)) {
            log_event(LOG_WARNING, "request.later", LOG_TEXT("reason", e.text));
        }
        (void)pthread_mutex_unlock(&k->approvals.doing);
        stay +=
            state == VERDICT_APPROVED && !more; /* one disposal goes on to its end before another */
        arena_reset(&arena);
    }
}

void keeper_approvals(void *keeper)
{
    struct keeper *k = keeper;
    int64_t next_at = 0;

    while (!atomic_load(&k->closing)) {
        disposal_clock_step(k);
        if (atomic_exchange(&k->approvals.hurry, false) || clock_steady_ms() >= next_at) {
            finish_all(k);
            next_at = clock_steady_ms() + AGAIN_MS;
        }
        if (!atomic_load(&k->approvals.hurry)) {
            (void)usleep(LOOK_EVERY_US);
        }
    }
    disposal_clock_keep(k);
}

/* ── the second person ── */

/* Look at the request under `order`, so that it cannot change before the verdict is recorded. */
static bool may_say(struct keeper_admin *admin, const struct admin_verdict_ask *ask,
                    struct arena *arena, struct docket_request **out, struct error *e)
{
    struct keeper *k = admin->keeper;

    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_request *r = docket_find(&k->approvals.docket, ask->id);
    *out = r ? docket_copy(r, arena) : NULL;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (!*out || !docket_waits(*out, approvals_now(k))) {
        return error_set(e, ERROR_INPUT,
                         !*out              ? "no request with this id waits: `postern approvals` "
                                              "lists those that do"
                         : (*out)->approved ? "it was approved already and is being done"
                                            : "it has expired: it must be asked for again");
    }
    if (ask->verdict == VERDICT_WITHDRAWN) {
        return slice_equal((*out)->record.by, admin->caller.by) ||
               error_set(e, ERROR_DENIED, "only who asked withdraws: `postern refuse` says no");
    }
    return ask->verdict == VERDICT_APPROVED ? approvers_allow(admin, &(*out)->record, arena, e)
                                            : approvers_allow_no(admin, &(*out)->record, arena, e);
}

static bool say(struct keeper_admin *admin, const struct admin_verdict_ask *ask,
                struct arena *arena, struct docket_request **request, struct error *e)
{
    const struct verdict_record v = {.id = ask->id,
                                     .verdict = ask->verdict,
                                     .by = admin->caller.by,
                                     .at = admin->caller.at,
                                     .role = admin->role,
                                     .reason = ask->reason};

    approvals_hold(admin->keeper);
    bool said = may_say(admin, ask, arena, request, e) &&
                approvals_record_held(admin->keeper, RECORD_VERDICT, &verdict_record_schema, &v, e);
    approvals_let_go(admin->keeper);
    return said;
}

/* While the person waits; what the index lacks is waited for with nothing held. */
static bool finish_now(struct keeper *k, const struct docket_request *request, struct arena *arena,
                       struct admin_verdict_answer *answer, struct error *e)
{
    bool finished = true;
    bool more = false;

    for (unsigned i = 0; finished && i < 2; i++) {
        (void)pthread_mutex_lock(&k->approvals.doing);
        finished = finish(k, request->record.id, arena, &answer->state, &more, &answer->said, e);
        (void)pthread_mutex_unlock(&k->approvals.doing);
        if (answer->state != VERDICT_APPROVED || request->record.kind != REQUEST_ERASE ||
            !erase_await_index(k)) {
            break;
        }
    }
    return finished;
}

bool keeper_on_verdict(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct admin_verdict_ask *ask = r->ask;
    struct admin_verdict_answer *answer = r->answer;
    struct docket_request *request = NULL;

    if (ask->verdict < VERDICT_APPROVED || slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT,
                         "a verdict needs a reason: give --reason TEXT; it stands "
                         "in the ledger");
    }
    if (!say(admin, ask, r->arena, &request, e)) {
        return false;
    }
    log_event(LOG_INFO, "request.verdict", LOG_TEXT("verdict", request_verdict_name(ask->verdict)),
              LOG_SLICE("by", admin->caller.at));
    answer->state = ask->verdict;
    answer->object = request->record.object;
    if (ask->verdict != VERDICT_APPROVED) {
        account_forget(admin->keeper, ask->id, r->arena);
        return true;
    }
    if (request->record.kind == REQUEST_DISPOSAL || request->record.kind == REQUEST_SUBJECT) {
        atomic_store(&admin->keeper->approvals.hurry, true);
        answer->said = request->record.kind == REQUEST_DISPOSAL
                           ? SLICE("in the background; `postern acts` tells when it is done")
                           : SLICE("in the background; `postern subject list` tells how far it is");
        return true;
    }
    return finish_now(admin->keeper, request, r->arena, answer, e);
}

/* ── what waits ── */

static void describe(struct keeper *k, const struct docket_request *r, struct arena *arena,
                     struct admin_request *out)
{
    struct approvers approvers = {0};
    struct error e;

    *out = (struct admin_request){.id = r->record.id,
                                  .kind = r->record.kind,
                                  .object = r->record.object,
                                  .by = r->record.by,
                                  .role = r->record.role,
                                  .reason = r->record.reason,
                                  .asked_at = (uint64_t)r->asked_at,
                                  .expires_at = r->record.expires_at,
                                  .approved_by = r->approval.by,
                                  .approved_for = r->approval.reason};
    if (approvers_of(k, &r->record, request_subject(&r->record, arena), arena, &approvers, &e)) {
        out->who = approvers.text;
    }
}

bool keeper_on_requests(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct admin_requests_answer *answer = r->answer;
    struct docket_request **list =
        arena_array(r->arena, APPROVALS_LISTED_MAX, sizeof(struct docket_request *));
    struct admin_request *rows = arena_array(r->arena, APPROVALS_LISTED_MAX, sizeof(*rows));
    int64_t now = approvals_now(k);
    size_t count = 0;

    (void)e;
    (void)pthread_mutex_lock(&k->approvals.lock);
    for (const struct docket_request *at = k->approvals.docket.oldest;
         at && count < APPROVALS_LISTED_MAX; at = at->next) {
        if (at->approved || docket_waits(at, now)) {
            list[count++] = docket_copy(at, r->arena);
        }
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    for (size_t i = 0; i < count; i++) {
        describe(k, list[i], r->arena, &rows[i]);
    }
    answer->requests = (struct cbor_list){rows, count};
    return true;
}
