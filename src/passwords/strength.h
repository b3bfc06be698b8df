/* passwords/strength - how many guesses a password takes, as zxcvbn counts them.
 *
 * Guesses are those of somebody who knows dictionaries, names, dates, keyboards and the words given
 * here. libzxcvbn counts bytes and English: so letters with marks are counted without, each other
 * character that is not ASCII as one byte, and what stands between words as nothing, which a guesser
 * gets right at once. It looks at the first 100 characters; time is bounded (10 ms). Thread-safe. */
#pragma once

#include "passwords/normal.h"

#define PASSWORD_WORDS_MAX 100
#define PASSWORD_WORD_LEN  64

/* Words that whoever attacks this very account tries first, in lower case, without marks. */
struct password_words {
    char text[PASSWORD_WORDS_MAX][PASSWORD_WORD_LEN];
    size_t count;
};

/* Add the words of a text (an address, a name), three letters or longer, and the text without its
 * signs. What is there already or does not fit is left out. */
void password_words_add(struct password_words *words, struct slice text);

/* Bits of the guesses that it takes: 2^bits. `words` may be NULL. */
double password_bits(const struct password_normal *password, const struct password_words *words);
