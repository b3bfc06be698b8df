/* In three passes: suspensions; the account's sign-ins, limits and acts of the days around; its letters. */
#include "processes/dossier.h"

#include <stdlib.h>

#define LATER_MS  (60 * INT64_C(1000)) /* a letter that was being taken in is recorded by then */
#define PAGE      1000                 /* letters of the catalog at once */
#define ONE_ARENA ((size_t)16 << 20)
#define NAMED_MAX ((size_t)64 << 20) /* bytes of ids */

/* The last of very many, in a ring. */
struct refs {
    struct ledger_ref *list;
    size_t room;
    size_t n; /* that there were */
};

struct gathering {
    struct dossier *x;
    struct desk *d;
    struct refs before, after;
    uint64_t first_letter; /* records between which letters of the account are looked for */
    uint64_t end_letter;
    struct ledger_ref *named; /* facts of the letters that the suspension names, ascending */
    size_t n_named;
};

void dossier_done(struct dossier *x)
{
    certificate_done(&x->file);
    *x = (struct dossier){.n_acts = 0};
}

/* ── the suspension ── */

/* It begins here; what was kept of an earlier one goes. */
static void begin(struct dossier *x, const struct ledger_entry *entry, struct slice account)
{
    arena_reset(&x->file.arena);
    x->file.n = 0;
    x->account = arena_copy(&x->file.arena, account);
    x->suspension = entry->ref.seq;
    x->begun_ms = entry->time_ms;
    x->ended = 0;
}

static bool take_suspension(struct dossier *x, const struct ledger_entry *entry,
                            struct slice account, uint64_t number, struct arena *arena,
                            struct error *e)
{
    struct suspension_record r;

    if (!cbor_read(entry->body, &suspension_record_schema, arena, &r, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "record %llu", (unsigned long long)entry->ref.seq);
    }
    if (!slice_equal_nocase(r.account, account)) {
        return true;
    }
    bool begun = r.state == SUSPENSION_BEGUN;
    if (begun && x->in_force && entry->ref.seq == number) {
        return error_set(
            e, ERROR_INPUT,
            "record %llu continues the suspension that record %llu began: ask for that "
            "one, by --suspension %llu",
            (unsigned long long)number, (unsigned long long)x->in_force,
            (unsigned long long)x->in_force);
    }
    x->in_force = !begun ? 0 : x->in_force ? x->in_force : entry->ref.seq;
    if (begun && (number ? entry->ref.seq == number : !x->suspension || x->ended)) {
        begin(x, entry, r.account);
    } else if (!x->suspension || x->ended) {
        return true;
    } else if (!begun) {
        x->ended = entry->ref.seq;
    }
    return certificate_keep_entry(&x->file, entry, e);
}

static bool find_suspension(struct dossier *x, struct desk *d, struct slice account,
                            uint64_t number, struct error *e)
{
    struct ledger_position at = {0};
    enum ledger_next next = LEDGER_ENTRY;

    ledger_reader_only(d->ledger, RECORD_SUSPENSION, RECORD_SUSPENSION);
    while (next == LEDGER_ENTRY && at.seq < x->size) {
        struct ledger_entry entry;
        arena_reset(&d->arena);
        next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
        bool is_one = next == LEDGER_ENTRY && entry.ref.seq < x->size && entry.body.len &&
                      entry.type == RECORD_SUSPENSION;
        if (next == LEDGER_FAILED ||
            (is_one && !take_suspension(x, &entry, account, number, &d->arena, e))) {
            return false;
        }
    }
    x->n_suspensions = x->file.n;
    if (x->suspension) {
        return true;
    }
    return number ? error_set(e, ERROR_INPUT,
                              "record %llu is no suspension of that account: without --suspension "
                              "its last one is taken",
                              (unsigned long long)number)
                  : error_set(e, ERROR_INPUT, "no suspension of that account is on record");
}

/* ── what the account did ── */

static void note_ref(struct refs *refs, struct ledger_ref ref, bool last)
{
    if (last || refs->n < refs->room) {
        refs->list[refs->n % refs->room] = ref;
    }
    refs->n++;
}

