/* A letter that waits for a second person, shown to one who may approve it: as it would leave, with all recipients of its
 * envelope. What else an account may read is no matter here, and the keeper alone says whether it may. */
#include "host/memfd.h"
#include "processes/reader.h"
#include "requests/consent.h"

#define RECORDS_BYTES_MAX                                                                          \
    ((size_t)3 << 20) /* findings that do not fit beside the rest are left out */

static bool add_record(struct desk *d, const struct catalog_letter *letter, uint16_t type,
                       struct reader_waiting_answer *answer, size_t *bytes, struct arena *arena,
                       struct error *e)
{
    struct reader_record *records = answer->records.items;
    struct ledger_entry entry;
    struct ledger_ref ref = letter->facts;
    bool found = type == RECORD_FACTS;

    if (!found && !catalog_record(d->catalog, letter->seq, type, &ref, &found, e)) {
        return false;
    }
    if (!found || !ledger_reader_get(d->ledger, ref, &d->arena, &entry, e)) {
        return !found;
    }
    if (*bytes + entry.body.len <= RECORDS_BYTES_MAX) {
        *bytes += entry.body.len;
        records[answer->records.count++] =
            (struct reader_record){.seq = ref.seq,
                                   .type = type,
                                   .time = (uint64_t)entry.time_ms,
                                   .body = arena_copy(arena, entry.body)};
    }
    return true;
}

static bool add_records(struct desk *d, const struct catalog_letter *letter,
                        struct reader_waiting_answer *answer, struct arena *arena, struct error *e)
{
    size_t bytes = 0;

    answer->records.items = arena_array(arena, 3, sizeof(struct reader_record));
    return add_record(d, letter, RECORD_FACTS, answer, &bytes, arena, e) &&
           add_record(d, letter, RECORD_DECISION, answer, &bytes, arena, e) &&
           add_record(d, letter, RECORD_FINDINGS, answer, &bytes, arena, e);
}

/* Whether it waits for whoever asks; otherwise it is refused as if there were none. */
static bool may_see(struct reader *reader, const struct ipc_request *r, struct slice id,
                    struct slice name, struct error *e)
{
    struct slice account = reader_visitor(r)->caller.account;
    bool may = false;

    if (account.len && reader->approves &&
        !reader->approves(reader->context, id, account, &may, e)) {
        return false;
    }
    if (may) {
        return true;
    }
    (void)error_set(e, account.len ? ERROR_INPUT : ERROR_DENIED,
                    account.len ? "no letter with this id waits for you: `postern letter waiting` "
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
    struct catalog_letter content;
    struct slice bytes = SLICE_NONE;
    struct letter_id id;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    struct slice name = desk_letter_name(&id, r->arena);
    if (!may_see(reader, r, ask->id, name, e) || !desk_open(reader, &d, e) ||
        !desk_find(&d, ask->id, &letter, e)) {
        return false;
    }
    content = letter;
    if (!add_records(&d, &letter, answer, r->arena, e) || !desk_content(&d, &content, &bytes, e) ||
        !desk_copy(&d, &letter, bytes, &copy, e)) {
        return false;
    }
    answer->size = copy.len;
    return reader_record(reader, r, "letter show", name, SLICE_NONE, copy.len, e) &&
           memfd_from("letter", buf_slice(&copy), &r->answer_fd, e);
}
