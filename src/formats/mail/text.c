#include "formats/mail/text.h"

#include "base/buf.h"

#include "formats/mail/charset.h"
#include "formats/mail/internal.h"

#define ENCODED_WORD_MAX 1024 /* RFC 2047 allows 75; some programs write far longer ones */
#define CHARSET_NAME_MAX 40

struct slice mail_trim(struct slice s)
{
    while (s.len && mail_is_space(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len && mail_is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct slice mail_cut_parameter(struct slice s, struct slice *rest)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < s.len && (quoted || s.ptr[i] != ';'); i++) {
        if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else if (quoted && s.ptr[i] == '\\' && i + 1 < s.len) {
            i++;
        }
    }
    *rest = slice_from(s, i < s.len ? i + 1 : i);
    return slice_head(s, i);
}

/* encoded-text of RFC 2047 section 2: printable ASCII without space and question mark. Spaces
 * are let through in "Q": programs that forget to encode them are common. */
static bool is_encoded_text(uint8_t c, uint8_t encoding)
{
    return (c > ' ' && c < 0x7f && c != '?') || (c == ' ' && encoding == 'q');
}

size_t mail_encoded_word(struct slice s, struct slice *charset, uint8_t *encoding,
                         struct slice *text)
{
    if (!slice_starts(s, SLICE("=?"))) {
        return 0;
    }
    struct slice rest = slice_head(slice_from(s, 2), ENCODED_WORD_MAX);
    struct slice name = slice_head(rest, slice_find(rest, '?'));
    struct slice behind = slice_from(rest, name.len + 1);
    uint8_t how = behind.len >= 2 && behind.ptr[1] == '?' ? ascii_lower(behind.ptr[0]) : 0;
    size_t len = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f) {
            return 0;
        }
    }
    if (name.len == 0 || name.len > CHARSET_NAME_MAX || (how != 'b' && how != 'q')) {
        return 0;
    }
    behind = slice_from(behind, 2);
    while (len < behind.len && is_encoded_text(behind.ptr[len], how)) {
        len++;
    }
    if (!slice_starts(slice_from(behind, len), SLICE("?="))) {
        return 0;
    }
    *charset = slice_head(name, slice_find(name, '*'));
    *encoding = how;
    *text = slice_head(behind, len);
    return (size_t)(behind.ptr + len + 2 - s.ptr);
}

bool mail_text_has_encoded_word(struct slice s)
{
    struct slice charset;
    struct slice text;
    uint8_t encoding = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '=' && mail_encoded_word(slice_from(s, i), &charset, &encoding, &text)) {
            return true;
        }
    }
    return false;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: something is no "Q" encoding, and programs make of it what they like. The same below. */