static bool is_account(const struct dossier *x, struct slice name)
{
    return slice_equal(name, x->account);
}

/* Whether this account did it, or it was done to it. One that cannot be read is nobody's. */
static bool is_of_account(const struct dossier *x, const struct ledger_entry *entry,
                          struct arena *arena)
{
    struct limit_record limit;
    struct sign_in s;
    struct error e;
    struct act act;

    switch (entry->type) {
    case RECORD_SIGN_IN:
        return cbor_read(entry->body, &sign_in_schema, arena, &s, &e) && is_account(x, s.account);
    case RECORD_LIMIT:
        return cbor_read(entry->body, &limit_record_schema, arena, &limit, &e) &&
               is_account(x, limit.account);
    case RECORD_ADMIN:
        return cbor_read(entry->body, &act_schema, arena, &act, &e) &&
               (is_account(x, act.by) || is_account(x, act.object));
    case RECORD_READING:
        return cbor_read(entry->body, &act_schema, arena, &act, &e) && is_account(x, act.by);
    default:
        return false;
    }
}

/* Whether this record stands behind all that is looked at around the suspension. */
static bool is_behind(const struct dossier *x, const struct ledger_entry *entry)
{
    return entry->ref.seq >= x->size || (x->ended && entry->ref.seq > x->ended) ||
           (entry->ref.seq > x->suspension && entry->time_ms > x->begun_ms + DOSSIER_DAY_MS);
}

/* Between which records its letters stand: an hour before, and what was being taken in. */
static void note_place(struct gathering *g, const struct ledger_entry *entry)
{
    const struct dossier *x = g->x;
    bool later = entry->ref.seq > x->suspension && entry->time_ms > x->begun_ms + LATER_MS;

    if (!g->first_letter && entry->time_ms >= x->begun_ms - DOSSIER_HOUR_MS) {
        g->first_letter = entry->ref.seq;
    }
    if (!later) {
        g->end_letter = entry->ref.seq + 1;
    }
}

static bool scan(struct gathering *g, struct error *e)
{
    struct dossier *x = g->x;
    struct desk *d = g->d;
    struct ledger_position at = {0};
    bool near = false;

    ledger_reader_only(d->ledger, RECORD_SUSPENSION, RECORD_SUSPENSION);
    for (;;) {
        struct ledger_entry entry;
        arena_reset(&d->arena);
        enum ledger_next next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
        if (next != LEDGER_ENTRY || is_behind(x, &entry)) {
            return next != LEDGER_FAILED;
        }
        if (!near && entry.time_ms >= x->begun_ms - DOSSIER_DAY_MS) {
            near = true;
            ledger_reader_only(d->ledger, RECORD_SIGN_IN, RECORD_SUSPENSION);
        }
        note_place(g, &entry);
        if (entry.body.len && is_of_account(x, &entry, &d->arena)) {
            bool before = entry.ref.seq < x->suspension;
            note_ref(before ? &g->before : &g->after, entry.ref, before);
        }
    }
}

static bool keep_refs(struct gathering *g, const struct refs *refs, struct error *e)
{
    size_t n = refs->n < refs->room ? refs->n : refs->room;

    g->x->acts_left_out += refs->n - n;
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry entry;
        /* The oldest of a ring that is full is the one that would be written next. */
        size_t at = refs == &g->before ? (refs->n - n + i) % refs->room : i;
        arena_reset(&g->d->arena);
        if (!ledger_reader_get(g->d->ledger, refs->list[at], &g->d->arena, &entry, e) ||
            !certificate_keep_entry(&g->x->file, &entry, e)) {
            return false;
        }
    }
    return true;
}

/* ── letters ── */

static bool is_about(uint64_t type)
{
    return type == RECORD_FACTS || type == RECORD_DECISION || type == RECORD_OUTCOME ||
           type == RECORD_NOTICE || type == RECORD_ORDER;
}

