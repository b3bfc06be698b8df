/* Letters of or about a person are erased, batch by batch.
 *
 * Invariants:
 *  1. Nothing is erased that another person did not approve, that is held, that a rule still keeps, or of which any of
 *     that cannot be told; all of it is looked at under `order` (keeper/approvals), in the moment in which it is erased.
 *  2. Nothing is erased because the index says so alone: the letter itself is compared.
 *  3. What a batch erased and what it kept, and where it goes on, is one commit.
 *
 * | in the ledger | then |
 * |---|---|
 * | an approved request | BEGUN is recorded |
 * | BEGUN | the newest letters are looked at |
 * | GOES_ON | those before its `next` are |
 * | ENDED | that it is done is recorded (keeper/approvals) |
 *
 * Counts and places come from the ledger's records after a crash; without the catalog's hint where those stand
 * it begins again, and what is gone is not there any more. */
#include "keeper/subject.h"

#include "base/clock.h"
#include "base/log.h"

#include "keeper/backups.h"
#include "keeper/erase.h"
#include "keeper/internal.h"

#define PAGE     128 /* letters looked at in one batch */
#define BODY_MAX ((size_t)1 << 20)

/* What is being done. */
struct looking {
    struct keeper *k;
    const struct docket_request *r;
    struct request_subject asked;
    struct query query;
    struct arena *arena;
    struct subject_weighing w;
    struct erasing *x;
    struct subject_record counts; /* as they are when this batch is recorded */
};

/* ── one letter ── */

static bool is_in_batch(const struct erasing *x, uint64_t seq)
{
    bool in = false;

    for (size_t i = 0; i < x->n_letters; i++) {
        in = in || x->letters[i].seq == seq;
    }
    return in;
}

/* Whether the letter itself, which stands first among those that were added, is of or about the person. */
static void compare(struct looking *g, const struct catalog_letter *l, size_t first)
{
    enum search_match match = SEARCH_MATCH_PERHAPS;
    struct error e;

    arena_reset(&g->w.letter);
    if (!holds_compare(g->k, &g->query, &g->x->places[first], &g->w.letter, &match, &e) ||
        match == SEARCH_MATCH_PERHAPS) {
        subject_keep(&g->w, &l->id, SUBJECT_UNTOLD, SLICE_NONE);
    } else if (match == SEARCH_MATCH_NO) {
        subject_keep(&g->w, &l->id, SUBJECT_OTHER, SLICE_NONE);
    }
}

/* What else goes with it: no rule may say that it stays. */
static bool weigh_along(struct looking *g, const struct catalog_letter *l, size_t first,
                        struct error *e)
{
    for (size_t i = first + 1; i < g->x->n_letters; i++) {
        arena_reset(&g->w.letter);
        if (!g->x->places[i].repeats && subject_weigh_room(&g->w) &&
            !subject_duties(&g->w, g->x->places[i].seq, &l->id, e)) {
            return false;
        }
    }
    return true;
}

static void weigh_holds(struct looking *g, const struct catalog_letter *l, size_t first)
{
    struct slice names;
    struct error e;
    size_t which = 0;

    if (!erase_held_by(g->x, first, &g->w.letter, &which, &names, &e)) {
        subject_keep(&g->w, &l->id, SUBJECT_UNTOLD, SLICE_NONE);
    } else if (names.len) {
        subject_keep(&g->w, &l->id, SUBJECT_HELD, names);
    }
}

/* Whether the records are its own that the catalog names; what nobody could have read anyway goes as well. */
static bool prove(struct looking *g, const struct catalog_letter *l, size_t refs, struct error *e)
{
    struct error why = {0};
    bool unread = false;

    if (!erase_is_damaged(g->x, refs) && erase_proves_records(g->x, refs, &unread, &why)) {
        return true;
    }
    if (why.kind == ERROR_BUSY) { /* the disk: all of it later */
        *e = why;
        return false;
    }
    subject_keep(&g->w, &l->id, SUBJECT_UNTOLD, SLICE_NONE);
    return true;
}

/* Under a rule it stays: by which holds as well is said as far as the index knows. */
static bool is_kept_by_rules(struct looking *g, const struct catalog_letter *l, bool *kept,
                             struct error *e)
{
    size_t before = g->w.n_letters;
    struct slice names;

