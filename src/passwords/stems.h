/* passwords/stems - what is left of a password when the usual tricks are taken off it.
 *
 * Whoever guesses tries a common password also in capitals, with 4 for a, backwards, twice, with a
 * year behind it or dots between. So each of these is undone, and what comes out is looked for in the
 * list of common ones. Pure; one thread a struct. */
#pragma once

#include "passwords/normal.h"

#define STEM_MAX  64  /* bytes: no common password is longer */
#define STEMS_MAX 128 /* tries at most */

struct stems {
    uint8_t folded[PASSWORD_BYTES_MAX * 2]; /* in lower case, without marks */
    size_t len;
    unsigned next;
    uint8_t text[STEM_MAX];    /* of the last one */
    uint64_t given[STEMS_MAX]; /* hashes, so that none comes twice */
    size_t n_given;
};

/* Begin with a password in its normal form. Ended by stems_wipe(). */
void stems_begin(struct stems *s, const struct password_normal *password);

/* The next one, 1 to STEM_MAX bytes, which lives until the call after; false when there are no more.
 * The first is the password itself in lower case, if it is short enough. */
bool stems_next(struct stems *s, struct slice *stem);

/* Overwrite it. */
void stems_wipe(struct stems *s);
