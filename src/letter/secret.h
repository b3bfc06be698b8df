/* letter/secret - passwords that open files for a recipient: which are good ones. None is ever in the ledger. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define SECRET_BYTES_MIN 12 /* of a password, as formats/lock has it */
#define SECRET_BYTES_MAX 64

#define TELEPHONE_DIGITS_MIN 6
#define TELEPHONE_DIGITS_MAX 15 /* ITU-T E.164 */
#define TELEPHONE_MAX        (TELEPHONE_DIGITS_MAX + 1)

/* What became of telling somebody a password by the operator's program. */
enum secret_told {
    SECRET_NOT_BEGUN = 0,
    SECRET_BEGUN = 1,   /* the program runs, or did when we ended */
    SECRET_TOLD = 2,    /* it says so */
    SECRET_AGAIN = 3,   /* it was not told, and may be yet */
    SECRET_NEVER = 4,   /* it cannot be told so */
    SECRET_UNSURE = 5,  /* it may have been told: the program was ended before it said */
    SECRET_NOT_RUN = 6, /* the program could not be started now; nowhere kept */
};

/* Whether a text is a telephone number in the international form: `+` and digits alone (E.164). */
bool secret_telephone_sound(struct slice number);

/* Whether a password is one that every program understands alike, and that is known again in a text: printable ASCII
 * without blanks; words that have both letters and digits, of four characters at least, are eight of them together.
 * A letter is held when all words of a password stand in it: common ones would hold innocent letters. */
bool secret_sound(struct slice password);
