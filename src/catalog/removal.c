/* Letters that were erased leave the catalog; what stays says that there was one. */
#include "letter/removal.h"

#include "catalog/internal.h"

bool catalog_run_for(struct catalog *c, enum statement which, uint64_t letter, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, which, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    return catalog_run(c, s, e);
}

static bool remove_letter(struct catalog *c, const struct removed_letter *l,
                          const struct ledger_ref *ref, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_ADD_REMOVAL, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)l->seq);
    (void)sqlite3_bind_blob(s, 2, l->id.ptr, (int)l->id.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, (int64_t)ref->seq);
    (void)sqlite3_bind_int64(s, 4, (int64_t)ref->segment);
    (void)sqlite3_bind_int64(s, 5, (int64_t)ref->offset);
    return catalog_run(c, s, e) && catalog_run_for(c, SQL_DROP_LETTER, l->seq, e) &&
           catalog_run_for(c, SQL_DROP_RECORDS, l->seq, e) &&
           catalog_run_for(c, SQL_DROP_QUEUE, l->seq, e) &&
           catalog_run_for(c, SQL_DROP_KNOWN, l->seq, e) && catalog_drop_stamp(c, l->seq, e);
}

/* So that it is known when somebody imports it again. */
static bool keep_erased_import(struct catalog *c, struct slice repeat, int64_t at, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_ADD_ERASED_IMPORT, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, repeat.ptr, (int)repeat.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, at);
    return catalog_run(c, s, e);
}

bool catalog_fold_removal(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                          struct error *e)
{
    struct removal r;

    if (!cbor_read(entry->body, &removal_schema, arena, &r, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "catalog: record %llu", (unsigned long long)entry->ref.seq);
    }
    const struct removed_letter *letters = r.letters.items;
    for (size_t i = 0; i < r.letters.count; i++) {
        struct slice imported = letters[i].imported;
        if (!remove_letter(c, &letters[i], &entry->ref, e) ||
            (imported.len && !keep_erased_import(c, imported, entry->time_ms, e))) {
            return false;
        }
    }
    return true;
}