    if (!subject_duties(&g->w, l->seq, &l->id, e)) {
        return false;
    }
    *kept = g->w.n_letters > before;
    if (!*kept) {
        return true;
    }
    if (!holds_shown(g->k, g->w.holds, &l->id, l->seq, &g->w.letter, &names, e)) {
        return false;
    }
    if (names.len) {
        subject_keep(&g->w, &l->id, SUBJECT_HELD, names);
    }
    return true;
}

/* Why erase_add() did not. */
static enum subject_why why_not(const struct error *e)
{
    return e->kind == ERROR_LIMIT  ? SUBJECT_MUCH
           : e->kind == ERROR_BUSY ? SUBJECT_QUEUE
                                   : SUBJECT_UNTOLD;
}

/* Add it to what is erased, or say why it stays. *full: not in this batch. */
static bool weigh(struct looking *g, const struct catalog_letter *l, bool *full, struct error *e)
{
    struct erasing *x = g->x;
    size_t letters = x->n_letters;
    size_t refs = x->n_refs;
    size_t before = g->w.n_letters;
    bool kept = false;
    struct error why = {0};

    if (!is_kept_by_rules(g, l, &kept, e) || kept) {
        return kept;
    }
    if (!erase_add(x, l, &why)) {
        *full = x->behind || (why.kind == ERROR_LIMIT && letters > 0);
        if (!*full) {
            subject_keep(&g->w, &l->id, why_not(&why), SLICE_NONE);
        }
        return true;
    }
    compare(g, l, letters);
    if (!weigh_along(g, l, letters, e)) {
        return false;
    }
    if (g->w.n_letters == before) {
        weigh_holds(g, l, letters);
    }
    if (g->w.n_letters == before && !prove(g, l, refs, e)) {
        return false;
    }
    if (g->w.n_letters > before) {
        erase_drop(x, letters, refs);
    }
    return true;
}

static bool take(struct looking *g, uint64_t seq, bool *full, struct error *e)
{
    struct erasing *x = g->x;
    size_t letters = x->n_letters;
    size_t before = g->w.n_letters;
    struct catalog_letter *l = arena_alloc(g->arena, sizeof(*l)); /* `x` looks at it */
    bool found = false;

    if (!subject_letter(&g->w, seq, l, &found, e)) {
        return false;
    }
    if (!found || is_in_batch(x, seq)) {
        return true;
    }
    if (!weigh(g, l, full, e)) {
        return false;
    }
    g->counts.kept += g->w.n_letters > before;
    g->counts.erased += x->n_letters > letters;
    g->counts.along += x->n_letters > letters ? x->n_letters - letters - 1 : 0;
    return true;
}

/* ── a batch ── */

static bool gather(struct looking *g, const uint64_t *seqs, size_t n, struct error *e)
{
    int64_t until = clock_steady_ms() + ERASE_ORDER_MS;

    for (size_t i = 0; i < n; i++) {
        bool full = g->x->n_letters == REMOVAL_LETTERS_MAX || !subject_weigh_room(&g->w) ||
                    (i && clock_steady_ms() > until);
        if (!full && !take(g, seqs[i], &full, e)) {
            return false;
        }
        if (full) { /* what the index does not hold yet is waited for without `order` */
            return i || !g->x->behind || error_set(e, ERROR_BUSY, "%s", ERASE_BEHIND);
        }
        g->counts.next = seqs[i];
    }
    return true;
}

static bool record(struct looking *g, struct subject_record *counts, enum subject_state state,
                   struct error *e)
{
    OWN(buf) struct buf body = {.max = BODY_MAX};
    bool finished = false;

    counts->state = state;
    counts->request = g->r->record.id;
    counts->grounds = (struct cbor_list){g->w.grounds, g->w.n_grounds};
    counts->letters = (struct cbor_list){g->w.letters, g->w.n_letters};
    cbor_write(&body, &subject_record_schema, counts);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "a batch of grounds does not fit into a record");
    }
    const struct ledger_record also = {RECORD_SUBJECT, buf_slice(&body)};
    return g->x && g->x->n_letters ? erase_all(g->x, g->r, &also, &finished, e)
                                   : keeper_record(g->k, LEDGER_AWAITED, &also, 1, NULL, e);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b && b < a) ? b : a;
}

