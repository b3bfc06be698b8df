/* In two passes: sealed records by the reader, which opens them; then the heads of all, which say what was erased. */
#include "processes/certificate.h"

#include <stdlib.h>

#include "base/bytes.h"

#include "ledger/heads.h"
#include "letter/retention.h"

#define RANGE_LEN    12 /* bytes of a range of an erasure record */
#define ROOM_AT_ONCE 256

/* An erasure's body, docs/ledger-format.md section 12. */
struct erasure_body {
    uint64_t pack;
    struct slice ranges;
};

static const struct cbor_field erasure_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct erasure_body, pack, 0),
    CBOR_FIELD(2, CBOR_BYTES, struct erasure_body, ranges, 4096),
};
static const struct cbor_schema erasure_schema = CBOR_SCHEMA(erasure_fields, struct erasure_body);

struct erased_body {
    uint64_t erasure;
};

static const struct cbor_field erased_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct erased_body, erasure, 0),
};
static const struct cbor_schema erased_schema = CBOR_SCHEMA(erased_fields, struct erased_body);

void certificate_done(struct certificate *c)
{
    arena_done(&c->arena);
    free(c->list);
    free(c->destroyed);
    *c = (struct certificate){0};
}

/* ── what is kept ── */

static bool keep(struct certificate *c, const struct opened *record, struct error *e)
{
    if (arena_left(&c->arena) < record->body.len + 4096) {
        return error_set(e, ERROR_LIMIT, "there is more to say of it than fits into a certificate");
    }
    if (c->n == c->room) {
        c->room += ROOM_AT_ONCE + c->room / 2;
        c->list = realloc(c->list, c->room * sizeof(*c->list));
        if (!c->list) {
            arena_panic("out of memory");
        }
    }
    c->list[c->n] = *record;
    c->list[c->n++].body = arena_copy(&c->arena, record->body);
    return true;
}

static bool keep_entry(struct certificate *c, const struct ledger_entry *entry, struct error *e)
{
    struct opened record = {
        .seq = entry->ref.seq, .type = entry->type, .time_ms = entry->time_ms, .body = entry->body};

    (void)memcpy(record.blind, entry->blind, sizeof(record.blind));
    return keep(c, &record, e);
}

/* ── sealed records ── */

/* The request that a record is about, and whether it is this one. */
static bool is_about(const struct certificate *c, const struct ledger_entry *entry,
                     const struct cbor_schema *schema, void *value, const struct slice *id,
                     struct arena *arena, bool *about, struct error *e)
{
    if (!cbor_read(entry->body, schema, arena, value, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "record %llu", (unsigned long long)entry->ref.seq);
    }
    *about = slice_equal(*id, c->id);
    return true;
}

/* That a certificate was made before: its record binds the text. */
static bool is_made(const struct certificate *c, const struct act *act)
{
    struct slice prefix = SLICE("request ");

    return slice_equal(act->verb, SLICE("certificate")) && !act->refused &&
           slice_starts(act->object, prefix) &&
           slice_starts(slice_from(act->object, prefix.len), c->id_text);
}

static bool is_wanted(struct certificate *c, const struct ledger_entry *entry, struct arena *arena,
                      bool *wanted, struct error *e)
{
    struct request_record request;
    struct verdict_record verdict;
    struct disposal_record disposal;
    struct removal removal;
    struct act act;
    bool about = false;

    switch (entry->type) {
    case RECORD_RULE: /* sorted out when the removals are known */
        *wanted = true;
        return true;
    case RECORD_REQUEST:
        return is_about(c, entry, &request_record_schema, &request, &request.id, arena, wanted, e);
    case RECORD_VERDICT:
        return is_about(c, entry, &verdict_record_schema, &verdict, &verdict.id, arena, wanted, e);
    case RECORD_DISPOSAL:
        return is_about(c, entry, &disposal_record_schema, &disposal, &disposal.request, arena,
                        wanted, e);
    case RECORD_REMOVAL:
        return is_about(c, entry, &removal_schema, &removal, &removal.request, arena, wanted, e);
    case RECORD_READING:
        if (!is_about(c, entry, &act_schema, &act, &act.object, arena, &about, e)) {
            return false;
        }
        *wanted = is_made(c, &act);
        return true;
    default:
        return true;
    }
}

