/* search/segment - adds segments to FTS5's index beside FTS5, and has it merge them.
 *
 * FTS5 keeps its index in tables of its own (%_data, %_idx), as segments that it merges by and by. Its own way of
 * adding to them is a hash table of all words of a transaction, two waits for memory a word. Here a segment is made
 * in order (leaves.h), stored, and named in FTS5's list of segments. Merging stays FTS5's, by a connection of its
 * own: it learns of what another connection changed, and only of that. */
#pragma once

#include "search/leaves.h"

struct segments;

#define SEGMENTS_STEP 1000 /* leaves to merge at a time: some 4 MB */

/**
 * Prepare to add segments.
 *
 * @param db    the writer's connection; FTS5 writes nothing by it but 'delete-all'
 * @param path  of its file; it outlives this, as db and keys do
 * @return      false with ERROR_CORRUPT when the list of segments is missing or damaged, ERROR_BUSY
 */
bool segments_open(sqlite3 *db, const char *path, const struct token_keys *keys,
                   struct segments **out, struct error *e) MUST_CHECK;

/* NULL is fine. */
void segments_close(struct segments *s);

/* Add the leaves as the newest segment, within the transaction of the caller. ERROR_LIMIT: there are too many that
 * were not merged; errors of segments_open(). */
bool segments_add(struct segments *s, const struct leaves *leaves, struct error *e) MUST_CHECK;

/* How many leaves FTS5 should write to keep up with what was added and not merged since; 0: too few to begin.
 * What a transaction added that was taken back counts too. Of very many segments some are always to be merged. */
size_t segments_due(const struct segments *s);

/**
 * Have FTS5 write about so many leaves of merged segments, by a connection of its own that the first call opens.
 *
 * @param import  mail comes in large numbers: merge what costs least
 * @param more    it had something to write
 * @return        false with ERROR_BUSY or ERROR_CORRUPT; what is due stays due
 */
bool segments_merge(struct segments *s, size_t leaves, bool import, bool *more,
                    struct error *e) MUST_CHECK;

/* Close that connection: the file is made anew, and nothing is due. */
void segments_close_merger(struct segments *s);

OWN_BY(segments, struct segments, segments_close)
