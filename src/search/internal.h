/* search/internal - what writer and finder share: the file, the key, the tokens. */
#pragma once

#include <sqlite3.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#include "formats/text/terms.h"
#include "host/sqlite.h"
#include "letter/group.h"
#include "search/index.h"
#include "search/query.h"

#define TOKEN_LEN     8 /* bytes: a SipHash-2-4 */
#define TOKEN_KEY_LEN 16
#define CHECK_LEN     16
#define SEARCH_DAY_MS 86400000u
#define ACCOUNT_LEN   40 /* of the mark of an account */

/* The two halves of the key: one makes tokens, one proves that the file belongs to the key. */
struct token_keys {
    uint8_t token[TOKEN_KEY_LEN];
    uint8_t check[TOKEN_KEY_LEN];
};

/* The token of a term, none of whose bytes is zero. */
uint64_t token_of(const struct token_keys *keys, struct slice term);

/* As it stands in the index: its most significant byte first. */
void token_write(uint64_t token, uint8_t bytes[static TOKEN_LEN]);

#define TOKEN_TEXT_LEN 16 /* in a MATCH expression: hexadecimal */

/* The mark of letters of a group's members: "group:sales". */
#define GROUP_MARK     "group:"
#define GROUP_MARK_MAX (sizeof(GROUP_MARK) + GROUP_NAME_MAX)

/* The mark of an account's letters. Its length does not depend on the account's. */
void token_account(struct slice account, uint8_t mark[static ACCOUNT_LEN]);

/* The value by which a file knows its key. */
void token_check(const struct token_keys *keys, uint8_t check[static CHECK_LEN]);

/* Give FTS5 of this connection the tokenizer "keyed". It reads the strings of a MATCH expression as
 * tokens, those between bars as spellings of one word. */
bool token_register(sqlite3 *db, struct error *e) MUST_CHECK;

/* Names of the columns by enum text_field; [0] is the one of the marks. */
extern const char *const search_columns[TEXT_FIELDS];

/* Give it the function score(words), a letter's relevance: see score.c. */
bool score_register(sqlite3 *db, struct error *e) MUST_CHECK;

/* The interface of FTS5. */
fts5_api *search_fts5(sqlite3 *db, struct error *e);

/* Append the MATCH expression of a query tree. It consists of tokens, our own column names and
 * operators, and nothing that a person wrote. */
void match_write(struct buf *out, const struct token_keys *keys, const struct query_node *node);

/* ---- query_values.c ---- */

/* A day, month or year as its first millisecond since 1970; false when it is none. */
bool query_date(struct slice text, uint64_t *ms) MUST_CHECK;

/* "20000", "500K", "5M" as bytes. */
bool query_size(struct slice text, uint64_t *bytes) MUST_CHECK;

/* Fill in the variants of the terms that a text was cut into. */
void query_spellings(struct slice text, struct query_term *terms, size_t count,
                     struct arena *arena);

/* ---- pages.c ---- */

#define PAGES_SEAL_LEN 40 /* nonce and tag */

/* sqlite3_open_v2() of a file whose pages are sealed. The keys outlive the connection. */
int pages_open(const char *path, int flags, const struct token_keys *keys, sqlite3 **db);

/* Whether this thread met a page that is not what was written, since it asked last. */
bool pages_damaged(void);

/* Empty the file, however damaged it is. */
bool pages_wipe(sqlite3 *db) MUST_CHECK;

/* ---- SQLite ---- */

enum search_db_use {
    SEARCH_DB_READ,
    SEARCH_DB_WRITE,
    SEARCH_DB_MERGE, /* write to what SEARCH_DB_WRITE has opened: never make a file or its tables */
    SEARCH_DB_ANEW,  /* write, and throw away what is there */
};

/* Open the file, set the connection up, check format and key; the writer creates what is not
 * there, a reader has begun to read. On failure *db is NULL. */
bool search_db_open(const char *path, enum search_db_use use, const struct token_keys *keys,
                    sqlite3 **db, struct error *e) MUST_CHECK;

/* Check format and key; the writer makes the tables in an empty file. */
bool search_db_check(sqlite3 *db, const struct token_keys *keys, bool writer,
                     struct error *e) MUST_CHECK;

/* sqlite_begin_reading(), with the reason in *e. */
bool search_db_begin_reading(sqlite3 *db, struct error *e) MUST_CHECK;

/* Fill *e from the connection's last error. */
bool search_db_error(sqlite3 *db, struct error *e, const char *doing);

/* Run statements that return no rows. */
bool search_db_run(sqlite3 *db, const char *sql, struct error *e) MUST_CHECK;

/* Compile one statement; it is the caller's to finalise. */
bool search_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement,
                       struct error *e) MUST_CHECK;

/* Close, also what could not be opened. Accepts NULL. */
void search_db_close(sqlite3 *db);

static inline void own_statement(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}
