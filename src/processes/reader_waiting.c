/* A letter that waits for a second person, shown to one who may approve it: as it would leave, with all recipients of its
 * envelope. What else an account may read is no matter here, and the keeper alone says whether it may, and which copy would leave. */
#include <string.h>

#include "host/memfd.h"
#include "keyring/digest.h"
#include "letter/about.h"
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
    struct arena *arena;
};

static bool other_record(struct error *e)
{
    return error_set(e, ERROR_CORRUPT,
                     "the catalog names another letter's record: `postern catalog rebuild` makes "
                     "it anew");
}

/* The catalog is not authenticated: what it names must be of this type, and about this letter. */
static bool is_about(const struct telling *t, const struct ledger_entry *entry, uint16_t type,
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
    if (type == RECORD_DECISION) {
        const struct ruling *rulings = record.decision.rulings.items;
        for (size_t i = 0; i < record.decision.rulings.count; i++) {
            t->answer->cut = t->answer->cut || rulings[i].guard;
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
    t->answer->records.items = arena_array(t->arena, 3, sizeof(struct reader_record));
    return add_record(t, RECORD_FACTS, e) && add_record(t, RECORD_DECISION, e) &&
           add_record(t, RECORD_FINDINGS, e);
}

/* The copy, if it is the one that the keeper would let go. */
static bool make_copy(const struct telling *t, struct slice digest, struct buf *copy,
                      struct error *e)
{
    struct catalog_letter content = *t->letter;
    struct slice bytes = SLICE_NONE;
    uint8_t made[DIGEST_LEN];

    if (!desk_content(t->desk, &content, &bytes, e) ||
        !desk_copy(t->desk, t->letter, bytes, copy, e)) {
        return false;
    }
    digest_of(buf_slice(copy), SLICE_NONE, made);
    return slice_equal(digest, SLICE_ARRAY(made)) || other_record(e);
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
    struct letter_id id;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    struct slice name = desk_letter_name(&id, r->arena);
    if (!may_see(reader, r, name, &digest, e) || !desk_open(reader, &d, e) ||
        !desk_find(&d, ask->id, &letter, e) || !add_records(&t, e) ||
        !make_copy(&t, digest, &copy, e)) {
        return false;
    }
    struct slice bytes = shown(answer, buf_slice(&copy));
    answer->size = bytes.len;
    return reader_record(reader, r, "letter show", name, SLICE_NONE, bytes.len, e) &&
           memfd_from("letter", bytes, &r->answer_fd, e);
}
