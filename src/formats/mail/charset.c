#include "formats/mail/charset.h"

#include <errno.h>
#include <iconv.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* What iconv(3) may be asked for. Not among them: ISO-2022-CN-EXT, ISO-2022-KR, UTF-7 and other
 * stateful converters that hardly any mail uses and that were the ones with holes. */
static const char *const converters[] = {
    "iso-8859-2",   "iso-8859-3",   "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",
    "iso-8859-8",   "iso-8859-9",   "iso-8859-10",  "iso-8859-13",  "iso-8859-14",  "iso-8859-15",
    "iso-8859-16",  "windows-1250", "windows-1251", "windows-1253", "windows-1254", "windows-1255",
    "windows-1256", "windows-1257", "windows-1258", "koi8-r",       "koi8-u",       "tis-620",
    "gb2312",       "gbk",          "gb18030",      "big5",         "shift_jis",    "euc-jp",
    "iso-2022-jp",  "euc-kr",       "ibm850",       "macintosh",
};

/* Names that mail uses for them. */
static const struct {
    struct slice alias;
    const char *name;
} aliases[] = {
    {SLICE_INIT("ks_c_5601-1987"), "cp949"       },
    {SLICE_INIT("cp949"),          "cp949"       },
    {SLICE_INIT("cp1250"),         "windows-1250"},
    {SLICE_INIT("cp1251"),         "windows-1251"},
    {SLICE_INIT("shift-jis"),      "shift_jis"   },
    {SLICE_INIT("sjis"),           "shift_jis"   },
    {SLICE_INIT("iso-8859-8-i"),   "iso-8859-8"  },
    {SLICE_INIT("cp850"),          "ibm850"      },
    {SLICE_INIT("cp866"),          "ibm866"      },
    {SLICE_INIT("ibm866"),         "ibm866"      },
    {SLICE_INIT("cp932"),          "cp932"       },
    {SLICE_INIT("windows-31j"),    "cp932"       },
    {SLICE_INIT("windows-874"),    "cp874"       },
};

/* The names of what is converted here. */
static const struct slice utf8_names[] = {SLICE_INIT("utf-8"), SLICE_INIT("utf8")};
static const struct slice ascii_names[] = {SLICE_INIT("us-ascii"), SLICE_INIT("ascii")};
/* Mail that says ISO-8859-1 is mostly Windows-1252: the difference is control characters. */
static const struct slice latin_names[] = {SLICE_INIT("iso-8859-1"), SLICE_INIT("windows-1252"),
                                           SLICE_INIT("cp1252"), SLICE_INIT("latin1")};

/* Windows-1252 where it differs from ISO-8859-1: 0x80 to 0x9f; 0 is not assigned. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

/* Append a character below U+10000. */
static void add_character(struct buf *out, unsigned c)
{
    uint8_t bytes[3];
    size_t len = 0;

    if (c < 0x80) {
        bytes[len++] = (uint8_t)c;
    } else if (c < 0x800) {
        bytes[len++] = (uint8_t)(0xc0 | c >> 6);
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        bytes[len++] = (uint8_t)(0xe0 | c >> 12);
        bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    buf_add(out, slice_of(bytes, len));
}

static void convert_latin(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned c = s.ptr[i];
        if (c >= 0x80 && c < 0xa0) {
            c = windows_1252[c - 0x80] ? windows_1252[c - 0x80] : 0xfffd;
        }
        add_character(out, c);
    }
}

/* Bytes of the well-formed character at the start of s; 0 when there is none. */
static size_t character_length(struct slice s)
{
    for (size_t len = 1; len <= 4 && len <= s.len; len++) {
        if (slice_is_utf8(slice_head(s, len))) {
            return len;
        }
    }
    return 0;
}

