#include "formats/mail/covered.h"

#include "formats/mail/internal.h"
#include "formats/mail/portable.h"

#define FIELD_TEXT_MAX 1000 /* bytes of the record's line */
#define SLACK          ((size_t)1 << 20)

/* Fields that servers and threads need, and those that would be asked for in vain inside. */
static const struct slice outside[] = {
    SLICE_INIT("From"),
    SLICE_INIT("Sender"),
    SLICE_INIT("Reply-To"),
    SLICE_INIT("To"),
    SLICE_INIT("Cc"),
    SLICE_INIT("Date"),
    SLICE_INIT("Subject"),
    SLICE_INIT("Message-ID"),
    SLICE_INIT("In-Reply-To"),
    SLICE_INIT("References"),
    SLICE_INIT("Received"),
    SLICE_INIT("Auto-Submitted"),
    SLICE_INIT("TLS-Required"),
    SLICE_INIT("Resent-From"),
    SLICE_INIT("Resent-To"),
    SLICE_INIT("Resent-Cc"),
    SLICE_INIT("Resent-Sender"),
    SLICE_INIT("Resent-Date"),
    SLICE_INIT("Resent-Message-ID"),
    SLICE_INIT("Autocrypt"),
};

/* Parameters of a Content-Type that only a protection may set. */
static const struct slice ours[] = {
    SLICE_INIT("hp"),
    SLICE_INIT("protected-headers"),
    SLICE_INIT("hp-legacy-display"),
};

static bool is_in(const struct slice *list, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_equal_nocase(list[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_outside(struct slice label)
{
    return is_in(outside, sizeof(outside) / sizeof(outside[0]), label) ||
           slice_starts_nocase(label, SLICE("List-"));
}

static bool is_structural(const struct mail_field *f)
{
    return f->name == MAIL_MIME_VERSION || slice_starts_nocase(f->label, SLICE("Content-"));
}

/* Nobody's business, or no longer true of what the payload is in. */
static bool is_dropped(const struct mail_field *f)
{
    return f->name == MAIL_BCC || f->name == MAIL_RESENT_BCC || f->name == MAIL_RETURN_PATH ||
           f->name == MAIL_DKIM_SIGNATURE || slice_equal_nocase(f->label, SLICE("HP-Outer"));
}

static void add_field(struct buf *out, const struct mail_field *f)
{
    buf_add(out, f->label);
    buf_add_byte(out, ':');
    buf_add(out, f->value);
    buf_add_text(out, "\r\n");
}

void covered_outer_write(const struct mail_header *h, enum covered_by by, struct buf *out)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct mail_field *f = &h->fields[i];
        bool shown = by == COVERED_BY_SIGNATURE || is_outside(f->label);
        if (is_dropped(f) || is_structural(f) || !shown) {
            continue;
        }
        if (by == COVERED_BY_ENCRYPTION && f->name == MAIL_SUBJECT) {
            buf_add_text(out, "Subject: " COVERED_SUBJECT "\r\n");
        } else {
            add_field(out, f);
        }
    }
}

/* ── the payload ── */

static bool is_ours(struct slice parameter)
{
    struct slice value;
    struct slice name = mail_trim(slice_cut(parameter, '=', &value));

    return is_in(ours, sizeof(ours) / sizeof(ours[0]), name);
}

/* The letter's Content-Type with the parameter that says what protects its header; the older name of the same thing
 * is still what some programs look for. */
static void add_content_type(const struct mail_header *h, enum covered_by by, struct buf *out)
{
    const struct mail_field *f = mail_header_find(h, MAIL_CONTENT_TYPE);
    struct slice rest = f ? f->value : SLICE(" text/plain; charset=us-ascii");

    buf_add_text(out, "Content-Type:");
    buf_add(out, mail_cut_parameter(rest, &rest));
    while (rest.len) {
        struct slice parameter = mail_cut_parameter(rest, &rest);
        if (mail_trim(parameter).len && !is_ours(parameter)) {
            buf_add_byte(out, ';');
            buf_add(out, parameter);
        }
    }
    buf_add_text(out, by == COVERED_BY_ENCRYPTION ? ";\r\n hp=\"cipher\"" : ";\r\n hp=\"clear\"");
    buf_add_text(out, ";\r\n protected-headers=\"v1\"\r\n");
}

/* What stood outside when it was made (RFC 9788 section 2.2), so that a reader sees what was added on the way. */
static void add_outer_list(struct slice outer, struct buf *out)
{
    while (outer.len) {
        size_t len = 0;
        do {
            len += slice_find(slice_from(outer, len), '\n') + 1;
        } while (len < outer.len && (outer.ptr[len] == ' ' || outer.ptr[len] == '\t'));
        len = len < outer.len ? len : outer.len;
        if (!slice_starts_nocase(outer, SLICE("Received:"))) {
            buf_add_text(out, "HP-Outer: ");
            buf_add(out, slice_head(outer, len));
        }
        outer = slice_from(outer, len);
    }
}

/* `encoding`: of the body, when it is another one than the letter's. */
static void write_payload(const struct mail_header *h, enum covered_by by, struct slice outer,
                          struct slice encoding, struct slice body, struct buf *out)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct mail_field *f = &h->fields[i];
        if (!is_dropped(f) && !is_structural(f) && f->name != MAIL_RECEIVED) {
            add_field(out, f);
        }
    }
    if (by == COVERED_BY_ENCRYPTION) {
        add_outer_list(outer, out);
    }
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct mail_field *f = &h->fields[i];
        bool other = f->name == MAIL_CONTENT_TRANSFER_ENCODING && encoding.len;
        if (is_structural(f) && f->name != MAIL_CONTENT_TYPE && f->name != MAIL_MIME_VERSION &&
            !other) {
            add_field(out, f);
        }
    }
    if (encoding.len) {
        buf_printf(out, "Content-Transfer-Encoding: %.*s\r\n", SLICE_ARG(encoding));
    }
    add_content_type(h, by, out);
    buf_add_text(out, "\r\n");
    buf_add(out, body);
}

