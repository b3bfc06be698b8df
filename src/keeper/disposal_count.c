/* What a disposal destroyed, from the ledger alone. */
#include "keeper/disposal.h"
#include "keeper/internal.h"

/* Letters that a removal for this request destroyed. */
static bool count_removal(const struct docket_request *r, const struct ledger_entry *entry,
                          struct arena *arena, uint64_t *destroyed, struct error *e)
{
    struct removal removal;

    if (entry->type != RECORD_REMOVAL || entry->erased) {
        return true;
    }
    if (!cbor_read(entry->body, &removal_schema, arena, &removal, e)) {
        return error_add(e, "record %llu", (unsigned long long)entry->ref.seq);
    }
    *destroyed += slice_equal(removal.request, r->record.id) ? removal.letters.count : 0;
    return true;
}

bool disposal_count_destroyed(struct keeper *k, const struct docket_request *r, uint64_t *destroyed,
                              struct error *e)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    enum ledger_next next = LEDGER_ENTRY;
    struct ledger_head head;
    struct ledger_ref ref;

    ledger_head(k->ledger, &head);
    if (!keeper_reader(k, &reader, e) || !ledger_reader_find(reader, r->begun, &ref, e)) {
        return false;
    }
    ledger_reader_only(reader, RECORD_REMOVAL, RECORD_REMOVAL);
    struct ledger_position at = {ref.seq, ref.segment, ref.offset};
    while (next == LEDGER_ENTRY) {
        struct ledger_entry entry;
        arena_reset(&arena);
        next = ledger_reader_next(reader, &at, &head, &arena, &entry, e);
        if (next == LEDGER_ENTRY && !count_removal(r, &entry, &arena, destroyed, e)) {
            return false;
        }
    }
    return next == LEDGER_AT_END;
}
