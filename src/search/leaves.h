/* search/leaves - postings as the leaves of a segment of FTS5's index, in the format that FTS5 reads and merges.
 *
 * The format is that of the table %_data, told at the head of SQLite's ext/fts5/fts5_index.c: a leaf has the
 * terms in order, each with the letters (as row ids) and places where it stands, and where each term begins on it.
 * What FTS5 may leave out is left out: indexes over the leaves of one long doclist. */
#pragma once

#include "base/buf.h"
#include "base/own.h"

#include "search/postings.h"

#define LEAF_MAX                                                                                   \
    4008 /* bytes: fits into a page beside its seal (pages.c), without a page of overflow */
#define LEAVES_NUMBER_MAX 9
#define LEAF_TERM         (1 + TOKEN_LEN) /* FTS5's mark of its main index, and the token */

struct leaf {
    size_t begin; /* in the bytes of all leaves */
    size_t len;
    bool has_term;    /* some term begins on it */
    size_t split_len; /* 0: it is the first */
    uint8_t split
        [LEAF_TERM]; /* more than all terms before the leaf, at most the first that begins on it */
};

struct leaves {
    struct buf bytes;
    struct leaf *items;
    size_t count;
    size_t room;
};

/* None; end it with leaves_done(), which takes any that was initialised. */
void leaves_init(struct leaves *l);
void leaves_done(struct leaves *l);

/**
 * Write the postings, putting them in order.
 *
 * @param seqs  of the letters, in the postings' order, rising
 * @return      false when there is no room, or no memory, for all of it
 */
bool leaves_write(struct leaves *l, struct postings *p, const uint64_t *seqs) MUST_CHECK;

/* SQLite's way to write a number: its most significant bits first, seven in a byte, eight in the ninth. How many
 * bytes it took. */
size_t leaves_number(uint8_t to[static LEAVES_NUMBER_MAX], uint64_t value);

OWN_VALUE(leaves, struct leaves, leaves_done)
