#include <stdlib.h>

#include "search/internal.h"
#include "search/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a person writes, SQLite gets tokens and operators that its own parser accepts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct token_keys keys = {.token = {1}};
    static sqlite3 *db;
    static sqlite3_stmt *find;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf match = {.max = 16384};
    struct query query;
    struct error e = {0};

    if (!db &&
        (sqlite3_open(":memory:", &db) != SQLITE_OK || !token_register(db, &e) ||
         !search_db_run(db,
                        "CREATE VIRTUAL TABLE words USING fts5(subject, body, names, sender,"
                        " receiver, copied, marks, content='', columnsize=0, tokenize='keyed')",
                        &e) ||
         !search_db_prepare(db, "SELECT 1 FROM words WHERE words MATCH ?1", &find, &e))) {
        abort();
    }
    if (!query_parse(slice_of(data, size), &arena, &query, &e)) {
        if (e.kind != ERROR_INPUT || e.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    if (query.root) {
        match_write(&match, &keys, query.root);
        (void)sqlite3_bind_text(find, 1, (const char *)match.ptr, (int)match.len, SQLITE_STATIC);
        if (match.full || sqlite3_step(find) != SQLITE_DONE) {
            abort();
        }
        (void)sqlite3_reset(find);
    }
    return 0;
}
