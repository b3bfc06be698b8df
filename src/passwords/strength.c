#include "passwords/strength.h"

#include <string.h>
#include <utf8proc.h>
#include <zxcvbn.h>

#define LOOKED_AT  128 /* characters: zxcvbn itself looks at 100 */
#define LINE_LEN   256
#define WORD_MIN   3
#define MARKS_BITS 2.0 /* which sign stands between the words */

/* One byte for the code point: itself, its letter without marks, or some byte above 127. */
static uint8_t byte_of(utf8proc_int32_t c)
{
    utf8proc_int32_t folded = c < 128 ? c : password_fold(c);

    return folded < 128 ? (uint8_t)folded : (uint8_t)(0x80 | (folded & 0x7f));
}

/* How letters with marks are spelled where they cannot be typed. */
static const char *spelling_of(utf8proc_int32_t c)
{
    switch (utf8proc_tolower(c)) {
    case 0xe4: /* a with two dots */
    case 0xe6: /* a and e */
        return "ae";
    case 0xf6: /* o with two dots */
    case 0xf8: /* o with a stroke */
        return "oe";
    case 0xfc: /* u with two dots */
        return "ue";
    case 0xdf: /* sharp s */
        return "ss";
    case 0xe5: /* a with a ring */
        return "aa";
    default:
        return NULL;
    }
}

static size_t transcribe(struct slice text, bool spelled, char *out, size_t room)
{
    size_t len = 0;

    for (size_t at = 0; at < text.len && len + 2 < room;) {
        utf8proc_int32_t c = 0;
        utf8proc_ssize_t step =
            utf8proc_iterate(text.ptr + at, (utf8proc_ssize_t)(text.len - at), &c);
        if (step <= 0 || c == 0) {
            break;
        }
        const char *spelling = spelled ? spelling_of(c) : NULL;
        out[len++] = spelling ? spelling[0] : (char)byte_of(c);
        if (spelling) {
            out[len++] = spelling[1];
        }
        at += (size_t)step;
    }
    out[len] = '\0';
    return len;
}

static bool is_of_word(char c)
{
    uint8_t lower = ascii_lower((uint8_t)c);

    return lower >= 128 || (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
}

/* ── words ── */

static void add_word(struct password_words *words, const char *word, size_t len)
{
    char text[PASSWORD_WORD_LEN] = "";

    if (len < WORD_MIN || len >= sizeof(text) || words->count == PASSWORD_WORDS_MAX) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)ascii_lower((uint8_t)word[i]);
    }
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->text[i], text) == 0) {
            return;
        }
    }
    (void)memcpy(words->text[words->count++], text, sizeof(text));
}

static void add_words(struct password_words *words, struct slice text, bool spelled)
{
    char line[LINE_LEN];
    char joined[LINE_LEN];
    size_t len = transcribe(text, spelled, line, sizeof(line));
    size_t n_joined = 0;
    size_t from = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && is_of_word(line[i])) {
            joined[n_joined++] = line[i];
            continue;
        }
        add_word(words, line + from, i - from);
        from = i + 1;
    }
    add_word(words, joined, n_joined);
}

void password_words_add(struct password_words *words, struct slice text)
{
    add_words(words, text, false);
    add_words(words, text, true);
}

/* ── guesses ── */

static double guess(const char *text, const struct password_words *words)
{
    const char *dictionary[PASSWORD_WORDS_MAX + 1] = {NULL};

    for (size_t i = 0; words && i < words->count; i++) {
        dictionary[i] = words->text[i];
    }
    return ZxcvbnMatch(text, dictionary, NULL);
}

double password_bits(const struct password_normal *password, const struct password_words *words)
{
    char text[LOOKED_AT + 2];
    char joined[LOOKED_AT + 2];
    size_t len = transcribe(password_slice(password), false, text, sizeof(text));
    size_t n_joined = 0;

    for (size_t i = 0; i < len; i++) {
        if (is_of_word(text[i])) {
            joined[n_joined++] = text[i];
        }
    }
    joined[n_joined] = '\0';
    double bits = guess(text, words);
    if (n_joined >= len / 2 && n_joined < len) {
        double without = guess(joined, words) + MARKS_BITS;
        bits = without < bits ? without : bits;
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(joined, sizeof(joined));
    return bits;
}
