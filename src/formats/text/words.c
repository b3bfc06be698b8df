#include "formats/text/words.h"

#include <utf8proc.h>

enum class {
    CLASS_BREAK,
    CLASS_WORD,
    CLASS_DIGIT,
    CLASS_LONE,    /* a word by itself: no spaces between words in its script */
    CLASS_NOTHING, /* soft hyphens, joiners, diacritics: as if it were not there */
};

#define BYTES_MAX 4   /* of a character in UTF-8 */
#define FOLDED    32  /* code points that one may decompose into; 18 is the longest there is */
#define RUN_MAX   320 /* an address longer than LETTER_ADDRESS_MAX is none */

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

static enum class class_of_ascii(uint8_t c) { if (c >= '0' && c <= '9'){return CLASS_DIGIT;}
uint8_t lower = c | 0x20;
return lower >= 'a' && lower <= 'z' ? CLASS_WORD : CLASS_BREAK;
}

static enum class class_of(utf8proc_int32_t c) { if (is_diacritic(c)){return CLASS_NOTHING;}
utf8proc_category_t category = utf8proc_category(c);
if (category == UTF8PROC_CATEGORY_CF) {
    return CLASS_NOTHING;
}
if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO) {
    return is_spaceless(c) ? CLASS_LONE : CLASS_WORD;
}
/* Circled letters, trade marks and the like are symbols that fold to letters; leave them. */
return CLASS_BREAK;
}

/* The character at the start of s (not empty): its length, class and code point. */
static size_t look(struct slice s, enum class *class, utf8proc_int32_t *c)
{
    *c = s.ptr[0];
    if (s.ptr[0] < 0x80) {
        *class = class_of_ascii(s.ptr[0]);
        return 1;
    }
    utf8proc_ssize_t n =
        utf8proc_iterate(s.ptr, (utf8proc_ssize_t)(s.len < BYTES_MAX ? s.len : BYTES_MAX), c);
    if (n <= 0) {
        *class = CLASS_BREAK;
        return 1;
    }
    *class = class_of(*c);
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
    enum class class = c < 0x80 ? class_of_ascii((uint8_t)c) : class_of(c);

    if (class == CLASS_BREAK || class == CLASS_NOTHING) {
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

static bool is_wordly(enum class class)
{
    return class == CLASS_WORD || class == CLASS_DIGIT;
}

/* What may stand in a local part besides word characters (RFC 5321 section 4.1.2). */
static bool is_atom_mark(uint8_t c)
{
    return c != '\0' && strchr(".!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* The length of the address at the start of s, whose first character is a word character; 0 when
 * there is none. *looked: how far one had to look to know. */
static size_t address_at(struct slice s, size_t *looked)
{
    size_t at = 0; /* behind the "@" */
    size_t end = 0;
    size_t i = 0;
    utf8proc_int32_t c = 0;

    while (i < s.len && i < RUN_MAX) {
        enum class class = CLASS_BREAK;
        size_t n = look(slice_from(s, i), &class, &c);
        bool word = is_wordly(class);
        if (!at && c == '@') {
            at = i + n;
        } else if (!word && !(c < 0x80 && (at ? c == '.' || c == '-' : is_atom_mark((uint8_t)c)))) {
            break;
        } else if (at && (word || i == at)) {
            end = word ? i + n : 0;
            if (!end) {
                break; /* the domain begins with a mark */
            }
        }
        i += n;
    }
    *looked = end ? end : i;
    return end;
}

/* The length of the number with separators at the start of s; 0 when it is no number, has a
 * single group of digits, or is part of something else. */
static size_t number_at(struct slice s)
{
    size_t groups = 0;
    size_t i = 0;
    enum class class = CLASS_BREAK;
    utf8proc_int32_t c = 0;

    for (;;) {
        size_t start = i;
        while (i < s.len && class_of_ascii(s.ptr[i]) == CLASS_DIGIT) {
            i++;
        }
        groups += i > start;
        bool separated = i > start && i + 1 < s.len && s.ptr[i] != '\0' &&
                         strchr(".,-/:'", s.ptr[i]) != NULL &&
                         class_of_ascii(s.ptr[i + 1]) == CLASS_DIGIT;
        if (!separated || i > TEXT_TERM_MAX) {
            break;
        }
        i++;
    }
    if (i < s.len) {
        (void)look(slice_from(s, i), &class, &c);
    }
    return groups < 2 || c == '@' || class != CLASS_BREAK ? 0 : i;
}

/* Fold the first `len` bytes of what is left into one term without consuming them. */
static void fold_whole(struct text_words *w, size_t len, bool digits_only)
{
    struct slice s = slice_head(w->rest, len);

    while (s.len) {
        enum class class = CLASS_BREAK;
        utf8proc_int32_t c = 0;
        size_t n = look(s, &class, &c);
        if (class != CLASS_NOTHING && (class == CLASS_DIGIT || !digits_only)) {
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

/* Take the characters of one word. */
static void take_part(struct text_words *w)
{
    while (w->rest.len) {
        enum class class = CLASS_BREAK;
        utf8proc_int32_t c = 0;
        size_t n = look(w->rest, &class, &c);
        if (class == CLASS_BREAK || (class == CLASS_LONE && w->len)) {
            return;
        }
        consume(w, n);
        if (class != CLASS_NOTHING) {
            append_character(w, c);
        }
        if (class == CLASS_LONE) {
            return;
        }
    }
}

/* Drop what stands before the next word; the class of its first character, CLASS_BREAK at the
 * end. */
static enum class skip(struct text_words *w) {
    while (w->rest.len){enum class class = CLASS_BREAK; utf8proc_int32_t c = 0;
                        size_t n = look(w->rest, &class, &c);
                        if (class != CLASS_BREAK && class != CLASS_NOTHING){return class;}
consume(w, n);
}
return CLASS_BREAK;
}

void text_words_init(struct text_words *w, struct slice text)
{
    *w = (struct text_words){.rest = text};
}

bool text_words_next(struct text_words *w, struct text_term *term)
{
    w->len = 0;
    while (w->len == 0) { /* a character may fold to nothing */
        enum class class = skip(w);
        if (class == CLASS_BREAK) {
            return false;
        }
        w->full = false;
        term->covers = is_wordly(class) ? take_whole(w, class == CLASS_DIGIT) : 0;
        term->whole = term->covers != 0;
        if (!term->whole) {
            take_part(w);
        }
    }
    term->bytes = slice_of(w->term, w->len);
    return true;
}
