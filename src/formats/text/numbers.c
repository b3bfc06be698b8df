#include "formats/text/numbers.h"

#define CARD_DIGITS_MAX 19
#define GROUPS_MAX      5
#define GROUP_LEN       4 /* of what is printed in groups, but for some cards */
#define IBAN_HEAD       4 /* country and check digits */

/* The ranges that networks give numbers from: the first `prefix` digits and how long the number is. */
static const struct range {
    unsigned from, to;
    unsigned prefix;
    unsigned shortest, longest;
} ranges[] = {
    {4,    4,    1, 13, 13},
    {4,    4,    1, 16, 16},
    {4,    4,    1, 19, 19}, /* Visa */
    {51,   55,   2, 16, 16},
    {2221, 2720, 4, 16, 16}, /* Mastercard */
    {34,   34,   2, 15, 15},
    {37,   37,   2, 15, 15}, /* American Express */
    {6011, 6011, 4, 16, 19},
    {644,  659,  3, 16, 19}, /* Discover */
    {62,   62,   2, 16, 19},
    {8110, 8171, 4, 16, 19}, /* UnionPay */
    {1800, 1800, 4, 15, 15},
    {2131, 2131, 4, 15, 15},
    {3528, 3589, 4, 16, 19}, /* JCB */
    {300,  305,  3, 14, 19},
    {3095, 3095, 4, 14, 19},
    {36,   36,   2, 14, 19},
    {38,   39,   2, 14, 19}, /* Diners Club */
    {5018, 5020, 4, 12, 19},
    {5038, 5038, 4, 12, 19},
    {5893, 5893, 4, 12, 19},
    {6304, 6304, 4, 12, 19},
    {56,   58,   2, 16, 19},
    {6765, 6767, 4, 16, 19},
    {6759, 6763, 4, 12, 19}, /* Maestro */
};

/* Country and length, as the registry of ISO 13616 lists them, and some that print them without being in it. */
static const struct {
    char country[3];
    uint8_t len;
} countries[] = {
    {"AD", 24},
    {"AE", 23},
    {"AL", 28},
    {"AT", 20},
    {"AZ", 28},
    {"BA", 20},
    {"BE", 16},
    {"BG", 22},
    {"BH", 22},
    {"BI", 27},
    {"BR", 29},
    {"BY", 28},
    {"CH", 21},
    {"CR", 22},
    {"CY", 28},
    {"CZ", 24},
    {"DE", 22},
    {"DJ", 27},
    {"DK", 18},
    {"DO", 28},
    {"EE", 20},
    {"EG", 29},
    {"ES", 24},
    {"FI", 18},
    {"FK", 18},
    {"FO", 18},
    {"FR", 27},
    {"GB", 22},
    {"GE", 22},
    {"GI", 23},
    {"GL", 18},
    {"GR", 27},
    {"GT", 28},
    {"HN", 28},
    {"HR", 21},
    {"HU", 28},
    {"IE", 22},
    {"IL", 23},
    {"IQ", 23},
    {"IS", 26},
    {"IT", 27},
    {"JO", 30},
    {"KW", 30},
    {"KZ", 20},
    {"LB", 28},
    {"LC", 32},
    {"LI", 21},
    {"LT", 20},
    {"LU", 20},
    {"LV", 21},
    {"LY", 25},
    {"MC", 27},
    {"MD", 24},
    {"ME", 22},
    {"MK", 19},
    {"MN", 20},
    {"MR", 27},
    {"MT", 31},
    {"MU", 30},
    {"NI", 28},
    {"NL", 18},
    {"NO", 15},
    {"OM", 23},
    {"PK", 24},
    {"PL", 28},
    {"PS", 29},
    {"PT", 25},
    {"QA", 29},
    {"RO", 24},
    {"RS", 22},
    {"RU", 33},
    {"SA", 24},
    {"SC", 31},
    {"SD", 18},
    {"SE", 24},
    {"SI", 19},
    {"SK", 24},
    {"SM", 27},
    {"SO", 23},
    {"ST", 25},
    {"SV", 28},
    {"TL", 23},
    {"TN", 24},
    {"TR", 26},
    {"UA", 29},
    {"VA", 22},
    {"VG", 24},
    {"XK", 20},
    {"YE", 30},
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_either(uint8_t c)
{
    return is_digit(c) || is_letter(c);
}

/* 0 at the end, which touches nothing. */
static uint8_t byte_at(struct slice text, size_t at)
{
    return at < text.len ? text.ptr[at] : 0;
}

/* The bytes of one separator: space and hyphen, NO-BREAK SPACE, NARROW NO-BREAK SPACE, HYPHEN and
 * NON-BREAKING HYPHEN. 0: there is none. */
static size_t separator_at(struct slice text, size_t at)
{
    uint8_t c = byte_at(text, at);
    uint8_t last = byte_at(text, at + 2);

    if (c == ' ' || c == '-') {
        return 1;
    }
    if (c == 0xc2 && byte_at(text, at + 1) == 0xa0) {
        return 2;
    }
    bool general = c == 0xe2 && byte_at(text, at + 1) == 0x80;
    return general && (last == 0xaf || last == 0x90 || last == 0x91) ? 3 : 0;
}

/* ── cards ── */

static bool has_luhn(const char *digits, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned value = (unsigned)(digits[len - 1 - i] - '0') << (i & 1);
        sum += value > 9 ? value - 9 : value;
    }
    return sum % 10 == 0;
}

