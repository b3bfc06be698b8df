/* search/query_lex - the words of a query: what a person typed as parentheses, operators and items,
 * each with the place where it stands, for the parser in query.c. */
#pragma once

#include "search/query.h"

enum query_use { USE_WORDS, USE_ADDRESS, USE_MARK, USE_DATE, USE_SIZE };

/* What may stand before a colon. */
struct query_field {
    const char *name;
    enum query_use use;
    uint8_t fields; /* of enum text_field, as bits */
};

enum lexeme { LEX_END, LEX_OPEN, LEX_CLOSE, LEX_AND, LEX_OR, LEX_NOT, LEX_NEAR, LEX_ITEM };

struct query_parser {
    struct slice text;
    struct slice rest;
    size_t at; /* in the text, where the lexeme begins that was read last */
    struct arena *arena;
    struct error *e;
    struct query *query;
    enum lexeme next;
    const struct query_field *field; /* of LEX_ITEM, or NULL */
    struct slice value;              /* of LEX_ITEM: the word, or what stands between the quotes */
    bool quoted;
    unsigned distance; /* of LEX_NEAR */
    unsigned depth;
    size_t terms;
    size_t limits; /* dates and sizes */
};

/* Fill the error with where the last lexeme stands, in characters from 1 on, and what is wrong there;
 * false. */
bool query_refuse(struct query_parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Read the next lexeme. */
bool query_advance(struct query_parser *p) MUST_CHECK;
