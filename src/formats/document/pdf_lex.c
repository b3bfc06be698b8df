#include <math.h>

#include "formats/document/internal.h"

bool pdf_is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool is_delimiter(uint8_t c)
{
    return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' ||
           c == '}' || c == '/' || c == '%';
}

static bool is_regular(uint8_t c)
{
    return !pdf_is_space(c) && !is_delimiter(c);
}

static void skip_space(struct slice *rest)
{
    size_t i = 0;

    while (i < rest->len && (pdf_is_space(rest->ptr[i]) || rest->ptr[i] == '%')) {
        if (rest->ptr[i] == '%') {
            while (i < rest->len && rest->ptr[i] != '\n' && rest->ptr[i] != '\r') {
                i++;
            }
        } else {
            i++;
        }
    }
    *rest = slice_from(*rest, i);
}

/* Its digits only: exponents are no part of the language. False when it is no number. */
static bool read_number(struct slice text, double *number)
{
    double value = 0;
    double scale = 0;
    size_t digits = 0;
    size_t i = 0;
    bool minus = false;

    while (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+')) {
        minus = text.ptr[i++] == '-';
    }
    for (; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '.' && scale == 0) {
            scale = 1;
        } else if (c >= '0' && c <= '9') {
            digits++;
            scale /= 10;
            value = scale != 0 ? value + scale * (c - '0') : value * 10 + (c - '0');
        } else {
            return false;
        }
    }
    *number = minus ? -value : value;
    return digits > 0 && isfinite(value);
}

static struct slice take_string(struct slice *rest)
{
    size_t depth = 1;
    size_t i = 1;

    for (; i < rest->len && depth; i++) {
        uint8_t c = rest->ptr[i];
        if (c == '\\') {
            i++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')') {
            depth--;
        }
    }
    i = i < rest->len ? i : rest->len;
    struct slice text = slice_from(slice_head(*rest, depth ? i : i - 1), 1);
    *rest = slice_from(*rest, i);
    return text;
}

static struct slice take_hex(struct slice *rest)
{
    size_t end = slice_find(*rest, '>');
    struct slice text = slice_from(slice_head(*rest, end), 1);

    *rest = slice_from(*rest, end + 1);
    return text;
}

static void take_regular(struct slice *rest, struct pdf_token *t)
{
    size_t len = 0;

    while (len < rest->len && is_regular(rest->ptr[len])) {
        len++;
    }
    len = len ? len : 1; /* a brace, a parenthesis that closes nothing */
    t->text = slice_head(*rest, len);
    t->kind = read_number(t->text, &t->number) ? PDF_NUMBER : PDF_WORD;
    *rest = slice_from(*rest, len);
}

static void take_punctuation(struct slice *rest, struct pdf_token *t, enum pdf_kind kind,
                             size_t len)
{
    t->kind = kind;
    t->text = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
}

bool pdf_next(struct slice *rest, struct pdf_token *t)
{
    *t = (struct pdf_token){.kind = PDF_END};
    skip_space(rest);
    if (rest->len == 0) {
        return false;
    }
    switch (rest->ptr[0]) {
    case '(':
        t->kind = PDF_STRING;
        t->text = take_string(rest);
        return true;
    case '/':
        *rest = slice_from(*rest, 1);
        if (rest->len && is_regular(rest->ptr[0])) {
            take_regular(rest, t);
        }
        t->kind = PDF_NAME;
        return true;
    case '[':
        take_punctuation(rest, t, PDF_ARRAY_OPEN, 1);
        return true;
    case ']':
        take_punctuation(rest, t, PDF_ARRAY_CLOSE, 1);
        return true;
    default:
        break;
    }
    if (slice_starts(*rest, SLICE("<<"))) {
        take_punctuation(rest, t, PDF_DICT_OPEN, 2);
    } else if (slice_starts(*rest, SLICE(">>"))) {
        take_punctuation(rest, t, PDF_DICT_CLOSE, 2);
    } else if (rest->ptr[0] == '<') {
        t->kind = PDF_HEX;
        t->text = take_hex(rest);
    } else {
        take_regular(rest, t);
    }
    return true;
}

