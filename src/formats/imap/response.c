#include "formats/imap/internal.h"
#include "formats/mail/date.h"

#define DEPTH_MAX 32 /* of lists in lists */
#define DATE_MAX  40

/* What is left of a response. */
struct cursor {
    struct slice rest;
    struct imap_reader *reader;
};

static bool take(struct cursor *c, char byte)
{
    if (c->rest.len == 0 || c->rest.ptr[0] != (uint8_t)byte) {
        return false;
    }
    c->rest = slice_from(c->rest, 1);
    return true;
}

static bool ends_word(uint8_t byte)
{
    return byte <= ' ' || byte == '(' || byte == ')' || byte == '"' || byte == '{' || byte == 127;
}

/* Everything up to a blank, parenthesis, quote; may be empty. A "[...]" belongs to the word. */
static struct slice take_word(struct cursor *c)
{
    size_t len = 0;
    bool bracket = false;

    while (len < c->rest.len && c->rest.ptr[len] != '\r' &&
           (bracket || !ends_word(c->rest.ptr[len]))) {
        bracket = c->rest.ptr[len] == '[' || (bracket && c->rest.ptr[len] != ']');
        len++;
    }
    struct slice word = slice_head(c->rest, len);
    c->rest = slice_from(c->rest, len);
    return word;
}

static bool take_number(struct cursor *c, uint64_t max, uint64_t *value)
{
    return slice_decimal(take_word(c), max, value);
}

static void begin_scratch(struct cursor *c, struct slice *out)
{
    *out = slice_of(c->reader->scratch + c->reader->scratch_len, 0);
}

/* As many octets go into the scratch as there are in the text, so it has room. */
static void to_scratch(struct cursor *c, struct slice *out, uint8_t byte)
{
    c->reader->scratch[c->reader->scratch_len++] = byte;
    out->len++;
}

static bool take_quoted(struct cursor *c, struct slice *out)
{
    begin_scratch(c, out);
    if (!take(c, '"')) {
        return false;
    }
    while (c->rest.len && c->rest.ptr[0] != '"') {
        if (c->rest.ptr[0] == '\r' || c->rest.ptr[0] == '\n') {
            return false;
        }
        bool escaped = c->rest.ptr[0] == '\\' && c->rest.len > 1;
        to_scratch(c, out, c->rest.ptr[escaped]);
        c->rest = slice_from(c->rest, 1U + escaped);
    }
    return take(c, '"');
}

/* A literal whose octets stand in the text, or were streamed and do not. */
static bool take_literal(struct cursor *c, bool streamed, struct slice *out)
{
    struct slice rest;
    uint64_t len = 0;

    *out = SLICE_NONE;
    if (!take(c, '{')) {
        return false;
    }
    struct slice number = slice_cut(c->rest, '}', &rest);
    if (!slice_decimal(number, UINT32_MAX, &len) || rest.len < 2) {
        return false;
    }
    rest = slice_from(rest, 2);
    if (!streamed) {
        if (len > rest.len) {
            return false;
        }
        *out = slice_head(rest, len);
        rest = slice_from(rest, len);
    }
    c->rest = rest;
    return true;
}

/* An astring or NIL (then empty). */
static bool take_string(struct cursor *c, struct slice *out)
{
    if (c->rest.len && c->rest.ptr[0] == '"') {
        return take_quoted(c, out);
    }
    if (c->rest.len && c->rest.ptr[0] == '{') {
        return take_literal(c, false, out);
    }
    *out = take_word(c);
    return out->len != 0;
}

/* Pass over a word, string or list. */
static bool skip_value(struct cursor *c)
{
    struct slice ignored;
    unsigned depth = 0;

    do {
        while (depth && take(c, ' ')) {
        }
        if (take(c, '(')) {
            if (++depth > DEPTH_MAX) {
                return false;
            }
        } else if (take(c, ')')) {
            if (depth-- == 0) {
                return false;
            }
        } else if (!take_string(c, &ignored)) {
            return false;
        }
    } while (depth);
    return true;
}

/* ── statuses ── */

static unsigned capability(struct slice word)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {
        {"AUTH=PLAIN",   IMAP_CAN_PLAIN  },
        {"AUTH=XOAUTH2", IMAP_CAN_XOAUTH2},
        {"SASL-IR",      IMAP_CAN_SASL_IR},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(word, slice_text(known[i].name))) {
            return known[i].bit;
        }
    }
    return 0;
}

/* Words up to the end of the line or of the brackets. */
static void read_capabilities(struct slice words, struct imap_response *out)
{
    out->capabilities = IMAP_CAN_KNOWN;
    while (words.len) {
        out->capabilities |= capability(slice_cut(words, ' ', &words));
    }
}