static bool gather_sealed(struct certificate *c, struct desk *d, uint64_t size, struct error *e)
{
    struct ledger_position at = {0};
    enum ledger_next next = LEDGER_ENTRY;

    ledger_reader_only(d->ledger, RECORD_REMOVAL, RECORD_DISPOSAL);
    ledger_reader_leave_out(d->ledger, RECORD_CLASSES);
    while (next == LEDGER_ENTRY) {
        struct ledger_entry entry;
        bool wanted = false;
        arena_reset(&d->arena);
        next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
        if (next != LEDGER_ENTRY || (size && entry.ref.seq >= size)) {
            break;
        }
        c->size = entry.ref.seq + 1;
        if (entry.erased || !entry.body.len) {
            continue;
        }
        if (!is_wanted(c, &entry, &d->arena, &wanted, e) || (wanted && !keep_entry(c, &entry, e))) {
            return false;
        }
    }
    return next != LEDGER_FAILED;
}

/* ── what was erased ── */

/* The heads of all records, against the removals. */
struct walk {
    struct certificate *c;
    uint64_t *removals; /* ascending */
    size_t n, next;
    size_t
        run; /* in the list: erasures that stand together, of which nobody knows yet whose they are */
    uint64_t run_end;   /* the number behind them */
    uint64_t *erasures; /* of ours; first those that are done */
    size_t n_erasures, n_done, room;
};

static void note_number(uint64_t **list, size_t *n, size_t *room, uint64_t number)
{
    if (*n == *room) {
        *room += ROOM_AT_ONCE + *room / 2;
        uint64_t *more = realloc(*list, *room * sizeof(*more));
        if (!more) {
            arena_panic("out of memory");
        }
        *list = more;
    }
    (*list)[(*n)++] = number;
}

static bool keep_clear(struct certificate *c, const struct ledger_passed *p, struct error *e)
{
    const struct opened record = {
        .seq = p->seq, .type = p->type, .time_ms = p->time_ms, .body = p->body};

    return keep(c, &record, e);
}

static bool take_ranges(struct certificate *c, const struct opened *erasure, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct erasure_body body;

    if (!cbor_read(erasure->body, &erasure_schema, &arena, &body, e)) {
        return false;
    }
    for (size_t at = 0; at + RANGE_LEN <= body.ranges.len; at += RANGE_LEN) {
        uint64_t first = get64(body.ranges.ptr + at);
        uint32_t count = get32(body.ranges.ptr + at + 8);
        if (count > CERTIFICATE_RECORDS_MAX - c->n_destroyed) {
            return error_set(e, ERROR_LIMIT,
                             "more than %d records were destroyed: that is too "
                             "much for one certificate",
                             CERTIFICATE_RECORDS_MAX);
        }
        for (uint32_t i = 0; i < count; i++) {
            note_number(&c->destroyed, &c->n_destroyed, &c->destroyed_room, first + i);
        }
    }
    return true;
}

/* The erasures right before a removal of ours are what it says why of. */
static bool take_run(struct walk *w, struct error *e)
{
    for (size_t i = w->run; i < w->c->n; i++) {
        note_number(&w->erasures, &w->n_erasures, &w->room, w->c->list[i].seq);
        if (!take_ranges(w->c, &w->c->list[i], e)) {
            return false;
        }
    }
    w->run = w->c->n;
    return true;
}

/* An erased record names one of ours: that one is done. */
static bool is_ours(struct walk *w, struct slice body)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct erased_body erased;
    struct error e;

    if (!cbor_read(body, &erased_schema, &arena, &erased, &e)) {
        return false;
    }
    for (size_t i = 0; i < w->n_erasures; i++) {
        if (w->erasures[i] == erased.erasure) {
            if (i >= w->n_done) {
                w->erasures[i] = w->erasures[w->n_done];
                w->erasures[w->n_done++] = erased.erasure;
            }
            return true;
        }
    }
    return false;
}

