#include "formats/mail/header.h"

#include "formats/mail/internal.h"

#define FIELDS_FIRST 32 /* most letters have fewer */

static const struct {
    struct slice label;
    bool once; /* RFC 5322 section 3.6, RFC 2045 section 3 */
} names[MAIL_NAMES] = {
    [MAIL_FROM] = {SLICE_INIT("From"),                      true },
    [MAIL_SENDER] = {SLICE_INIT("Sender"),                    true },
    [MAIL_REPLY_TO] = {SLICE_INIT("Reply-To"),                  true },
    [MAIL_TO] = {SLICE_INIT("To"),                        true },
    [MAIL_CC] = {SLICE_INIT("Cc"),                        true },
    [MAIL_BCC] = {SLICE_INIT("Bcc"),                       true },
    [MAIL_DATE] = {SLICE_INIT("Date"),                      true },
    [MAIL_MESSAGE_ID] = {SLICE_INIT("Message-ID"),                true },
    [MAIL_IN_REPLY_TO] = {SLICE_INIT("In-Reply-To"),               true },
    [MAIL_REFERENCES] = {SLICE_INIT("References"),                true },
    [MAIL_SUBJECT] = {SLICE_INIT("Subject"),                   true },
    [MAIL_MIME_VERSION] = {SLICE_INIT("MIME-Version"),              true },
    [MAIL_CONTENT_TYPE] = {SLICE_INIT("Content-Type"),              true },
    [MAIL_CONTENT_TRANSFER_ENCODING] = {SLICE_INIT("Content-Transfer-Encoding"), true },
    [MAIL_CONTENT_DISPOSITION] = {SLICE_INIT("Content-Disposition"),       true },
    [MAIL_RESENT_FROM] = {SLICE_INIT("Resent-From"),               false},
    [MAIL_RESENT_SENDER] = {SLICE_INIT("Resent-Sender"),             false},
    [MAIL_RESENT_BCC] = {SLICE_INIT("Resent-Bcc"),                false},
    [MAIL_RETURN_PATH] = {SLICE_INIT("Return-Path"),               false},
    [MAIL_RECEIVED] = {SLICE_INIT("Received"),                  false},
    [MAIL_DKIM_SIGNATURE] = {SLICE_INIT("DKIM-Signature"),            false},
    [MAIL_AUTO_SUBMITTED] = {SLICE_INIT("Auto-Submitted"),            false},
};

struct lexer {
    struct slice rest;
    const struct mail_limits *limits;
    struct arena *arena;
    struct mail_header *out;
    size_t line; /* of what comes next */
    size_t room; /* in out->fields */
    bool utf8;
};

enum mail_name mail_name_of(struct slice label)
{
    for (size_t i = MAIL_OTHER + 1; i < MAIL_NAMES; i++) {
        if (slice_equal_nocase(label, names[i].label)) {
            return (enum mail_name)i;
        }
    }
    return MAIL_OTHER;
}

struct slice mail_name_label(enum mail_name name)
{
    return names[name].label;
}

const struct mail_field *mail_header_find(const struct mail_header *h, enum mail_name name)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        if (h->fields[i].name == name) {
            return &h->fields[i];
        }
    }
    return NULL;
}

/* ftext of RFC 5322 section 3.6.8: printable ASCII but for the colon. */
static size_t label_length(struct slice s)
{
    size_t len = 0;

    while (len < s.len && s.ptr[len] > ' ' && s.ptr[len] < 0x7f && s.ptr[len] != ':') {
        len++;
    }
    return len;
}

/* Split `raw` and report white space before the colon, which the caller may not accept. */
static bool split_field(struct slice raw, struct mail_field *f, bool *spaced)
{
    size_t label = label_length(raw);
    size_t colon = label;

    while (colon < raw.len && mail_is_blank(raw.ptr[colon])) {
        colon++;
    }
    if (label == 0 || colon == raw.len || raw.ptr[colon] != ':') {
        return false;
    }
    f->raw = raw;
    f->label = slice_head(raw, label);
    f->name = mail_name_of(f->label);
    f->value = slice_from(raw, colon + 1);
    if (f->value.len && f->value.ptr[f->value.len - 1] == '\n') {
        f->value.len--;
    }
    if (f->value.len && f->value.ptr[f->value.len - 1] == '\r') {
        f->value.len--;
    }
    *spaced = colon != label;
    return true;
}

bool mail_field_read(struct slice raw, struct mail_field *out)
{
    struct mail_field f = {0};
    bool spaced = false;

    if (!split_field(raw, &f, &spaced) || spaced) {
        return false;
    }
    *out = f;
    return true;
}

static void note_defect(struct lexer *l, enum mail_defect defect, size_t line, struct slice label)
{
    if (l->out->defect == MAIL_SOUND) {
        l->out->defect = defect;
        l->out->defect_line = line;
        l->out->defect_label = label;
    }
}

