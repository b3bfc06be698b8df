/* search/match - whether one letter is what a query asks for, told from its own words and not from an index.
 *
 * For holds, where an index that was changed, or lags behind, must not matter. As search/find answers, with
 * two differences, both to the side of "perhaps": NEAR is taken as AND in the same place, and of what could not be
 * read anything may be true. Pure. */
#pragma once

#include "search/index.h"
#include "search/query.h"

enum search_match { SEARCH_MATCH_NO, SEARCH_MATCH_PERHAPS, SEARCH_MATCH_YES };

/* `letter` as it would be indexed. */
enum search_match search_match(const struct query *query, const struct search_letter *letter);