void covered_payload_write(const struct mail_header *h, enum covered_by by, struct slice outer,
                           struct buf *out)
{
    write_payload(h, by, outer, SLICE_NONE, h->body, out);
}

bool covered_signed_write(const struct mail_header *h, struct buf *outer, struct buf *payload,
                          struct error *e)
{
    OWN(buf) struct buf body = {.max = 4 * h->body.len + SLACK};
    struct portable made;
    enum portable_end end = portable_write(h, &body, &made);

    buf_init(outer, h->bytes.len + SLACK);
    buf_init(payload, 2 * h->bytes.len + 4 * h->body.len + SLACK);
    if (end == PORTABLE_NOT) {
        return error_set(e, ERROR_INPUT, "%s", made.why);
    }
    covered_outer_write(h, COVERED_BY_SIGNATURE, outer);
    write_payload(h, COVERED_BY_SIGNATURE, SLICE_NONE, made.encoding,
                  end == PORTABLE_WRITTEN ? buf_slice(&body) : h->body, payload);
    return (!outer->full && !payload->full && !body.full) ||
           error_set(e, ERROR_LIMIT, "it is too long");
}

struct slice covered_outer_text(struct slice outer, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = FIELD_TEXT_MAX};
    bool hidden = false;
    const char *between = "outside: ";

    while (outer.len) {
        struct slice line = slice_cut(outer, '\n', &outer);
        if (line.len == 0 || mail_is_space(line.ptr[0])) {
            continue;
        }
        hidden = hidden || slice_starts_nocase(line, SLICE("Subject: " COVERED_SUBJECT));
        if (!slice_starts_nocase(line, SLICE("Subject:"))) {
            buf_add_text(&text, between);
            buf_add(&text, slice_head(line, slice_find(line, ':')));
            between = ", ";
        }
    }
    buf_add_text(&text, hidden ? "; subject hidden" : "");
    return arena_copy(arena, buf_slice(&text));
}
