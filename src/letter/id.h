/* letter/id - the name of a letter: 80 random bits, shown as 16 characters.
 *
 * It is what the client gets in the 250 reply, what Received and the log carry and what every
 * command takes. It says nothing about how many letters a company sends. Text form: Crockford's
 * base 32 in lower case, without i, l, o, u, so that it survives being read out on the phone;
 * parsing forgives the usual misreadings. */
#pragma once

#include "base/slice.h"

#define LETTER_ID_LEN  10
#define LETTER_ID_TEXT 17 /* with the NUL */

struct letter_id {
    uint8_t bytes[LETTER_ID_LEN];
};

/* A new id from the kernel's random numbers. */
struct letter_id letter_id_new(void);

/* The id as people read it, with a NUL. */
void letter_id_text(const struct letter_id *id, char text[static LETTER_ID_TEXT]);

/* Read the text form; false, *id untouched, when it is none. */
bool letter_id_parse(struct slice text, struct letter_id *id) __attribute__((warn_unused_result));

/* Read the ten bytes of a record's id member; false when there are not ten. */
bool letter_id_from(struct slice bytes, struct letter_id *id) __attribute__((warn_unused_result));

static inline struct slice letter_id_slice(const struct letter_id *id)
{
    return slice_of(id->bytes, LETTER_ID_LEN);
}
