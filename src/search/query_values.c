/* Dates, sizes and spellings in queries. */
#include "search/internal.h"

#define DAY_MS 86400000u

static bool is_leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar; false when there is no such day. */
static bool day_number(uint64_t year, uint64_t month, uint64_t day, uint64_t *days)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t sum = 0;

    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (uint64_t)(month == 2 && is_leap(year))) {
        return false;
    }
    for (uint64_t y = 1970; y < year; y++) {
        sum += is_leap(y) ? 366 : 365;
    }
    for (uint64_t m = 1; m < month; m++) {
        sum += lengths[m - 1] + (uint64_t)(m == 2 && is_leap(year));
    }
    *days = sum + day - 1;
    return true;
}

/* Two digits behind a dash, or `*number` as it is when nothing is left. */
static bool take_two(struct slice *rest, uint64_t *number)
{
    if (rest->len == 0) {
        return true;
    }
    struct slice digits = slice_head(slice_from(*rest, 1), 2);
    bool sound = rest->ptr[0] == '-' && digits.len == 2 && slice_decimal(digits, 99, number);
    *rest = slice_from(*rest, 3);
    return sound;
}

bool query_date(struct slice text, uint64_t *ms)
{
    struct slice rest = slice_from(text, 4);
    uint64_t year = 0;
    uint64_t month = 1;
    uint64_t day = 1;
    uint64_t days = 0;

    if (text.len < 4 || !slice_decimal(slice_head(text, 4), 9999, &year) ||
        !take_two(&rest, &month) || !take_two(&rest, &day) || rest.len ||
        !day_number(year, month, day, &days)) {
        return false;
    }
    *ms = days * DAY_MS;
    return true;
}

bool query_size(struct slice text, uint64_t *bytes)
{
    static const char units[] = "kmg";
    uint64_t number = 0;
    unsigned shift = 0;

    if (text.len == 0) {
        return false;
    }
    const char *unit = strchr(units, ascii_lower(text.ptr[text.len - 1]));
    if (unit && *unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        text.len--;
    }
    if (!slice_decimal(text, UINT64_C(1) << 32, &number)) {
        return false;
    }
    *bytes = number << shift;
    return true;
}

/* "ü" becomes "ue"; what is written apart from its dots ("u" and U+0308) as well. */
static bool spell_out(struct slice text, struct buf *out)
{
    static const struct {
        struct slice from;
        const char *to;
    } rows[] = {
        {SLICE_INIT("\xc3\xa4"),  "ae"},
        {SLICE_INIT("\xc3\x84"),  "ae"},
        {SLICE_INIT("a\xcc\x88"), "ae"},
        {SLICE_INIT("A\xcc\x88"), "ae"},
        {SLICE_INIT("\xc3\xb6"),  "oe"},
        {SLICE_INIT("\xc3\x96"),  "oe"},
        {SLICE_INIT("o\xcc\x88"), "oe"},
        {SLICE_INIT("O\xcc\x88"), "oe"},
        {SLICE_INIT("\xc3\xbc"),  "ue"},
        {SLICE_INIT("\xc3\x9c"),  "ue"},
        {SLICE_INIT("u\xcc\x88"), "ue"},
        {SLICE_INIT("U\xcc\x88"), "ue"},
    };

    bool changed = false;

    while (text.len) {
        size_t i = 0;
        while (i < sizeof(rows) / sizeof(rows[0]) && !slice_starts(text, rows[i].from)) {
            i++;
        }
        bool known = i < sizeof(rows) / sizeof(rows[0]);
        if (known) {
            buf_add_text(out, rows[i].to);
            text = slice_from(text, rows[i].from.len);
        } else {
            buf_add(out, slice_head(text, 1));
            text = slice_from(text, 1);
        }
        changed = changed || known;
    }
    return changed;
}

/* "mueller" becomes "muller"; words that would be shorter than that stay what they are. */
static struct slice fold_digraphs(struct slice term, struct arena *arena)
{
    uint8_t folded[TEXT_TERM_MAX];
    size_t len = 0;

    for (size_t i = 0; i < term.len && i < TEXT_TERM_MAX; i++) {
        uint8_t before = len ? folded[len - 1] : 0;
        bool digraph = term.ptr[i] == 'e' && (before == 'a' || before == 'o' || before == 'u');
        if (!digraph) {
            folded[len++] = term.ptr[i];
        }
    }
    return len < term.len && len >= 4 ? arena_copy(arena, slice_of(folded, len)) : SLICE_NONE;
}

void query_spellings(struct slice text, struct query_term *terms, size_t count, struct arena *arena)
{
    OWN(buf) struct buf spelled = {.max = 4 * QUERY_BYTES_MAX};
    struct text_words words;
    struct text_term term;
    size_t i = 0;

    if (spell_out(text, &spelled)) {
        text_words_init(&words, buf_slice(&spelled));
        while (i < count && text_words_next(&words, &term)) {
            if (!term.whole) {
                bool other = !slice_equal(term.bytes, terms[i].bytes);
                terms[i++].variant = other ? arena_copy(arena, term.bytes) : SLICE_NONE;
            }
        }
    }
    for (i = 0; i < count; i++) {
        if (terms[i].variant.len == 0) {
            terms[i].variant = fold_digraphs(terms[i].bytes, arena);
        }
    }
}
