/* formats/text/words - UTF-8 text to the terms that search compares.
 *
 * What the index holds and what a person types go through the same steps, so they meet: words are
 * runs of letters, marks and digits; case, compatibility forms and diacritics are folded
 * ("Müller", "MULLER" and "ﬁ" become "muller" and "fi"; "ß" becomes "ss"); characters of scripts
 * that put no spaces between words are terms of their own. An e-mail address and a number with
 * separators come twice: first as a `whole` ("anna.lenz@example.test", "1.234,50" as "123450"),
 * which stands at the position of the term behind it, then by their parts. Bytes that are no
 * UTF-8 separate words. Pure: no I/O, no allocation. */
#pragma once

#include "base/slice.h"

#define TEXT_TERM_MAX 64 /* bytes; a longer term is cut, in the index as in the query */

struct text_term {
    struct slice bytes; /* 1 to TEXT_TERM_MAX bytes, valid until the next call */
    bool whole;         /* an address or number; its parts follow at the same position */
    size_t covers;      /* a whole: the bytes of what is left of the text that it stands for */
};

/* Where a walk through a text stands. */
struct text_words {
    struct slice rest;
    size_t no_address; /* bytes of `rest` in which no further address begins */
    size_t no_number;  /* the same for numbers with separators */
    bool full;         /* the term reached its limit: the rest of it is dropped */
    size_t len;
    uint8_t term[TEXT_TERM_MAX];
};

/* Start at the beginning of `text`, which must outlive the walk. */
void text_words_init(struct text_words *w, struct slice text);

/* Take the next term; false at the end of the text. */
bool text_words_next(struct text_words *w, struct text_term *term)
    __attribute__((warn_unused_result));
