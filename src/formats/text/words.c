#include "formats/text/words.h"

#include <utf8proc.h>

enum kind {
    KIND_BREAK = '.',
    KIND_WORD = 'W',
    KIND_DIGIT = 'D',
    KIND_LONE = 'L',    /* a word by itself: no spaces between words in its script */
    KIND_NOTHING = '-', /* soft hyphens, joiners, diacritics: as if it were not there */
};

#define BYTES_MAX  4    /* of a character in UTF-8 */
#define FOLDED     32   /* code points that one may decompose into; 18 is the longest there is */
#define LOCAL_MAX  64   /* bytes of a local part (RFC 5321 section 4.5.3.1.1) */
#define DOMAIN_MAX 255  /* bytes of a domain (section 4.5.3.1.2) */
#define AT_WINDOW  1024 /* how far to look for an "@" at once */

/* The kinds of ASCII's characters, 32 a line. */
static const char ascii_kinds[] = "................................"
                                  "................DDDDDDDDDD......"
                                  ".WWWWWWWWWWWWWWWWWWWWWWWWWW....."
                                  ".WWWWWWWWWWWWWWWWWWWWWWWWWW.....";

static bool within(utf8proc_int32_t c, utf8proc_int32_t low, utf8proc_int32_t high)
{
    return c >= low && c <= high;
}

/* Marks that change a letter's look but not the word one looks for. Others (the vowel signs of
 * Indic scripts, say) belong to the word. */
static bool is_diacritic(utf8proc_int32_t c)
{
    return within(c, 0x0300, 0x036f)    /* Latin, Greek, Cyrillic */
           || within(c, 0x0591, 0x05bd) /* Hebrew points */
           || within(c, 0x064b, 0x065f) /* Arabic vowels */
           || within(c, 0x1ab0, 0x1aff) || within(c, 0x1dc0, 0x1dff) || within(c, 0xfe20, 0xfe2f);
}

static bool is_spaceless(utf8proc_int32_t c)
{
    return within(c, 0x0e00, 0x0eff)       /* Thai, Lao */
           || within(c, 0x1000, 0x109f)    /* Myanmar */
           || within(c, 0x1780, 0x17ff)    /* Khmer */
           || within(c, 0x3040, 0x30ff)    /* Hiragana, Katakana */
           || within(c, 0x3400, 0x9fff)    /* Han */
           || within(c, 0xf900, 0xfaff)    /* Han for compatibility */
           || within(c, 0xff66, 0xff9f)    /* Katakana at half width */
           || within(c, 0x20000, 0x3ffff); /* more Han */
}

/* KIND_BREAK for bytes beyond ASCII: they end an ASCII word. */
static enum kind kind_of_ascii(uint8_t c)
{
    return c < 0x80 ? (enum kind)ascii_kinds[c] : KIND_BREAK;
}

static enum kind kind_of(utf8proc_int32_t c)
{
    if (is_diacritic(c)) {
        return KIND_NOTHING;
    }
    utf8proc_category_t category = utf8proc_category(c);
    if (category == UTF8PROC_CATEGORY_CF) {
        return KIND_NOTHING;
    }
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO) {
        return is_spaceless(c) ? KIND_LONE : KIND_WORD;
    }
    /* Circled letters, trade marks and the like are symbols that fold to letters; leave them. */
    return KIND_BREAK;
}

/* The character at the start of s (not empty): its length, kind and code point. */
static size_t look(struct slice s, enum kind *kind, utf8proc_int32_t *c)
{
    *c = s.ptr[0];
    if (s.ptr[0] < 0x80) {
        *kind = kind_of_ascii(s.ptr[0]);
        return 1;
    }
    utf8proc_ssize_t n =
        utf8proc_iterate(s.ptr, (utf8proc_ssize_t)(s.len < BYTES_MAX ? s.len : BYTES_MAX), c);
    if (n <= 0) {
        *kind = KIND_BREAK;
        return 1;
    }
    *kind = kind_of(*c);
    return (size_t)n;
}

static void append(struct text_words *w, const uint8_t *bytes, size_t len)
{
    if (w->full || len > TEXT_TERM_MAX - w->len) {
        w->full = true;
        return;
    }
    (void)memcpy(w->term + w->len, bytes, len);
    w->len += len;
}

