/* catalog/internal - the statements that fold.c, find.c and open.c share. */
#pragma once

#include <sqlite3.h>

#include "catalog/catalog.h"
#include "catalog/retention.h"
#include "letter/findings.h"

#define CATALOG_KNOWN_KEY_LEN 16

enum statement {
    SQL_POSITION,
    SQL_ADD_LETTER,
    SQL_ADD_RECORD,
    SQL_LETTER_OF,
    SQL_DECIDED,
    SQL_ADD_ROW,
    SQL_BEGIN_ATTEMPT,
    SQL_PENDING,
    SQL_SET_PENDING,
    SQL_REMOVE_ROW,
    SQL_SET_STATE,
    SQL_RETRY,
    SQL_WARNED,
    SQL_FIND,
    SQL_RECORDS,
    SQL_LAST_RECORD,
    SQL_QUEUE,
    SQL_UNDECIDED,
    SQL_BEFORE,
    SQL_BEHIND,
    SQL_COUNTS,
    SQL_IMPORTED_DECIDED,
    SQL_FIND_IMPORTED,
    SQL_ADD_IMPORT,
    SQL_IMPORT_OF,
    SQL_END_IMPORT,
    SQL_IMPORTS,
    SQL_ERASED_SEEN,
    SQL_IS_REMOVED,
    SQL_ADD_REMOVAL,
    SQL_DROP_LETTER,
    SQL_DROP_RECORDS,
    SQL_DROP_QUEUE,
    SQL_REMOVAL,
    SQL_ADD_ERASED_IMPORT,
    SQL_FIND_ERASED_IMPORT,
    SQL_REMOVED,
    SQL_REPEATED,
    SQL_SET_RULE,
    SQL_SET_DATE,
    SQL_DROP_DATE,
    SQL_SET_STAMP,
    SQL_DROP_STAMP,
    SQL_DROP_STAMPED,
    SQL_ADD_STAMPED,
    SQL_RULES,
    SQL_RULES_COUNTED,
    SQL_DATES,
    SQL_STAMP,
    SQL_ENDED,
    SQL_RETENTION_COUNTS,
    SQL_COUNT_BETWEEN,
    SQL_ADD_KNOWN,
    SQL_KNOWN,
    SQL_KNOWN_FIRST,
    SQL_DROP_KNOWN,
    SQL_STATEMENTS,
};

struct catalog {
    sqlite3 *db;
    sqlite3_stmt *prepared[SQL_STATEMENTS]; /* made when first needed */
    struct ledger_position position;
    uint8_t key[CATALOG_KEY_LEN];
    uint8_t known_key[CATALOG_KNOWN_KEY_LEN]; /* see catalog/known.h */
};

/* The statement, reset and without bindings; NULL with *e set when it cannot be prepared. */
sqlite3_stmt *catalog_statement(struct catalog *c, enum statement which, struct error *e);

/* Step a statement that gives no rows, and reset it. */
bool catalog_run(struct catalog *c, sqlite3_stmt *s, struct error *e) MUST_CHECK;

/* Fill *e from what SQLite says, and return false. */
bool catalog_failed(struct catalog *c, const char *doing, struct error *e);

/* Read the columns of SQL_FIND, SQL_UNDECIDED, SQL_BEFORE and SQL_BEHIND. */
void catalog_letter_columns(sqlite3_stmt *s, struct catalog_letter *out);

/* A list that grows in an arena: doubling leaves at most as much garbage as it holds. */
struct growing {
    void *items;
    size_t count;
    size_t room;
    size_t size; /* of an item */
};

/* Step through all rows, reading each into the next item of the list. */
bool catalog_collect(struct catalog *c, sqlite3_stmt *s, struct growing *g, struct arena *arena,
                     void (*read)(sqlite3_stmt *, struct arena *, void *),
                     struct error *e) MUST_CHECK;

/* Read a row of the letters' columns as an item. */
void catalog_read_letter(sqlite3_stmt *s, struct arena *arena, void *item);

/* retention.c: fold a record of that kind. */
bool catalog_fold_rule(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e) MUST_CHECK;
bool catalog_fold_date(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e) MUST_CHECK;
bool catalog_fold_classes(struct catalog *c, uint64_t letter, const struct classes *classes,
                          struct error *e) MUST_CHECK;

/* known.c: the key, once the catalog has its own; and whom a letter made known. */
void catalog_known_begin(struct catalog *c);
bool catalog_fold_known(struct catalog *c, const struct facts *f, uint64_t letter,
                        struct error *e) MUST_CHECK;
bool catalog_fold_links(struct catalog *c, const struct findings *f, uint64_t letter,
                        struct arena *arena, struct error *e) MUST_CHECK;

/* removal.c: likewise; and run a statement that takes a letter's number alone. */
bool catalog_run_for(struct catalog *c, enum statement which, uint64_t letter,
                     struct error *e) MUST_CHECK;
bool catalog_fold_removal(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                          struct error *e) MUST_CHECK;

/* Take a letter out. */
bool catalog_drop_stamp(struct catalog *c, uint64_t letter, struct error *e) MUST_CHECK;
