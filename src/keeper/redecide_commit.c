/* Invariants:
 *  1. A redecision and its copies are one commit. From its record on nothing is due of the rulings that it replaces, and of them nothing was
 *     ever tried: so nobody gets two copies, whenever the process ends.
 *  2. It is recorded with the lock of keeper/consent, under which orders are recorded and obeyed, and behind a look at what is held then: what
 *     somebody let go, held or gave up is not replaced.
 *  3. The queue gets the new entries before it forgets the old ones: a letter of which something is due is always in it. */
#include "keeper/consent.h"
#include "keeper/redecide_parts.h"
#include "keeper/telling_notice.h"
#include "letter/redecision.h"

#define RECORD_BYTES_MAX ((size_t)4 << 20)
#define REASON_BYTES     900

/* ── the record ── */

/* What is recorded, and what the letter is from then on. */
struct commit {
    struct redecision r;
    struct decision merged;
    struct ledger_ref *refs;
    struct own_letter notice;
    size_t n_notices;
};

/* The records of the commit: the redecision, then its copies. */
struct writing {
    struct ledger_record *records;
    struct buf *bodies;
    size_t n;
    bool full;
};

static void add_record(struct writing *w, uint16_t type, size_t max,
                       const struct cbor_schema *schema, const void *value)
{
    struct buf *body = &w->bodies[w->n];

    buf_init(body, max);
    cbor_write(body, schema, value);
    w->full = w->full || body->full;
    w->records[w->n++] = (struct ledger_record){type, buf_slice(body)};
}

static struct slice replaced(const struct redeciding *x)
{
    uint8_t *indexes = arena_alloc(x->letter.arena, 2 * x->n_picked + 1);
    size_t len = 0;

    for (size_t i = 0; i < x->before.rulings.count; i++) {
        if (x->picked[i]) {
            indexes[len++] = (uint8_t)(i >> 8);
            indexes[len++] = (uint8_t)i;
        }
    }
    return slice_of(indexes, len);
}

static void write_all(struct redeciding *x, const struct redecision *r, struct writing *w)
{
    const struct copying *c = &x->letter.copying;

    w->records = arena_array(x->letter.arena, c->n_copies + 1, sizeof(*w->records));
    w->bodies = arena_array(x->letter.arena, c->n_copies + 1, sizeof(*w->bodies));
    add_record(w, RECORD_REDECISION, RECORD_BYTES_MAX, &redecision_schema, r);
    for (size_t i = 0; i < c->n_copies; i++) {
        add_record(w, RECORD_SEALED, 2 * (size_t)LETTER_BYTES_MAX, &sealed_schema,
                   &c->copies[i].sealed);
    }
}

/* Its sender is told in the same commit that there is a password to tell. */
static bool record(struct redeciding *x, struct commit *c, struct error *e)
{
    struct writing w = {.n = 0};

    write_all(x, &c->r, &w);
    bool recorded = w.full ? error_set(e, ERROR_LIMIT, "a letter's records do not fit")
                           : keeper_record_with_letters(x->keeper, w.records, w.n, c->refs,
                                                        &c->notice, c->n_notices, e);
    for (size_t i = 0; i < w.n; i++) {
        buf_done(&w.bodies[i]);
    }
    return recorded;
}

/* ── in the queue ── */

/* Parcels of the letter that other entries have: each is to know of the redecision. */
struct others {
    const struct letter_id *id;
    struct parcel **parcels; /* references */
    size_t n, max;
};

static void gather_parcel(void *context, const struct queue_entry *entry)
{
    struct others *o = context;
    bool known = memcmp(entry->parcel->id.bytes, o->id->bytes, LETTER_ID_LEN) != 0;

    for (size_t i = 0; i < o->n && !known; i++) {
        known = o->parcels[i] == entry->parcel;
    }
    if (!known && o->n < o->max) {
        o->parcels[o->n++] = parcel_hold(entry->parcel);
    }
}

static void tell_others(struct redeciding *x, struct ledger_ref ref)
{
    struct others o = {.id = &x->letter.parcel->id, .max = LETTER_RECIPIENTS_MAX + 1};

    o.parcels = arena_array(x->letter.arena, o.max, sizeof(struct parcel *));
    queue_each(x->keeper->queue, gather_parcel, &o);
    for (size_t i = 0; i < o.n; i++) {
        parcel_add_again(o.parcels[i], ref);
        parcel_drop(o.parcels[i]);
    }
    parcel_add_again(x->letter.parcel, ref);
}