/* With `order` held and a catalog that says what the rules say. */
static bool weigh_all(struct looking *g, const uint64_t *seqs, size_t n, uint64_t rules,
                      struct error *e)
{
    if (!retention_is_settled(g->k) || retention_version_now(g->k) != rules) {
        return error_set(e, ERROR_BUSY, "a rule or date is being changed");
    }
    struct retention_rules *book = retention_hold(g->k);
    g->w.book = book;
    bool ok = approvals_prove_rules(g->k, book, e) && gather(g, seqs, n, e);
    g->w.book = NULL;
    retention_release(g->k, book);
    catalog_close(TAKE(g->w.catalog, NULL)); /* while one reads, its log cannot be shortened */
    g->x->catalog = NULL;
    g->counts.due = earlier(g->counts.due, g->w.due);
    return ok && record(g, &g->counts, SUBJECT_GOES_ON, e);
}

/* Look at the next letters; *ended: there are none. */
static bool batch(struct looking *g, struct subject *s, bool *ended, struct error *e)
{
    uint64_t rules = retention_version_now(g->k);
    uint64_t seqs[PAGE];
    size_t n = 0;

    g->counts = s->counts;
    if (!retention_settled_catalog(g->k, &g->w.catalog, e) ||
        !subject_find(g->k, &g->query, g->asked.head, g->counts.next, seqs, PAGE, &n, e)) {
        return false;
    }
    *ended = n == 0;
    if (*ended) {
        return true;
    }
    g->x->catalog = g->w.catalog;
    approvals_hold(g->k); /* no rule and no hold is recorded from here on */
    bool ok = weigh_all(g, seqs, n, rules, e);
    approvals_let_go(g->k);
    if (!ok) { /* without what is in a damaged segment, at once again */
        return e->kind == ERROR_CORRUPT && erase_note_damaged(g->k);
    }
    g->counts.request = SLICE_ARRAY(s->id);
    g->counts.grounds = g->counts.letters = (struct cbor_list){0};
    s->counts = g->counts;
    if (g->x->n_letters) {
        erase_settle(g->x, true);
    }
    return true;
}

/* ── all of it ── */

/* What the ledger says of this request. */
struct resumed {
    struct slice id;
    struct subject_record last;
    uint64_t highest; /* number that there is */
    uint64_t begun;   /* its first record; 0: none */
};

static bool visit(void *context, const struct subject_record *r, struct ledger_ref ref, uint64_t at,
                  struct error *e)
{
    struct resumed *story = context;

    (void)at;
    (void)e;
    story->highest = r->number > story->highest ? r->number : story->highest;
    if (slice_equal(r->request, story->id)) {
        story->begun = story->begun ? story->begun : ref.seq;
        story->last = (struct subject_record){.number = r->number,
                                              .state = r->state,
                                              .head = r->head,
                                              .next = r->next,
                                              .erased = r->erased,
                                              .along = r->along,
                                              .kept = r->kept,
                                              .due = r->due};
    }
    return true;
}

static bool resume(struct looking *g, struct resumed *story, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;

    *story = (struct resumed){.id = g->r->record.id};
    if (!retention_settled_catalog(g->k, &catalog, e) ||
        !subject_each(g->k, catalog, CATALOG_SUBJECTS, 0, UINT64_MAX, visit, story, e)) {
        return false;
    }
    return !story->begun || story->last.state == SUBJECT_ENDED ||
           subject_each(g->k, catalog, CATALOG_SUBJECT_PARTS, story->begun, UINT64_MAX, visit,
                        story, e);
}

static bool record_begun(struct looking *g, uint64_t number, struct error *e)
{
    struct subject_record begun = {.number = number,
                                   .addresses = g->asked.addresses,
                                   .words = g->asked.words,
                                   .head = g->asked.head,
                                   .by = g->r->record.by,
                                   .reason = g->r->record.reason};

    log_event(LOG_INFO, "subject.begun", LOG_NUMBER("number", number));
    return record(g, &begun, SUBJECT_BEGUN, e);
}

