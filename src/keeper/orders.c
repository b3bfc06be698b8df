/* What a person orders about letters in the queue. */
#include "keeper/orders.h"

#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/admin.h"
#include "keeper/consent.h"
#include "keeper/internal.h"
#include "keeper/scanning.h"

/* Give up one entry that was taken: an outcome, a notice, and it is gone. */
static bool cancel_entry(struct keeper *k, struct queue_entry *entry, struct slice why,
                         struct arena *arena, struct error *e)
{
    struct facts f;
    struct evidence nothing = {.ended_at = (uint64_t)clock_wall_ms()};

    if (!parcel_facts(k, entry->parcel, arena, &f, e)) {
        return false;
    }
    struct recipient_outcome *outcomes =
        arena_array(arena, entry->n_pending + 1, sizeof(*outcomes));
    for (size_t i = 0; i < entry->n_pending; i++) {
        const struct recipient *all = f.recipients.items;
        outcomes[i] = (struct recipient_outcome){.index = entry->pending[i],
                                                 .address = all[entry->pending[i]].address,
                                                 .status = DELIVERY_FAILED,
                                                 .enhanced = SLICE("5.7.0"),
                                                 .reply = why};
    }
    struct outcome outcome = {
        .id = letter_id_slice(&entry->parcel->id),
        .ruling = entry->ruling,
        .domain = entry->domain,
        .evidence = nothing,
        .recipients = {outcomes, entry->n_pending}
    };
    return keeper_record_outcome(k, entry, &f, &outcome, false, arena, e);
}

static struct slice why_back(const struct queue_entry *entry, struct arena *arena)
{
    return entry->guard == GUARD_RETURN
               ? arena_printf(arena, "Not sent: %.*s", SLICE_ARG(entry->reason))
               : SLICE("Not sent: malware was found in it");
}

static struct slice cancelled_by(struct slice reason, struct arena *arena)
{
    return arena_printf(arena, "Cancelled by the administrator%s%.*s", reason.len ? ": " : "",
                        SLICE_ARG(slice_head(reason, 500)));
}

/* An empty `why`: as the guard of each says. */
static bool give_up(struct keeper *k, const struct letter_id *id, uint64_t ruling, struct slice why,
                    struct admin_done *answer, struct error *e)
{
    struct queue_entry *entry = queue_take_letter(k->queue, id, ruling, &answer->later);
    bool ok = true;

    while (entry) {
        OWN(arena) struct arena one = {.max = KEEPER_ARENA_MAX}; /* a letter may have a thousand */
        struct queue_entry *next = entry->next;
        bool cancelled =
            ok && cancel_entry(k, entry, why.len ? why : why_back(entry, &one), &one, e);
        ok = ok && cancelled;
        if (cancelled) {
            queue_finish(k->queue, entry);
            answer->count++;
        } else {
            queue_put_back(k->queue, entry);
        }
        entry = next;
    }
    return ok;
}

/* With the lock of keeper/consent. */
static bool cancel(struct keeper *k, const struct letter_id *id, const struct order *order,
                   struct arena *arena, struct admin_done *answer, struct error *e)
{
    return give_up(k, id, order->ruling, cancelled_by(order->reason, arena), answer, e);
}

/* One that waits for a second person ends once: not while somebody says yes or no to it. */
bool orders_send_back(struct keeper *k, const struct letter_id *id, uint64_t ruling,
                      struct error *e)
{
    struct admin_done done = {0};

    consent_hold(k);
    bool back = give_up(k, id, ruling, SLICE_NONE, &done, e);
    consent_let_go(k);
    return back;
}

bool keeper_cancel_wanted(struct keeper *k, struct queue_entry *entry, struct arena *arena)
{
    struct error e = {0};

    if (!queue_wants_cancel(k->queue, entry)) {
        return false;
    }
    if (!cancel_entry(k, entry, cancelled_by(SLICE(""), arena), arena, &e)) {
        log_event(LOG_ERROR, "queue.not-cancelled", LOG_TEXT("reason", e.text));
        return false;
    }
    queue_finish(k->queue, entry);
    return true;
}

/* ── let go ── */

