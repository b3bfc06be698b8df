/* A person orders that a letter be erased: everything that is recorded about it, the reports about it
 * (which quote it) and its repetitions. What stays is that there was one, and who had it erased and why. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "letter/removal.h"

#define INDEXED_MS 5000
#define LOOK_US    20000

/* What is to be erased. */
struct erasing {
    struct keeper *k;
    struct arena *arena;
    struct catalog *catalog;
    const struct catalog_letter *letter; /* that was asked for */
    struct removed_letter letters[REMOVAL_LETTERS_MAX];
    size_t n_letters;
    struct ledger_ref refs[LEDGER_ERASE_MAX];
    size_t n_refs;
};

/* ── may it be? ── */

struct in_queue {
    struct slice id;
    bool found;
};

static void compare(void *context, const struct queue_entry *entry)
{
    struct in_queue *q = context;
    q->found = q->found || slice_equal(letter_id_slice(&entry->parcel->id), q->id);
}

static bool is_indexed(struct keeper *k, uint64_t seq)
{
    int64_t until = clock_steady_ms() + INDEXED_MS;

    while (atomic_load(&k->indexer.position) <= seq && clock_steady_ms() < until) {
        (void)usleep(LOOK_US);
    }
    return atomic_load(&k->indexer.position) > seq;
}

/* Nothing of it may be under way: what works on it would write it down again. */
static bool is_at_rest(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    struct in_queue q = {.id = letter_id_slice(&l->id)};

    queue_each(x->k->queue, compare, &q);
    if (q.found || !l->decided) {
        return error_set(e, ERROR_BUSY,
                         "the letter, or a report about it, is still to be delivered: wait, or "
                         "`postern queue cancel` it first");
    }
    return is_indexed(x->k, l->seq) ||
           error_set(e, ERROR_BUSY,
                     "the search index is behind: try again when `postern status` "
                     "shows that it holds all letters");
}

/* ── what belongs to it ── */

static bool is_listed(const struct erasing *x, uint64_t seq)
{
    for (size_t i = 0; i < x->n_letters; i++) {
        if (x->letters[i].seq == seq) {
            return true;
        }
    }
    return false;
}

static bool list_letter(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    if (is_listed(x, l->seq)) {
        return true;
    }
    if (x->n_letters == REMOVAL_LETTERS_MAX) {
        return error_set(e, ERROR_LIMIT, "more than %d letters belong to it", REMOVAL_LETTERS_MAX);
    }
    x->letters[x->n_letters++] =
        (struct removed_letter){.id = arena_copy(x->arena, letter_id_slice(&l->id)), .seq = l->seq};
    return is_at_rest(x, l, e);
}

/* The report that a notice names. */
static bool list_report(struct erasing *x, struct ledger_ref ref, struct error *e)
{
    struct notice notice;
    struct letter_id id;
    struct catalog_letter report;
    bool found = false;

    if (!keeper_read(x->k, ref, &notice_schema, x->arena, &notice, e)) {
        return false;
    }
    if (!letter_id_from(notice.notice, &id)) {
        return true; /* nobody was told */
    }
    return catalog_find(x->catalog, &id, &report, &found, e) &&
           (!found || list_letter(x, &report, e));
}

