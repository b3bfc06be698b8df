/* formats/text/numbers - numbers in a text that mean money: payment cards and bank accounts.
 *
 * A card number is 12 to 19 digits in a range that card networks use (ISO/IEC 7812), with its check
 * digit (Luhn), in one run or in the groups that are printed on cards. An IBAN (ISO 13616) has the length of
 * its country and 1 as remainder by 97 (ISO/IEC 7064). Both stand by themselves: no letter or digit
 * touches them. Groups are parted by one space or hyphen each, also those of Unicode that word
 * processors put there. Of random numbers of 16 digits about one in eighty looks like a card, of
 * whatever begins like an IBAN one in a hundred. Pure; looks at each byte a bounded number of times. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define NUMBER_LEN_MAX 34 /* characters of the longest IBAN */

enum number_kind {
    NUMBER_CARD = 1,
    NUMBER_IBAN = 2,
};

struct number {
    enum number_kind kind;
    size_t len;
    char text[NUMBER_LEN_MAX]; /* without separators, letters upper case; no NUL behind it */
};

/* Take the next number and move *text behind it; false when there is none left. *previous is 0 before the
 * first call, and then kept by this. */
bool number_next(struct slice *text, uint8_t *previous, struct number *number)
    __attribute__((warn_unused_result));