/* Letters that Unicode does not decompose but that people type without their ornament. */
static const struct {
    uint16_t from;
    char to[3];
} ornamented[] = {
    {0x00e6, "ae"},
    {0x00f0, "d" },
    {0x00f8, "o" },
    {0x00fe, "th"},
    {0x0111, "d" },
    {0x0127, "h" },
    {0x0131, "i" },
    {0x0142, "l" },
    {0x0153, "oe"},
    {0x0167, "t" },
};

static void append_folded(struct text_words *w, utf8proc_int32_t c)
{
    uint8_t bytes[BYTES_MAX];
    enum kind kind = c < 0x80 ? kind_of_ascii((uint8_t)c) : kind_of(c);

    if (kind == KIND_BREAK || kind == KIND_NOTHING) {
        return; /* the fraction stroke of "½", the accent of "é" */
    }
    for (size_t i = 0; i < sizeof(ornamented) / sizeof(ornamented[0]); i++) {
        if (ornamented[i].from == c) {
            append(w, (const uint8_t *)ornamented[i].to, strlen(ornamented[i].to));
            return;
        }
    }
    append(w, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

/* Fold one word character (UAX 15 NFKD, full case folding) and append it to the term. */
static void append_character(struct text_words *w, utf8proc_int32_t c)
{
    const utf8proc_option_t fold =
        UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_int32_t folded[FOLDED];
    int boundary = 0;

    if (c < 0x80) {
        uint8_t lower = ascii_lower((uint8_t)c);
        append(w, &lower, 1);
        return;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char(c, folded, FOLDED, fold, &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < FOLDED; i++) {
        append_folded(w, folded[i]);
    }
}

static bool is_wordly(enum kind kind)
{
    return kind == KIND_WORD || kind == KIND_DIGIT;
}

/* What may stand in a local part besides word characters (RFC 5321 section 4.1.2). */
static bool is_local_mark(utf8proc_int32_t c)
{
    return c > 0 && c < 0x80 && strchr(".!#$%&'*+-/=?^_`{|}~", (int)c) != NULL;
}

static bool is_domain_mark(utf8proc_int32_t c)
{
    return c == '.' || c == '-';
}

/* Length of the run of word characters and such marks at the start of s, at most `max`; *end is
 * the end of its last word character. */
static size_t run_of(struct slice s, size_t max, bool (*is_mark)(utf8proc_int32_t), size_t *end)
{
    size_t i = 0;

    *end = 0;
    while (i < s.len && i < max) {
        enum kind kind = KIND_BREAK;
        utf8proc_int32_t c = 0;
        size_t n = look(slice_from(s, i), &kind, &c);
        if (is_wordly(kind)) {
            *end = i + n;
        } else if (!is_mark(c)) {
            break;
        }
        i += n;
    }
    return i;
}

/* The length of the address at the start of s, whose first character is a word character; 0 when
 * there is none. *looked: in so many bytes no other address begins. */
static size_t address_at(struct slice s, size_t *looked)
{
    struct slice window = slice_head(s, AT_WINDOW);
    size_t at = slice_find(window, '@');
    size_t end = 0;

    if (at == window.len || at > LOCAL_MAX) {
        size_t clear = at > LOCAL_MAX ? at - LOCAL_MAX : 0;
        *looked = at == s.len ? s.len : clear;
        return 0;
    }
    size_t local = run_of(s, LOCAL_MAX, is_local_mark, &end);
    if (local != at) {
        *looked = local < at ? local : at;
        return 0;
    }
    struct slice domain = slice_from(s, at + 1);
    enum kind first = KIND_BREAK;
    utf8proc_int32_t c = 0;
    if (domain.len) {
        (void)look(domain, &first, &c);
    }
    end = 0;
    if (is_wordly(first)) {
        (void)run_of(domain, DOMAIN_MAX, is_domain_mark, &end);
    }
    *looked = at + 1 + end;
    return end ? at + 1 + end : 0;
}

/* The length of the number with separators at the start of s; 0 when it is no number, has a
 * single group of digits, or is part of something else. */
static size_t number_at(struct slice s)
{
    size_t groups = 0;
    size_t i = 0;
    enum kind kind = KIND_BREAK;
    utf8proc_int32_t c = 0;

    for (;;) {
        size_t start = i;
        while (i < s.len && kind_of_ascii(s.ptr[i]) == KIND_DIGIT) {
            i++;
        }
        groups += i > start;
        bool separated = i > start && i + 1 < s.len && s.ptr[i] != '\0' &&
                         strchr(".,-/:'", s.ptr[i]) != NULL &&
                         kind_of_ascii(s.ptr[i + 1]) == KIND_DIGIT;
        if (!separated || i > TEXT_TERM_MAX) {
            break;
        }
        i++;
    }
    if (i < s.len) {
        (void)look(slice_from(s, i), &kind, &c);
    }
    return groups < 2 || c == '@' || kind != KIND_BREAK ? 0 : i;
}

/* Fold the first `len` bytes of what is left into one term without consuming them. */
static void fold_whole(struct text_words *w, size_t len, bool digits_only)
{
    struct slice s = slice_head(w->rest, len);

    while (s.len) {
        enum kind kind = KIND_BREAK;
        utf8proc_int32_t c = 0;
        size_t n = look(s, &kind, &c);
        if (kind != KIND_NOTHING && (kind == KIND_DIGIT || !digits_only)) {
            append_character(w, c);
        }
        s = slice_from(s, n);
    }
}

/* At the start of a word: make a whole of the number or address that begins here, once. The bytes
 * it covers, 0 when there is none. */
static size_t take_whole(struct text_words *w, bool digit)
{
    size_t number = digit && w->no_number == 0 ? number_at(w->rest) : 0;

    if (number) {
        w->no_number = number;
        fold_whole(w, number, true);
        return number;
    }
    size_t address = w->no_address == 0 ? address_at(w->rest, &w->no_address) : 0;
    if (address) {
        fold_whole(w, address, false);
    }
    return address;
}

static size_t less(size_t count, size_t n)
{
    return count > n ? count - n : 0;
}

static void consume(struct text_words *w, size_t n)
{
    w->rest = slice_from(w->rest, n);
    w->no_address = less(w->no_address, n);
    w->no_number = less(w->no_number, n);
}

/* Take the ASCII letters and digits that come next; most words are nothing else. */
static void take_ascii(struct text_words *w)
{
    const uint8_t *from = w->rest.ptr;
    size_t len = 0;

    while (len < w->rest.len && kind_of_ascii(from[len]) != KIND_BREAK) {
        len++;
    }
    size_t room = w->full ? 0 : TEXT_TERM_MAX - w->len;
    w->full = w->full || len > room;
    for (size_t i = 0; i < len && i < room; i++) {
        w->term[w->len++] = from[i] | 0x20; /* lowers letters, leaves digits */
    }
    consume(w, len);
}

/* Take the characters of one word. */
static void take_part(struct text_words *w)
{
    take_ascii(w);
    while (w->rest.len && w->rest.ptr[0] >= 0x80) {
        enum kind kind = KIND_BREAK;
        utf8proc_int32_t c = 0;
        size_t n = look(w->rest, &kind, &c);
        if (kind == KIND_BREAK || (kind == KIND_LONE && w->len)) {
            return;
        }
        consume(w, n);
        if (kind != KIND_NOTHING) {
            append_character(w, c);
        }
        if (kind == KIND_LONE) {
            return;
        }
        take_ascii(w);
    }
}

/* Drop what stands before the next word; the kind of its first character, KIND_BREAK at the
 * end. */
static enum kind skip(struct text_words *w)
{
    enum kind kind = KIND_BREAK;
    utf8proc_int32_t c = 0;
    size_t at = 0;

    while (at < w->rest.len && (kind == KIND_BREAK || kind == KIND_NOTHING)) {
        size_t n = look(slice_from(w->rest, at), &kind, &c);
        at += kind == KIND_BREAK || kind == KIND_NOTHING ? n : 0;
    }
    consume(w, at);
    return kind == KIND_NOTHING ? KIND_BREAK : kind;
}

void text_words_init(struct text_words *w, struct slice text)
{
    *w = (struct text_words){.rest = text};
}

bool text_words_next(struct text_words *w, struct text_term *term)
{
    w->len = 0;
    while (w->len == 0) { /* a character may fold to nothing */
        enum kind kind = skip(w);
        if (kind == KIND_BREAK) {
            return false;
        }
        w->full = false;
        term->covers = is_wordly(kind) ? take_whole(w, kind == KIND_DIGIT) : 0;
        term->whole = term->covers != 0;
        if (!term->whole) {
            take_part(w);
        }
    }
    term->bytes = slice_of(w->term, w->len);
    return true;
}
