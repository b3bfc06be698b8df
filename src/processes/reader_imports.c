/* What was imported, and what could not be. */
#include "processes/reader.h"
#include "requests/reader.h"

#define IMPORTS_SHOWN 200               /* in one answer */
#define SHOWN_MAX     ((size_t)2 << 20) /* bytes of records in one answer */

struct list {
    struct reader_record *records;
    size_t count;
    size_t bytes;
    bool more;
};

/* Add a record, unless the answer has enough. */
static bool add(struct desk *d, const struct catalog_record *from, struct list *l,
                struct arena *arena, struct error *e)
{
    struct ledger_entry entry;

    arena_reset(&d->arena);
    if (!ledger_reader_get(d->ledger, from->ref, &d->arena, &entry, e)) {
        return false;
    }
    l->more = l->count != 0 && l->bytes + entry.body.len > SHOWN_MAX;
    if (!l->more) {
        l->bytes += entry.body.len;
        l->records[l->count++] = (struct reader_record){
            .seq = from->ref.seq,
            .type = from->type,
            .time = (uint64_t)entry.time_ms,
            .body = arena_copy(arena, entry.body),
        };
    }
    return true;
}

/* The first and the last record of an import; both or none. */
static bool add_ends(struct desk *d, uint64_t seq, struct list *l, struct arena *arena,
                     struct error *e)
{
    struct catalog_record *records = NULL;
    size_t count = 0;
    size_t before = l->count;

    if (!catalog_records(d->catalog, seq, arena, &records, &count, e)) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    if (!add(d, &records[0], l, arena, e) || l->more) {
        return l->more;
    }
    if (!add(d, &records[count - 1], l, arena, e)) {
        return false;
    }
    l->count = l->more ? before : l->count;
    return true;
}

bool reader_on_imports(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_letter_ask *ask = r->ask;
    struct reader_show_answer *answer = r->answer;
    struct catalog_import *imports = NULL;
    struct list l = {.records = arena_array(r->arena, 2 * IMPORTS_SHOWN, sizeof(*l.records))};
    OWN(desk) struct desk d = {0};
    size_t count = 0;

    if (!desk_open(reader, &d, e) ||
        !catalog_imports(d.catalog, ask->from ? ask->from : UINT64_MAX, IMPORTS_SHOWN, r->arena,
                         &imports, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count && !l.more; i++) {
        if (!add_ends(&d, imports[i].seq, &l, r->arena, e)) {
            return false;
        }
    }
    answer->records = (struct cbor_list){l.records, l.count};
    answer->more = l.more || count == IMPORTS_SHOWN;
    return reader_record(reader, r, "import list", SLICE_NONE, ask->reason, count, e);
}

static bool find(struct desk *d, struct slice id, struct catalog_import *out, struct arena *arena,
                 struct error *e)
{
    struct catalog_import *imports = NULL;
    uint64_t before = UINT64_MAX;
    size_t count = 0;

    do {
        if (!catalog_imports(d->catalog, before, IMPORTS_SHOWN, arena, &imports, &count, e)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            before = imports[i].seq;
            if (slice_equal(letter_id_slice(&imports[i].id), id)) {
                *out = imports[i];
                return true;
            }
        }
    } while (count == IMPORTS_SHOWN);
    return error_set(e, ERROR_INPUT, "there is no import of that id: `postern import list`");
}

bool reader_on_import(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_letter_ask *ask = r->ask;
    struct reader_show_answer *answer = r->answer;
    struct catalog_import import;
    struct catalog_record *records = NULL;
    char name[LETTER_ID_TEXT];
    OWN(desk) struct desk d = {0};
    struct list l = {0};
    size_t count = 0;

    if (!desk_open(reader, &d, e) || !find(&d, ask->id, &import, r->arena, e) ||
        !catalog_records(d.catalog, import.seq, r->arena, &records, &count, e)) {
        return false;
    }
    l.records = arena_array(r->arena, count + 1, sizeof(*l.records));
    for (size_t i = 0; i < count && !l.more && l.count < READER_RECORDS_MAX; i++) {
        if (records[i].ref.seq >= ask->from && !add(&d, &records[i], &l, r->arena, e)) {
            return false;
        }
    }
    answer->records = (struct cbor_list){l.records, l.count};
    answer->more = l.more;
    letter_id_text(&import.id, name);
    return reader_record(reader, r, "import report", slice_text(name), ask->reason, l.count, e);
}
