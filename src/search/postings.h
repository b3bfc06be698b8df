/* search/postings - the words of some letters, by token and place: what a segment of the index is made of.
 *
 * Gathered letter by letter, then put in order bucket by bucket. Nothing is looked up while gathering, so
 * nothing waits for memory: FTS5's own hash table, which is looked into for each word, cost more than all else. */
#pragma once

#include <stdint.h>

#include "base/own.h"

#include "search/internal.h"

/* Behind the letter that reaches it a segment ends: 16 MB, and what the last letter has more, some 2,000,000 terms of
 * TEXT_LIST_BYTES_MAX. Half of that again may be room that is not used; while a bucket is put in order, it is there
 * twice. */
#define POSTINGS_MAX     (1u << 20)
#define POSTINGS_BUCKETS 256

struct posting {
    uint64_t token;
    uint64_t place; /* letter, column, position: in the order in which they stand in the index */
};

/* Those whose tokens begin with the same byte. */
struct posting_bucket {
    struct posting *items;
    size_t count;
    size_t room;
};

struct postings {
    struct posting_bucket buckets[POSTINGS_BUCKETS];
    struct posting *spare; /* for as many as the fullest of them has, while they are put in order */
    size_t spare_room;
    size_t count;
};

#define POSTING_COLUMNS 16

/* Which of the letters, from 0. */
static inline uint32_t posting_letter(const struct posting *p)
{
    return (uint32_t)(p->place >> 32);
}

static inline unsigned posting_column(const struct posting *p)
{
    return (unsigned)(p->place >> 28) & (POSTING_COLUMNS - 1);
}

static inline uint32_t posting_position(const struct posting *p)
{
    return (uint32_t)p->place & ((UINT32_C(1) << 28) - 1);
}

/* Where the next term of a column stands. */
struct posting_cursor {
    uint32_t letter;
    unsigned column;
    uint32_t count; /* of positions so far */
    bool whole;     /* the term before was one: the next stands at its place */
};

/* Give all memory back; an empty one is all zero. */
void postings_done(struct postings *p);

/* Forget all of them; keep the memory, but not much of one bucket. */
void postings_empty(struct postings *p);

/* Append a list of terms (formats/text/terms.h) behind what the column has. A letter's columns come in order,
 * and so do letters. False when there is no memory: some are missing. */
bool postings_add(struct postings *p, const struct token_keys *keys, struct posting_cursor *at,
                  struct slice terms) MUST_CHECK;

/* Put one bucket in order: by token, then by place. False when there is no memory: it is as it was. */
bool postings_sort(struct postings *p, size_t bucket) MUST_CHECK;

OWN_VALUE(postings, struct postings, postings_done)