static bool is_card(const char *digits, size_t len)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *r = &ranges[i];
        unsigned prefix = 0;
        if (len < r->shortest || len > r->longest) {
            continue;
        }
        for (unsigned k = 0; k < r->prefix; k++) {
            prefix = 10 * prefix + (unsigned)(digits[k] - '0');
        }
        if (prefix >= r->from && prefix <= r->to) {
            return has_luhn(digits, len);
        }
    }
    return false;
}

/* In one run; by fours, the last group what is left; or 4-6-5 and 4-6-4. */
static bool is_printed_so(const size_t *groups, size_t count)
{
    if (count == 1) {
        return true;
    }
    if (count == 3) {
        return groups[0] == GROUP_LEN && groups[1] == 6 && (groups[2] == 5 || groups[2] == 4);
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (groups[i] != GROUP_LEN) {
            return false;
        }
    }
    return count >= 4 && groups[count - 1] <= GROUP_LEN;
}

/* The bytes of a card number with which `text` begins, or 0. */
static size_t card_at(struct slice text, struct number *n)
{
    size_t groups[GROUPS_MAX] = {0};
    size_t at = 0;

    n->kind = NUMBER_CARD;
    n->len = 0;
    for (size_t g = 0; g < GROUPS_MAX; g++) {
        while (is_digit(byte_at(text, at))) {
            if (n->len == CARD_DIGITS_MAX) {
                return 0;
            }
            n->text[n->len++] = (char)text.ptr[at++];
            groups[g]++;
        }
        if (groups[g] == 0 || is_letter(byte_at(text, at))) {
            return 0;
        }
        if (is_printed_so(groups, g + 1) && is_card(n->text, n->len)) {
            return at;
        }
        size_t separator = separator_at(text, at);
        if (separator == 0) {
            return 0;
        }
        at += separator;
    }
    return 0;
}

/* ── accounts ── */

static size_t length_of(struct slice country)
{
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
        if ((uint8_t)countries[i].country[0] == (country.ptr[0] & 0xdfU) &&
            (uint8_t)countries[i].country[1] == (country.ptr[1] & 0xdfU)) {
            return countries[i].len;
        }
    }
    return 0;
}

static bool has_remainder(const struct number *n)
{
    unsigned rest = 0;

    for (size_t i = 0; i < n->len; i++) {
        char c = n->text[(i + IBAN_HEAD) % n->len];
        bool letter = c >= 'A';
        rest = (rest * (letter ? 100 : 10) + (unsigned)(letter ? c - 'A' + 10 : c - '0')) % 97;
    }
    return rest == 1;
}

/* The bytes of an IBAN with which `text` begins, or 0. */
static size_t iban_at(struct slice text, struct number *n)
{
    size_t at = 0;

    if (text.len < IBAN_HEAD || !is_letter(text.ptr[1]) || !is_digit(text.ptr[2]) ||
        !is_digit(text.ptr[3])) {
        return 0;
    }
    size_t wanted = length_of(slice_head(text, 2));
    n->kind = NUMBER_IBAN;
    for (n->len = 0; n->len < wanted; at++) {
        if (n->len && n->len % GROUP_LEN == 0) {
            at += separator_at(text, at);
        }
        uint8_t c = byte_at(text, at);
        if (!is_either(c)) {
            return 0;
        }
        n->text[n->len++] = (char)(is_letter(c) ? c & 0xdf : c);
    }
    return wanted && !is_either(byte_at(text, at)) && has_remainder(n) ? at : 0;
}

/* The bytes of a number with which `text` begins, or 0. */
static size_t number_at(struct slice text, uint8_t previous, struct number *n)
{
    uint8_t c = text.ptr[0];

    if (is_either(previous)) {
        return 0;
    }
    return is_digit(c) ? card_at(text, n) : is_letter(c) ? iban_at(text, n) : 0;
}

bool number_next(struct slice *text, uint8_t *previous, struct number *number)
{
    while (text->len) {
        size_t used = number_at(*text, *previous, number);
        *previous = text->ptr[used ? used - 1 : 0];
        *text = slice_from(*text, used ? used : 1);
        if (used) {
            return true;
        }
    }
    return false;
}
