/* What is asked about letters that wait for a second person, and what he says. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/consent.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"
#include "requests/consent.h"

#define NONE_WAITS                                                                                 \
    "no letter with this id waits for you: somebody said yes or no already, its time is over, or " \
    "it needs another person; `postern letter waiting` lists those that do"

/* Whether that account may approve it now: it must be open, and not suspended itself. */
static bool may_now(struct keeper *k, struct slice name, const struct consent_letter *l,
                    struct arena *arena, bool *may, struct error *e)
{
    struct account account;
    bool found = false;

    *may = false;
    if (name.len == 0 || !state_account_get(k->state, name, arena, &account, &found, e)) {
        return name.len == 0;
    }
    *may = found && consent_may(&account, l) && !guard_is_closed(k, account.name, arena);
    return true;
}

/* ── the list ── */

static struct slice who(const struct consent_need *need, struct arena *arena)
{
    const struct slice *items = need->approvers.items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < need->approvers.count && text.len < 400; i++) {
        text =
            arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "", SLICE_ARG(items[i]));
    }
    return letter_text(arena, text, 900);
}

/* A row for this caller, if he is to see it; in the arena. What else is read of the letter is forgotten. */
static bool describe(struct keeper_admin *admin, struct parcel *p, struct arena *arena,
                     struct letter_waiting_row *row, bool *shown, struct error *e)
{
    OWN(consent_letter) struct consent_letter l = {0};
    OWN(arena) struct arena scratch = {.max = KEEPER_ARENA_MAX};
    bool runs = admin->role == ACCOUNT_OFFICER || admin->role == ACCOUNT_ADMINISTRATOR;
    bool may = false;

    *shown = false;
    if (!consent_read(admin->keeper, p, &scratch, &l, e) ||
        !may_now(admin->keeper, admin->caller.account, &l, &scratch, &may, e)) {
        return false;
    }
    bool own = admin->caller.account.len && slice_equal(admin->caller.account, l.facts.account);
    *shown = may || own || runs;
    if (!*shown) {
        return true;
    }
    *row = (struct letter_waiting_row){
        .id = arena_copy(arena, letter_id_slice(&p->id)),
        .rule = arena_copy(arena, l.decision.need.rule),
        .account = arena_copy(arena, l.facts.account),
        .subject =
            may || own ? letter_text(arena, slice_head(l.facts.subject, 200), 900) : SLICE_NONE,
        .recipients = l.facts.recipients.count,
        .size = l.facts.size,
        .received_at = l.facts.received_at,
        .until = l.decision.need.until,
        .may = may,
        .who = who(&l.decision.need, arena)};
    return true;
}

bool keeper_on_letter_waiting(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct letter_waiting_answer *answer = r->answer;
    struct letter_waiting_row *rows = arena_array(r->arena, CONSENTS_LISTED_MAX, sizeof(*rows));
    struct parcel **parcels = NULL;
    size_t n = consent_list(admin->keeper, r->arena, &parcels);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        bool shown = false;
        if (count < CONSENTS_LISTED_MAX &&
            !describe(admin, parcels[i], r->arena, &rows[count], &shown, e)) {
            /* One that cannot be read keeps nobody from the others. */
            log_event(LOG_ERROR, "consent.unreadable", LOG_NUMBER("seq", parcels[i]->seq),
                      LOG_TEXT("reason", e->text));
            keeper_alert(admin->keeper, "queue-unreadable", e->text);
        }
        count += shown;
        parcel_drop(parcels[i]);
    }
    answer->rows = (struct cbor_list){rows, count};
    return true;
}

bool keeper_on_consent(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_consent_ask *ask = r->ask;
    struct keeper_consent_answer *answer = r->answer;
    OWN(consent_letter) struct consent_letter l = {0};
    struct letter_id id;
    bool found = false;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    return consent_find(ctx, &id, r->arena, &l, &found, e) &&
           (!found || may_now(ctx, ask->account, &l, r->arena, &answer->may, e)) &&
           (!answer->may || consent_copy(ctx, &l, r->arena, &answer->digest, e));
}

/* ── the verdict ── */

static struct consent_record record_of(const struct keeper_admin *admin,
                                       const struct consent_letter *l,
                                       const struct letter_verdict_ask *ask, struct slice digest)
{
    return (struct consent_record){.id = l->facts.id,
                                   .state = ask->state,
                                   .rule = l->decision.need.rule,
                                   .digest = digest,
                                   .by = admin->caller.by,
                                   .at = admin->caller.at,
                                   .role = admin->caller.role,
                                   .reason = ask->reason};
}