/* ---- objects ---- */

/* Behind a number: whether "0 R" follows, which makes it a reference. */
static bool take_reference(struct slice *rest)
{
    struct slice ahead = slice_head(*rest, 32);
    struct pdf_token t;
    size_t before = ahead.len;

    if (!pdf_next(&ahead, &t) || t.kind != PDF_NUMBER || !pdf_next(&ahead, &t) ||
        !slice_equal(t.text, SLICE("R"))) {
        return false;
    }
    *rest = slice_from(*rest, before - ahead.len);
    return true;
}

struct slice pdf_take(struct slice *rest)
{
    struct pdf_token t;
    size_t depth = 0;

    skip_space(rest);
    const uint8_t *begin = rest->ptr;
    do {
        if (!pdf_next(rest, &t)) {
            return SLICE_NONE;
        }
        if (t.kind == PDF_ARRAY_OPEN || t.kind == PDF_DICT_OPEN) {
            depth++;
        } else if (t.kind == PDF_ARRAY_CLOSE || t.kind == PDF_DICT_CLOSE) {
            depth -= depth ? 1 : 0;
        } else if (depth == 0 && t.kind == PDF_NUMBER) {
            (void)take_reference(rest);
        }
    } while (depth);
    return slice_of(begin, (size_t)(rest->ptr - begin));
}

struct slice pdf_get(struct slice dict, const char *key)
{
    struct slice wanted = slice_text(key);
    struct pdf_token t;

    if (!pdf_next(&dict, &t) || t.kind != PDF_DICT_OPEN) {
        return SLICE_NONE;
    }
    while (pdf_next(&dict, &t) && t.kind != PDF_DICT_CLOSE) {
        if (t.kind == PDF_NAME) {
            struct slice value = pdf_take(&dict);
            if (slice_equal(t.text, wanted)) {
                return value;
            }
        }
    }
    return SLICE_NONE;
}

bool pdf_is_name(struct slice object, const char *name)
{
    struct pdf_token t;

    return pdf_next(&object, &t) && t.kind == PDF_NAME && slice_equal(t.text, slice_text(name));
}

bool pdf_is_reference(struct slice object, uint64_t *number)
{
    struct pdf_token t;

    return pdf_next(&object, &t) && t.kind == PDF_NUMBER && take_reference(&object) &&
           slice_decimal(t.text, UINT32_MAX, number);
}

struct slice pdf_elements(struct slice object)
{
    struct pdf_token t;

    return pdf_next(&object, &t) && t.kind == PDF_ARRAY_OPEN ? object : SLICE_NONE;
}

double pdf_number(struct slice object, double otherwise)
{
    struct pdf_token t;

    return pdf_next(&object, &t) && t.kind == PDF_NUMBER ? t.number : otherwise;
}

size_t pdf_size(struct slice object, size_t max)
{
    double number = pdf_number(object, 0);

    if (number <= 0) {
        return 0;
    }
    return number < (double)max ? (size_t)number : max;
}

/* ---- strings ---- */

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_hex(struct slice text, struct buf *out)
{
    int high = -1;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit < 0) {
            continue;
        }
        if (high < 0) {
            high = digit;
        } else {
            buf_add_byte(out, (uint8_t)(high << 4 | digit));
            high = -1;
        }
    }
    if (high >= 0) {
        buf_add_byte(out, (uint8_t)(high << 4));
    }
}

/* What follows a backslash at text.ptr[i]; the index of its last byte. */
static size_t add_escaped(struct slice text, size_t i, struct buf *out)
{
    static const char from[] = "nrtbf";
    static const char to[] = "\n\r\t\b\f";
    uint8_t c = text.ptr[i];
    const char *named = c ? strchr(from, c) : NULL;
    unsigned value = 0;
    size_t digits = 0;

    if (named) {
        buf_add_byte(out, (uint8_t)to[named - from]);
    } else if (c == '\r' || c == '\n') {
        bool pair = c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        return pair ? i + 1 : i; /* a line that goes on */
    } else if (c >= '0' && c <= '7') {
        while (digits < 3 && i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '7') {
            value = value * 8 + (unsigned)(text.ptr[i++] - '0');
            digits++;
        }
        buf_add_byte(out, (uint8_t)value);
        return i - 1;
    } else {
        buf_add_byte(out, c);
    }
    return i;
}

