#include "formats/mail/structure.h"

#include <stdio.h>

/* Eight bytes at once: letters are megabytes, and this reads all of each before its 250. */
static bool has_eight_bit(struct slice s)
{
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t eight = 0;
        (void)memcpy(&eight, s.ptr + i, sizeof(eight));
        if (eight & 0x8080808080808080u) {
            return true;
        }
    }
    return !slice_is_ascii(slice_from(s, i));
}

static bool note(struct mail_structure *out, enum mail_defect defect, size_t line)
{
    out->defect = defect;
    out->line = line;
    return false;
}

static size_t count_lines(struct slice s)
{
    size_t n = 0;

    while (s.len) {
        s = slice_from(s, slice_find(s, '\n') + 1);
        n++;
    }
    return n;
}

/* Walk the body's lines: each ends with CRLF, holds neither CR nor NUL, and is not too long. */
static bool judge_body(struct slice body, size_t line, const struct mail_limits *limits,
                       struct mail_structure *out)
{
    for (struct slice rest = body; rest.len; line++) {
        size_t len = slice_find(rest, '\n');
        struct slice text = slice_head(rest, len ? len - 1 : 0);
        bool ended = len && len < rest.len && rest.ptr[len - 1] == '\r';

        if (!ended || slice_find(text, '\r') != text.len) {
            return note(out, MAIL_CONTROL_BYTE, line);
        }
        if (text.len > out->longest_line) {
            out->longest_line = text.len;
        }
        if (text.len > limits->line_bytes) {
            return note(out, MAIL_LINE_LONG, line);
        }
        rest = slice_from(rest, len + 1);
    }
    return true;
}

bool mail_structure_judge(struct slice letter, const struct mail_header *header,
                          const struct mail_limits *limits, struct mail_structure *out)
{
    *out = (struct mail_structure){.header_eight_bit = header->eight_bit};
    if (letter.len > limits->letter_bytes) {
        return note(out, MAIL_LETTER_LONG, 0);
    }
    if (header->defect != MAIL_SOUND) {
        out->label = header->defect_label;
        return note(out, header->defect, header->defect_line);
    }
    size_t nul = slice_find(letter, '\0');
    if (nul != letter.len) {
        return note(out, MAIL_CONTROL_BYTE, count_lines(slice_head(letter, nul + 1)));
    }
    out->body_eight_bit = has_eight_bit(header->body);
    return judge_body(header->body, count_lines(header->bytes) + 2, limits, out);
}

const char *mail_defect_code(enum mail_defect defect)
{
    switch (defect) {
    case MAIL_SOUND:
        return "2.0.0";
    case MAIL_RAW_EIGHT_BIT:
    case MAIL_NOT_UTF8:
        return "5.6.7"; /* RFC 6531 section 3.5 */
    case MAIL_LETTER_LONG:
    case MAIL_HEADER_LONG:
    case MAIL_FIELD_LONG:
    case MAIL_FIELDS_MANY:
        return "5.3.4";
    case MAIL_MALFORMED_LINE:
    case MAIL_SPACE_BEFORE_COLON:
    case MAIL_BLANK_CONTINUATION:
    case MAIL_REPEATED_FIELD:
    case MAIL_CONTROL_BYTE:
    case MAIL_LINE_LONG:
        break;
    }
    return "5.6.0";
}

/* To follow "The Subject field" or, when the defect has no field, "The letter's header". */
static const char *defect_text(enum mail_defect defect)
{
    switch (defect) {
    case MAIL_SOUND:
        return " is fine";
    case MAIL_MALFORMED_LINE:
        return " holds something that is not a header field; an empty line must stand between "
               "header and text";
    case MAIL_SPACE_BEFORE_COLON:
        return " has a space before its colon, which programs read differently";
    case MAIL_BLANK_CONTINUATION:
        return " is continued by a blank line, which programs read differently";
    case MAIL_REPEATED_FIELD:
        return " occurs more than once, so that programs would show different ones";
    case MAIL_RAW_EIGHT_BIT:
        return " holds letters outside ASCII that the mail program neither encoded nor "
               "announced (SMTPUTF8)";
    case MAIL_NOT_UTF8:
        return " holds bytes that are not UTF-8";
    case MAIL_CONTROL_BYTE:
        return " holds a control character or a line that does not end with CR LF";
    case MAIL_FIELD_LONG:
        return " is too long";
    case MAIL_FIELDS_MANY:
        return " has too many fields";
    case MAIL_HEADER_LONG:
        return " is too long";
    case MAIL_LINE_LONG:
    case MAIL_LETTER_LONG:
        break;
    }
    return " is larger than allowed";
}

void mail_structure_sentence(const struct mail_structure *s, const struct mail_limits *limits,
                             char text[static MAIL_SENTENCE_MAX])
{
    char subject[96];
    bool body = s->defect == MAIL_CONTROL_BYTE && s->label.len == 0;

    if (s->defect == MAIL_LETTER_LONG) {
        (void)snprintf(text, MAIL_SENTENCE_MAX, "The letter is larger than the %llu bytes allowed.",
                       (unsigned long long)limits->letter_bytes);
        return;
    }
    if (s->defect == MAIL_LINE_LONG) {
        (void)snprintf(text, MAIL_SENTENCE_MAX,
                       "Line %zu of the letter has more than %zu bytes; the mail program should "
                       "encode such text (quoted-printable or base64).",
                       s->line, limits->line_bytes);
        return;
    }
    if (s->label.len) {
        (void)snprintf(subject, sizeof(subject), "The %.*s field",
                       SLICE_ARG(slice_head(s->label, 64)));
    } else {
        (void)snprintf(subject, sizeof(subject), "The letter%s", body ? "" : "'s header");
    }
    (void)snprintf(text, MAIL_SENTENCE_MAX, "%s%s (line %zu).", subject, defect_text(s->defect),
                   s->line);
}
