/* Which checkpoints went to somebody else: found by reading the ledger, which alone says so. */
#include "processes/reader.h"
#include "requests/reader.h"

/* One anchor's record as it is, into the answer. */
static bool take(const struct ledger_entry *entry, struct arena *arena, struct reader_anchor *out,
                 struct error *e)
{
    OWN(arena) struct arena mine = {.max = READER_ANCHOR_MAX * 2};
    struct checkpoint_record record;

    if (!cbor_read(entry->body, &checkpoint_schema, &mine, &record, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "record %llu", (unsigned long long)entry->ref.seq);
    }
    *out = (struct reader_anchor){.seq = entry->ref.seq, .time = (uint64_t)entry->time_ms};
    if (record.kind) {
        out->body = arena_copy(arena, entry->body);
    }
    return true;
}

bool reader_on_anchors(void *ctx, struct ipc_request *r, struct error *e)
{
    struct reader *reader = ctx;
    const struct reader_anchors_ask *ask = r->ask;
    struct reader_anchors_answer *answer = r->answer;
    struct reader_anchor *list = arena_array(r->arena, READER_ANCHORS_MAX, sizeof(*list));
    struct ledger_position at = {ask->seq, (uint32_t)ask->segment, ask->offset};
    OWN(arena) struct arena arena = {.max = READER_ARENA_MAX};
    OWN(ledger_reader) struct ledger_reader *ledger = NULL;
    enum ledger_next next = LEDGER_ENTRY;
    size_t n = 0;

    if (!reader_open_ledger(reader, &ledger, e)) {
        return false;
    }
    ledger_reader_only(ledger, RECORD_CHECKPOINT, RECORD_CHECKPOINT);
    while (n < READER_ANCHORS_MAX) {
        struct ledger_entry entry;
        arena_reset(&arena);
        next = ledger_reader_next(ledger, &at, NULL, &arena, &entry, e);
        if (next != LEDGER_ENTRY) {
            break;
        }
        if (entry.type == RECORD_CHECKPOINT) {
            if (!take(&entry, r->arena, &list[n], e)) {
                return false;
            }
            n += list[n].body.len > 0;
        }
    }
    *answer = (struct reader_anchors_answer){
        {list, n},
        at.seq, at.segment, at.offset, n == READER_ANCHORS_MAX
    };
    return next != LEDGER_FAILED;
}