/* The record, and with it the hold when its sender is suspended: a crash between the two would send it. */
static bool record_approval(struct keeper *k, const struct consent_record *record, bool closed,
                            struct error *e)
{
    OWN(buf) struct buf body = {.max = 65536};
    OWN(buf) struct buf hold = {.max = 65536};
    const struct order order = {.id = record->id,
                                .kind = ORDER_HOLD,
                                .by = SLICE("postern"),
                                .reason = SLICE(SUSPENSION_WHY_HELD)};

    cbor_write(&body, &consent_record_schema, record);
    cbor_write(&hold, &order_schema, &order);
    const struct ledger_record records[] = {
        {RECORD_CONSENT, buf_slice(&body)},
        {RECORD_ORDER,   buf_slice(&hold)}
    };
    struct ledger_ref refs[2];
    return body.full || hold.full
               ? error_set(e, ERROR_LIMIT, "a verdict does not fit into a record")
               : keeper_record(k, LEDGER_AWAITED, records, closed ? 2 : 1, refs, e);
}

static bool approve(struct keeper *k, const struct consent_letter *l,
                    const struct consent_record *record, struct arena *arena,
                    struct letter_verdict_answer *answer, struct error *e)
{
    const struct letter_id *id = &l->parcel->id;
    bool closed = l->facts.account.len && guard_remember(k, l->facts.account, id, arena);
    uint64_t later = 0;

    /* In its list first: `account release` lets it go with the others, or cancels it with them. */
    if ((closed && !suspension_add(k, l->facts.account, id, arena, e)) ||
        !record_approval(k, record, closed, e)) {
        return false;
    }
    if (closed) {
        (void)queue_order(k->queue, id, 0, QUEUE_HELD, 0, &later);
    } else {
        suspension_hold_queued(k, &l->facts, id, arena); /* meanwhile, perhaps */
    }
    queue_approve(k->queue, id, (uint64_t)clock_wall_ms(),
                  closed ? SLICE(SUSPENSION_WHY_HELD) : SLICE_NONE);
    answer->held = queue_is_held(k->queue, id);
    return true;
}

static bool refuse(struct keeper *k, const struct consent_letter *l,
                   const struct consent_record *record, struct arena *arena, struct error *e)
{
    struct slice reason =
        arena_printf(arena, "It needs the approval of a second person, who refused it: %.*s",
                     SLICE_ARG(letter_text(arena, slice_head(record->reason, 700), 900)));

    return consent_return(k, l, record, reason, arena, e);
}

/* With the lock: nobody else ends it meanwhile. */
static bool say(struct keeper_admin *admin, const struct letter_id *id,
                const struct letter_verdict_ask *ask, struct ipc_request *r, struct error *e)
{
    OWN(consent_letter) struct consent_letter l = {0};
    struct keeper *k = admin->keeper;
    struct slice digest;
    bool found = false;
    bool may = false;

    if (!consent_find(k, id, r->arena, &l, &found, e) ||
        (found && !may_now(k, admin->caller.account, &l, r->arena, &may, e))) {
        return false;
    }
    if (found && slice_equal(admin->caller.account, l.facts.account)) {
        return error_set(e, ERROR_DENIED, "nobody says yes or no to his own letter; %.*s may",
                         SLICE_ARG(who(&l.decision.need, r->arena)));
    }
    if (!may) {
        return error_set(e, ERROR_INPUT, NONE_WAITS);
    }
    if (!consent_copy(k, &l, r->arena, &digest, e)) {
        return false;
    }
    const struct consent_record record = record_of(admin, &l, ask, digest);
    return ask->state == CONSENT_APPROVED ? approve(k, &l, &record, r->arena, r->answer, e)
                                          : refuse(k, &l, &record, r->arena, e);
}

bool keeper_on_letter_verdict(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct letter_verdict_ask *ask = r->ask;
    struct letter_id id;

    if (!letter_id_from(ask->id, &id) ||
        (ask->state != CONSENT_APPROVED && ask->state != CONSENT_REFUSED)) {
        return error_set(e, ERROR_INPUT, "this says neither yes nor no to a letter");
    }
    if (admin->caller.account.len == 0) {
        return error_set(e, ERROR_DENIED,
                         "who approves letters signs in as a person: `postern login ACCOUNT`");
    }
    if (ask->state == CONSENT_REFUSED && slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT,
                         "to refuse needs a reason: give --reason TEXT; its sender reads it");
    }
    consent_hold(admin->keeper);
    bool said = say(admin, &id, ask, r, e);
    consent_let_go(admin->keeper);
    if (said) {
        log_event(LOG_INFO, "letter.verdict", LOG_TEXT("verdict", consent_state_name(ask->state)),
                  LOG_SLICE("by", admin->caller.at));
    }
    return said;
}
