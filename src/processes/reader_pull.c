/* Many letters for an export. */
#include "host/memfd.h"
#include "letter/findings.h"
#include "processes/reader_case.h"
#include "requests/reader.h"

#define BODIES_MAX ((size_t)2 << 20) /* of facts and findings in one answer */
#define BYTES_FULL ((size_t)8 << 20) /* of letters, before the one too many */
#define NAMED_MAX  25                /* letters in one record of it */

struct pull {
    struct desk *desk;
    struct arena *arena;
    struct reader_pulled *letters;
    size_t count;
    size_t bodies;
    struct buf *bytes;
    struct case_file *in; /* the case that they must be in */
};

/* The body of a letter's last record of that type; empty when there is none. */
static bool body_of(struct pull *p, uint64_t letter, uint16_t type, struct slice *body,
                    struct error *e)
{
    struct ledger_ref ref;
    struct ledger_entry entry;
    bool found = false;

    if (!catalog_record(p->desk->catalog, letter, type, &ref, &found, e)) {
        return false;
    }
    if (found && !ledger_reader_get(p->desk->ledger, ref, &p->desk->arena, &entry, e)) {
        return false;
    }
    *body = found ? arena_copy(p->arena, entry.body) : SLICE_NONE;
    return true;
}

static bool read_letter(struct pull *p, struct slice id, struct reader_pulled *out, struct error *e)
{
    struct catalog_letter letter;
    struct letter_id bytes;
    struct slice content = SLICE_NONE;
    bool has = false;

    if (!letter_id_parse(id, &bytes)) {
        return error_set(e, ERROR_INPUT, "that is no id of a letter");
    }
    if (!case_has(p->in, letter_id_slice(&bytes), &has, e)) {
        return false;
    }
    if (!has) {
        return error_set(e, ERROR_INPUT, "the letter is not in the case");
    }
    if (!desk_find(p->desk, letter_id_slice(&bytes), &letter, e)) {
        return false;
    }
    out->seq = letter.seq;
    if (!body_of(p, letter.seq, RECORD_FACTS, &out->facts, e) ||
        !body_of(p, letter.seq, RECORD_FINDINGS, &out->findings, e) ||
        !desk_content(p->desk, &letter, &content, e)) {
        return false;
    }
    out->start = p->bytes->len;
    out->len = content.len;
    buf_add(p->bytes, content);
    return true;
}

/* A letter that cannot be read is said to be so, and does not stop the others. */
static void add(struct pull *p, struct slice id)
{
    struct reader_pulled *out = &p->letters[p->count++];
    struct error e;

    arena_reset(&p->desk->arena);
    out->id = arena_copy(p->arena, slice_head(id, LETTER_ID_TEXT - 1));
    if (!read_letter(p, id, out, &e)) {
        out->failure = letter_text(p->arena, slice_text(e.text), ERROR_TEXT_MAX);
    }
    p->bodies += out->facts.len + out->findings.len;
}

/* Every letter that is handed out stands in a record. */
static bool record_all(struct reader *reader, const struct ipc_request *r, const struct pull *p,
                       struct slice reason, struct error *e)
{
    for (size_t i = 0; i < p->count; i += NAMED_MAX) {
        OWN(buf) struct buf list = {.max = NAMED_MAX * LETTER_ID_TEXT};
        size_t n = p->count - i < NAMED_MAX ? p->count - i : NAMED_MAX;
        for (size_t j = i; j < i + n; j++) {
            buf_printf(&list, "%s%.*s", list.len ? " " : "", SLICE_ARG(p->letters[j].id));
        }
        if (!reader_record(reader, r, "export", buf_slice(&list), reason, n, e)) {
            return false;
        }
    }
    return true;
}

bool reader_on_pull(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_pull_ask *ask = r->ask;
    struct reader_pull_answer *answer = r->answer;
    const struct slice *ids = ask->ids.items;
    OWN(buf) struct buf bytes = {.max = READER_PULL_BYTES_MAX};
    struct slice reason = ask->reason;
    OWN(desk) struct desk d = {0};
    OWN(case_file) struct case_file c = {.desk = NULL};
    struct pull p = {.arena = r->arena,
                     .letters = arena_array(r->arena, ask->ids.count + 1, sizeof(*p.letters))};

    if (!desk_open(reader, &d, e) || !case_open(&c, &d, r, "export", ask->case_name, &reason, e) ||
        !reader_wants_reason(reader, r, "export", SLICE_NONE, reason, e)) {
        return false;
    }
    p.desk = &d;
    p.bytes = &bytes;
    p.in = &c;
    for (size_t i = 0; i < ask->ids.count && p.bodies < BODIES_MAX && p.bytes->len < BYTES_FULL;
         i++) {
        add(&p, ids[i]);
    }
    answer->letters = (struct cbor_list){p.letters, p.count};
    return record_all(reader, r, &p, reason, e) &&
           memfd_from("letters", buf_slice(&bytes), &r->answer_fd, e);
}

bool reader_on_exported(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_exported_ask *ask = r->ask;
    struct slice object =
        arena_printf(r->arena, "manifest %.*s of %s%.*s%s%.*s", SLICE_ARG(ask->digest),
                     ask->case_name.len ? "case " : "", SLICE_ARG(ask->case_name),
                     ask->case_name.len && ask->query.len ? ": " : "", SLICE_ARG(ask->query));
    struct slice reason = ask->reason;
    OWN(desk) struct desk d = {0};
    OWN(case_file) struct case_file c = {.desk = NULL};

    return desk_open(reader, &d, e) &&
           case_open(&c, &d, r, "export whole", ask->case_name, &reason, e) &&
           reader_wants_reason(reader, r, "export whole", object, reason, e) &&
           reader_record(reader, r, "export whole", object, reason, ask->count, e);
}
