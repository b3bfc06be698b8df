/* letter/secret - passwords that open files for a recipient: which are good ones. None is ever in the ledger. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define SECRET_BYTES_MIN 12 /* of a password, as formats/lock has it */
#define SECRET_BYTES_MAX 64

/* Whether a password is one that every program understands alike, and that is known again in a text: printable ASCII
 * without blanks; words that have both letters and digits, of four characters at least, are eight of them together.
 * A letter is held when all words of a password stand in it: common ones would hold innocent letters. */
bool secret_sound(struct slice password);
