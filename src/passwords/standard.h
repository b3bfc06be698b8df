/* passwords/standard - whether a password is good enough to be set (NIST SP 800-63B-4, section 3.1.1).
 *
 * 15 characters where it is all that is asked for, 8 beside a second factor; any character; none is
 * demanded; it holds until somebody changes it. Refused is what attackers try first: what is on the
 * list of common passwords that this program carries, what an imported list has seen stolen, what is
 * made of the account's and the company's own words, what zxcvbn guesses too soon. Thread-safe. */
#pragma once

#include "base/arena.h"

#include "passwords/filter.h"
#include "passwords/strength.h"

#define PASSWORD_ALONE_MIN   15 /* characters: code points of the normal form */
#define PASSWORD_FACTOR_MIN  8
#define PASSWORD_ALONE_BITS  38 /* of guesses: three days at a million a second */
#define PASSWORD_FACTOR_BITS 30

enum password_verdict {
    PASSWORD_GOOD,
    PASSWORD_SHORT,
    PASSWORD_LONG,
    PASSWORD_NO_TEXT,  /* not UTF-8, or with characters that cannot be typed */
    PASSWORD_COMMON,   /* on the list of common ones */
    PASSWORD_DISGUISE, /* a common one with letters changed or something added */
    PASSWORD_BREACHED, /* on the imported list */
    PASSWORD_OWN,      /* would do, were it not made of the account's and company's words */
    PASSWORD_WEAK,     /* guessed too soon */
};

/* Who it is for. */
struct password_facts {
    bool second_factor;                 /* something else is asked for at each sign-in */
    const struct password_words *words; /* of account and company; may be NULL */
    const struct filter *breached;      /* the imported list; NULL: there is none */
};

struct password_judgement {
    enum password_verdict verdict;
    size_t characters;
    size_t wanted; /* characters */
    double bits;   /* of guesses, when it came to that */
};

/**
 * Judge a password.
 *
 * @param typed  as the client sent it
 * @return       false with ERROR_CORRUPT or ERROR_BUSY when a list cannot be read: then nothing is
 *               said about the password, and it must not be set
 */
bool password_judge(struct slice typed, const struct password_facts *facts,
                    struct password_judgement *judgement, struct error *e) MUST_CHECK;

/* What a person is told: why it is refused and what would do, or that it would do. Holds nothing of the
 * password. Lives in the arena. */
struct slice password_sentence(const struct password_judgement *judgement, struct arena *arena);

/* The list of common passwords in this program: 1 in 131,072 others is taken for one of them. */
const struct filter *password_common(void);
