/* formats/mail/portable - a letter's body in a form that every server on its way hands on byte for byte, so that it can be signed (RFC 8551
 * section 3.1.2, RFC 3156 section 5): lines of 998 octets of ASCII at most, no white space at their ends, none that begins
 * with "From ".
 *
 * Parts that are not so already get another transfer encoding: texts quoted-printable, all else base64. Nothing else changes, and
 * nothing does inside of what somebody else signed or encrypted. A MIME structure that is not plainly one thing to every reader is
 * left alone. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "formats/mail/header.h"

enum portable_end {
    PORTABLE_AS_IS,   /* it is so already: sign the body as it came */
    PORTABLE_WRITTEN, /* another body was written */
    PORTABLE_NOT,     /* it cannot be had */
};

struct portable {
    struct slice encoding; /* the letter's new Content-Transfer-Encoding; empty: its own stays */
    const char *why;       /* PORTABLE_NOT: a clause for the record */
};

/**
 * Write the body of a letter so.
 *
 * @param h    of the letter, without defect
 * @param out  empty, and so it stays unless PORTABLE_WRITTEN; may become full: four times the body and a MiB are enough
 * @return     PORTABLE_NOT as well when the letter is signed or encrypted already
 */
enum portable_end portable_write(const struct mail_header *h, struct buf *out,
                                 struct portable *made) MUST_CHECK;
