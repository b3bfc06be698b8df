/* formats/text/terms - a letter's terms by field, as bytes that travel between processes.
 *
 * The inspector writes such a list, the keeper reads it without trusting it. Layout:
 *
 *     list   "PTL1" field*            fields in ascending order, each at most once
 *     field  number (1 byte, enum text_field), length of its terms (4 bytes, little-endian), term*
 *     term   length 1 to 64 (1 byte; +128 when it is a whole, see words.h), bytes
 *
 * The order of the terms is the order of the text, so that phrases can be found. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "formats/text/words.h"

#define TEXT_TERMS_MAX      2000000u
#define TEXT_LIST_BYTES_MAX (16u << 20)

enum text_field {
    TEXT_SUBJECT = 1,
    TEXT_BODY = 2,
    TEXT_NAMES = 3, /* of attachments */
    TEXT_FROM = 4,
    TEXT_TO = 5,
    TEXT_CC = 6,
    TEXT_FIELDS = 7, /* one past the last */
};

/* A list under construction. */
struct text_list {
    struct buf fields[TEXT_FIELDS]; /* by enum text_field; [0] is unused */
    size_t count;
    size_t bytes;
    bool cut; /* a limit was reached: later terms are missing */
};

/* An empty list; end it with text_list_done(), which takes any list that was initialised. */
void text_list_init(struct text_list *list);
void text_list_done(struct text_list *list);

/* Forget the content, keep the memory. */
void text_list_reset(struct text_list *list);

/* Append the terms of a UTF-8 text. */
void text_list_add(struct text_list *list, enum text_field field, struct slice text);

/* Take back the terms from byte `second` of a field on when they repeat those between `first` and
 * `second` exactly, and say whether they did: the two versions of one text that many letters
 * carry. */
bool text_list_drop_repeat(struct text_list *list, enum text_field field, size_t first,
                           size_t second);

/* Append the list's bytes, as described above, to `out`. */
void text_list_write(const struct text_list *list, struct buf *out);

/* A list that was read: each field's terms, views into the input. */
struct text_terms {
    struct slice fields[TEXT_FIELDS];
    size_t count;
};

/* Check every byte of a list; false with ERROR_INPUT when it is malformed or too large. */
bool text_terms_read(struct slice in, struct text_terms *out, struct error *e) MUST_CHECK;

/* Take the next term of one field's terms, advancing `rest`; false at the end, and also where the
 * bytes are no term, which text_terms_read() has excluded. `covers` is 0. */
bool text_terms_next(struct slice *rest, struct text_term *term)
    __attribute__((warn_unused_result));

OWN_VALUE(text_list, struct text_list, text_list_done)
