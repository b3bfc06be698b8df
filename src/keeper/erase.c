/* A person orders that a letter be erased: everything that is recorded about it, the reports about it
 * (which quote it) and its repetitions. What stays is that there was one, and who had it erased and why.
 * Another person approves it before it is done. */
#include "keeper/erase.h"

#include "base/bytes.h"

#include "keeper/admin.h"
#include "keeper/backups.h"
#include "keeper/internal.h"
#include "letter/redecision.h"

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

bool erase_in_queue(struct keeper *k, const struct letter_id *id)
{
    struct in_queue q = {.id = letter_id_slice(id)};

    queue_each(k->queue, compare, &q);
    return q.found;
}

/* Nothing of it may be under way: what works on it would write it down again. */
static bool is_at_rest(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    if (erase_in_queue(x->k, &l->id) || !l->decided) {
        return error_set(e, ERROR_BUSY,
                         "the letter, or a report about it, is still to be delivered: wait, or "
                         "`postern queue cancel` it first");
    }
    x->behind = atomic_load(&x->k->indexer.position) <= l->seq;
    return !x->behind || error_set(e, ERROR_BUSY, "%s", ERASE_BEHIND);
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

/* `repeats`: its facts say that it repeats the letter that is asked about. */
static bool list_letter(struct erasing *x, const struct catalog_letter *l, bool repeats,
                        struct error *e)
{
    if (is_listed(x, l->seq)) {
        return true;
    }
    if (x->n_letters == REMOVAL_LETTERS_MAX) {
        return error_set(e, ERROR_LIMIT, "more than %d letters belong to it", REMOVAL_LETTERS_MAX);
    }
    struct holds_letter *place = &x->places[x->n_letters];
    x->repeats[x->n_letters] = arena_copy(x->arena, SLICE_ARRAY(l->repeat)).ptr;
    x->letters[x->n_letters++] =
        (struct removed_letter){.id = arena_copy(x->arena, letter_id_slice(&l->id)), .seq = l->seq};
    if (l->kind == LETTER_IMPORTED) {
        x->letters[x->n_letters - 1].imported = arena_copy(x->arena, SLICE_ARRAY(l->repeat));
    }
    *place =
        (struct holds_letter){.id = l->id, .seq = l->seq, .facts = l->facts, .repeats = repeats};
    /* A repetition says what the letter said that is asked about. */
    return catalog_record(x->catalog, repeats ? x->letter->seq : l->seq, RECORD_CONTENT,
                          &place->content, &place->has_content, e) &&
           is_at_rest(x, l, e);
}

/* Letters of ours that a record names, one behind the other; none: nobody was told. */
static bool list_told(struct erasing *x, struct slice ids, struct error *e)
{
    for (; ids.len; ids = slice_from(ids, LETTER_ID_LEN)) {
        struct letter_id id;
        struct catalog_letter report;
        bool found = false;
        if (!letter_id_from(slice_head(ids, LETTER_ID_LEN), &id)) {
            return true;
        }
        if (!catalog_find(x->catalog, &id, &report, &found, e) ||
            (found && !list_letter(x, &report, false, e))) {
            return false;
        }
    }
    return true;
}

/* The reports that a record names, if it is one that does. */
static bool list_reports(struct erasing *x, const struct catalog_record *record, struct error *e)
{
    struct consent_record consent;
    struct decision decision;
    struct redecision again;
    struct notice notice;

    switch (record->type) {
    case RECORD_NOTICE:
        return keeper_read(x->k, record->ref, &notice_schema, x->arena, &notice, e) &&
               list_told(x, notice.notice, e);
    case RECORD_CONSENT:
        return keeper_read(x->k, record->ref, &consent_record_schema, x->arena, &consent, e) &&
               list_told(x, consent.notices, e);
    case RECORD_DECISION:
        return keeper_read(x->k, record->ref, &decision_schema, x->arena, &decision, e) &&
               list_told(x, decision.told, e);
    case RECORD_REDECISION:
        return keeper_read(x->k, record->ref, &redecision_schema, x->arena, &again, e) &&
               list_told(x, again.told, e);
    default:
        return true;
    }
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
        if (!keeper_read(x->k, same[i].facts, &facts_schema, x->arena, &f, e) ||
            (slice_equal(f.repeat_of, letter_id_slice(&l->id)) &&
             !list_letter(x, &same[i], true, e))) {
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
    uint8_t *numbers = arena_alloc(x->arena, count * 8 + 1);
    for (size_t i = 0; i < count; i++) {
        if (x->n_refs == LEDGER_ERASE_MAX) {
            return error_set(e, ERROR_LIMIT, "more than %d records belong to it", LEDGER_ERASE_MAX);
        }
        x->refs[x->n_refs++] = records[i].ref;
        put64(numbers + i * 8, records[i].ref.seq);
        if (!list_reports(x, &records[i], e)) {
            return false;
        }
    }
    x->letters[n].records = slice_of(numbers, count * 8);
    return true;
}

static int by_seq(const void *a, const void *b)
{
    const struct ledger_ref *x = a;
    const struct ledger_ref *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool list_from(struct erasing *x, const struct catalog_letter *l, size_t first,
                      struct error *e)
{
    if (!list_letter(x, l, false, e) || !list_repeats(x, l, e)) {
        return false;
    }
    for (size_t i = first; i < x->n_letters; i++) {
        if (!list_records(x, i, e)) {
            return false;
        }
    }
    return true;
}

bool erase_add(struct erasing *x, const struct catalog_letter *l, struct error *e)
{
    size_t letters = x->n_letters;
    size_t refs = x->n_refs;

    x->letter = l;
    x->behind = false;
    if (!list_from(x, l, letters, e)) {
        erase_drop(x, letters, refs);
        return false;
    }
    return true;
}

void erase_drop(struct erasing *x, size_t letters, size_t refs)
{
    x->n_letters = letters;
    x->n_refs = refs;
}

/* *removed: it was erased already. */
static bool find(struct erasing *x, struct slice id_bytes, struct catalog_letter *l, bool *removed,
                 struct error *e)
{
    struct letter_id id;
    struct ledger_ref ref;
    bool found = false;

    if (!letter_id_from(id_bytes, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    if (!catalog_find(x->catalog, &id, l, &found, e) ||
        !catalog_removal(x->catalog, &id, &ref, removed, e)) {
        return false;
    }
    if (found && l->kind != LETTER_REPEAT) {
        *removed = false;
        return true;
    }
    return error_set(e, ERROR_INPUT,
                     found      ? "it repeats another letter: `postern show` names it, and it goes "
                                  "with that one"
                     : *removed ? "the letter was erased already: `postern show` says when and why"
                                : "there is no letter with this id in the archive");
}

/* All that belongs to a letter, from a catalog that holds what was recorded. */
static bool gather(struct erasing *x, struct keeper *k, struct slice id,
                   struct catalog_letter *letter, bool *removed, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;

    *removed = false;
    x->k = k;
    x->letter = letter;
    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e)) {
        return false;
    }
    x->catalog = catalog;
    bool gathered = find(x, id, letter, removed, e) && erase_add(x, letter, e);
    x->catalog = NULL; /* while one reads, its log cannot be shortened */
    return gathered;
}

/* The same; it waits some seconds for the index when that lacks something of it, with nothing open or held. */
static bool gather_indexed(struct erasing *x, struct keeper *k, struct slice id,
                           struct catalog_letter *letter, bool *removed, struct error *e)
{
    return gather(x, k, id, letter, removed, e) ||
           (x->behind && erase_await_index(k) && gather(x, k, id, letter, removed, e));
}

bool erase_await_index(struct keeper *k)
{
    struct ledger_head head;

    ledger_head(k->ledger, &head);
    return indexer_holds(k, head.size);
}

/* The facts' numbers of its letters, as a request has them. */
static struct slice numbers_of(const struct erasing *x)
{
    uint8_t *bytes = arena_alloc(x->arena, x->n_letters * 8 + 1);
    uint64_t seqs[REMOVAL_LETTERS_MAX];

    for (size_t i = 0; i < x->n_letters; i++) {
        size_t at = i;
        for (; at > 0 && seqs[at - 1] > x->letters[i].seq; at--) {
            seqs[at] = seqs[at - 1];
        }
        seqs[at] = x->letters[i].seq;
    }
    for (size_t i = 0; i < x->n_letters; i++) {
        put64(bytes + i * 8, seqs[i]);
    }
    return slice_of(bytes, x->n_letters * 8);
}

/* ── holds ── */

static bool say_held(const struct holds_letter *l, struct slice names, struct error *e)
{
    char text[LETTER_ID_TEXT];

    letter_id_text(&l->id, text);
    return error_set(e, ERROR_INPUT, "letter %s is held by %.*s: nothing of it is erased", text,
                     SLICE_ARG(names));
}

bool erase_held_by(struct erasing *x, size_t first, struct arena *arena, size_t *which,
                   struct slice *names, struct error *e)
{
    *names = SLICE_NONE;
    if (!x->holds_known) { /* once for all letters: none comes in while `order` is held */
        x->holds = approvals_holds(x->k, x->arena);
        x->holds_known = true;
    }
    for (size_t i = first; x->holds && names->len == 0 && i < x->n_letters; i++) {
        arena_reset(arena);
        *which = i;
        if (!holds_on(x->k, x->holds, &x->places[i], arena, names, e)) {
            e->kind = ERROR_BUSY;
            return error_add(e, "whether it is held cannot be told");
        }
    }
    return true;
}

bool erase_is_free(struct erasing *x, size_t first, bool *held, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct slice names;
    size_t which = 0;

    *held = false;
    if (!erase_held_by(x, first, &arena, &which, &names, e)) {
        return false;
    }
    *held = names.len != 0;
    return !*held || say_held(&x->places[which], names, e);
}

/* ── asked for ── */

static struct slice describe(const struct erasing *x)
{
    char text[LETTER_ID_TEXT];

    letter_id_text(&x->letter->id, text);
    return x->n_letters == 1 ? arena_printf(x->arena, "letter %s", text)
                             : arena_printf(x->arena, "letter %s and %zu that belong to it", text,
                                            x->n_letters - 1);
}

bool keeper_on_erase(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct admin_erase_ask *ask = r->ask;
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    struct erasing *x = arena_alloc(r->arena, sizeof(*x));
    struct catalog_letter letter;
    bool removed = false;

    x->arena = r->arena;
    if (ask->reason.len == 0) {
        return error_set(e, ERROR_INPUT, "nothing is erased without a reason");
    }
    if (!gather_indexed(x, ctx, ask->id, &letter, &removed, e)) {
        return false;
    }
    bool held = false;
    if (!erase_is_free(x, 0, &held, e)) {
        return false;
    }
    const struct request_erase erase = {.id = ask->id, .letters = numbers_of(x)};
    cbor_write(&arguments, &request_erase_schema, &erase);
    struct request_record request = {.kind = REQUEST_ERASE,
                                     .arguments = buf_slice(&arguments),
                                     .object = describe(x),
                                     .reason = ask->reason};
    return approvals_ask(admin, &request, SLICE_NONE, r->arena, r->answer, e);
}

/* ── approved ── */

static bool write_removal(const struct erasing *x, const struct docket_request *r, struct buf *body,
                          struct error *e)
{
    const struct removal removal = {
        .id = x->letters[0].id,
        .by = r->record.by,
        .reason = r->record.reason,
        .letters = {(void *)(uintptr_t)x->letters, x->n_letters},
        .records = x->n_refs,
        .role = r->record.role,
        .at = r->record.at,
        .request = r->record.id,
    };

    cbor_write(body, &removal_schema, &removal);
    return !body->full || error_set(e, ERROR_LIMIT, "the removal does not fit into a record");
}

bool erase_all(struct erasing *x, const struct docket_request *r, const struct ledger_record *also,
               bool *finished, struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};
    bool recorded = false;

    if (!write_removal(x, r, &body, e) || !indexer_expect_removal(x->k, e)) {
        return false;
    }
    const struct ledger_record why[LEDGER_WHY_MAX] = {
        {RECORD_REMOVAL, buf_slice(&body)},
        also ? *also : (struct ledger_record){0             }
    };
    qsort(x->refs, x->n_refs, sizeof(x->refs[0]), by_seq);
    *finished = ledger_erase(x->k->ledger, x->refs, x->n_refs, why, also ? 2 : 1, &recorded, e);
    tail_wake(x->k); /* segments may have become packs in any case */
    return recorded;
}

void erase_settle(struct erasing *x, bool more)
{
    uint64_t seqs[REMOVAL_LETTERS_MAX];

    /* Who sends it again sends a new letter. */
    for (size_t i = 0; i < x->n_letters; i++) {
        repeats_settle(x->k->repeats, x->repeats[i], &x->places[i].id, false);
        seqs[i] = x->letters[i].seq;
    }
    indexer_remove(x->k, seqs, x->n_letters);
    if (!more) {
        indexer_removed(x->k);
    }
    (void)tail_settle(x->k);
}

static enum carried erase(struct erasing *x, const struct docket_request *r, struct slice *said,
                          struct error *e)
{
    bool held = false;
    bool finished = false;
    bool unread = false;

    /* What of it is damaged goes as well: nobody could have read it. */
    if (!erase_proves_records(x, 0, &unread, e)) {
        return e->kind == ERROR_BUSY ? CARRIED_LATER : CARRIED_FAILED;
    }
    approvals_hold(x->k);
    bool recorded = erase_is_free(x, 0, &held, e) && erase_all(x, r, NULL, &finished, e);
    approvals_let_go(x->k);
    if (!recorded) {
        return e->kind == ERROR_BUSY && !held ? CARRIED_LATER : CARRIED_FAILED;
    }
    erase_settle(x, false);
    struct slice backups = backups_gone_text(x->k, x->arena);
    *said = arena_printf(x->arena, "erased: %zu records of %zu letters%s%.*s", x->n_refs,
                         x->n_letters, finished ? "" : "; what is left of it is finished by itself",
                         SLICE_ARG(backups));
    return CARRIED_DONE;
}

/* What a crash left behind when the letters were gone already: the index must not find them. */
static enum carried was_erased(struct keeper *k, const struct request_erase *asked,
                               struct slice *said)
{
    uint64_t seqs[REMOVAL_LETTERS_MAX];
    size_t n = 0;

    for (; n < REMOVAL_LETTERS_MAX && (n + 1) * 8 <= asked->letters.len; n++) {
        seqs[n] = get64(asked->letters.ptr + n * 8);
    }
    indexer_remove(k, seqs, n);
    indexer_removed(k);
    *said = SLICE("the letter is erased");
    return CARRIED_DONE;
}

enum carried erase_approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                            struct slice *said, struct error *e)
{
    struct erasing *x = arena_alloc(arena, sizeof(*x));
    struct catalog_letter letter;
    struct request_erase asked;
    bool removed = false;

    x->arena = arena;
    if (!cbor_read(r->record.arguments, &request_erase_schema, arena, &asked, e)) {
        return CARRIED_FAILED;
    }
    if (!gather(x, k, asked.id, &letter, &removed, e)) {
        return removed                  ? was_erased(k, &asked, said)
               : e->kind == ERROR_INPUT ? CARRIED_FAILED
                                        : CARRIED_LATER;
    }
    if (!slice_equal(numbers_of(x), asked.letters)) {
        (void)error_set(e, ERROR_INPUT,
                        "what belongs to the letter is not what it was when that was asked: ask "
                        "again");
        return CARRIED_FAILED;
    }
    return erase(x, r, said, e);
}
