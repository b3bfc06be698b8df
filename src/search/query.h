/* search/query - what a person may ask, as a bounded tree.
 *
 *     query    = or ; nothing else may follow
 *     or       = and *( "OR" and )
 *     and      = unit *( [ "AND" ] unit )
 *     unit     = [ "NOT" / "-" ] ( "(" or ")" / item )
 *     item     = [ field ":" ] ( word / DQUOTE words DQUOTE ) / ( "after" / "before" ) ":" date
 *     field    = "from" / "to" / "subject" / "body" / "name"
 *     date     = YYYY-MM-DD ; a day in UTC: after: includes it, before: ends when it begins
 *
 * A word that falls into several terms ("l'été") is a phrase; an address is looked for as a whole.
 * AND, OR and NOT are operators in capitals only. Pure; strings live in the caller's arena. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define QUERY_BYTES_MAX 1024
#define QUERY_TERMS_MAX 64
#define QUERY_DEPTH_MAX 8 /* parentheses within parentheses */

enum query_kind { QUERY_PHRASE, QUERY_AND, QUERY_OR, QUERY_NOT };

struct query_node {
    enum query_kind kind;
    uint8_t field;             /* QUERY_PHRASE: enum text_field, 0 for all */
    const struct slice *terms; /* QUERY_PHRASE: normalised, in order */
    size_t n_terms;
    const struct query_node *left; /* AND, OR: both; NOT: left without right */
    const struct query_node *right;
};

struct query {
    const struct query_node *root; /* NULL: only dates were given */
    uint64_t after_ms;             /* received at or after; 0 when not given */
    uint64_t before_ms;            /* received before; 0 when not given */
};

/**
 * Read a query.
 *
 * @param query  filled; lives in the arena
 * @return       false with ERROR_INPUT and a sentence that says what to write instead
 */
bool query_parse(struct slice text, struct arena *arena, struct query *query,
                 struct error *e) MUST_CHECK;
