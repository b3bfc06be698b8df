/* How well a letter fits a query: for each word or phrase the places where it stands, a subject's more
 * than a text's, each further one less than the one before. It depends on the letter and the query
 * alone, not on what else is in the archive, so that pages stay what they are while mail arrives. */
#include "search/internal.h"

#define PHRASES_MAX   QUERY_TERMS_MAX
#define INSTANCES_MAX 1000 /* that are looked at in one letter */
#define SCALE         1000000

/* By column, in the order of the schema: subject, body, names, sender, receiver, copied, marks. */
static const int weights[] = {8, 1, 4, 4, 3, 3, 0};

static void score(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *result,
                  int n_arguments, sqlite3_value **arguments)
{
    int sums[PHRASES_MAX] = {0};
    int count = 0;
    int64_t total = 0;

    (void)n_arguments;
    (void)arguments;
    if (api->xInstCount(fts, &count) != SQLITE_OK) {
        sqlite3_result_error_code(result, SQLITE_CORRUPT);
        return;
    }
    for (int i = 0; i < count && i < INSTANCES_MAX; i++) {
        int phrase = 0;
        int column = 0;
        int offset = 0;
        if (api->xInst(fts, i, &phrase, &column, &offset) == SQLITE_OK && phrase >= 0 &&
            phrase < PHRASES_MAX && column >= 0 &&
            (size_t)column < sizeof(weights) / sizeof(weights[0])) {
            sums[phrase] += weights[column];
        }
    }
    for (size_t i = 0; i < PHRASES_MAX; i++) {
        total += (int64_t)sums[i] * SCALE / (sums[i] + 4);
    }
    sqlite3_result_int64(result, total);
}

bool score_register(sqlite3 *db, struct error *e)
{
    fts5_api *api = search_fts5(db, e);

    return api && (api->xCreateFunction(api, "score", NULL, score, NULL) == SQLITE_OK ||
                   search_db_error(db, e, "cannot set up"));
}
