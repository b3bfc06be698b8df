/* formats/contacts/internal - what its files share. */
#pragma once

#include "formats/contacts/contacts.h"

/* Text as it is kept: without blanks around it and control characters in it, cut to `max` at a character. False when
 * it is no UTF-8. */
bool card_text(struct slice text, size_t max, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));

/* Keep one more address; an empty one is none. */
bool card_add_address(struct card *c, struct slice text, struct arena *arena)
    __attribute__((warn_unused_result));

/* Whether a spreadsheet would calculate it, or it looks as if it had been kept from that: blanks and apostrophes in
 * front do not count. */
bool card_needs_guard(struct slice text) __attribute__((warn_unused_result));

/* Take a line off, without its end; the last one may have none. */
struct slice card_line(struct card_reader *r);

/* vcard.c, csv.c */
enum card_result vcard_next(struct card_reader *r, struct arena *arena, struct card *out,
                            const char **why);
const char *csv_begin(struct card_reader *r);
enum card_result csv_next(struct card_reader *r, struct arena *arena, struct card *out,
                          const char **why);