/* Go on with it, or begin. */
static bool begin(struct looking *g, struct subject *s, struct error *e)
{
    struct resumed story;

    if (slice_equal(SLICE_ARRAY(s->id), g->r->record.id)) {
        return true;
    }
    if (!resume(g, &story, e)) {
        return false;
    }
    struct subject_record counts = story.last;
    if (!story.begun) {
        counts = (struct subject_record){.number =
                                             g->asked.number ? g->asked.number : story.highest + 1};
        if (!record_begun(g, counts.number, e)) {
            return false;
        }
    }
    if (!story.begun || story.last.state == SUBJECT_BEGUN) {
        counts.next = g->asked.head;
    }
    erase_damaged_forget(&g->k->approvals.damaged);
    *s = (struct subject){.counts = counts};
    (void)memcpy(s->id, g->r->record.id.ptr, LETTER_ID_LEN);
    s->counts.request = SLICE_ARRAY(s->id);
    return true;
}

static bool record_ended(struct looking *g, struct subject *s, struct error *e)
{
    struct subject_counts found;
    bool gone = false;

    if (!subject_count(g->k, &g->query, &g->asked.addresses, g->asked.head, g->arena, &found, e)) {
        return false;
    }
    indexer_removed(g->k);
    s->counts.unread = found.unread;
    s->counts.backups =
        s->counts.erased ? (uint64_t)backups_gone_at(g->k, clock_wall_ms(), &gone) : 0;
    s->counts.next = 0;
    return record(g, &s->counts, SUBJECT_ENDED, e);
}

static enum carried end(struct looking *g, struct subject *s, struct slice *said, struct error *e)
{
    const struct subject_record *n = &s->counts;
    struct slice held = SLICE_NONE;

    if (n->state != SUBJECT_ENDED && !record_ended(g, s, e)) {
        return CARRIED_LATER;
    }
    if (n->kept && !subject_held_text(g->k, n->request, g->arena, &held, e)) {
        return CARRIED_LATER;
    }
    subject_due_set(g->k, n->number, n->due);
    struct slice backups = n->erased ? backups_gone_text(g->k, g->arena) : SLICE_NONE;
    *said = arena_printf(g->arena,
                         "erased: %llu letters, and %llu that belonged to them; kept: %llu; "
                         "`postern subject show %llu` says why%.*s%.*s",
                         (unsigned long long)n->erased, (unsigned long long)n->along,
                         (unsigned long long)n->kept, (unsigned long long)n->number,
                         SLICE_ARG(held), SLICE_ARG(backups));
    log_event(LOG_INFO, "subject.ended", LOG_NUMBER("number", n->number),
              LOG_NUMBER("erased", n->erased), LOG_NUMBER("kept", n->kept));
    *s = (struct subject){0};
    return CARRIED_DONE;
}

static enum carried go_on(struct looking *g, struct slice *said, struct error *e)
{
    struct subject *s = &g->k->approvals.subject;
    bool ended = false;

    if (!disposal_clock_believed(&g->w.clock, e) || !begin(g, s, e)) {
        return CARRIED_LATER;
    }
    if (s->counts.state == SUBJECT_ENDED) {
        return end(g, s, said, e);
    }
    g->x = arena_alloc(g->arena, sizeof(*g->x));
    g->x->k = g->k;
    g->x->arena = g->arena;
    if (!batch(g, s, &ended, e)) {
        return CARRIED_LATER;
    }
    return ended ? end(g, s, said, e) : CARRIED_MORE;
}

enum carried subject_approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                              struct slice *said, struct error *e)
{
    struct looking g = {.k = k, .r = r, .arena = arena};

    if (!cbor_read(r->record.arguments, &request_subject_schema, arena, &g.asked, e) ||
        !subject_query(&g.asked.addresses, &g.asked.words, arena, &g.query, e)) {
        return CARRIED_FAILED;
    }
    subject_weigh_begin(&g.w, k, arena);
    enum carried carried = go_on(&g, said, e);
    subject_weigh_end(&g.w);
    catalog_close(g.w.catalog);
    return carried;
}
