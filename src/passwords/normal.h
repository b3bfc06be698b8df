/* passwords/normal - one form for every way of typing the same password.
 *
 * NIST SP 800-63B-4, section 3.1.1: any Unicode character is taken, each code point counts as one,
 * and what was typed is brought into NFKC, so that an "ä" of one keyboard is the "ä" of another, and
 * so that a client that prepares a password itself (SASLprep, RFC 4013) means the same. Characters
 * that nobody sees (Default_Ignorable_Code_Point) are dropped. Pure; thread-safe. */
#pragma once

#include "base/slice.h"

#define PASSWORD_BYTES_MAX 1024 /* as typed, and in its normal form */

enum password_text {
    PASSWORD_TEXT_GOOD,
    PASSWORD_TEXT_EMPTY,
    PASSWORD_TEXT_LONG,       /* beyond PASSWORD_BYTES_MAX */
    PASSWORD_TEXT_NO_UTF8,    /* another character set, or no text at all */
    PASSWORD_TEXT_CONTROL,    /* a character that is no text, a tab or NUL for instance */
    PASSWORD_TEXT_UNASSIGNED, /* a code point that Unicode has not given away: its form may change */
};

/* A password in its normal form; ended by password_wipe(). */
struct password_normal {
    uint8_t bytes[PASSWORD_BYTES_MAX];
    size_t len;
    size_t characters; /* code points */
};

/**
 * Bring a password into its normal form.
 *
 * @param typed   as the client sent it
 * @param normal  set in any case: when the text is not good, to what was typed (as much as fits), so
 *                that a sign-in with it is a sign-in with a wrong password, and costs the same
 */
enum password_text password_normalise(struct slice typed, struct password_normal *normal);

/* The normal form, which lives as long as `normal`. */
static inline struct slice password_slice(const struct password_normal *normal)
{
    return slice_of(normal->bytes, normal->len);
}

/* Overwrite it. */
void password_wipe(struct password_normal *normal);

/* Lower a code point and take the marks off it: "Ä" becomes "a". What has no such form is itself.
 * For comparing with lists, never for verifiers. */
int32_t password_fold(int32_t c);
