/* A letter that waits for a second person, shown to one who may approve it: as it would leave, with all recipients of its
 * envelope. What else an account may read is no matter here, and the keeper alone says whether it may, and which copy would leave. */
#include <string.h>

#include "host/memfd.h"
#include "keyring/digest.h"
#include "letter/about.h"
#include "letter/asserted.h"
#include "letter/findings.h"
#include "processes/reader.h"
#include "requests/consent.h"

#define RECORDS_BYTES_MAX                                                                          \
    ((size_t)3 << 20) /* findings that do not fit beside the rest are left out */

/* What is told about one letter, and what that says. */
struct telling {
    struct desk *desk;
    const struct catalog_letter *letter;
    struct slice id; /* that was asked for */
    struct reader_waiting_answer *answer;
    size_t bytes;
    bool
        marked; /* a provider handed it on, and what marks it may be a secret: it is cut from what leaves alone */
    struct arena *arena;
};

static bool other_record(struct error *e)
{
    return error_set(e, ERROR_CORRUPT,
                     "the catalog names another letter's record: `postern catalog rebuild` makes "
                     "it anew");
}

/* The catalog is not authenticated: what it names must be of this type, and about this letter. */
static bool is_about(struct telling *t, const struct ledger_entry *entry, uint16_t type,
                     struct error *e)
{
    union {
        struct slice id; /* the first member of each */
        struct facts facts;
        struct decision decision;
        struct findings findings;
    } record = {.id = SLICE_NONE};

    if (entry->type != type) {
        return other_record(e);
    }
    if (!cbor_read(entry->body, letter_record_schema(type), &t->desk->arena, &record, e)) {
        return false;
    }
    if (!slice_equal(record.id, t->id)) {
        return other_record(e);
    }
    if (type == RECORD_FACTS) {
        t->marked = asserted_is_mechanism(record.facts.mechanism);
    }
    if (type == RECORD_DECISION) {
        const struct ruling *rulings = record.decision.rulings.items;
        for (size_t i = 0; i < record.decision.rulings.count; i++) {
            t->answer->cut = t->answer->cut || guard_is_scanner(rulings[i].guard);
        }
    }
    return true;
}

static bool add_record(struct telling *t, uint16_t type, struct error *e)
{
    struct reader_record *records = t->answer->records.items;
    struct ledger_entry entry;
    struct ledger_ref ref = t->letter->facts;
    bool found = type == RECORD_FACTS;

    if (!found && !catalog_record(t->desk->catalog, t->letter->seq, type, &ref, &found, e)) {
        return false;
    }
    if (!found) {
        return type == RECORD_FINDINGS || other_record(e);
    }
    if (!ledger_reader_get(t->desk->ledger, ref, &t->desk->arena, &entry, e) ||
        !is_about(t, &entry, type, e)) {
        return false;
    }
    if (t->bytes + entry.body.len <= RECORDS_BYTES_MAX) {
        t->bytes += entry.body.len;
        records[t->answer->records.count++] =
            (struct reader_record){.seq = ref.seq,
                                   .type = type,
                                   .time = (uint64_t)entry.time_ms,
                                   .body = arena_copy(t->arena, entry.body)};
    }
    return true;
}

static bool add_records(struct telling *t, struct error *e)
{
    t->answer->records.items =
        arena_array(t->arena, READER_WAITING_MAX, sizeof(struct reader_record));
    return add_record(t, RECORD_FACTS, e) && add_record(t, RECORD_DECISION, e) &&
           add_record(t, RECORD_FINDINGS, e);
}

/* Describe one copy without its edits. */
static bool add_copy(struct telling *t, struct ledger_ref ref, const struct sealed *sealed,
                     struct error *e)
{
    struct reader_record *records = t->answer->records.items;
    OWN(buf) struct buf body = {.max = RECORDS_BYTES_MAX};
    struct sealed slim = *sealed;

    slim.edits = (struct cbor_list){NULL, 0};
    cbor_write(&body, &sealed_schema, &slim);
    if (body.full || t->answer->records.count == READER_WAITING_MAX) {
        return other_record(e);
    }
    if (t->bytes + body.len <= RECORDS_BYTES_MAX) {
        t->bytes += body.len;
        records[t->answer->records.count++] = (struct reader_record){
            .seq = ref.seq, .type = RECORD_SEALED, .body = arena_copy(t->arena, buf_slice(&body))};
    }
    return true;
}

