/* formats/dsn/internal - text from outside made harmless, and the sentences for people. */
#pragma once

#include "formats/dsn/dsn.h"

#define DSN_LINE       72  /* where lines are folded */
#define DSN_ENCODED    75  /* characters of a quoted-printable line before its "=" */
#define DSN_WORD_MAX   900 /* a longer word is broken, whatever it means */
#define DSN_VALUE_MAX  512 /* bytes of any value but a remote reply */
#define DSN_VALUE_ROOM (3 * DSN_DIAGNOSTIC_MAX) /* a cleaned value fits for certain */

/* How far a text may go. */
enum dsn_clean {
    DSN_ASCII = 0,
    DSN_UTF8 = 1,     /* valid UTF-8 stays, but for what is invisible or turns the line round */
    DSN_ONE_WORD = 2, /* spaces stay as they are; without it runs of them become one */
};

/* Append s without control characters: each becomes "?", line ends and tabs become spaces. */
void dsn_add_clean(struct buf *out, struct slice s, unsigned how);

/* At most `max` bytes of s, cut before a character of UTF-8 and never inside one. */
struct slice dsn_head(struct slice s, size_t max);

/* Append words separated by single spaces, folded before DSN_LINE with `fold` ("\r\n "); *column
 * is where the line stands. */
void dsn_add_folded(struct buf *out, struct slice words, const char *fold, size_t *column);

/* Append xtext (RFC 3461 section 4) as what it means; a "+" without two digits stays. */
void dsn_add_xtext(struct buf *out, struct slice s);

/* Append UTF-8 text with CRLF line ends as quoted-printable (RFC 2045 section 6.7). */
void dsn_add_quoted_printable(struct buf *out, struct slice text);

/* Append a header field of words, as encoded words (RFC 2047) where they are not ASCII. */
void dsn_add_unstructured(struct buf *out, const char *label, struct slice text);

/* Append the report as sentences for a person, UTF-8, CRLF line ends. */
void dsn_add_sentences(struct buf *out, const struct dsn_report *report);

/* The gravest of the actions, which gives the report its name. */
enum dsn_action dsn_gravest(const struct dsn_report *report);

/* The recipient's status, or the general one of its action when that is none. */
struct slice dsn_status(const struct dsn_recipient *r);
