#include "formats/mail/portable.h"

#include "base/base64.h"

#include "formats/mail/internal.h"

#define DEPTH_MAX     30
#define LINE_MAX      998
#define QUOTED_MAX    75  /* of 76, for a soft line break */
#define BASE64_OCTETS 57  /* in a line of 76 letters */
#define BOUNDARY_MAX  200 /* RFC 2046 section 5.1.1 says 70 */

static const struct mail_limits limits = {.letter_bytes = UINT64_MAX,
                                          .header_bytes = 64 << 10,
                                          .field_bytes = 16 << 10,
                                          .line_bytes = LINE_MAX,
                                          .fields = 200};

static const char not_whole[] = "its MIME structure is not whole";

/* ── what needs another encoding ── */

/* The line at the beginning, with its end. */
static struct slice cut_line(struct slice s)
{
    size_t end = slice_find(s, '\n');

    return slice_head(s, end < s.len ? end + 1 : end);
}

static struct slice without_end(struct slice line)
{
    size_t len = line.len;

    len -= len >= 1 && line.ptr[len - 1] == '\n';
    len -= len >= 1 && len < line.len && line.ptr[len - 1] == '\r';
    return slice_head(line, len);
}

/* Whether it is carried as it is by RFC 5321 without 8BITMIME. */
static bool is_plain_line(struct slice line)
{
    struct slice text = without_end(line);
    bool good = text.len <= LINE_MAX && (line.len == text.len || line.len == text.len + 2);

    for (size_t i = 0; i < text.len; i++) {
        good = good && text.ptr[i] < 0x80 && text.ptr[i] != 0 && text.ptr[i] != '\r';
    }
    return good;
}

static bool is_plain(struct slice s)
{
    while (s.len) {
        struct slice line = cut_line(s);
        if (!is_plain_line(line)) {
            return false;
        }
        s = slice_from(s, line.len);
    }
    return true;
}

/* And no server is known to change it. */
static bool is_steady(struct slice s)
{
    while (s.len) {
        struct slice line = cut_line(s);
        struct slice text = without_end(line);
        if (!is_plain_line(line) || slice_starts(text, SLICE("From ")) ||
            (text.len && mail_is_blank(text.ptr[text.len - 1]))) {
            return false;
        }
        s = slice_from(s, line.len);
    }
    return true;
}

/* ── encodings ── */

/* A soft line break, or what would begin a line so that somebody reads more in it: a boundary, the end of the letter, "From ". */
static bool begins_badly(struct slice rest, size_t column)
{
    return column == 0 &&
           (rest.ptr[0] == '-' || rest.ptr[0] == '.' || slice_starts(rest, SLICE("From ")));
}

/* The first octet of `rest`, which is the rest of a line. */
static void add_quoted(struct buf *out, struct slice rest, size_t *column)
{
    static const char hex[] = "0123456789ABCDEF";
    uint8_t c = rest.ptr[0];
    bool blank = mail_is_blank(c) && rest.len > 1;
    bool printable = blank || (c > ' ' && c < 0x7f && c != '=');

    if (*column + (printable ? 1 : 3) > QUOTED_MAX) {
        buf_add_text(out, "=\r\n");
        *column = 0;
    }
    if (printable && !begins_badly(rest, *column)) {
        buf_add_byte(out, c);
        *column += 1;
        return;
    }
    buf_add_byte(out, '=');
    buf_add_byte(out, (uint8_t)hex[c >> 4]);
    buf_add_byte(out, (uint8_t)hex[c & 15]);
    *column += 3;
}

/* RFC 2045 section 6.7: a text, whose line ends are CRLF. */
static void write_quoted(struct slice s, struct buf *out)
{
    while (s.len) {
        struct slice line = cut_line(s);
        struct slice text = without_end(line);
        size_t column = 0;
        bool ended = line.len == text.len + 2;
        if (!ended) {
            text = line; /* the last one, or a bare LF */
        }
        for (size_t i = 0; i < text.len; i++) {
            add_quoted(out, slice_from(text, i), &column);
        }
        buf_add_text(out, ended ? "\r\n" : line.ptr[line.len - 1] == '\n' ? "=\r\n" : "");
        s = slice_from(s, line.len);
    }
}

static void write_base64(struct slice s, struct buf *out)
{
    while (s.len) {
        struct slice octets = slice_head(s, BASE64_OCTETS);
        uint8_t line[BASE64_LEN(BASE64_OCTETS) + 1];
        size_t n = base64_encode(BASE64_PLAIN, octets, line);
        buf_add(out, slice_of(line, n));
        buf_add_text(out, octets.len % 3 == 1 ? "==\r\n" : octets.len % 3 == 2 ? "=\r\n" : "\r\n");
        s = slice_from(s, octets.len);
    }
}

/* ── what a header says of its body ── */

