/* search/segment - adds segments to FTS5's index beside FTS5, and has it merge them.
 *
 * FTS5 keeps its index in tables of its own (%_data, %_idx), as segments that it merges by and by. Its own way of
 * adding to them is a hash table of all words of a transaction, two waits for memory a word. Here a segment is made
 * in order (leaves.h), stored, and named in FTS5's list of segments. Merging stays FTS5's, by a connection of its
 * own: it learns of what another connection changed, and only of that. */
#pragma once

#include "search/leaves.h"

struct segments;

/**
 * Prepare to add segments.
 *
 * @param db  the writer's connection, which outlives this; FTS5 writes nothing by it but 'delete-all'
 */
bool segments_open(sqlite3 *db, struct segments **out, struct error *e) MUST_CHECK;

/* NULL is fine. */
void segments_close(struct segments *s);

/* Add the leaves as the newest segment, within the transaction of the caller. */
bool segments_add(struct segments *s, const struct leaves *leaves, struct error *e) MUST_CHECK;

/* How many leaves FTS5 should write to keep up with what was added since it was asked last; 0: too few to begin.
 * What a transaction added that was taken back counts too. */
size_t segments_due(struct segments *s);

/* Levels with so many segments are merged from now on, by this connection and others. */
bool segments_merge_from(sqlite3 *merger, unsigned segments, struct error *e) MUST_CHECK;

/* Have FTS5 write about so many leaves of merged segments, by a connection of its own; `more`: it had something to
 * write. */
bool segments_merge(sqlite3 *merger, size_t leaves, bool *more, struct error *e) MUST_CHECK;

OWN_BY(segments, struct segments, segments_close)
