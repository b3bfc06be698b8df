/* formats/mail/structure - is this a letter that every server on its way will read alike?
 *
 * Judges header and body as bytes: line ends, NUL, lengths, the defects of header.h. Says nothing
 * about MIME: that is read after 250, by the inspector. Pure. */
#pragma once

#include "formats/mail/header.h"

#define MAIL_SENTENCE_MAX 256 /* with the NUL */

struct mail_structure {
    enum mail_defect defect; /* the first one in header, then body; MAIL_SOUND: accept */
    size_t line;             /* where, counted from 1; 0 when it has no place */
    struct slice label;      /* the field's name, when the defect is one field's */
    bool header_eight_bit;   /* the next hop must offer SMTPUTF8 */
    bool body_eight_bit;     /* the next hop must offer 8BITMIME */
    size_t longest_line;     /* octets without CRLF */
};

/**
 * Judge a letter before it is accepted.
 *
 * @param header  of the same letter and limits, from mail_header_read()
 * @return        true when it is sound; otherwise out->defect says what is wrong
 */
bool mail_structure_judge(struct slice letter, const struct mail_header *header,
                          const struct mail_limits *limits, struct mail_structure *out);

/* The enhanced status code (RFC 3463) for a refusal, "5.6.0". */
const char *mail_defect_code(enum mail_defect defect);

/* What to tell the person who sent the letter, one sentence in ASCII. */
void mail_structure_sentence(const struct mail_structure *s, const struct mail_limits *limits,
                             char text[static MAIL_SENTENCE_MAX]);