enum kind {
    KIND_TEXT,
    KIND_OTHER,
    KIND_MULTIPART,
    KIND_MESSAGE,
    KIND_CLOSED, /* signed or encrypted: whoever opens it wants these bytes */
    KIND_FIXED,  /* message/...: has no encoding (RFC 2046 section 5.2) */
};

struct content {
    enum kind kind;
    struct slice boundary; /* of a multipart; empty: none that is plain */
    bool encoded;          /* quoted-printable, base64, or something unknown */
    bool wide;             /* 8bit or binary is declared */
};

/* The value of the one boundary, unquoted; empty when there are several, or one that is written in a rare way. */
static struct slice boundary_of(struct slice parameters)
{
    struct slice found = SLICE_NONE;
    size_t n = 0;

    while (parameters.len) {
        struct slice value;
        struct slice parameter = mail_cut_parameter(parameters, &parameters);
        struct slice name = mail_trim(slice_cut(parameter, '=', &value));
        if (slice_starts_nocase(name, SLICE("boundary"))) {
            found = mail_trim(value);
            n += name.len == strlen("boundary") ? 1 : 2;
        }
    }
    bool quoted = found.len >= 2 && found.ptr[0] == '"' && found.ptr[found.len - 1] == '"';
    found = quoted ? slice_head(slice_from(found, 1), found.len - 2) : found;
    for (size_t i = 0; i < found.len; i++) {
        uint8_t c = found.ptr[i];
        bool plain = c > ' ' && c < 0x7f && c != '"' && c != '\\' && (quoted || c != '(');
        n = plain || (quoted && c == ' ' && i + 1 < found.len) ? n : 2;
    }
    return n == 1 && found.len <= BOUNDARY_MAX ? found : SLICE_NONE;
}

static enum kind kind_of(struct slice type)
{
    if (slice_equal_nocase(type, SLICE("multipart/signed")) ||
        slice_equal_nocase(type, SLICE("multipart/encrypted")) ||
        slice_equal_nocase(type, SLICE("application/pkcs7-mime")) ||
        slice_equal_nocase(type, SLICE("application/x-pkcs7-mime"))) {
        return KIND_CLOSED;
    }
    if (slice_starts_nocase(type, SLICE("multipart/"))) {
        return KIND_MULTIPART;
    }
    if (slice_equal_nocase(type, SLICE("message/rfc822"))) {
        return KIND_MESSAGE;
    }
    return slice_starts_nocase(type, SLICE("message/")) ? KIND_FIXED
           : slice_starts_nocase(type, SLICE("text/"))  ? KIND_TEXT
                                                        : KIND_OTHER;
}

static void read_content(const struct mail_header *h, struct content *out)
{
    const struct mail_field *type = mail_header_find(h, MAIL_CONTENT_TYPE);
    const struct mail_field *as = mail_header_find(h, MAIL_CONTENT_TRANSFER_ENCODING);
    struct slice parameters = SLICE_NONE;
    struct slice encoding = as ? mail_trim(as->value) : SLICE("7bit");

    *out = (struct content){.kind = KIND_TEXT};
    if (type) {
        out->kind = kind_of(mail_trim(mail_cut_parameter(type->value, &parameters)));
        out->boundary = boundary_of(parameters);
    }
    out->wide = slice_equal_nocase(encoding, SLICE("8bit")) ||
                slice_equal_nocase(encoding, SLICE("binary"));
    out->encoded = !out->wide && !slice_equal_nocase(encoding, SLICE("7bit"));
}

/* ── the walk ── */

struct walk {
    struct arena *arena; /* of one part's header at a time */
    struct buf *out;
    const char *why; /* set: it cannot be had */
};

static bool refuse(struct walk *w, const char *why)
{
    w->why = why;
    return false;
}

static bool write_entity(struct walk *w, struct slice entity, unsigned depth);

static bool is_delimiter(struct slice line, struct slice boundary, bool *closes)
{
    struct slice text = without_end(line);

    if (!slice_starts(text, SLICE("--")) || !slice_starts(slice_from(text, 2), boundary)) {
        return false;
    }
    struct slice rest = slice_from(text, 2 + boundary.len);
    *closes = slice_starts(rest, SLICE("--"));
    return mail_trim(*closes ? slice_from(rest, 2) : rest).len == 0;
}

/* What stands before the first delimiter and behind the last: read by nobody. */
static bool write_aside(struct walk *w, struct slice text)
{
    buf_add(w->out, text);
    return is_plain(text) || refuse(w, "what stands beside its parts is not ASCII");
}

/* Where a part ends before a delimiter: the CRLF between is the delimiter's (RFC 2046 section 5.1.1). */
static bool find_end(struct slice body, size_t from, size_t at, size_t *end)
{
    *end = at == from ? at : at - 2;
    return at == from || (at >= from + 2 && slice_starts(slice_from(body, at - 2), SLICE("\r\n")));
}

