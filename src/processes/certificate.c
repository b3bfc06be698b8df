/* In two passes: sealed records by the reader, which opens them; then the heads of all, which say what was erased. */
#include "processes/certificate.h"

#include <stdlib.h>

#include "base/bytes.h"

#include "letter/retention.h"
#include "processes/certificate_erased.h"

#define ROOM_AT_ONCE 256

void certificate_done(struct certificate *c)
{
    arena_done(&c->arena);
    free(c->list);
    free(c->destroyed);
    *c = (struct certificate){0};
}

/* ── what is kept ── */

bool certificate_keep(struct certificate *c, const struct opened *record, struct error *e)
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

bool certificate_keep_entry(struct certificate *c, const struct ledger_entry *entry,
                            struct error *e)
{
    struct opened record = {
        .seq = entry->ref.seq, .type = entry->type, .time_ms = entry->time_ms, .body = entry->body};

    (void)memcpy(record.blind, entry->blind, sizeof(record.blind));
    return certificate_keep(c, &record, e);
}

void numbers_add(uint64_t **list, size_t *n, size_t *room, uint64_t number)
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

void certificate_drop_made(struct certificate *c)
{
    size_t kept = c->n;
    bool later = false;

    for (size_t i = c->n; i-- > 0;) {
        bool made = c->list[i].type == RECORD_READING;
        if (!made || !later) {
            c->list[--kept] = c->list[i];
        }
        later = later || made;
    }
    c->n -= kept;
    if (kept) {
        (void)memmove(c->list, c->list + kept, c->n * sizeof(*c->list));
    }
}

/* ── sealed records ── */

/* Where one is, so that the body of one that nothing names is never kept. */
struct rule_at {
    struct ledger_ref ref;
    bool named;
};

struct rules {
    struct rule_at *list; /* ascending */
    size_t n, room;
};

static void note_rule(struct rules *rules, struct ledger_ref ref)
{
    if (rules->n == rules->room) {
        rules->room += ROOM_AT_ONCE + rules->room / 2;
        rules->list = realloc(rules->list, rules->room * sizeof(*rules->list));
        if (!rules->list) {
            arena_panic("out of memory");
        }
    }
    rules->list[rules->n++] = (struct rule_at){.ref = ref};
}

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

static bool gather_sealed(struct certificate *c, struct desk *d, uint64_t size, struct rules *rules,
                          struct error *e)
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
        if (entry.type == RECORD_RULE) {
            note_rule(rules, entry.ref);
        }
        if (!is_wanted(c, &entry, &d->arena, &wanted, e) ||
            (wanted && !certificate_keep_entry(c, &entry, e))) {
            return false;
        }
    }
    return next != LEDGER_FAILED;
}

/* ── what was erased ── */

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

void certificate_sort(struct certificate *c)
{
    if (c->n_destroyed) {
        qsort(c->destroyed, c->n_destroyed, sizeof(*c->destroyed), by_number);
    }
    if (c->n) {
        qsort(c->list, c->n, sizeof(*c->list), by_seq);
    }
}

static bool gather_erased(struct certificate *c, struct desk *d, struct error *e)
{
    OWN(certificate_erased) struct certificate_erased w = {0};

    certificate_erased_begin(&w, c);
    if (w.n_removals &&
        !ledger_heads(d->reader->ledger_directory, c->size, certificate_erased_visit, &w, e)) {
        return false;
    }
    if (w.n_done < w.n_erasures) {
        c->put_off = true;
        return error_set(e, ERROR_BUSY,
                         "what was approved is recorded, but keys of it are still to be destroyed: "
                         "that is done by itself; ask again in a while");
    }
    return true;
}

/* ── rules ── */

static int by_rule(const void *seq, const void *rule)
{
    const uint64_t *x = seq;
    const struct rule_at *y = rule;
    return *x < y->ref.seq ? -1 : *x > y->ref.seq;
}

static void name_rules(struct rules *rules, const struct removal *r)
{
    const struct removed_letter *letters = r->letters.items;

    for (size_t i = 0; rules->n && i < r->letters.count; i++) {
        for (size_t at = 0; at + 8 <= letters[i].rules.len; at += 8) {
            uint64_t seq = get64(letters[i].rules.ptr + at);
            struct rule_at *rule = bsearch(&seq, rules->list, rules->n, sizeof(*rule), by_rule);
            if (rule) {
                rule->named = true;
            }
        }
    }
}

static bool name_all_rules(const struct certificate *c, struct rules *rules, struct error *e)
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

/* Those that a removal names. */
static bool gather_rules(struct certificate *c, struct desk *d, struct rules *rules,
                         struct error *e)
{
    if (!name_all_rules(c, rules, e)) {
        return false;
    }
    for (size_t i = 0; i < rules->n; i++) {
        struct ledger_entry entry;
        arena_reset(&d->arena);
        if (rules->list[i].named &&
            (!ledger_reader_get(d->ledger, rules->list[i].ref, &d->arena, &entry, e) ||
             !certificate_keep_entry(c, &entry, e))) {
            return false;
        }
    }
    return true;
}

/* ── all of it ── */

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
    struct rules rules = {0};
    char text[LETTER_ID_TEXT];
    struct letter_id bytes;

    if (!letter_id_from(id, &bytes)) {
        return error_set(e, ERROR_INPUT, "a request's id has %d bytes", LETTER_ID_LEN);
    }
    letter_id_text(&bytes, text);
    arena_init(&c->arena, CERTIFICATE_KEPT_MAX);
    c->id = arena_copy(&c->arena, id);
    c->id_text = arena_copy(&c->arena, slice_text(text));
    bool gathered = gather_sealed(c, d, size, &rules, e) && is_over(c, e) &&
                    gather_rules(c, d, &rules, e) && gather_erased(c, d, e);
    free(rules.list);
    if (gathered) {
        certificate_sort(c);
    }
    return gathered;
}