static bool read_code(struct slice code, struct imap_response *out)
{
    struct slice rest;
    struct slice name = slice_cut(code, ' ', &rest);
    uint64_t number = 0;

    out->code = IMAP_OTHER_CODE;
    if (slice_equal_nocase(name, SLICE("CAPABILITY"))) {
        read_capabilities(rest, out);
        return true;
    }
    bool validity = slice_equal_nocase(name, SLICE("UIDVALIDITY"));
    if (!validity && !slice_equal_nocase(name, SLICE("UIDNEXT"))) {
        return true;
    }
    out->code = validity ? IMAP_UIDVALIDITY : IMAP_UIDNEXT;
    if (!slice_decimal(rest, UINT32_MAX, &number) || number == 0) {
        return false;
    }
    out->number = (uint32_t)number;
    return true;
}

static bool read_status(struct cursor *c, struct imap_response *out)
{
    struct slice rest = slice_head(c->rest, c->rest.len - 2); /* without CRLF */
    struct slice behind;

    rest = slice_trim(rest);
    if (rest.len && rest.ptr[0] == '[') {
        struct slice code = slice_cut(slice_from(rest, 1), ']', &behind);
        if (!read_code(code, out)) {
            return false;
        }
        rest = slice_trim(behind);
    }
    out->text = rest;
    return true;
}

static bool status_kind(struct slice word, enum imap_kind *kind)
{
    static const struct {
        const char *name;
        enum imap_kind kind;
    } known[] = {
        {"OK",      IMAP_OK     },
        {"NO",      IMAP_NO     },
        {"BAD",     IMAP_BAD    },
        {"BYE",     IMAP_BYE    },
        {"PREAUTH", IMAP_PREAUTH},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(word, slice_text(known[i].name))) {
            *kind = known[i].kind;
            return true;
        }
    }
    return false;
}

/* ── LIST ── */

static bool read_folder(struct cursor *c, struct imap_response *out)
{
    struct imap_folder *f = &out->folder;
    struct slice delimiter;

    out->kind = IMAP_FOLDER;
    if (!take(c, ' ') || !take(c, '(')) {
        return false;
    }
    while (!take(c, ')')) {
        struct slice flag = take_word(c);
        if (flag.len == 0) {
            return false;
        }
        f->sent = f->sent || slice_equal_nocase(flag, SLICE("\\Sent"));
        f->noselect = f->noselect || slice_equal_nocase(flag, SLICE("\\Noselect")) ||
                      slice_equal_nocase(flag, SLICE("\\NonExistent"));
        (void)take(c, ' ');
    }
    if (!take(c, ' ') || !take_string(c, &delimiter) || !take(c, ' ') ||
        !take_string(c, &f->name)) {
        return false;
    }
    f->delimiter = delimiter.len == 1 ? delimiter.ptr[0] : 0;
    return f->name.len != 0 && f->name.len <= IMAP_NAME_MAX;
}

/* ── FETCH ── */

/* "17-Jul-1996 02:44:25 -0700", a day of one digit behind a blank. */
static void read_date(struct slice text, struct imap_letter *letter)
{
    char copy[DATE_MAX];

    if (text.len < 12 || text.len >= sizeof(copy)) {
        return;
    }
    (void)memcpy(copy, text.ptr, text.len);
    for (size_t i = 0; i < 12; i++) {
        copy[i] = copy[i] == '-' ? ' ' : copy[i];
    }
    letter->has_date = mail_date_read(slice_trim(slice_of(copy, text.len)), &letter->date_ms);
}

static bool read_flags(struct cursor *c, struct imap_letter *letter)
{
    struct slice at = slice_from(c->rest, 1);

    if (c->rest.len == 0 || c->rest.ptr[0] != '(' || !skip_value(c)) {
        return false;
    }
    letter->flags = slice_head(at, (size_t)(c->rest.ptr - at.ptr) - 1);
    return true;
}

static bool read_body(struct cursor *c, struct imap_letter *letter)
{
    letter->streamed = c->reader->streamed;
    letter->has_body = true;
    if (letter->streamed) {
        return take_literal(c, true, &letter->body);
    }
    bool word = c->rest.len && c->rest.ptr[0] != '"' && c->rest.ptr[0] != '{';
    if (!take_string(c, &letter->body)) {
        return false;
    }
    letter->has_body = !word; /* NIL */
    return !word || slice_equal_nocase(letter->body, SLICE("NIL"));
}

