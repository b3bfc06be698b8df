#include "formats/mime/decode.h"

#include <gmime/gmime.h>
#include <iconv.h>
#include <openssl/evp.h>

#define CONVERT_STEP    16384 /* bytes of output asked for at once */
#define LINE_MAX_BASE64 998   /* RFC 5322 section 2.1.1 */

/* ---- transfer encodings ---- */

/* Behind the "begin 644 name" line, where uuencoded lines start. */
static struct slice behind_begin(struct slice body)
{
    while (body.len) {
        size_t at = slice_find(body, '\n');
        bool found = slice_starts(body, SLICE("begin "));
        body = slice_from(body, at + 1);
        if (found) {
            break;
        }
    }
    return body;
}

static GMimeContentEncoding encoding_of(struct slice name)
{
    static const struct {
        const char *name;
        GMimeContentEncoding encoding;
    } names[] = {
        {"",                 GMIME_CONTENT_ENCODING_BINARY         },
        {"7bit",             GMIME_CONTENT_ENCODING_BINARY         },
        {"8bit",             GMIME_CONTENT_ENCODING_BINARY         },
        {"binary",           GMIME_CONTENT_ENCODING_BINARY         },
        {"base64",           GMIME_CONTENT_ENCODING_BASE64         },
        {"quoted-printable", GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE},
        {"x-uuencode",       GMIME_CONTENT_ENCODING_UUENCODE       },
        {"x-uue",            GMIME_CONTENT_ENCODING_UUENCODE       },
        {"uuencode",         GMIME_CONTENT_ENCODING_UUENCODE       },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(name, slice_text(names[i].name))) {
            return names[i].encoding;
        }
    }
    return GMIME_CONTENT_ENCODING_DEFAULT;
}

static void decode(GMimeContentEncoding encoding, struct slice body, struct buf *space)
{
    GMimeEncoding state;

    g_mime_encoding_init_decode(&state, encoding);
    while (body.len && !space->full) {
        struct slice step = slice_head(body, CONVERT_STEP);
        uint8_t *room = buf_room(space, g_mime_encoding_outlen(&state, step.len));
        if (room) {
            space->len +=
                g_mime_encoding_step(&state, (const char *)step.ptr, step.len, (char *)room);
        }
        body = slice_from(body, step.len);
    }
}

/* Decode the lines of a body's start that are as programs write them, whole groups of four and nothing else: OpenSSL does that twice
 * as fast as GMime. What follows them. */
static struct slice decode_lines(struct slice body, struct buf *space)
{
    while (body.len) {
        size_t end = slice_find(body, '\n');
        size_t len = end && end < body.len && body.ptr[end - 1] == '\r' ? end - 1 : end;
        struct slice line = slice_head(body, len);
        if (len == 0 || len % 4 || len > LINE_MAX_BASE64 || slice_find(line, '=') < len) {
            break;
        }
        uint8_t *room = buf_room(space, len / 4 * 3);
        if (!room || EVP_DecodeBlock(room, line.ptr, (int)len) != (int)(len / 4 * 3)) {
            break;
        }
        space->len += len / 4 * 3;
        body = slice_from(body, end + 1);
    }
    return body;
}

/* Padding ends a text for some readers, and others go on behind it: so does this. */
static void decode_base64(struct slice body, struct buf *space)
{
    body = decode_lines(body, space);
    while (body.len && !space->full) {
        size_t len = slice_find(body, '=');
        while (len < body.len && body.ptr[len] == '=') {
            len++;
        }
        decode(GMIME_CONTENT_ENCODING_BASE64, slice_head(body, len), space);
        body = slice_from(body, len);
    }
}

bool transfer_decode(struct slice body, struct slice encoding, struct buf *space, struct slice *out)
{
    GMimeContentEncoding known = encoding_of(encoding);

    buf_reset(space);
    if (known == GMIME_CONTENT_ENCODING_DEFAULT) {
        return false;
    }
    if (known == GMIME_CONTENT_ENCODING_BINARY) {
        *out = slice_head(body, space->max);
        space->full = body.len > space->max;
        return true;
    }
    if (known == GMIME_CONTENT_ENCODING_BASE64) {
        decode_base64(body, space);
    } else {
        decode(known, known == GMIME_CONTENT_ENCODING_UUENCODE ? behind_begin(body) : body, space);
    }
    *out = buf_slice(space);
    return true;
}

/* ---- character sets ---- */

/* The names letters use, and what iconv(3) calls them. A short list on purpose: what is not here is
 * rare, and rare converters are the ones that nobody tests. ISO-8859-1 reads as Windows-1252 and
 * GB2312 as GB18030, their supersets, because that is what senders mean by them. */
