/* One letter: its timeline, its bytes. */
#include "base/clock.h"

#include "host/memfd.h"
#include "keyring/digest.h"
#include "letter/asserted.h"
#include "letter/removal.h"
#include "letter/retention.h"
#include "processes/reader_case.h"
#include "requests/reader.h"

#define REASON_SHOWN 120               /* bytes of a removal's reason in a sentence */
#define SHOWN_MAX    ((size_t)3 << 20) /* bytes of bodies in an answer; the rest on asking again */

/* Why there is no such letter. Returns false. */
static bool tell_removal(struct desk *d, const struct letter_id *id, struct error *e)
{
    struct ledger_ref ref;
    struct ledger_entry entry;
    struct removal r;
    char when[CLOCK_TEXT_MAX];
    bool found = false;

    if (!catalog_removal(d->catalog, id, &ref, &found, e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_INPUT, "there is no letter with this id in the archive");
    }
    if (!ledger_reader_get(d->ledger, ref, &d->arena, &entry, e) ||
        !cbor_read(entry.body, &removal_schema, &d->arena, &r, e)) {
        return false;
    }
    clock_rfc3339(entry.time_ms, when);
    struct slice reason = letter_text(&d->arena, r.reason, REASON_SHOWN);
    return error_set(e, ERROR_INPUT, "the letter was erased on %s by %.*s: %.*s", when,
                     SLICE_ARG(r.by), SLICE_ARG(reason));
}

bool desk_find(struct desk *d, struct slice id_bytes, struct catalog_letter *letter,
               struct error *e)
{
    struct letter_id id;
    bool found = false;