/* Look at its copies: they must be those that the keeper would let go. *open is the first whose content nothing protects; 0: none. */
static bool look_at_copies(struct telling *t, struct slice digest, uint64_t *open, struct error *e)
{
    struct ledger_ref *refs = NULL;
    OWN(buf) struct buf all = {.max = LETTER_RECIPIENTS_MAX * DIGEST_LEN};
    uint8_t made[DIGEST_LEN];
    size_t count = 0;

    if (!desk_copies(t->desk, t->letter, t->arena, &refs, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct sealed sealed;
        arena_reset(&t->desk->arena);
        if (!desk_sealed(t->desk, t->letter, refs[i], i + 1, &sealed, e) ||
            !add_copy(t, refs[i], &sealed, e)) {
            return false;
        }
        buf_add(&all, sealed.digest);
        *open = *open || rung_hides(sealed.method) ? *open : i + 1;
    }
    digest_of(buf_slice(&all), SLICE_NONE, made);
    return slice_equal(digest, count == 1 ? buf_slice(&all) : SLICE_ARRAY(made)) || other_record(e);
}

/* The bytes that are shown: the copy that was asked for; or one that can be read; or the letter as it came. */
static bool make_bytes(struct telling *t, uint64_t which, struct buf *copy, struct slice *bytes,
                       struct error *e)
{
    struct catalog_letter content = *t->letter;

    which = which == 0 && t->marked ? 1 : which;
    if (!desk_content(t->desk, &content, bytes, e)) {
        return false;
    }
    t->answer->submitted = which == 0;
    if (which == 0) {
        return true;
    }
    if (!desk_copy(t->desk, t->letter, which, *bytes, copy, e)) {
        return false;
    }
    *bytes = buf_slice(copy);
    return true;
}

/* What a malware scanner keeps back is handed to nobody: the header alone. */
static struct slice shown(const struct reader_waiting_answer *answer, struct slice copy)
{
    const uint8_t *end = answer->cut && copy.len ? memmem(copy.ptr, copy.len, "\r\n\r\n", 4) : NULL;

    return end ? slice_head(copy, (size_t)(end - copy.ptr) + 2) : copy;
}

/* Whether it waits for whoever asks; otherwise it is refused as if there were none. */
static bool may_see(struct reader *reader, const struct ipc_request *r, struct slice name,
                    struct slice *digest, struct error *e)
{
    const struct reader_waiting_ask *ask = r->ask;
    const struct keeper_consent_ask question = {ask->id, reader_visitor(r)->caller.account};
    struct keeper_consent_answer answer = {.may = false};

    if (question.account.len && reader->approves &&
        !reader->approves(reader->context, &question, r->arena, &answer, e)) {
        return false;
    }
    *digest = answer.digest;
    if (answer.may) {
        return true;
    }
    (void)error_set(e, question.account.len ? ERROR_INPUT : ERROR_DENIED,
                    question.account.len
                        ? "no letter with this id waits for you: `postern letter waiting` "
                          "lists those that do"
                        : "who approves letters signs in as a person: `postern login "
                          "ACCOUNT`");
    return reader_refused(reader, r, "letter show", name, e);
}

bool reader_on_waiting(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_waiting_ask *ask = r->ask;
    struct reader_waiting_answer *answer = r->answer;
    OWN(buf) struct buf copy = {0};
    OWN(desk) struct desk d = {0};
    struct catalog_letter letter;
    struct telling t = {
        .desk = &d, .letter = &letter, .id = ask->id, .answer = answer, .arena = r->arena};
    struct slice digest = SLICE_NONE;
    struct slice bytes = SLICE_NONE;
    struct letter_id id;
    uint64_t open = 0;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    struct slice name = desk_letter_name(&id, r->arena);
    if (!may_see(reader, r, name, &digest, e) || !desk_open(reader, &d, e) ||
        !desk_find(&d, ask->id, &letter, e) || !add_records(&t, e) ||
        !look_at_copies(&t, digest, &open, e) ||
        !make_bytes(&t, ask->copy ? ask->copy : open, &copy, &bytes, e)) {
        return false;
    }
    bytes = shown(answer, bytes);
    answer->size = bytes.len;
    return reader_record(reader, r, "letter show", name, SLICE_NONE, bytes.len, e) &&
           memfd_from("letter", bytes, &r->answer_fd, e);
}