static bool find_whose(struct gathering *g, struct ledger_ref ref, bool *its, struct error *e)
{
    struct facts facts;

    arena_reset(&g->d->arena);
    if (!desk_read(g->d, ref, RECORD_FACTS, &facts_schema, &facts, e)) {
        return false;
    }
    *its = is_account(g->x, facts.account);
    return true;
}

/* Leave of these the records about it that are kept: all but its bytes. */
static size_t sift_records(const struct dossier *x, struct catalog_record *list, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_about(list[i].type) && list[i].ref.seq < x->size) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/* All of them, or none in the list. When the bytes of one do not fit, those before it stay in the arena until the end: it is full then. */
static bool keep_letter(struct gathering *g, struct ledger_ref facts, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ONE_ARENA};
    struct certificate *file = &g->x->file;
    struct catalog_record *list = NULL;
    size_t before = file->n;
    size_t count = 0;

    if (!catalog_records(g->d->catalog, facts.seq, &arena, &list, &count, e)) {
        return false;
    }
    count = sift_records(g->x, list, count);
    if (before + count > DOSSIER_RECORDS_MAX) {
        return error_set(e, ERROR_LIMIT, "there are more records of it than fit");
    }
    for (size_t i = 0; i < count; i++) {
        struct ledger_entry entry;
        arena_reset(&g->d->arena);
        if (!ledger_reader_get(g->d->ledger, list[i].ref, &g->d->arena, &entry, e) ||
            !certificate_keep_entry(file, &entry, e)) {
            file->n = before;
            return false;
        }
    }
    return true;
}

/* Older letters leave room for those of the hour before, of places, records and bytes. */
static bool has_place(const struct gathering *g, struct ledger_ref facts)
{
    const struct dossier *x = g->x;

    return facts.seq >= g->first_letter ? x->n_letters < DOSSIER_LETTERS_MAX
                                        : x->n_letters < DOSSIER_LETTERS_MAX - DOSSIER_RECENT_MIN &&
                                              x->file.n < DOSSIER_RECORDS_MAX / 4 * 3 &&
                                              arena_left(&x->file.arena) > CERTIFICATE_KEPT_MAX / 4;
}

/* *its is whether it is the account's. What does not fit is counted. */
static bool add_letter(struct gathering *g, struct ledger_ref facts, bool *its, struct error *e)
{
    struct dossier *x = g->x;

    *its = true;
    if (facts.seq >= x->size) {
        return true;
    }
    if (!find_whose(g, facts, its, e)) {
        return false;
    }
    if (!*its) {
        return true;
    }
    bool kept = has_place(g, facts);
    if (kept && !keep_letter(g, facts, e)) {
        kept = false;
        if (e->kind != ERROR_LIMIT) {
            return false;
        }
    }
    x->n_letters += kept;
    x->letters_left_out += !kept;
    return true;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, LETTER_ID_LEN);
}

/* Sort ids, and let each stand once. */
static void sort_ids(struct buf *ids)
{
    size_t kept = 0;

    if (ids->len) {
        qsort(ids->ptr, ids->len / LETTER_ID_LEN, LETTER_ID_LEN, by_id);
    }
    for (size_t at = 0; at < ids->len; at += LETTER_ID_LEN) {
        if (kept == 0 || by_id(ids->ptr + kept - LETTER_ID_LEN, ids->ptr + at) != 0) {
            (void)memmove(ids->ptr + kept, ids->ptr + at, LETTER_ID_LEN);
            kept += LETTER_ID_LEN;
        }
    }
    ids->len = kept;
}

/* Append the ids that its records name, each once and ascending. */
static bool list_named(const struct dossier *x, struct buf *ids, struct error *e)
{
    for (size_t i = 0; i < x->n_suspensions; i++) {
        OWN(arena) struct arena arena = {.max = NAMED_MAX};
        struct suspension_record r;
        if (!cbor_read(x->file.list[i].body, &suspension_record_schema, &arena, &r, e)) {
            return false;
        }
        buf_add(ids, slice_head(r.letters, r.letters.len - r.letters.len % LETTER_ID_LEN));
    }
    sort_ids(ids);
    return !ids->full || error_set(e, ERROR_LIMIT, "its records name too many letters");
}