/* Rulings of one letter in the queue that an order would let go. */
struct letting {
    const struct letter_id *id;
    uint64_t ruling; /* counts from 1; 0: all */
    struct arena *arena;
    size_t n[SCANNING_NOBODY + 1];    /* how many there are, by who lets them go */
    size_t held[SCANNING_NOBODY + 1]; /* and are held, or may be */
    enum scanning_leave of;           /* whose go */
    bool open; /* one that anybody lets go is held, or may be when what is in hand comes back */
    struct order *orders; /* room for as many as there are; NULL: they are counted */
    size_t n_orders;
};

static void look_at(void *context, const struct queue_entry *entry)
{
    struct letting *l = context;
    enum scanning_leave leave = scanning_leave_of(entry->guard);

    if (memcmp(entry->parcel->id.bytes, l->id->bytes, LETTER_ID_LEN) != 0 ||
        (l->ruling && entry->ruling != l->ruling - 1)) {
        return;
    }
    if (!l->orders) {
        l->n[leave]++;
        l->held[leave] += entry->busy || entry->state == QUEUE_HELD;
        l->open = l->open || (leave == SCANNING_ANYBODY &&
                              (entry->busy || entry->job || entry->state == QUEUE_HELD));
    } else if (leave == l->of && l->n_orders < l->n[leave]) {
        l->orders[l->n_orders++] = (struct order){.ruling = entry->ruling + 1,
                                                  .domain = arena_copy(l->arena, entry->domain)};
    }
}

/* Count them, and say whose an order is about that names no ruling: what anybody lets go, before what the officer lets go.
 * SCANNING_NOTHING: none is there. */
static enum scanning_leave count_rulings(struct keeper *k, struct letting *l)
{
    queue_each(k->queue, look_at, l);
    if (l->held[SCANNING_ANYBODY] == 0 && l->held[SCANNING_OFFICER]) {
        return SCANNING_OFFICER;
    }
    if (l->n[SCANNING_ANYBODY]) {
        return SCANNING_ANYBODY;
    }
    return l->n[SCANNING_OFFICER]  ? SCANNING_OFFICER
           : l->n[SCANNING_NOBODY] ? SCANNING_NOBODY
                                   : SCANNING_NOTHING;
}

/* Record and obey one order for each ruling: one about the letter would let go what waits for somebody else. */
static bool let_go(struct keeper *k, struct letting *l, struct arena *arena,
                   const struct order *order, enum ledger_urgency urgency, struct admin_done *done,
                   struct error *e)
{
    l->arena = arena;
    l->orders = arena_array(arena, l->n[l->of] + 1, sizeof(*l->orders));
    queue_each(k->queue, look_at, l);
    for (size_t i = 0; i < l->n_orders; i++) {
        struct order one = *order;
        uint64_t later = 0;
        one.ruling = l->orders[i].ruling;
        one.domain = l->orders[i].domain;
        if (!keeper_record_one(k, urgency, RECORD_ORDER, &order_schema, &one, e)) {
            return false;
        }
        done->count += queue_order(k->queue, l->id, one.ruling, QUEUE_WAITING, 0, &later);
        done->later += later;
    }
    return true;
}

static uint64_t obey(struct keeper *k, const struct letter_id *id, const struct order *order,
                     uint64_t *later)
{
    return queue_order(k->queue, id, order->ruling, order->kind == ORDER_HOLD ? QUEUE_HELD : 0, 0,
                       later);
}

static bool give_order(struct keeper *k, const struct order *order, struct arena *arena,
                       struct admin_done *done, struct error *e)
{
    struct admin_done one = {0};
    struct letter_id id;
    bool ok = true;

    if (!letter_id_from(order->id, &id)) {
        return error_set(e, ERROR_INPUT, "the order names no letter");
    }
    if (order->kind == ORDER_RELEASE) { /* the rest waits for the officer, or is gone */
        OWN(arena)
        struct arena own = {.max = KEEPER_ARENA_MAX}; /* one of thousands of letters, perhaps */
        struct letting l = {.id = &id, .ruling = order->ruling, .of = SCANNING_ANYBODY};
        (void)count_rulings(k, &l);
        return !l.open || let_go(k, &l, &own, order, LEDGER_PATIENT, done, e);
    }
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_ORDER, &order_schema, order, e)) {
        return false;
    }
    if (order->kind == ORDER_CANCEL) {
        ok = cancel(k, &id, order, arena, &one, e);
    } else {
        one.count = obey(k, &id, order, &one.later);
    }
    done->count += one.count;
    done->later += one.later;
    return ok;
}