void pdf_string(const struct pdf_token *t, struct buf *out)
{
    if (t->kind == PDF_HEX) {
        add_hex(t->text, out);
        return;
    }
    for (size_t i = 0; i < t->text.len; i++) {
        if (t->text.ptr[i] == '\\' && i + 1 < t->text.len) {
            i = add_escaped(t->text, i + 1, out);
        } else {
            buf_add_byte(out, t->text.ptr[i]);
        }
    }
}

void pdf_add_utf8(struct buf *out, uint32_t c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return;
    }
    if (c < 0x80) {
        buf_add_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        const uint8_t bytes[] = {(uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 0x3f))};
        buf_add(out, SLICE_ARRAY(bytes));
    } else if (c < 0x10000) {
        const uint8_t bytes[] = {(uint8_t)(0xe0 | c >> 12), (uint8_t)(0x80 | (c >> 6 & 0x3f)),
                                 (uint8_t)(0x80 | (c & 0x3f))};
        buf_add(out, SLICE_ARRAY(bytes));
    } else {
        const uint8_t bytes[] = {(uint8_t)(0xf0 | c >> 18), (uint8_t)(0x80 | (c >> 12 & 0x3f)),
                                 (uint8_t)(0x80 | (c >> 6 & 0x3f)), (uint8_t)(0x80 | (c & 0x3f))};
        buf_add(out, SLICE_ARRAY(bytes));
    }
}

void pdf_add_utf16(struct buf *out, struct slice bytes, bool big)
{
    uint32_t high = 0;

    for (size_t i = 0; i + 1 < bytes.len; i += 2) {
        uint32_t c = big ? (uint32_t)bytes.ptr[i] << 8 | bytes.ptr[i + 1]
                         : (uint32_t)bytes.ptr[i + 1] << 8 | bytes.ptr[i];
        if (c >= 0xd800 && c < 0xdc00) {
            high = c;
        } else if (c >= 0xdc00 && c < 0xe000) {
            pdf_add_utf8(out, high ? 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00) : 0);
            high = 0;
        } else {
            pdf_add_utf8(out, c);
        }
    }
}

/* PDFDocEncoding is Latin-1 but for some signs, accents and ligatures. */
static uint32_t document_encoded(uint8_t c)
{
    static const uint16_t signs[] = {
        0x2022, 0x2020, 0x2021, 0x2026, 0x2014, 0x2013, 0x192,  0x2044, 0x2039, 0x203a, 0x2212,
        0x2030, 0x201e, 0x201c, 0x201d, 0x2018, 0x2019, 0x201a, 0x2122, 0xfb01, 0xfb02, 0x141,
        0x152,  0x160,  0x178,  0x17d,  0x131,  0x142,  0x153,  0x161,  0x17e,  0,      0x20ac};

    return c >= 0x80 && c < 0x80 + sizeof(signs) / sizeof(signs[0]) ? signs[c - 0x80] : c;
}

void pdf_add_text_string(struct buf *out, struct slice bytes)
{
    if (slice_starts(bytes, SLICE("\xfe\xff")) || slice_starts(bytes, SLICE("\xff\xfe"))) {
        pdf_add_utf16(out, slice_from(bytes, 2), bytes.ptr[0] == 0xfe);
    } else if (slice_starts(bytes, SLICE("\xef\xbb\xbf"))) {
        buf_add(out, slice_from(bytes, 3));
    } else {
        for (size_t i = 0; i < bytes.len; i++) {
            pdf_add_utf8(out, document_encoded(bytes.ptr[i]));
        }
    }
    buf_add_byte(out, '\n');
}
