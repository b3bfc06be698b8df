/* formats/smtp/reply - one reply of a server, read line by line (RFC 5321 section 4.2).
 *
 * Bounded in every direction: a line has 2,000 octets at most (a server may send 512, some send
 * more), a reply 128 lines; of its text the first octets are kept. Lines end with CRLF alone: a
 * bare CR, bare LF or NUL breaks the dialogue, as does a code that changes between lines. Pure. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#include "formats/smtp/features.h"

#define SMTP_REPLY_LINE_MAX  2000 /* octets with CRLF: the caller's input buffer holds as many */
#define SMTP_REPLY_LINES_MAX 128
#define SMTP_REPLY_TEXT_MAX  1024

struct smtp_reply {
    int code;                  /* 200 to 599 */
    struct smtp_status status; /* klass 0 when the server gave none or one of another class */
    unsigned lines;
    bool unfinished; /* more lines follow */
    size_t text_len;
    uint8_t text
        [SMTP_REPLY_TEXT_MAX]; /* lines joined by '\n', codes left out, printable ASCII and UTF-8 */
};

enum smtp_reply_result {
    SMTP_REPLY_MORE, /* no complete line in the input */
    SMTP_REPLY_LINE, /* *line holds one line's text; others follow */
    SMTP_REPLY_LAST, /* *line holds the last line's text; the reply is complete */
    SMTP_REPLY_BAD,  /* not SMTP: *e says what */
};

/**
 * Take one line from the front of *in into the reply. The first line of the next reply forgets the
 * one before.
 *
 * @param line  the line's text as sent, without code; a view into the input
 */
enum smtp_reply_result smtp_reply_read(struct smtp_reply *r, struct slice *in, struct slice *line,
                                       struct error *e) MUST_CHECK;

/* Make *r ready for a first reply. */
void smtp_reply_init(struct smtp_reply *r);

static inline struct slice smtp_reply_text(const struct smtp_reply *r)
{
    return slice_of(r->text, r->text_len);
}