bool keeper_order(struct keeper *k, const struct order *order, struct arena *arena,
                  struct admin_done *done, struct error *e)
{
    consent_hold(k); /* nobody decides it anew meanwhile */
    bool given = give_order(k, order, arena, done, e);
    consent_let_go(k);
    return given;
}

/* What malware was found in, the officer lets go, and says why; where there is no officer, whoever runs this, likewise. */
static bool may_release(struct keeper_admin *admin, enum scanning_leave leave,
                        const struct order *order, struct arena *arena, struct error *e)
{
    size_t officers = 0;

    if (leave == SCANNING_NOBODY) {
        return error_set(e, ERROR_DENIED,
                         "this letter goes back to its sender, and no order lets it go: malware "
                         "was found in it (`malware = refuse`), or its policy says so (`otherwise "
                         "= return`)");
    }
    if (leave != SCANNING_OFFICER) {
        return true;
    }
    if (!account_count_officers(admin->keeper, SLICE_NONE, arena, &officers, e)) {
        return false;
    }
    if (officers && admin->role != ACCOUNT_OFFICER) {
        return error_set(
            e, ERROR_DENIED,
            "a malware scanner or its policy keeps this letter back: the officer alone "
            "lets it go, with `postern queue release --reason`");
    }
    return order->reason.len ||
           error_set(e, ERROR_DENIED,
                     "a malware scanner or its policy keeps this letter back: say with --reason "
                     "why it may go");
}

static bool on_order(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    struct admin_done *answer = r->answer;
    struct order order = *(const struct order *)r->ask;
    struct letter_id id;

    order.by = admin->caller.by;
    if (!letter_id_from(order.id, &id) || order.kind < ORDER_HOLD) {
        return error_set(e, ERROR_INPUT, "the order names no letter");
    }
    if (order.kind == ORDER_RELEASE && consent_waits(k, &id)) {
        return error_set(e, ERROR_DENIED,
                         "it needs the approval of a second person, which no order gives: `postern "
                         "letter waiting`");
    }
    struct letting l = {.id = &id, .ruling = order.ruling};
    if (order.kind == ORDER_RELEASE) {
        l.of = count_rulings(k, &l);
        if (l.of == SCANNING_NOTHING) {
            return true;
        }
        if (!may_release(admin, l.of, &order, r->arena, e)) {
            return false;
        }
    }
    log_event(LOG_INFO, "queue.order", LOG_NUMBER("kind", order.kind),
              LOG_SLICE("by", admin->caller.at));
    if (order.kind == ORDER_RELEASE) {
        return let_go(k, &l, r->arena, &order, LEDGER_AWAITED, answer, e);
    }
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_ORDER, &order_schema, &order, e)) {
        return false;
    }
    if (order.kind == ORDER_CANCEL) {
        return cancel(k, &id, &order, r->arena, answer, e);
    }
    answer->count = obey(k, &id, &order, &answer->later);
    return true;
}

/* One order after the other, and none while a letter is decided anew: what is recorded and what the queue does are one. */
bool keeper_on_order(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = keeper_admin_of(ctx, r);

    consent_hold(admin->keeper);
    bool given = on_order(ctx, r, e);
    consent_let_go(admin->keeper);
    return given;
}

/* ── all of it ── */

bool keeper_on_pause(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_pause_ask *ask = r->ask;
    struct slice name = SLICE(STATE_QUEUE_PAUSED);
    bool found = false;

    if (!keeper_admin_record(admin, ask->paused ? "queue pause" : "queue resume", SLICE_NONE,
                             ask->reason, e)) {
        return false;
    }
    if (ask->paused ? !state_value_put(k->state, name, admin->caller.at, e)
                    : !state_value_delete(k->state, name, &found, e)) {
        return false;
    }
    queue_pause(k->queue, ask->paused);
    return true;
}

bool keeper_restore_pause(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX * 2};
    struct slice value;
    bool paused = false;

    if (!state_value_get(k->state, SLICE(STATE_QUEUE_PAUSED), &arena, &value, &paused, e)) {
        return false;
    }
    if (paused) {
        log_event(LOG_WARNING, "queue.paused", LOG_SLICE("by", value));
    }
    queue_pause(k->queue, paused);
    return true;
}