static int by_seq(const void *a, const void *b)
{
    const struct ledger_ref *x = a;
    const struct ledger_ref *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Where those stand that its records name. */
static bool find_named(struct gathering *g, struct error *e)
{
    OWN(buf) struct buf ids = {.max = NAMED_MAX};
    struct dossier *x = g->x;

    if (!list_named(x, &ids, e)) {
        return false;
    }
    x->named = ids.len / LETTER_ID_LEN;
    g->named = calloc(x->named + 1, sizeof(*g->named));
    if (!g->named) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < x->named; i++) {
        struct catalog_letter letter;
        struct letter_id id;
        bool found = false;
        if (letter_id_from(slice_of(ids.ptr + i * LETTER_ID_LEN, LETTER_ID_LEN), &id) &&
            !catalog_find(g->d->catalog, &id, &letter, &found, e)) {
            return false;
        }
        if (found) {
            g->named[g->n_named++] = letter.facts;
        }
    }
    x->missing = x->named - g->n_named;
    qsort(g->named, g->n_named, sizeof(*g->named), by_seq);
    return true;
}

/* Those that were in its hands when it was suspended, however old, as they were taken in. */
static bool add_named(struct gathering *g, struct error *e)
{
    if (!find_named(g, e)) {
        return false;
    }
    for (size_t i = 0; i < g->n_named; i++) {
        bool its = false;
        if (!add_letter(g, g->named[i], &its, e)) {
            return false;
        }
        g->x->missing += !its;
    }
    return true;
}

static bool is_named(const struct gathering *g, struct ledger_ref facts)
{
    return bsearch(&facts, g->named, g->n_named, sizeof(facts), by_seq) != NULL;
}

/* And those that it sent in the hour before, though there were too many to be named. */
static bool add_recent(struct gathering *g, struct error *e)
{
    uint64_t from = g->first_letter;

    while (from < g->end_letter) {
        OWN(arena) struct arena arena = {.max = ONE_ARENA};
        struct catalog_letter *letters = NULL;
        size_t count = 0;
        bool its = false;
        if (!catalog_letters(g->d->catalog, CATALOG_BEHIND, from, PAGE, &arena, &letters, &count,
                             e)) {
            return false;
        }
        for (size_t i = 0; i < count && letters[i].seq < g->end_letter; i++) {
            if (!is_named(g, letters[i].facts) && !add_letter(g, letters[i].facts, &its, e)) {
                return false;
            }
        }
        from = count ? letters[count - 1].seq + 1 : g->end_letter;
    }
    return true;
}

/* ── all of it ── */

static bool gather(struct gathering *g, struct error *e)
{
    struct dossier *x = g->x;

    if (!scan(g, e) || !keep_refs(g, &g->before, e) || !keep_refs(g, &g->after, e)) {
        return false;
    }
    x->n_acts = x->file.n - x->n_suspensions;
    return add_named(g, e) && add_recent(g, e);
}

bool dossier_gather(struct dossier *x, struct desk *d, struct slice account, uint64_t number,
                    uint64_t size, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct gathering g = {
        .x = x,
        .d = d,
        .before = {arena_array(&arena, DOSSIER_BEFORE_MAX, sizeof(struct ledger_ref)),
                   DOSSIER_BEFORE_MAX, 0},
        .after = {arena_array(&arena, DOSSIER_AFTER_MAX,  sizeof(struct ledger_ref)),
                   DOSSIER_AFTER_MAX,  0},
    };
    uint64_t known = catalog_position(d->catalog).seq;

    arena_init(&x->file.arena, CERTIFICATE_KEPT_MAX);
    x->size = size ? size : known;
    if (known < x->size) {
        return error_set(e, ERROR_BUSY, "the catalog is being made anew: ask again in a while");
    }
    bool gathered = find_suspension(x, d, account, number, e) && gather(&g, e);
    free(g.named);
    return gathered;
}
