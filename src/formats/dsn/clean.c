#include "formats/dsn/internal.h"

/* Length and code point of the UTF-8 character at the start of s; 0 when there is none. */
static size_t read_character(struct slice s, uint32_t *point)
{
    uint8_t lead = s.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (len > s.len || !slice_is_utf8(slice_head(s, len))) {
        return 0;
    }
    *point = len == 1 ? lead : lead & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        *point = *point << 6 | (s.ptr[i] & 0x3fU);
    }
    return len;
}

/* Characters that hide, or that make a line read otherwise than it is written. */
static bool is_deceptive(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00,    0x1f   },
        {0x7f,    0x9f   },
        {0xad,    0xad   },
        {0x61c,   0x61c  },
        {0x200b,  0x200f },
        {0x2028,  0x202e },
        {0x2060,  0x206f },
        {0xfeff,  0xfeff },
        {0xfff9,  0xfffb },
        {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

struct slice dsn_head(struct slice s, size_t max)
{
    size_t len = s.len < max ? s.len : max;

    while (len < s.len && len > 0 && (s.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return slice_head(s, len);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Add the character at the start of s, or a question mark for it. Returns its length. */
static size_t add_character(struct buf *out, struct slice s, unsigned how)
{
    uint32_t c = 0;
    size_t len = read_character(s, &c);

    if (len == 0 || is_deceptive(c) || (c >= 0x80 && !(how & DSN_UTF8))) {
        buf_add_byte(out, '?');
    } else {
        buf_add(out, slice_head(s, len));
    }
    return len ? len : 1;
}

void dsn_add_clean(struct buf *out, struct slice s, unsigned how)
{
    size_t before = out->len;
    bool space = false; /* one is due, unless at the beginning or the end */

    while (s.len) {
        if (is_space(s.ptr[0])) {
            buf_add_text(out, how & DSN_ONE_WORD ? " " : "");
            space = !(how & DSN_ONE_WORD);
            s = slice_from(s, 1);
            continue;
        }
        buf_add_text(out, space && out->len > before ? " " : "");
        space = false;
        s = slice_from(s, add_character(out, s, how));
    }
}

void dsn_add_folded(struct buf *out, struct slice words, const char *fold, size_t *column)
{
    bool first = true; /* the word stands where the caller put it */
    size_t indent = strlen(fold) - 2;

    for (struct slice rest = words; rest.len;) {
        struct slice next = SLICE_NONE;
        struct slice word = slice_cut(rest, ' ', &next);
        rest = next;
        while (word.len) {
            struct slice piece = dsn_head(word, DSN_WORD_MAX);
            if (*column > indent && *column + 1 + piece.len > DSN_LINE) {
                buf_add_text(out, fold);
                *column = indent;
            } else if (!first) {
                buf_add_byte(out, ' ');
                (*column)++;
            }
            buf_add(out, piece);
            *column += piece.len;
            first = false;
            /* -fanalyzer: it loses sight of a struct that is passed in two registers */
            word = slice_from(word, piece.len);
        }
    }
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void dsn_add_xtext(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        int high = s.ptr[i] == '+' && i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.ptr[i + 2]) : -1;
        if (low >= 0) {
            buf_add_byte(out, (uint8_t)(high * 16 + low));
            i += 2;
        } else {
            buf_add_byte(out, s.ptr[i]);
        }
    }
}

void dsn_add_quoted_printable(struct buf *out, struct slice text)
{
    size_t column = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool line_end = i + 1 < text.len && c == '\r' && text.ptr[i + 1] == '\n';
        if (line_end) {
            buf_add_text(out, "\r\n");
            column = 0;
            i++;
            continue;
        }
        bool last = i + 1 == text.len || text.ptr[i + 1] == '\r';
        bool plain = (c > ' ' && c < 0x7f && c != '=') || (c == ' ' && !last);
        if (column + (plain ? 1 : 3) > DSN_ENCODED) {
            buf_add_text(out, "=\r\n");
            column = 0;
        }
        if (plain) {
            buf_add_byte(out, c);
        } else {
            buf_printf(out, "=%02X", c);
        }
        column += plain ? 1 : 3;
    }
}

static bool is_plain(uint8_t c)
{
    uint8_t lower = ascii_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

static void add_q(struct buf *out, struct slice character, bool plain)
{
    for (size_t i = 0; i < character.len; i++) {
        buf_printf(out, plain ? "%c" : "=%02X", character.ptr[i]);
    }
}

/* Encoded words of at most 75 characters, broken between characters. */
static void add_encoded_words(struct buf *out, struct slice text, size_t column)
{
    static const char start[] = "=?utf-8?q?";
    size_t room = 0;

    while (text.len) {
        uint32_t c = 0;
        size_t len = read_character(text, &c);
        len = len ? len : 1;
        bool plain = len == 1 && is_plain(text.ptr[0]);
        size_t needs = plain ? 1 : 3 * len;
        if (room < needs) {
            buf_add_text(out, room || column == 0 ? "?=\r\n " : "");
            buf_add_text(out, start);
            room = 75 - (sizeof(start) - 1) - 2 - column;
            column = 0;
        }
        add_q(out, slice_head(text, len), plain);
        room -= needs;
        text = slice_from(text, len);
    }
    buf_add_text(out, "?=");
}

void dsn_add_unstructured(struct buf *out, const char *label, struct slice text)
{
    OWN(buf) struct buf words = {.max = DSN_VALUE_ROOM};
    size_t column = strlen(label) + 2;

    dsn_add_clean(&words, dsn_head(text, DSN_VALUE_MAX), DSN_UTF8);
    buf_printf(out, "%s: ", label);
    bool clear = words.len == 0 || !memmem(words.ptr, words.len, "=?", 2);
    if (clear && slice_is_ascii(buf_slice(&words))) {
        dsn_add_folded(out, buf_slice(&words), "\r\n ", &column);
    } else {
        add_encoded_words(out, buf_slice(&words), column);
    }
    buf_add_text(out, "\r\n");
}
