/* The catalog says which records are a letter's; whose they are they say themselves. */
#include "base/log.h"

#include "keeper/erase.h"
#include "keeper/internal.h"
#include "letter/about.h"

static bool is_theirs(const struct erasing *x, const struct ledger_entry *entry, struct slice id)
{
    for (size_t i = 0; i < x->n_letters; i++) {
        if (slice_equal(x->letters[i].id, id)) {
            return entry->type != RECORD_FACTS || entry->ref.seq == x->letters[i].seq;
        }
    }
    return false;
}

static bool look_at(const struct erasing *x, struct ledger_ref ref, struct arena *arena,
                    bool *theirs, struct error *e)
{
    struct ledger_entry entry;
    struct slice id;

    if (!keeper_entry(x->k, ref, arena, &entry, e)) {
        return false;
    }
    const struct cbor_schema *schema = letter_record_schema(entry.type);
    if (!schema) {
        *theirs = false;
        return true;
    }
    void *value = arena_alloc(arena, schema->size);
    if (!cbor_read(entry.body, schema, arena, value, e)) {
        e->kind = ERROR_CORRUPT;
        return false;
    }
    (void)memcpy(&id, value, sizeof(id));
    *theirs = is_theirs(x, &entry, id);
    return true;
}

/* Whether the record is where the catalog says it is. What is looked for in a wrong place does not open, and may well be
 * another letter's. */
static bool is_there(const struct erasing *x, struct ledger_ref ref, bool *there, struct error *e)
{
    struct lookup *l = keeper_lookup(x->k, e);
    struct ledger_ref found;

    if (!l) {
        return false;
    }
    bool told = ledger_reader_find(l->reader, ref.seq, &found, e);
    keeper_lookup_end(x->k, l);
    *there = told && found.segment == ref.segment &&
             (found.offset == 0 || ref.offset == 0 || found.offset == ref.offset);
    return told || e->kind == ERROR_INPUT; /* no such record */
}

bool erase_proves_records(const struct erasing *x, size_t first, bool *unread, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};

    *unread = false;
    for (size_t i = first; i < x->n_refs; i++) {
        bool theirs = true;
        arena_reset(&arena);
        if (!look_at(x, x->refs[i], &arena, &theirs, e)) {
            if (e->kind != ERROR_CORRUPT || !is_there(x, x->refs[i], &theirs, e)) {
                return false;
            }
            *unread = true;
        }
        if (!theirs) {
            keeper_alert(x->k, "catalog-altered",
                         "the catalog names a record as a letter's that is not its own: the "
                         "letter is not destroyed; run `postern catalog rebuild`");
            return error_set(e, ERROR_CORRUPT,
                             "record %llu is not the letter's that the catalog says it is: run "
                             "`postern catalog rebuild`",
                             (unsigned long long)x->refs[i].seq);
        }
    }
    return true;
}
