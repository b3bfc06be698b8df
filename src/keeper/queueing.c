/* From decisions to queue entries: after the sealed copy was recorded, and after a start. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/consent.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/scanning.h"
#include "keeper/suspend.h"
#include "stages/delivery/schedule.h"

#define RESTORE_ARENA_MAX ((size_t)1 << 30)
#define ALL               (INT64_MAX / 2)
#define PAGE              1000 /* letters looked at in one go */

/* A fixed route that no [domain] section names is the smart host's. */
bool ruling_is_smarthost(struct keeper *k, const struct ruling *r)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct domain_settings *own = settings_domain(s, r->domain);

    return r->route.len && s->smarthost.present && !(own && own->route.port);
}

/* Since when servers are tried, for queue-lifetime. A letter that was decided only after that has it from then on: otherwise the first
 * refusal for now would be its last. The same after a start, of the time of the record. */
static uint64_t queued_since(struct keeper *k, uint64_t received_at, uint64_t decided_at)
{
    int64_t lifetime_ms = k->options.settings(k->options.context)->delivery.queue_lifetime_ms;

    return decided_at > received_at && decided_at - received_at > (uint64_t)lifetime_ms
               ? decided_at
               : received_at;
}

void keeper_enqueue(struct keeper *k, struct parcel *p, const struct decision *d, size_t first)
{
    const struct ruling *rulings = d->rulings.items;
    uint64_t now = (uint64_t)clock_wall_ms();
    uint64_t since = first ? now : queued_since(k, p->received_at, now);

    for (size_t i = first; i < d->rulings.count; i++) {
        struct catalog_queue_row row = {.ruling = i,
                                        .state = rulings[i].hold ? QUEUE_HELD : QUEUE_WAITING,
                                        .queued_at = since,
                                        .pending = rulings[i].recipients};
        struct queue_entry *entry =
            queue_entry_new(p, &row, &rulings[i], ruling_is_smarthost(k, &rulings[i]));
        queue_entry_reason(entry, rulings[i].hold ? rulings[i].reason : SLICE_NONE);
        consent_mark(entry, d, false);
        queue_add(k->queue, entry);
    }
    if (d->need.rule.len) {
        atomic_store(&k->consents, true);
    }
}

static struct parcel *parcel_of(const struct catalog_letter *l)
{
    struct parcel *p = parcel_new();

    p->id = l->id;
    p->seq = l->seq;
    p->kind = l->kind;
    p->received_at = l->received_at;
    p->size = l->size;
    p->facts = l->facts;
    return p;
}

/* Find where the records of a decided letter are; of several copies, of the last one. */
static bool find_records(struct catalog *c, struct parcel *p, struct error *e)
{
    bool content = false;
    bool decision = false;
    bool sealed = false;

    if (!catalog_record(c, p->seq, RECORD_CONTENT, &p->content, &content, e) ||
        !catalog_record(c, p->seq, RECORD_DECISION, &p->decision, &decision, e) ||
        !catalog_record(c, p->seq, RECORD_SEALED, &p->only.ref, &sealed, e)) {
        return false;
    }
    p->decided = decision && sealed;
    return content ||
           error_set(e, ERROR_CORRUPT, "letter %llu has no content", (unsigned long long)p->seq);
}

/* How many copies the rulings name. */
static size_t count_copies(const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;
    size_t n = 1;

    for (size_t i = 0; i < d->rulings.count; i++) {
        n = rulings[i].copy > n ? (size_t)rulings[i].copy : n;
    }
    return n;
}

/* Those that stand behind its decision. */
static bool find_again(struct catalog *c, struct parcel *p, struct arena *arena, struct error *e)
{
    struct catalog_record *records = NULL;
    struct ledger_ref any;
    size_t count = 0;
    bool found = false;

    if (!catalog_record(c, p->seq, RECORD_REDECISION, &any, &found, e) ||
        (found && !catalog_records(c, p->seq, arena, &records, &count, e))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].type == RECORD_REDECISION && records[i].ref.seq > p->decision.seq) {
            parcel_add_again(p, records[i].ref);
        }
    }
    return true;
}

/* Find the others as well: of the last decision, as find_records() did, and of what decided anew. Their records are in the order of
 * their numbers; each says its own. */
static bool find_copies(struct catalog *c, struct parcel *p, const struct decision *d,
                        struct arena *arena, struct error *e)
{
    struct catalog_record *records = NULL;
    size_t count = 0;
    size_t n = count_copies(d);
    size_t left = n;