static bool list_repeats(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    struct catalog_letter *same = NULL;
    size_t count = 0;

    if (!catalog_repeated(x->catalog, l->repeat, x->arena, &same, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct facts f;
        if (same[i].kind == LETTER_REPEAT &&
            (!keeper_read(x->k, same[i].facts, &facts_schema, x->arena, &f, e) ||
             (slice_equal(f.repeat_of, letter_id_slice(&l->id)) && !list_letter(x, &same[i], e)))) {
            return false;
        }
    }
    return true;
}

/* The records of the n-th letter; reports among them lengthen the list. */
static bool list_records(struct erasing *x, size_t n, struct error *e)
{
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_records(x->catalog, x->letters[n].seq, x->arena, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (x->n_refs == LEDGER_ERASE_MAX) {
            return error_set(e, ERROR_LIMIT, "more than %d records belong to it", LEDGER_ERASE_MAX);
        }
        x->refs[x->n_refs++] = records[i].ref;
        if (records[i].type == RECORD_NOTICE && !list_report(x, records[i].ref, e)) {
            return false;
        }
    }
    return true;
}

static int by_seq(const void *a, const void *b)
{
    const struct ledger_ref *x = a;
    const struct ledger_ref *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool list_all(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    if (!list_letter(x, l, e) || !list_repeats(x, l, e)) {
        return false;
    }
    for (size_t i = 0; i < x->n_letters; i++) {
        if (!list_records(x, i, e)) {
            return false;
        }
    }
    qsort(x->refs, x->n_refs, sizeof(x->refs[0]), by_seq);
    return true;
}

static bool find(struct erasing *x, struct slice id_bytes, struct catalog_letter *l,
                 struct error *e)
{
    struct letter_id id;
    struct ledger_ref ref;
    bool found = false;
    bool removed = false;

    if (!letter_id_from(id_bytes, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    if (!catalog_find(x->catalog, &id, l, &found, e) ||
        !catalog_removal(x->catalog, &id, &ref, &removed, e)) {
        return false;
    }
    if (found && l->kind != LETTER_REPEAT) {
        return true;
    }
    return error_set(e, ERROR_INPUT,
                     found     ? "it repeats another letter: `postern show` names it, and it goes "
                                 "with that one"
                     : removed ? "the letter was erased already: `postern show` says when and why"
                               : "there is no letter with this id in the archive");
}

/* ── done ── */

static bool erase(struct erasing *x, const struct keeper_admin *admin,
                  const struct admin_erase_ask *ask, struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};
    const struct removal removal = {
        .id = ask->id,
        .by = admin->caller.by,
        .reason = ask->reason,
        .letters = {x->letters, x->n_letters},
        .records = x->n_refs,
        .role = admin->role,
        .at = admin->caller.at,
    };
    bool recorded = false;

    cbor_write(&body, &removal_schema, &removal);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "the removal does not fit into a record");
    }
    const struct ledger_record why = {RECORD_REMOVAL, buf_slice(&body)};
    log_event(LOG_INFO, "admin.act", LOG_TEXT("verb", "erase"), LOG_SLICE("by", admin->caller.at));
    if (!indexer_expect_removal(x->k, e)) {
        return false;
    }
    bool erased = ledger_erase(x->k->ledger, x->refs, x->n_refs, &why, &recorded, e);
    tail_wake(x->k); /* segments may have become packs in any case */
    if (!recorded) {
        return false;
    }
    /* Who sends it again sends a new letter. */
    repeats_settle(x->k->repeats, x->letter->repeat, &x->letter->id, false);
    uint64_t seqs[REMOVAL_LETTERS_MAX];
    for (size_t i = 0; i < x->n_letters; i++) {
        seqs[i] = x->letters[i].seq;
    }
    indexer_remove(x->k, seqs, x->n_letters);
    (void)tail_settle(x->k);
    return erased || error_add(e, "it is recorded and will be finished by itself, but not yet");
}

bool keeper_on_erase(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct admin_erase_ask *ask = r->ask;
    struct admin_erase_answer *answer = r->answer;
    OWN(catalog) struct catalog *catalog = NULL;
    struct erasing *x = arena_alloc(r->arena, sizeof(*x));
    struct catalog_letter letter;

    if (ask->reason.len == 0) {
        return error_set(e, ERROR_INPUT, "nothing is erased without a reason");
    }
    (void)tail_settle(ctx);
    if (!catalog_open(((struct keeper *)ctx)->options.catalog_path, false, SLICE_NONE, &catalog,
                      e)) {
        return false;
    }
    *x = (struct erasing){.k = ctx, .arena = r->arena, .catalog = catalog, .letter = &letter};
    if (!find(x, ask->id, &letter, e) || !list_all(x, &letter, e)) {
        return false;
    }
    catalog_close(TAKE(catalog, NULL)); /* while one reads, its log cannot be shortened */
    if (!erase(x, admin, ask, e)) {
        return false;
    }
    *answer = (struct admin_erase_answer){x->n_letters, x->n_refs};
    return true;
}