static bool is_blank_line(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (!mail_is_space(line.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* The next line with its LF, or what is left when there is none. */
static struct slice peek_line(struct slice rest)
{
    size_t at = slice_find(rest, '\n');
    return slice_head(rest, at == rest.len ? at : at + 1);
}

/* Some readers take a vertical tab, a form feed or an information separator for a line's end, and
 * would find a field of its own behind it; RFC 5322 allows none of them. */
static bool has_ascii_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The same beyond ASCII: U+0080 to U+009F (NEL among them), U+2028 and U+2029. */
static bool has_wide_control(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        const uint8_t *c = text.ptr + i;
        if ((c[0] == 0xc2 && c[1] < 0xa0) ||
            (c[0] == 0xe2 && c[1] == 0x80 && i + 2 < text.len && (c[2] == 0xa8 || c[2] == 0xa9))) {
            return true;
        }
    }
    return false;
}

bool mail_has_control(struct slice text)
{
    return has_ascii_control(text) || has_wide_control(text);
}

/* Look at one line's bytes: line ends, control characters, length. */
static void check_line(struct lexer *l, struct slice line, size_t number, struct slice label)
{
    bool ended = line.len >= 2 && line.ptr[line.len - 1] == '\n' && line.ptr[line.len - 2] == '\r';
    struct slice text = slice_head(line, ended ? line.len - 2 : line.len);

    /* The last line of a letter that is all header may lack its end: SMTP cannot send that. */
    if (!ended || has_ascii_control(text)) {
        note_defect(l, MAIL_CONTROL_BYTE, number, label);
    }
    if (text.len > l->limits->line_bytes) {
        note_defect(l, MAIL_LINE_LONG, number, label);
    }
}

/* Take the lines of one field: the first, and those behind it that begin with white space. */
static struct slice take_field(struct lexer *l)
{
    const uint8_t *start = l->rest.ptr;
    struct slice line = peek_line(l->rest);
    struct slice label = slice_head(line, label_length(line));
    size_t len = 0;

    for (;;) {
        check_line(l, line, l->line, label);
        l->line++;
        len += line.len;
        l->rest = slice_from(l->rest, line.len);
        if (l->rest.len == 0 || !mail_is_blank(l->rest.ptr[0])) {
            return slice_of(start, len);
        }
        line = peek_line(l->rest);
        if (is_blank_line(line)) {
            note_defect(l, MAIL_BLANK_CONTINUATION, l->line, label);
        }
    }
}

static void add_field(struct lexer *l, const struct mail_field *f)
{
    struct mail_header *h = l->out;

    if (h->n_fields == l->room) {
        size_t room = l->room ? l->room * 2 : FIELDS_FIRST;
        struct mail_field *more = arena_array(l->arena, room, sizeof(*more));
        if (h->n_fields) {
            (void)memcpy(more, h->fields, h->n_fields * sizeof(*more));
        }
        h->fields = more;
        l->room = room;
    }
    h->fields[h->n_fields++] = *f;
}

/* Note what is wrong with a field's bytes beyond its line ends. */
static void check_field(struct lexer *l, const struct mail_field *f, size_t line)
{
    if (names[f->name].once && mail_header_find(l->out, f->name)) {
        note_defect(l, MAIL_REPEATED_FIELD, line, f->label);
    }
    if (slice_is_ascii(f->raw)) {
        return;
    }
    l->out->eight_bit = true;
    if (!l->utf8) {
        note_defect(l, MAIL_RAW_EIGHT_BIT, line, f->label);
    } else if (!slice_is_utf8(f->raw)) {
        note_defect(l, MAIL_NOT_UTF8, line, f->label);
    } else if (has_wide_control(f->raw)) {
        note_defect(l, MAIL_CONTROL_BYTE, line, f->label);
    }
}

/* Read one field; false when a limit ends the reading. */
static bool read_field(struct lexer *l, struct slice letter)
{
    size_t line = l->line;
    struct mail_field f = {0};
    bool spaced = false;
    struct slice raw = take_field(l);
    bool is_field = split_field(raw, &f, &spaced);

    if ((size_t)(l->rest.ptr - letter.ptr) > l->limits->header_bytes) {
        note_defect(l, MAIL_HEADER_LONG, line, SLICE_NONE);
        return false;
    }
    if (raw.len > l->limits->field_bytes) {
        note_defect(l, MAIL_FIELD_LONG, line, f.label);
        return false;
    }
    if (l->out->n_fields == l->limits->fields) {
        note_defect(l, MAIL_FIELDS_MANY, line, SLICE_NONE);
        return false;
    }
    if (!is_field) {
        note_defect(l, MAIL_MALFORMED_LINE, line, SLICE_NONE);
        return true;
    }
    if (spaced) {
        note_defect(l, MAIL_SPACE_BEFORE_COLON, line, f.label);
    }
    check_field(l, &f, line);
    add_field(l, &f);
    return true;
}

void mail_header_read(struct slice letter, const struct mail_limits *limits, bool utf8,
                      struct arena *arena, struct mail_header *out)
{
    struct lexer l = {
        .rest = letter, .limits = limits, .arena = arena, .out = out, .line = 1, .utf8 = utf8};

    *out = (struct mail_header){0};
    /* An LF alone also ends the header for many readers; check_line() called it a defect before. */
    while (l.rest.len && !slice_starts(l.rest, SLICE("\r\n")) && l.rest.ptr[0] != '\n') {
        if (!read_field(&l, letter)) {
            break;
        }
    }
    size_t len = (size_t)(l.rest.ptr - letter.ptr);
    out->bytes = slice_head(letter, letter.len ? len : 0);
    if (slice_starts(l.rest, SLICE("\r\n"))) {
        out->body = slice_from(l.rest, 2);
    } else if (l.rest.len && l.rest.ptr[0] == '\n') {
        note_defect(&l, MAIL_CONTROL_BYTE, l.line, SLICE_NONE);
        out->body = slice_from(l.rest, 1);
    }
}