static bool decode_q(struct slice s, struct buf *out)
{
    bool sound = true;

    for (size_t i = 0; i < s.len; i++) {
        int high = s.ptr[i] == '=' && s.len - i > 2 ? hex_value(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.ptr[i + 2]) : -1;
        if (low >= 0) {
            buf_add_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            buf_add_byte(out, s.ptr[i] == '_' ? ' ' : s.ptr[i]);
            sound = sound && s.ptr[i] != '=';
        }
    }
    return sound;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Forgiving: a byte outside the alphabet is passed over, padding ends nothing; it may be missing. */
static bool decode_b(struct slice s, struct buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0;
    bool sound = true;

    for (size_t i = 0; i < s.len; i++) {
        int value = base64_value(s.ptr[i]);
        if (value < 0) {
            sound = sound && s.ptr[i] == '=' && s.len - i <= 2;
            continue;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_byte(out, (uint8_t)(bits >> count));
        }
    }
    return sound && count < 6; /* one digit alone is no byte: a digit too many, or too few */
}

/* Adjacent words of one charset are joined before they are converted: many programs cut a
 * character in two between them, which RFC 2047 section 5 forbids. */
struct decoder {
    struct slice charset; /* of `pending` */
    struct buf pending;   /* bytes of that charset */
    struct buf out;       /* UTF-8 */
    struct buf run;       /* bytes of all words up to here that stand side by side ... */
    bool foreign;         /* ... and one of them is not UTF-8 */
    bool hidden; /* encoded words held control characters, more than there is room for, or what
                  * other programs may decode to something else */
};

static void decoder_done(struct decoder *d)
{
    buf_done(&d->pending);
    buf_done(&d->out);
    buf_done(&d->run);
}

OWN_VALUE(decoder, struct decoder, decoder_done)

/* An at sign or a dot of another script, to who takes bytes for UTF-8 whatever charset was named: in no other charset does
 * that make a word. */
static bool has_marks(struct slice bytes)
{
    static const char *const marks[] = {"\xef\xbc\xa0", "\xef\xb9\xab", "\xe3\x80\x82",
                                        "\xef\xbc\x8e", "\xef\xbd\xa1"};
    bool has = false;

    for (size_t i = 0; bytes.len && i < sizeof(marks) / sizeof(marks[0]); i++) {
        has = has || memmem(bytes.ptr, bytes.len, marks[i], 3);
    }
    return has;
}

/* Whether something could not be read and became U+FFFD: to others it may be a character. */
static bool is_unreadable(struct slice charset, struct slice bytes, struct slice text)
{
    return mail_charset_own(charset) && memmem(text.ptr, text.len, "\xef\xbf\xbd", 3) &&
           !memmem(bytes.ptr, bytes.len, "\xef\xbf\xbd", 3);
}

static void flush(struct decoder *d)
{
    size_t before = d->out.len;

    if (d->pending.len) {
        d->hidden = d->hidden || d->pending.full;
        mail_charset_convert(d->charset, buf_slice(&d->pending), &d->out);
        d->hidden = d->hidden || !mail_charset_known(d->charset) ||
                    is_unreadable(d->charset, buf_slice(&d->pending),
                                  slice_from(buf_slice(&d->out), before)) ||
                    mail_has_control(slice_from(buf_slice(&d->out), before));
        buf_reset(&d->pending);
    }
}

static void add_word(struct decoder *d, struct slice charset, uint8_t encoding, struct slice text)
{
    if (!slice_equal_nocase(charset, d->charset)) {
        flush(d);
        d->charset = charset;
    }
    size_t before = d->pending.len;
    bool sound = encoding == 'b' ? decode_b(text, &d->pending) : decode_q(text, &d->pending);
    buf_add(&d->run, slice_from(buf_slice(&d->pending), before));
    d->foreign = d->foreign || !slice_equal_nocase(charset, SLICE("utf-8"));
    d->hidden = d->hidden || !sound || (d->foreign && has_marks(buf_slice(&d->run)));
}

/* Length of the plain text at the start of s: to the next "=?" that opens an encoded word. */
static size_t plain_length(struct slice s)
{
    struct slice charset;
    struct slice text;
    uint8_t encoding = 0;
    size_t at = 0;

    while (at < s.len) {
        at += slice_find(slice_from(s, at), '=');
        if (at < s.len && mail_encoded_word(slice_from(s, at), &charset, &encoding, &text)) {
            return at;
        }
        at = at < s.len ? at + 1 : at;
    }
    return at;
}

static void add_plain(struct decoder *d, struct slice s)
{
    flush(d);
    buf_reset(&d->run);
    d->foreign = false;
    mail_charset_convert(SLICE("utf-8"), s, &d->out);
}

/* Every control character, folds among them, shows as one space; a fold's CR LF as nothing. */
static struct slice tidy(struct slice s, struct arena *arena)
{
    uint8_t *text = arena_alloc(arena, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < s.len && s.ptr[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (c == '\r' || c == '\n') {
            continue;
        }
        text[len++] = c < ' ' || c == 0x7f || c1 ? ' ' : c;
        i += c1;
    }
    return mail_trim(slice_of(text, len));
}

/* U+202D and U+202E show what follows in the order of their choice: "tset.x@ssob" as "boss@x.test". */
static bool turns_direction(struct slice s)
{
    return memmem(s.ptr, s.len, "\xe2\x80\xad", 3) || memmem(s.ptr, s.len, "\xe2\x80\xae", 3);
}

/* Printable ASCII on one line without anything to decode: most of what comes. */
static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] >= 0x7f ||
            (s.ptr[i] == '=' && i + 1 < s.len && s.ptr[i + 1] == '?')) {
            return false;
        }
    }
    return s.len <= MAIL_TEXT_MAX;
}

struct slice mail_text_decode(struct slice value, struct arena *arena)
{
    bool ignored = false;

    return mail_text_decode_name(value, arena, &ignored);
}

struct slice mail_text_decode_name(struct slice value, struct arena *arena, bool *deceptive)
{
    if (is_plain(value)) {
        return mail_trim(value);
    }
    OWN(decoder)
    struct decoder d = {.pending = {.max = MAIL_TEXT_MAX},
                        .out = {.max = MAIL_TEXT_MAX},
                        .run = {.max = MAIL_TEXT_MAX}};
    struct slice rest = mail_trim(value);
    struct slice charset;
    struct slice text;
    uint8_t encoding = 0;
    bool after_word = false;

    while (rest.len && !d.out.full) {
        size_t len = plain_length(rest);
        struct slice plain = slice_head(rest, len);
        rest = slice_from(rest, len);
        /* White space between two encoded words belongs to neither (RFC 2047 section 6.2). */
        if (len && !(after_word && rest.len && mail_trim(plain).len == 0)) {
            add_plain(&d, plain);
        }
        len = mail_encoded_word(rest, &charset, &encoding, &text);
        if (len) {
            add_word(&d, charset, encoding, text);
            rest = slice_from(rest, len);
        }
        after_word = len != 0;
    }
    flush(&d);
    struct slice shown = buf_slice(&d.out);
    bool left = shown.len && memmem(shown.ptr, shown.len, "=?", 2);
    bool turned = shown.len && turns_direction(shown);
    *deceptive = *deceptive || d.hidden || left || turned || d.out.full;
    return tidy(shown, arena);
}