static bool write_multipart(struct walk *w, struct slice boundary, struct slice body,
                            unsigned depth)
{
    size_t from = 0; /* of the part */
    bool inside = false;
    bool closed = false;

    if (boundary.len == 0) {
        return refuse(w, not_whole);
    }
    for (size_t at = 0; at < body.len && !closed;) {
        struct slice line = cut_line(slice_from(body, at));
        if (is_delimiter(line, boundary, &closed)) {
            size_t end = 0;
            if (!find_end(body, from, at, &end)) {
                return refuse(w, not_whole);
            }
            struct slice part = slice_head(slice_from(body, from), end - from);
            if (inside ? !write_entity(w, part, depth + 1) : !write_aside(w, part)) {
                return false;
            }
            buf_add(w->out, slice_head(slice_from(body, end), at - end));
            buf_add(w->out, line);
            from = at + line.len;
            inside = true;
        }
        at += line.len;
    }
    return closed ? write_aside(w, slice_from(body, from)) : refuse(w, not_whole);
}

/* The encoding that a body needs; empty: the one it has. */
static struct slice encoding_for(const struct content *c, struct slice body)
{
    bool leaf = c->kind == KIND_TEXT || c->kind == KIND_OTHER;

    if (leaf && !c->encoded && !is_steady(body)) {
        return c->kind == KIND_TEXT ? SLICE("quoted-printable") : SLICE("base64");
    }
    return c->wide ? SLICE("7bit") : SLICE_NONE;
}

static bool write_body(struct walk *w, const struct content *c, struct slice encoding,
                       struct slice body, unsigned depth)
{
    if (c->kind == KIND_MULTIPART && !c->encoded) {
        return write_multipart(w, c->boundary, body, depth);
    }
    if (slice_equal(encoding, SLICE("quoted-printable"))) {
        write_quoted(body, w->out);
        return true;
    }
    if (slice_equal(encoding, SLICE("base64"))) {
        write_base64(body, w->out);
        return true;
    }
    buf_add(w->out, body);
    return is_plain(body) ||
           refuse(w, c->kind == KIND_CLOSED ? "a part that is signed already has bytes above 127"
                                            : "a part has bytes that its encoding cannot have");
}

/* A letter in a letter is an entity too (RFC 2046 section 5.2.1). */
static bool write_entity(struct walk *w, struct slice entity, unsigned depth)
{
    struct mail_header h;
    struct content c;

    if (depth > DEPTH_MAX) {
        return refuse(w, "its parts are nested too deep");
    }
    mail_header_read(entity, &limits, false, w->arena, &h);
    if (h.defect != MAIL_SOUND) {
        return refuse(w, "a part's header has a defect, or bytes above 127");
    }
    read_content(&h, &c);
    struct slice encoding = encoding_for(&c, h.body);
    for (size_t i = 0; i < h.n_fields; i++) {
        if (h.fields[i].name != MAIL_CONTENT_TRANSFER_ENCODING || encoding.len == 0) {
            buf_add(w->out, h.fields[i].raw);
        }
    }
    if (encoding.len) {
        buf_printf(w->out, "Content-Transfer-Encoding: %.*s\r\n", SLICE_ARG(encoding));
    }
    arena_reset(w->arena); /* of the header the body is left, which is not in it */
    if (h.bytes.len == entity.len) {
        return true;
    }
    buf_add_text(w->out, "\r\n");
    return c.kind == KIND_MESSAGE && !c.encoded ? write_entity(w, h.body, depth + 1)
                                                : write_body(w, &c, encoding, h.body, depth);
}

enum portable_end portable_write(const struct mail_header *h, struct buf *out,
                                 struct portable *made)
{
    OWN(arena) struct arena arena = {.max = (size_t)4 << 20};
    struct walk w = {.arena = &arena, .out = out};
    struct content c;

    *made = (struct portable){.why = ""};
    read_content(h, &c);
    if (c.kind == KIND_CLOSED || h->eight_bit) {
        made->why = h->eight_bit ? "its header is not ASCII" : "it is signed or encrypted already";
        return PORTABLE_NOT;
    }
    if (!c.wide && is_steady(h->body)) {
        return PORTABLE_AS_IS;
    }
    struct slice encoding = encoding_for(&c, h->body);
    bool written = c.kind == KIND_MESSAGE && !c.encoded ? write_entity(&w, h->body, 1)
                                                        : write_body(&w, &c, encoding, h->body, 0);
    if (written && is_plain(buf_slice(out))) {
        made->encoding = encoding;
        return PORTABLE_WRITTEN;
    }
    buf_reset(out);
    if (is_plain(h->body)) { /* its blanks may be lost on the way, which is rare */
        made->encoding = c.wide ? SLICE("7bit") : SLICE_NONE;
        return PORTABLE_AS_IS;
    }
    made->why = w.why ? w.why : not_whole;
    return PORTABLE_NOT;
}
