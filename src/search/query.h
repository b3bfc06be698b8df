/* search/query - what a person may ask, as a bounded tree.
 *
 *     query    = or ; nothing else may follow
 *     or       = and *( "OR" and )
 *     and      = near *( [ "AND" ] near )
 *     near     = unit *( "NEAR" [ "/" number ] unit ) ; of words and phrases in the same place
 *     unit     = [ "NOT" / "-" ] ( "(" or ")" / item )
 *     item     = [ field ":" ] ( word / DQUOTE words DQUOTE ) / address-field ":" [ "*" ] "@" domain
 *              / "has:" ( "attachment" / "unread" ) / "finding:" ( "encrypted" / "mismatch" / "card" / "iban"
 *              / "malware" / "unscanned" )
 *              / "group:" group-name
 *              / ( "after" / "before" ) ":" date / ( "larger" / "smaller" ) ":" size
 *     field    = address-field / "subject" / "body" / "filename" / "name"
 *     address-field = "from" / "to" / "cc"
 *     date     = YYYY [ "-" MM [ "-" DD ] ] ; in UTC: after: includes it, before: ends when it begins
 *     size     = number [ "K" / "M" / "G" ] ; bytes, and 1024 of the next smaller
 *
 * A word that falls into several terms ("l'été") is a phrase; an address is looked for as a whole.
 * AND, OR, NOT and NEAR are operators in capitals only. A word with an umlaut is looked for with ae,
 * oe, ue in its place as well, and the other way round. Pure; strings live in the caller's arena. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define QUERY_BYTES_MAX 1024
#define QUERY_TERMS_MAX 64
#define QUERY_DEPTH_MAX 8  /* parentheses within parentheses */
#define QUERY_NEAR      10 /* words between those of NEAR, when it does not say */
#define QUERY_NEAR_MAX  1000

enum query_kind { QUERY_PHRASE, QUERY_NEAR_EACH, QUERY_AND, QUERY_OR, QUERY_NOT };

struct query_term {
    struct slice bytes;   /* normalised */
    struct slice variant; /* another spelling of it, or empty */
};

struct query_node {
    enum query_kind kind;
    uint8_t fields;                 /* PHRASE: of enum text_field, as bits; 0 for all */
    bool mark;                      /* PHRASE: its term is no word but a mark (search/index.h) */
    const struct query_term *terms; /* PHRASE: in order */
    size_t n_terms;
    unsigned distance;              /* NEAR_EACH */
    const struct query_node *left;  /* NEAR_EACH: a phrase, or several that are near each other;  */
    const struct query_node *right; /* a phrase. AND, OR: both; NOT: left without right           */
};

/* The conditions hold together. */
struct query {
    const struct query_node *root; /* NULL: the others alone */
    uint64_t after_ms;             /* received at or after; 0 when not given */
    uint64_t before_ms;            /* received before; 0 when not given */
    uint64_t larger;               /* more bytes than this; 0 when not given */
    uint64_t smaller;              /* fewer bytes than this; 0 when not given */
};

/**
 * Read a query.
 *
 * @param query  filled; lives in the arena
 * @return       false with ERROR_INPUT and a sentence that says where and what to write instead
 */
bool query_parse(struct slice text, struct arena *arena, struct query *query,
                 struct error *e) MUST_CHECK;

/* Narrow a query to the letters of one account, whatever it asks for. This and nothing written into
 * its text is how rights are applied. `account` as in the facts of its letters. */
void query_narrow(struct query *query, struct slice account, struct arena *arena);
