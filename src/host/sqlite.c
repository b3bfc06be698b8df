#include "host/sqlite.h"

#include <unistd.h>

#include "base/clock.h"

#define RETRY_US 2000

bool sqlite_begin_reading(sqlite3 *db, int64_t within_ms)
{
    int64_t give_up_ms = clock_steady_ms() + within_ms;

    while (sqlite3_exec(db, "BEGIN; PRAGMA user_version", NULL, NULL, NULL) != SQLITE_OK) {
        int code = sqlite3_extended_errcode(db);
        bool passing = code == SQLITE_READONLY_RECOVERY || code == SQLITE_READONLY_CANTLOCK;
        if (!passing || clock_steady_ms() >= give_up_ms) {
            return false;
        }
        sqlite_end_reading(db);
        (void)usleep(RETRY_US);
    }
    return true;
}

void sqlite_end_reading(sqlite3 *db)
{
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

bool sqlite_wipe(sqlite3 *db)
{
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    bool wiped = sqlite3_exec(db, "VACUUM", NULL, NULL, NULL) == SQLITE_OK;
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    return wiped;
}