static bool read_attribute(struct cursor *c, struct imap_letter *letter)
{
    struct slice name = take_word(c);
    struct slice text;
    uint64_t number = 0;

    if (name.len == 0 || !take(c, ' ')) {
        return false;
    }
    if (slice_equal_nocase(name, SLICE("UID"))) {
        bool read = take_number(c, UINT32_MAX, &number) && number != 0;
        letter->uid = (uint32_t)number;
        return read;
    }
    if (slice_equal_nocase(name, SLICE("RFC822.SIZE"))) {
        letter->has_size = take_number(c, UINT32_MAX, &letter->size);
        return letter->has_size;
    }
    if (slice_equal_nocase(name, SLICE("INTERNALDATE"))) {
        if (!take_string(c, &text)) {
            return false;
        }
        read_date(text, letter);
        return true;
    }
    if (slice_equal_nocase(name, SLICE("FLAGS"))) {
        return read_flags(c, letter);
    }
    if (slice_equal_nocase(name, SLICE("BODY[]"))) {
        return read_body(c, letter);
    }
    return skip_value(c);
}

static bool read_fetch(struct cursor *c, struct imap_response *out)
{
    out->kind = IMAP_FETCHED;
    if (!take(c, ' ') || !take(c, '(')) {
        return false;
    }
    while (!take(c, ')')) {
        if (!read_attribute(c, &out->letter)) {
            return false;
        }
        (void)take(c, ' ');
    }
    return true;
}

/* ── all ── */

/* "12 EXISTS", "12 FETCH (...)". */
static bool read_numbered(struct cursor *c, uint32_t number, struct imap_response *out)
{
    struct slice word = take(c, ' ') ? take_word(c) : SLICE_NONE;

    if (slice_equal_nocase(word, SLICE("FETCH"))) {
        return read_fetch(c, out);
    }
    out->number = number;
    out->kind = slice_equal_nocase(word, SLICE("EXISTS")) ? IMAP_EXISTS : IMAP_OTHER;
    return word.len != 0;
}

static bool read_untagged(struct cursor *c, struct imap_response *out)
{
    struct slice word = take_word(c);
    uint64_t number = 0;

    if (status_kind(word, &out->kind)) {
        return read_status(c, out);
    }
    if (slice_decimal(word, UINT32_MAX, &number)) {
        return read_numbered(c, (uint32_t)number, out);
    }
    if (slice_equal_nocase(word, SLICE("LIST"))) {
        return read_folder(c, out);
    }
    if (slice_equal_nocase(word, SLICE("CAPABILITY"))) {
        out->kind = IMAP_CAPABILITIES;
        read_capabilities(slice_trim(slice_head(c->rest, c->rest.len - 2)), out);
    }
    return word.len != 0;
}

static bool read_tagged(struct cursor *c, struct imap_response *out)
{
    uint64_t tag = 0;

    if (!take(c, 'a') || !take_number(c, IMAP_TAG_MAX, &tag) || tag == 0 || !take(c, ' ') ||
        !status_kind(take_word(c), &out->kind) || out->kind > IMAP_BAD) {
        return false;
    }
    out->tag = (uint32_t)tag;
    return read_status(c, out);
}

bool imap_response_read(struct imap_reader *r, struct imap_response *out)
{
    struct cursor c = {slice_of(r->text, r->len), r};

    *out = (struct imap_response){.kind = IMAP_OTHER};
    if (take(&c, '+')) {
        out->kind = IMAP_GO_ON;
        out->text = slice_trim(slice_head(c.rest, c.rest.len - 2));
        return true;
    }
    if (take(&c, '*')) {
        bool read = take(&c, ' ') && read_untagged(&c, out);
        /* a letter that no FETCH claims was streamed to nobody */
        return read && (!r->streamed || (out->kind == IMAP_FETCHED && out->letter.streamed));
    }
    return read_tagged(&c, out);
}

bool imap_may_have_literals(struct slice text)
{
    struct cursor c = {text, NULL};
    enum imap_kind ignored = IMAP_OTHER;

    return take(&c, '*') && take(&c, ' ') && !status_kind(take_word(&c), &ignored);
}

bool imap_letter_follows(struct slice text)
{
    static const char item[] = "BODY[] {";
    struct cursor c = {text, NULL};
    size_t brace = text.len;
    uint64_t number = 0;

    if (!take(&c, '*') || !take(&c, ' ') || !take_number(&c, UINT32_MAX, &number) ||
        !take(&c, ' ') || !slice_equal_nocase(take_word(&c), SLICE("FETCH"))) {
        return false;
    }
    while (brace && text.ptr[brace - 1] != '{') {
        brace--;
    }
    struct slice head = slice_head(text, brace);
    return head.len > sizeof(item) &&
           slice_equal_nocase(slice_from(head, head.len - (sizeof(item) - 1)),
                              slice_of(item, sizeof(item) - 1)) &&
           ends_word(head.ptr[head.len - sizeof(item)]);
}