static void convert_utf8(struct slice s, struct buf *out)
{
    if (!out->full && s.len <= out->max - out->len && slice_is_utf8(s)) {
        buf_add(out, s);
        return;
    }
    while (s.len && !out->full) {
        size_t len = character_length(s);
        if (len) {
            buf_add(out, slice_head(s, len));
        } else {
            buf_add_text(out, REPLACEMENT);
        }
        s = slice_from(s, len ? len : 1);
    }
}

static void convert_ascii(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        add_character(out, s.ptr[i] < 0x80 ? s.ptr[i] : 0xfffd);
    }
}

/* Without iconv: the characters of two bytes are replaced. The escapes are those of RFC 1468; what
 * stands behind another one stays, the escape with it. */
static void convert_jis(struct slice s, struct buf *out)
{
    bool two = false;

    while (s.len && !out->full) {
        bool ascii = slice_starts(s, SLICE("\x1b(B")) || slice_starts(s, SLICE("\x1b(J"));
        if (ascii || slice_starts(s, SLICE("\x1b$B")) || slice_starts(s, SLICE("\x1b$@"))) {
            two = !ascii;
            s = slice_from(s, 3);
        } else if (two && s.ptr[0] > ' ' && s.len > 1 && s.ptr[1] > ' ') {
            buf_add_text(out, REPLACEMENT);
            s = slice_from(s, 2);
        } else {
            convert_ascii(slice_head(s, 1), out);
            s = slice_from(s, 1);
        }
    }
}

static bool is_one_of(struct slice name, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

static const char *find_converter(struct slice charset)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (slice_equal_nocase(charset, aliases[i].alias)) {
            return aliases[i].name;
        }
    }
    for (size_t i = 0; i < sizeof(converters) / sizeof(converters[0]); i++) {
        if (slice_equal_nocase(charset, slice_text(converters[i]))) {
            return converters[i];
        }
    }
    return NULL;
}

static void convert_by_iconv(iconv_t cd, struct slice s, struct buf *out)
{
    char chunk[512];
    char *in = NULL;
    size_t left = s.len;
    bool done = s.len == 0;

    (void)memcpy(&in, &s.ptr, sizeof(in)); /* iconv's prototype lacks the const */
    while (!done && !out->full) {
        char *to = chunk;
        size_t room = sizeof(chunk);
        size_t n = iconv(cd, &in, &left, &to, &room);
        int why = n == (size_t)-1 ? errno : 0;
        /* In pieces of characters, so that a full buffer ends with a whole one. */
        convert_utf8(slice_of(chunk, sizeof(chunk) - room), out);
        if (why == EILSEQ && left) {
            buf_add_text(out, REPLACEMENT);
            in++;
            left--;
        } else if (why == EINVAL) {
            buf_add_text(out, REPLACEMENT);
            done = true;
        }
        done = done || left == 0 || (why == 0) || (why != E2BIG && why != EILSEQ);
    }
}

void mail_charset_convert(struct slice charset, struct slice s, struct buf *out)
{
    if (IS_ONE_OF(charset, utf8_names)) {
        convert_utf8(s, out);
        return;
    }
    if (IS_ONE_OF(charset, latin_names)) {
        convert_latin(s, out);
        return;
    }
    const char *name = find_converter(charset);
    iconv_t cd = name ? iconv_open("UTF-8", name) : (iconv_t)-1;
    /* -fanalyzer: (iconv_t)-1 is no descriptor that could leak */
    if (cd == (iconv_t)-1) {
        if (slice_equal_nocase(charset, SLICE("iso-2022-jp"))) {
            convert_jis(s, out);
        } else {
            convert_ascii(s, out);
        }
        return;
    }
    convert_by_iconv(cd, s, out);
    (void)iconv_close(cd);
}

bool mail_charset_own(struct slice charset)
{
    return IS_ONE_OF(charset, utf8_names) || IS_ONE_OF(charset, ascii_names) ||
           IS_ONE_OF(charset, latin_names);
}

bool mail_charset_known(struct slice charset)
{
    return mail_charset_own(charset) || find_converter(charset);
}