/* Whether the letter was decided by nobody else since, as the parcel knows of whoever is still in the queue. */
static bool is_same(const struct redeciding *x, struct parcel *p)
{
    struct ledger_ref *again = NULL;

    return parcel_again(p, x->letter.arena, &again) == x->n_again;
}

/* The entries of what is replaced, busy; the others are put back at once. NULL: they are not all there and held any more, or others. */
static struct queue_entry *take_entries(struct redeciding *x)
{
    struct queue *q = x->keeper->queue;
    struct queue_entry *entry = queue_take_stuck(q, &x->letter.parcel->id);
    struct queue_entry *taken = NULL;
    size_t n = 0;

    while (entry) {
        struct queue_entry *next = entry->next;
        if (entry->ruling < x->before.rulings.count && x->picked[entry->ruling]) {
            entry->next = taken;
            taken = entry;
            n += is_same(x, entry->parcel) ? 1 : 0;
        } else {
            queue_put_back(q, entry);
        }
        entry = next;
    }
    while (taken && n != x->n_picked) {
        struct queue_entry *next = taken->next;
        queue_put_back(q, taken);
        taken = next;
    }
    return taken;
}

static void give_back(struct redeciding *x, struct queue_entry *taken, bool replaced_now)
{
    while (taken) {
        struct queue_entry *next = taken->next;
        if (replaced_now) {
            queue_finish(x->keeper->queue, taken);
        } else {
            queue_put_back(x->keeper->queue, taken);
        }
        taken = next;
    }
}

/* Recorded: the copies are the parcel's, the new entries stand in the queue. */
static void follow(struct redeciding *x, const struct commit *c)
{
    struct letter *l = &x->letter;

    copying_hand_over(&l->copying, l->parcel, &c->refs[1]);
    tell_others(x, c->refs[0]);
    keeper_enqueue(x->keeper, l->parcel, &c->merged, (size_t)c->r.first);
}

/* Look once more at what is held, record, and have the queue do as was recorded. */
static bool commit(struct redeciding *x, struct parcel *old, struct commit *c, struct error *e)
{
    if (redecide_is_suspended(x)) {
        return error_set(e, ERROR_BUSY,
                         "its sender was suspended while the letter was decided: `postern account "
                         "show`");
    }
    if (!is_same(x, old)) {
        return error_set(
            e, ERROR_BUSY,
            "somebody else had the letter decided once more at the same time: `postern "
            "show`");
    }
    struct queue_entry *taken = take_entries(x);
    if (!taken) {
        return error_set(e, ERROR_BUSY,
                         "an order about the letter came while it was decided: look at `postern "
                         "queue list`");
    }
    bool recorded = record(x, c, e);
    if (recorded) {
        follow(x, c);
    }
    give_back(x, taken, recorded);
    return recorded;
}

bool redecide_settle(struct redeciding *x, struct parcel *old, struct error *e)
{
    struct letter *l = &x->letter;
    OWN(buf) struct buf text = {.max = 0};
    struct commit c = {
        .r = {.id = l->facts.id,
              .first = x->before.rulings.count,
              .replaced = replaced(x),
              .by = x->order->by,
              .at = x->order->at,
              .role = x->order->role,
              .reason = letter_text(l->arena, x->order->reason, REASON_BYTES),
              .policy_version = l->decision.policy_version,
              .policy_digest = l->decision.policy_digest},
        .merged = x->before,
        .refs = arena_array(l->arena, l->copying.n_copies + 1, sizeof(struct ledger_ref)),
    };

    if (!telling_notice(&l->copying, &l->decision, &text, &c.notice, &c.n_notices, e)) {
        return false;
    }
    copying_number(&l->copying, &l->decision);
    c.r.rulings = l->decision.rulings;
    c.r.told = own_letters_ids(&c.notice, c.n_notices, l->arena);
    if (!redecision_apply(&c.r, l->arena, &c.merged, e)) {
        return false;
    }
    consent_hold(x->keeper);
    bool settled = commit(x, old, &c, e);
    consent_let_go(x->keeper);
    return settled;
}
