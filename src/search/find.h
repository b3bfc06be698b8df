/* search/find - answers queries from search.db, which another process is writing.
 *
 * Opened read-only: the reader's user needs to read the file, its -wal and -shm, and the writer
 * must have it open or have closed it cleanly. One thread at a time uses one finder. */
#pragma once

#include "base/error.h"
#include "base/own.h"

#include "search/query.h"

#define SEARCH_PAGE_MAX 1000

struct search_finder;

#define SEARCH_RANKED 10000 /* letters that are put in order of relevance: the newest that match */

enum search_order {
    SEARCH_NEWEST = 0,   /* what was archived last comes first */
    SEARCH_RELEVANT = 1, /* what fits best, of the newest SEARCH_RANKED */
    SEARCH_DATED = 2, /* by the letters' own dates, the newest first, whenever they were archived */
    SEARCH_ORDERS = 3,
};

struct search_hit {
    uint64_t seq; /* of the letter's facts record in the ledger */
    uint64_t at;
    uint64_t score; /* what they are in order of; 0 when what was archived last comes first */
};

/* Where a page begins: behind that hit. What was archived after the first page was asked for comes on
 * no later one. */
struct search_place {
    enum search_order order;
    uint64_t top;   /* the first page's newest letter; 0: this is the first page */
    uint64_t seq;   /* of the last hit of the page before */
    uint64_t score; /* likewise */
};

/* How much of the archive can be found. */
struct search_coverage {
    uint64_t letters;  /* in the index */
    uint64_t partly;   /* of these: with parts that could not be read */
    uint64_t unread;   /* of these: by their envelope only */
    uint64_t position; /* ledger sequence number up to which nothing is missing */
};

/* Open search.db for reading; errors as search_index_open(). */
bool search_finder_open(const char *path, struct slice key, struct search_finder **out,
                        struct error *e) MUST_CHECK;

/* NULL is fine. */
void search_finder_close(struct search_finder *f);

/**
 * Find letters.
 *
 * @param place  where to begin: all but the order is zero for the first page. Filled with where the
 *               next page begins
 * @param hits   room for `max` hits, 1 to SEARCH_PAGE_MAX
 * @param count  number of hits; fewer than `max`: there are no more
 * @return       false with ERROR_BUSY (took too long, file in the way) or ERROR_CORRUPT
 */
bool search_find(struct search_finder *f, const struct query *query, struct search_place *place,
                 struct search_hit *hits, size_t max, size_t *count, struct error *e) MUST_CHECK;

/* How much of the archive the index has, as of its last commit. */
bool search_coverage(struct search_finder *f, struct search_coverage *out,
                     struct error *e) MUST_CHECK;

OWN_BY(search_finder, struct search_finder, search_finder_close)