    if (!letter_id_from(id_bytes, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    if (!catalog_find(d->catalog, &id, letter, &found, e)) {
        return false;
    }
    return found || tell_removal(d, &id, e);
}

struct slice desk_letter_name(const struct letter_id *id, struct arena *arena)
{
    char text[LETTER_ID_TEXT];

    letter_id_text(id, text);
    return arena_copy(arena, slice_text(text));
}

bool desk_find_for(struct desk *d, const struct ipc_request *r, const char *verb, struct slice id,
                   struct slice reason, struct catalog_letter *letter, struct error *e)
{
    const struct visitor *v = reader_visitor(r);
    struct letter_id asked;
    struct slice name =
        letter_id_from(id, &asked) ? desk_letter_name(&asked, r->arena) : SLICE_NONE;
    struct facts f;

    if (!reader_wants_reason(d->reader, r, verb, name, reason, e)) {
        return false;
    }
    if (!desk_find(d, id, letter, e)) {
        /* Whose an erased letter was is not known any more: who reads his own alone is not told of it. */
        if (v->own && e->kind == ERROR_INPUT) {
            (void)!reader_refuse(d->reader, r, verb, name, e);
        }
        return false;
    }
    if (!desk_read(d, letter->facts, RECORD_FACTS, &facts_schema, &f, e)) {
        return false;
    }
    return reader_may_see(d, v, &f) || reader_refuse(d->reader, r, verb, name, e);
}

/* ── show ── */

struct timeline {
    struct reader_record *records;
    size_t count;
    size_t bytes;
    bool more;
};

static bool add_record(struct desk *d, const struct catalog_record *from, struct timeline *t,
                       struct arena *arena, struct error *e)
{
    struct ledger_entry entry;
    struct slice body;

    arena_reset(&d->arena);
    if (!ledger_reader_get(d->ledger, from->ref, &d->arena, &entry, e) ||
        !desk_slim(d, entry.type, entry.body, arena, &body, e)) {
        return false;
    }
    t->more = t->count != 0 && t->bytes + body.len > SHOWN_MAX;
    if (!t->more) {
        t->bytes += body.len;
        t->records[t->count++] = (struct reader_record){
            .seq = from->ref.seq,
            .type = from->type,
            .time = (uint64_t)entry.time_ms,
            .body = arena_copy(arena, body),
        };
    }
    return true;
}

/* Whose own letter it is, is not told that it is held: somebody may be looking for what he did. */
static void add_holds(struct desk *d, const struct ipc_request *r, const struct letter_id *id,
                      struct reader_show_answer *answer)
{
    struct error e;

    if (d->reader->held && !reader_visitor(r)->own &&
        !d->reader->held(d->reader->context, id, r->arena, &answer->held, &e)) {
        answer->held = SLICE("(this could not be found out)");
    }
}

/* One that cannot be read is not shown; the classes name it all the same. */
static void add_rule(struct desk *d, uint64_t seq, struct timeline *rules, struct arena *arena)
{
    struct catalog_record rule = {.type = RECORD_RULE};
    struct error e;

    if (rules->count < READER_RULES_MAX && ledger_reader_find(d->ledger, seq, &rule.ref, &e)) {
        (void)!add_record(d, &rule, rules, arena, &e);
    }
}

/* The rules that the letter's last classes name. Who reads his own letters alone is not told what others are looked for
 * by. */
static bool add_rules(struct desk *d, const struct reader_record *records, size_t count,
                      struct reader_show_answer *answer, struct arena *arena, struct error *e)
{
    struct timeline rules = {.records =
                                 arena_array(arena, READER_RULES_MAX, sizeof(*rules.records))};
    struct classes classes = {0};

    while (count && records[count - 1].type != RECORD_CLASSES) {
        count--;
    }
    if (count && !cbor_read(records[count - 1].body, &classes_schema, arena, &classes, e)) {
        return false;
    }
    const struct class_stamp *stamps = classes.classes.items;
    for (size_t i = 0; i < classes.classes.count && !rules.more; i++) {
        add_rule(d, stamps[i].rule, &rules, arena);
    }
    answer->rules = (struct cbor_list){rules.records, rules.count};
    return true;
}

bool reader_on_show(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_letter_ask *ask = r->ask;
    struct reader_show_answer *answer = r->answer;
    struct catalog_letter letter;
    struct catalog_record *list = NULL;
    struct timeline t = {0};
    size_t count = 0;
    struct slice reason = ask->reason;
    OWN(desk) struct desk d = {0};
    OWN(case_file) struct case_file c = {.desk = NULL};

    if (!desk_open(reader, &d, e) ||
        !case_open_for(&c, &d, r, "show", ask->case_name, ask->id, &reason, e) ||
        !desk_find_for(&d, r, "show", ask->id, reason, &letter, e) ||
        !catalog_records(d.catalog, letter.seq, r->arena, &list, &count, e)) {
        return false;
    }
    count = count < READER_RECORDS_MAX ? count : READER_RECORDS_MAX;
    t.records = arena_array(r->arena, count + 1, sizeof(*t.records));
    for (size_t i = 0; i < count && !t.more; i++) {
        if (list[i].type != RECORD_CONTENT && list[i].ref.seq >= ask->from &&
            !add_record(&d, &list[i], &t, r->arena, e)) {
            return false;
        }
    }
    answer->records = (struct cbor_list){t.records, t.count};
    answer->more = t.more;
    add_holds(&d, r, &letter.id, answer);
    if (!t.more && !reader_visitor(r)->own &&
        !add_rules(&d, t.records, t.count, answer, r->arena, e)) {
        return false;
    }
    return reader_record(reader, r, "show", desk_letter_name(&letter.id, r->arena), reason, t.count,
                         e);
}

/* ── export ── */

/* The bytes as submitted, in the desk's arena. A repeat's are those of the letter it repeats. */
bool desk_content(struct desk *d, struct catalog_letter *letter, struct slice *bytes,
                  struct error *e)
{
    struct ledger_ref ref;
    struct content content;
    struct facts facts;
    uint8_t digest[DIGEST_LEN];
    bool found = false;

    if (!desk_read(d, letter->facts, RECORD_FACTS, &facts_schema, &facts, e)) {
        return false;
    }
    if (letter->kind == LETTER_REPEAT && !desk_find(d, facts.repeat_of, letter, e)) {
        return false;
    }
    if (!catalog_record(d->catalog, letter->seq, RECORD_CONTENT, &ref, &found, e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_CORRUPT, "the letter's content is not in the catalog");
    }
    if (!desk_read(d, ref, RECORD_CONTENT, &content_schema, &content, e)) {
        return false;
    }
    digest_of(content.bytes, SLICE_NONE, digest);
    if (!slice_equal(facts.digest, slice_of(digest, DIGEST_LEN))) {
        return error_set(e, ERROR_CORRUPT, "the content is not the one that the facts describe");
    }
    *bytes = content.bytes;
    return true;
}

/* What marks a letter as our company's at its provider may be a secret, and it is cut from what leaves alone. */
static bool has_marks(struct desk *d, const struct catalog_letter *letter, bool *has,
                      struct error *e)
{
    struct facts facts;

    if (!desk_read(d, letter->facts, RECORD_FACTS, &facts_schema, &facts, e)) {
        return false;
    }
    *has = asserted_is_mechanism(facts.mechanism);
    return true;
}

bool reader_on_export(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_letter_ask *ask = r->ask;
    struct reader_hit *answer = r->answer;
    const char *verb = ask->as_sent ? "export as sent" : "export";
    struct catalog_letter letter;
    struct slice bytes = SLICE_NONE;
    struct slice reason = ask->reason;
    bool marked = false; /* of one's own letter */
    OWN(buf) struct buf copy = {0};
    OWN(desk) struct desk d = {0};
    OWN(case_file) struct case_file c = {.desk = NULL};

    if (!desk_open(reader, &d, e) ||
        !case_open_for(&c, &d, r, verb, ask->case_name, ask->id, &reason, e) ||
        !desk_find_for(&d, r, verb, ask->id, reason, &letter, e)) {
        return false;
    }
    struct slice name = desk_letter_name(&letter.id, r->arena);
    if (!desk_content(&d, &letter, &bytes, e)) {
        return false;
    }
    if (reader_visitor(r)->own && !has_marks(&d, &letter, &marked, e)) {
        return false;
    }
    if (ask->as_sent || marked) {
        if (!desk_copy(&d, &letter, ask->copy, bytes, &copy, e)) {
            return false;
        }
        bytes = buf_slice(&copy);
    }
    answer->size = bytes.len;
    if (ask->as_sent && ask->copy) {
        verb = (const char *)arena_printf(r->arena, "export copy %llu as sent",
                                          (unsigned long long)ask->copy)
                   .ptr;
    }
    return reader_record(reader, r, verb, name, reason, bytes.len, e) &&
           memfd_from("letter", bytes, &r->answer_fd, e);
}
