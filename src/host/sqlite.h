/* host/sqlite - what SQLite leaves to those whose files can be made again from something else: reading
 * beside a writer without waiting, and emptying a damaged file. False: sqlite3_errcode() says why. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Begin a reader's transaction, in which it sees one state and never has to wait. Only its beginning
 * can meet the writer: a reader cannot tell a file head that is just being written from one that a
 * dead writer has left, nor mend either, and SQLite says so at once; either will be right in a moment,
 * within_ms at the latest. */
bool sqlite_begin_reading(sqlite3 *db, int64_t within_ms) __attribute__((warn_unused_result));

/* End the transaction; without one nothing happens. */
void sqlite_end_reading(sqlite3 *db);

/* Empty the file, whatever is in it: sqlite3_db_config(), SQLITE_DBCONFIG_RESET_DATABASE. */
bool sqlite_wipe(sqlite3 *db) __attribute__((warn_unused_result));