static struct {
    const char *name;
    const char *iconv_name;
    iconv_t converter;
} charsets[] = {
    {"windows-1252",   "CP1252",      NULL},
    {"cp1252",         "CP1252",      NULL},
    {"iso-8859-1",     "CP1252",      NULL},
    {"iso8859-1",      "CP1252",      NULL},
    {"iso_8859-1",     "CP1252",      NULL},
    {"latin1",         "CP1252",      NULL},
    {"iso-8859-2",     "ISO-8859-2",  NULL},
    {"iso-8859-3",     "ISO-8859-3",  NULL},
    {"iso-8859-4",     "ISO-8859-4",  NULL},
    {"iso-8859-5",     "ISO-8859-5",  NULL},
    {"iso-8859-6",     "ISO-8859-6",  NULL},
    {"iso-8859-7",     "ISO-8859-7",  NULL},
    {"iso-8859-8",     "ISO-8859-8",  NULL},
    {"iso-8859-8-i",   "ISO-8859-8",  NULL},
    {"iso-8859-9",     "ISO-8859-9",  NULL},
    {"iso-8859-10",    "ISO-8859-10", NULL},
    {"iso-8859-13",    "ISO-8859-13", NULL},
    {"iso-8859-14",    "ISO-8859-14", NULL},
    {"iso-8859-15",    "ISO-8859-15", NULL},
    {"iso8859-15",     "ISO-8859-15", NULL},
    {"iso-8859-16",    "ISO-8859-16", NULL},
    {"windows-874",    "CP874",       NULL},
    {"tis-620",        "CP874",       NULL},
    {"windows-1250",   "CP1250",      NULL},
    {"windows-1251",   "CP1251",      NULL},
    {"windows-1253",   "CP1253",      NULL},
    {"windows-1254",   "CP1254",      NULL},
    {"windows-1255",   "CP1255",      NULL},
    {"windows-1256",   "CP1256",      NULL},
    {"windows-1257",   "CP1257",      NULL},
    {"windows-1258",   "CP1258",      NULL},
    {"cp1250",         "CP1250",      NULL},
    {"cp1251",         "CP1251",      NULL},
    {"koi8-r",         "KOI8-R",      NULL},
    {"koi8-u",         "KOI8-U",      NULL},
    {"ibm437",         "CP437",       NULL},
    {"cp437",          "CP437",       NULL},
    {"ibm850",         "CP850",       NULL},
    {"cp850",          "CP850",       NULL},
    {"ibm866",         "CP866",       NULL},
    {"cp866",          "CP866",       NULL},
    {"macintosh",      "MACINTOSH",   NULL},
    {"x-mac-roman",    "MACINTOSH",   NULL},
    {"gb2312",         "GB18030",     NULL},
    {"gb_2312-80",     "GB18030",     NULL},
    {"gbk",            "GB18030",     NULL},
    {"x-gbk",          "GB18030",     NULL},
    {"gb18030",        "GB18030",     NULL},
    {"big5",           "BIG5-HKSCS",  NULL},
    {"big5-hkscs",     "BIG5-HKSCS",  NULL},
    {"euc-jp",         "EUC-JP",      NULL},
    {"x-euc-jp",       "EUC-JP",      NULL},
    {"shift_jis",      "CP932",       NULL},
    {"shift-jis",      "CP932",       NULL},
    {"x-sjis",         "CP932",       NULL},
    {"sjis",           "CP932",       NULL},
    {"windows-31j",    "CP932",       NULL},
    {"iso-2022-jp",    "ISO-2022-JP", NULL},
    {"euc-kr",         "CP949",       NULL},
    {"ks_c_5601-1987", "CP949",       NULL},
    {"ks_c_5601",      "CP949",       NULL},
    {"cp949",          "CP949",       NULL},
    {"utf-7",          "UTF-7",       NULL},
    {"utf-16",         "UTF-16",      NULL},
    {"utf-16le",       "UTF-16LE",    NULL},
    {"utf-16be",       "UTF-16BE",    NULL},
    {"utf-32",         "UTF-32",      NULL},
};

#define CHARSETS (sizeof(charsets) / sizeof(charsets[0]))

void charset_init(void)
{
    for (size_t i = 0; i < CHARSETS; i++) {
        if (!charsets[i].converter) {
            charsets[i].converter = iconv_open("UTF-8", charsets[i].iconv_name);
        }
    }
}

static iconv_t converter_of(struct slice charset)
{
    for (size_t i = 0; i < CHARSETS; i++) {
        if (slice_equal(charset, slice_text(charsets[i].name))) {
            return charsets[i].converter;
        }
    }
    return (iconv_t)-1;
}

static bool is_ascii_name(struct slice charset)
{
    return charset.len == 0 || slice_equal(charset, SLICE("us-ascii")) ||
           slice_equal(charset, SLICE("ascii")) || slice_equal(charset, SLICE("ansi_x3.4-1968")) ||
           slice_equal(charset, SLICE("unknown-8bit"));
}

static void convert(iconv_t converter, struct slice text, struct buf *out)
{
    char *in = (char *)(uintptr_t)text.ptr; /* iconv() does not write to its input */
    size_t left = text.len;

    (void)iconv(converter, NULL, NULL, NULL, NULL);
    while (left && !out->full) {
        size_t step = out->max - out->len < CONVERT_STEP ? out->max - out->len : CONVERT_STEP;
        char *room = (char *)buf_room(out, step);
        size_t space = step;
        if (!room || step < 4) { /* no room for any character */
            out->full = true;
            return;
        }
        errno = 0;
        size_t converted = iconv(converter, &in, &left, &room, &space);
        out->len += step - space;
        if (converted == (size_t)-1 && errno != E2BIG) {
            buf_add_text(out, "\xef\xbf\xbd");
            in++;
            left--;
        }
    }
}

bool charset_decode(struct slice text, struct slice charset, struct buf *space, struct slice *out)
{
    *out = text;
    buf_reset(space);
    if (slice_equal(charset, SLICE("utf-8")) || slice_equal(charset, SLICE("utf8"))) {
        return true;
    }
    if (is_ascii_name(charset)) {
        if (slice_is_utf8(text)) {
            return true;
        }
        charset = SLICE("windows-1252");
    }
    iconv_t converter = converter_of(charset);
    if (converter == (iconv_t)-1 || !converter) {
        return false;
    }
    convert(converter, text, space);
    *out = buf_slice(space);
    return true;
}