    if (n == 1) {
        return true;
    }
    parcel_expect_copies(p, n);
    if (!catalog_records(c, p->seq, arena, &records, &count, e)) {
        return false;
    }
    for (size_t i = count; i > 0 && left > 0; i--) {
        if (records[i - 1].type == RECORD_SEALED) {
            p->copies[--left].ref = records[i - 1].ref;
        }
    }
    return left == 0 || error_set(e, ERROR_CORRUPT, "letter %llu has %zu of its %zu copies",
                                  (unsigned long long)p->seq, n - left, n);
}

static bool restore_undecided(struct keeper *k, struct arena *arena, struct error *e)
{
    struct catalog_letter *letters = NULL;
    size_t count = 0;

    if (!catalog_letters(k->tail.catalog, CATALOG_UNDECIDED, 0, ALL, arena, &letters, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        OWN(parcel) struct parcel *p = parcel_of(&letters[i]);
        if (!find_records(k->tail.catalog, p, e)) {
            return false;
        }
        indexer_expect(k, p);
        backlog_add(k, TAKE(p, NULL));
    }
    return true;
}

/* Whether that record is an order that holds this entry or lets it go. The catalog is not authenticated: what it names must
 * be about this letter. */
static bool read_order(struct keeper *k, const struct queue_entry *entry,
                       const struct catalog_record *record, struct arena *arena,
                       struct order *order, bool *is_one, struct error *e)
{
    *is_one = false;
    if (record->type != RECORD_ORDER) {
        return true;
    }
    if (!keeper_read(k, record->ref, &order_schema, arena, order, e)) {
        return false;
    }
    *is_one = slice_equal(order->id, letter_id_slice(&entry->parcel->id)) &&
              (order->ruling == 0 || order->ruling == entry->ruling + 1) &&
              (order->kind == ORDER_HOLD || order->kind == ORDER_RELEASE);
    return true;
}

/* The last order about an entry, by a person or by us: a release stands, a hold has its reason. */
static bool recall_order(struct keeper *k, struct queue_entry *entry, struct arena *arena,
                         struct error *e)
{
    struct catalog_record *records = NULL;
    struct order order = {0};
    struct ledger_ref last;
    size_t n = 0;
    bool found = false;

    if (!catalog_record(k->tail.catalog, entry->parcel->seq, RECORD_ORDER, &last, &found, e) ||
        (found && !catalog_records(k->tail.catalog, entry->parcel->seq, arena, &records, &n, e))) {
        return false;
    }
    for (found = false; n > 0 && !found; n--) {
        if (!read_order(k, entry, &records[n - 1], arena, &order, &found, e)) {
            return false;
        }
    }
    entry->released = found && order.kind == ORDER_RELEASE;
    entry->ordered = found;
    if (found) {
        queue_entry_reason(entry, order.kind == ORDER_HOLD ? order.reason : SLICE_NONE);
    }
    return true;
}

/* What its decision holds waits until an order in the ledger lets it go, whatever a row of the catalog says; what is to go back
 * to its sender no order lets go. */
static void hold_unreleased(struct keeper *k, struct queue_entry *entry, const struct ruling *r)
{
    if (!r->hold || entry->state != QUEUE_WAITING ||
        (entry->released && !guard_goes_back(r->guard))) {
        return;
    }
    entry->state = QUEUE_HELD;
    queue_entry_reason(entry, r->reason);
    log_event(LOG_WARNING, "queue.held_again", LOG_NUMBER("seq", entry->parcel->seq),
              LOG_NUMBER("ruling", entry->ruling));
    keeper_alert(k, "catalog-altered",
                 "a letter that its decision holds stood in the catalog as if it had been let go, "
                 "and no order in the ledger says so: it is held. Somebody may have changed the "
                 "catalog; see `postern queue list`, then `postern ledger verify`");
}

/* The parcel of a row's letter, which the row before may have had as well; with the letter's decision, and when it was recorded. */
static bool parcel_for(struct keeper *k, const struct catalog_queue_row *row, struct parcel **last,
                       struct decision *d, uint64_t *at, struct arena *arena, struct error *e)
{
    struct catalog *c = k->tail.catalog;
    struct catalog_letter letter;
    bool fresh = !*last || (*last)->seq != row->letter;
    bool found = true;

    if (fresh) {
        parcel_drop(*last);
        *last = NULL;
        if (!catalog_find(c, &row->id, &letter, &found, e)) {
            return false;
        }
        if (!found) {
            return error_set(e, ERROR_CORRUPT, "a queue row without its letter");
        }
        *last = parcel_of(&letter);
        if (!find_records(c, *last, e) || !find_again(c, *last, arena, e)) {
            return false;
        }
    }
    return parcel_decision(k, *last, arena, d, at, e) &&
           (!fresh || find_copies(c, *last, d, arena, e));
}

/* Decided anew since: a row of it would have the letter leave twice. */
static void say_altered(struct keeper *k, const struct catalog_queue_row *row)
{
    log_event(LOG_WARNING, "queue.row_replaced", LOG_NUMBER("seq", row->letter),
              LOG_NUMBER("ruling", row->ruling));
    keeper_alert(k, "catalog-altered",
                 "the catalog has a queue row of what was decided anew since: it is left out. "
                 "Somebody may have changed the catalog; see `postern ledger verify`, then "
                 "`postern catalog rebuild`");
}

static bool restore_row(struct keeper *k, const struct catalog_queue_row *row, struct parcel **last,
                        struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct decision d = {0};
    uint64_t decided_at = 0;

    if (!parcel_for(k, row, last, &d, &decided_at, &arena, e)) {
        return false;
    }
    if (row->ruling >= d.rulings.count) {
        return error_set(e, ERROR_CORRUPT, "a queue row without its ruling");
    }
    const struct ruling *r = &((const struct ruling *)d.rulings.items)[row->ruling];
    if (r->replaced) {
        say_altered(k, row);
        return true;
    }
    struct queue_entry *entry = queue_entry_new(*last, row, r, ruling_is_smarthost(k, r));
    entry->queued_at = queued_since(k, row->queued_at, decided_at);
    queue_entry_reason(entry, row->state == QUEUE_HELD ? r->reason : SLICE_NONE);
    bool over = false;
    bool recalled = recall_order(k, entry, &arena, e);
    if (recalled) {
        hold_unreleased(k, entry, r);
        recalled = consent_recall(k, entry, &d, &arena, &over, e);
    }
    if (over) {
        queue_entry_free(entry);
    } else {
        queue_add(k->queue, entry);
    }
    return recalled;
}

static bool restore_queue(struct keeper *k, struct arena *arena, struct error *e)
{
    struct catalog_queue_row *rows = NULL;
    OWN(parcel) struct parcel *last = NULL;
    struct schedule schedule;
    size_t count = 0;

    keeper_schedule(&k->options.settings(k->options.context)->delivery, &schedule);
    if (!catalog_queue(k->tail.catalog, arena, &rows, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].next_at =
            (uint64_t)schedule_bound(&schedule, (int64_t)rows[i].next_at, clock_wall_ms());
        if (!restore_row(k, &rows[i], &last, e)) {
            return false;
        }
    }
    if (count) {
        log_event(LOG_INFO, "queue.restored", LOG_NUMBER("rows", count));
    }
    return true;
}

/* From the newest back, until a whole page is older than a day: the clock may have jumped between two
 * letters, but hardly for that long. */
static bool restore_repeats(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = RESTORE_ARENA_MAX};
    uint64_t day_ago = (uint64_t)clock_wall_ms() - 86400000;
    uint64_t before = INT64_MAX;
    bool young = true;

    while (young) {
        struct catalog_letter *letters = NULL;
        size_t count = 0;
        arena_reset(&arena);
        if (!catalog_letters(k->tail.catalog, CATALOG_BEFORE, before, PAGE, &arena, &letters,
                             &count, e)) {
            return false;
        }
        young = false;
        for (size_t i = 0; i < count; i++) {
            before = letters[i].seq;
            if (letters[i].received_at < day_ago) {
                continue;
            }
            young = true;
            if (letters[i].kind == LETTER_SUBMITTED) {
                repeats_add(k->repeats, letters[i].repeat, &letters[i].id, letters[i].received_at);
            }
        }
    }
    return true;
}

bool keeper_restore(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = RESTORE_ARENA_MAX};

    if (!restore_repeats(k, e) || !guard_restore(k, e) || !restore_undecided(k, &arena, e) ||
        !restore_queue(k, &arena, e) || !suspension_restore(k, e)) {
        return false;
    }
    scanning_restore(k);
    return true;
}
