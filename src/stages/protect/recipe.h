/* stages/protect/recipe - the copy that left, made again from its record and the letter's bytes. */
#pragma once

#include "base/buf.h"

#include "letter/records.h"
#include "stages/protect/protect.h"

/**
 * Make the copy that a record describes, after holding its digest against the record's.
 *
 * @param arena  for the script
 * @param copy   filled; empty before, its limit is set here
 * @return       false with ERROR_CORRUPT when the record does not fit the letter, or describes more
 *               than a copy can be
 */
bool recipe_follow(const struct sealed *sealed, struct slice letter, struct arena *arena,
                   struct buf *copy, struct error *e) MUST_CHECK;
