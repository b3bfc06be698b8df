/* formats/mail/header - the header of a letter, field by field, over the bytes as they came.
 *
 * One lexer for everything that must not be fooled: who sends (stages/identity), what is signed
 * (formats/dkim), what is cut (stages/protect). It changes nothing and guesses nothing: fields
 * are views into the letter, in order, with exact ranges, and the first thing about the header
 * that other programs could read differently is named as a defect (RFC 5322 section 2.2 and 3.6,
 * RFC 6532). Pure; the fields come from the caller's arena and look into the letter. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum mail_name {
    MAIL_OTHER, /* any field that nothing here treats specially */
    MAIL_FROM,
    MAIL_SENDER,
    MAIL_REPLY_TO,
    MAIL_TO,
    MAIL_CC,
    MAIL_BCC,
    MAIL_DATE,
    MAIL_MESSAGE_ID,
    MAIL_IN_REPLY_TO,
    MAIL_REFERENCES,
    MAIL_SUBJECT,
    MAIL_MIME_VERSION,
    MAIL_CONTENT_TYPE,
    MAIL_CONTENT_TRANSFER_ENCODING,
    MAIL_CONTENT_DISPOSITION,
    MAIL_RESENT_FROM,
    MAIL_RESENT_SENDER,
    MAIL_RESENT_BCC,
    MAIL_RETURN_PATH,
    MAIL_RECEIVED,
    MAIL_DKIM_SIGNATURE,
    MAIL_AUTO_SUBMITTED,
    MAIL_NAMES, /* how many there are */
};

enum mail_defect {
    MAIL_SOUND,
    MAIL_MALFORMED_LINE,     /* neither a field nor a continuation of one            */
    MAIL_SPACE_BEFORE_COLON, /* "Subject : x"                                        */
    MAIL_BLANK_CONTINUATION, /* a folded line of white space: the end, or not?       */
    MAIL_REPEATED_FIELD,     /* a field that may occur once occurs again             */
    MAIL_RAW_EIGHT_BIT,      /* bytes above 127 without SMTPUTF8                     */
    MAIL_NOT_UTF8,           /* SMTPUTF8, but not UTF-8                              */
    MAIL_CONTROL_BYTE,       /* a bare CR or LF, NUL; in the header any control
                              * character but the tab, and what Unicode calls a line end:
                              * not one line to every reader                          */
    MAIL_LINE_LONG,          /* from here on: a limit; reading stopped at a header's */
    MAIL_FIELD_LONG,
    MAIL_HEADER_LONG,
    MAIL_FIELDS_MANY,
    MAIL_LETTER_LONG,
};

struct mail_limits {
    uint64_t letter_bytes;
    size_t header_bytes;
    size_t field_bytes;
    size_t line_bytes; /* without CRLF */
    size_t fields;
};

/* RFC 5322 section 2.1.1 for the line; the others are the defaults. */
#define MAIL_LIMITS_DEFAULT                                                                        \
    {                                                                                              \
        .letter_bytes = 50 << 20, .header_bytes = 1 << 20, .field_bytes = 64 << 10,                \
        .line_bytes = 998, .fields = 2000                                                          \
    }

struct mail_field {
    enum mail_name name;
    struct slice label; /* the name as written */
    struct slice value; /* behind the colon, still folded, without the last CRLF */
    struct slice raw;   /* all of it, from the name to the last CRLF inclusive */
};

struct mail_header {
    struct mail_field *fields;
    size_t n_fields;
    struct slice bytes;        /* the fields together: the letter up to the empty line */
    struct slice body;         /* behind the empty line; empty when there is none */
    bool eight_bit;            /* some byte is above 127: the letter needs SMTPUTF8 */
    enum mail_defect defect;   /* the first one, MAIL_SOUND when there is none */
    size_t defect_line;        /* its line, counted from 1 */
    struct slice defect_label; /* the field's name, when it has one */
};

/**
 * Read a letter's header.
 *
 * Reads on behind a defect, as a tolerant reader would, so that a letter which came some other
 * way can still be described; a letter for submission is refused unless out->defect is
 * MAIL_SOUND. Only a limit stops it: then the fields before it are there.
 *
 * @param letter  the whole letter, CRLF line ends; must outlive *out
 * @param utf8    the letter was submitted with SMTPUTF8 (RFC 6531)
 */
void mail_header_read(struct slice letter, const struct mail_limits *limits, bool utf8,
                      struct arena *arena, struct mail_header *out);

/* The first field of that name, or NULL. Not for MAIL_OTHER. */
const struct mail_field *mail_header_find(const struct mail_header *h, enum mail_name name);

/* Which name a label is, whatever its case. */
enum mail_name mail_name_of(struct slice label);

/* The usual spelling, "Message-ID"; empty for MAIL_OTHER. */
struct slice mail_name_label(enum mail_name name);

/* Split one field, given with or without its CRLF; false when it is none. */
bool mail_field_read(struct slice raw, struct mail_field *out) __attribute__((warn_unused_result));