static bool visit(void *walk, const struct ledger_passed *p, struct error *e)
{
    struct walk *w = walk;
    bool removal = w->next < w->n && w->removals[w->next] == p->seq;

    if (removal) {
        w->next++;
    }
    if (removal && w->run_end == p->seq && !take_run(w, e)) {
        return false;
    }
    if (p->type == LEDGER_ERASURE) {
        w->c->n = w->run_end == p->seq ? w->c->n : w->run;
        w->run_end = p->seq + 1;
        return keep_clear(w->c, p, e);
    }
    w->c->n = w->run; /* somebody else's */
    if (p->type == LEDGER_ERASED && is_ours(w, p->body)) {
        w->run++;
        return keep_clear(w->c, p, e);
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int by_seq(const void *a, const void *b)
{
    const struct opened *x = a;
    const struct opened *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool gather_erased(struct certificate *c, struct desk *d, struct error *e)
{
    struct walk w = {.c = c, .run = c->n};
    size_t room = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (c->list[i].type == RECORD_REMOVAL) {
            note_number(&w.removals, &w.n, &room, c->list[i].seq);
        }
    }
    bool ok = w.n == 0 || ledger_heads(d->reader->ledger_directory, c->size, visit, &w, e);
    if (ok && w.n_done < w.n_erasures) {
        c->put_off = true;
        ok = error_set(e, ERROR_BUSY,
                       "what was approved is recorded, but keys of it are still to be destroyed: "
                       "that is done by itself; ask again in a while");
    }
    c->n = ok ? w.run : c->n;
    free(w.removals);
    free(w.erasures);
    if (c->n_destroyed) {
        qsort(c->destroyed, c->n_destroyed, sizeof(*c->destroyed), by_number);
    }
    if (c->n) {
        qsort(c->list, c->n, sizeof(*c->list), by_seq);
    }
    return ok;
}

/* ── all of it ── */

/* Numbers of rules' records, each once. */
struct rules {
    uint64_t *list;
    size_t n, room;
};

static bool is_named(const struct rules *rules, uint64_t seq)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (rules->list[i] == seq) {
            return true;
        }
    }
    return false;
}

static void name_rules(struct rules *rules, const struct removal *r)
{
    const struct removed_letter *letters = r->letters.items;

    for (size_t i = 0; i < r->letters.count; i++) {
        for (size_t at = 0; at + 8 <= letters[i].rules.len; at += 8) {
            uint64_t seq = get64(letters[i].rules.ptr + at);
            if (!is_named(rules, seq)) {
                note_number(&rules->list, &rules->n, &rules->room, seq);
            }
        }
    }
}

static bool read_rules(const struct certificate *c, struct rules *rules, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)8 << 20};
    struct removal removal;

    for (size_t i = 0; i < c->n; i++) {
        arena_reset(&arena);
        if (c->list[i].type == RECORD_REMOVAL) {
            if (!cbor_read(c->list[i].body, &removal_schema, &arena, &removal, e)) {
                return false;
            }
            name_rules(rules, &removal);
        }
    }
    return true;
}

/* Rules stay that a removal names. */
static bool sort_out(struct certificate *c, struct error *e)
{
    struct rules rules = {0};
    size_t kept = 0;
    bool read = read_rules(c, &rules, e);

    for (size_t i = 0; read && i < c->n; i++) {
        if (c->list[i].type != RECORD_RULE || is_named(&rules, c->list[i].seq)) {
            c->list[kept++] = c->list[i];
        }
    }
    c->n = read ? kept : c->n;
    free(rules.list);
    return read;
}

/* Whether it came to an end, one way or the other. */
static bool is_over(const struct certificate *c, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    uint64_t last = 0;
    bool asked = false;

    for (size_t i = 0; i < c->n; i++) {
        struct request_record r;
        struct verdict_record v;
        asked =
            asked ||
            (c->list[i].type == RECORD_REQUEST &&
             cbor_read(c->list[i].body, &request_record_schema, &arena, &r, e) &&
             (r.kind == REQUEST_DISPOSAL || r.kind == REQUEST_ERASE || r.kind == REQUEST_SUBJECT));
        if (c->list[i].type == RECORD_VERDICT &&
            cbor_read(c->list[i].body, &verdict_record_schema, &arena, &v, e)) {
            last = v.verdict;
        }
    }
    if (!asked) {
        return error_set(e, ERROR_INPUT,
                         "there is no disposal or erasure of that id: `postern disposal list`");
    }
    return last == VERDICT_DONE || last == VERDICT_FAILED ||
           error_set(e, ERROR_INPUT,
                     last == VERDICT_APPROVED ? "it is still being done: `postern disposal list`"
                     : last                   ? "it was not approved: nothing was destroyed"
                                              : "nobody has approved it yet");
}

bool certificate_gather(struct certificate *c, struct desk *d, struct slice id, uint64_t size,
                        struct error *e)
{
    char text[LETTER_ID_TEXT];
    struct letter_id bytes;

    if (!letter_id_from(id, &bytes)) {
        return error_set(e, ERROR_INPUT, "a request's id has %d bytes", LETTER_ID_LEN);
    }
    letter_id_text(&bytes, text);
    arena_init(&c->arena, CERTIFICATE_KEPT_MAX);
    c->id = arena_copy(&c->arena, id);
    c->id_text = arena_copy(&c->arena, slice_text(text));
    return gather_sealed(c, d, size, e) && is_over(c, e) && gather_erased(c, d, e) &&
           sort_out(c, e);
}
