#include "search/query_lex.h"

#include <stdarg.h>
#include <stdio.h>

#include "formats/text/terms.h"

bool query_refuse(struct query_parser *p, const char *format, ...)
{
    char sentence[320];
    size_t character = 1;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < p->at; i++) {
        character += (p->text.ptr[i] & 0xc0) != 0x80;
    }
    return error_set(p->e, ERROR_INPUT, "At character %zu: %s", character, sentence);
}

/* ---- lexemes ---- */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

#define TO   (1u << TEXT_TO)
#define CC   (1u << TEXT_CC)
#define FROM (1u << TEXT_FROM)

static const struct query_field field_rows[] = {
    {"from",     USE_ADDRESS, FROM              },
    {"to",       USE_ADDRESS, TO | CC           },
    {"cc",       USE_ADDRESS, CC                },
    {"subject",  USE_WORDS,   1u << TEXT_SUBJECT},
    {"body",     USE_WORDS,   1u << TEXT_BODY   },
    {"filename", USE_WORDS,   1u << TEXT_NAMES  },
    {"name",     USE_WORDS,   1u << TEXT_NAMES  },
    {"has",      USE_MARK,    0                 },
    {"finding",  USE_MARK,    0                 },
    {"group",    USE_MARK,    0                 },
    {"after",    USE_DATE,    0                 },
    {"before",   USE_DATE,    0                 },
    {"larger",   USE_SIZE,    0                 },
    {"smaller",  USE_SIZE,    0                 },
};

static const struct query_field *field_of(struct slice name)
{
    for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
        if (slice_equal_nocase(name, slice_text(field_rows[i].name))) {
            return &field_rows[i];
        }
    }
    return NULL;
}

/* Split "from:anna" at its colon. A name before a colon that is no field is an error, because it
 * is a slip more often than a word; "12:30" and "https://" are words. */
static bool split_field(struct query_parser *p, struct slice word)
{
    struct slice value = SLICE_NONE;
    struct slice name = slice_cut(word, ':', &value);
    bool letters = name.len > 0;

    p->field = NULL;
    p->value = word;
    if (name.len == word.len) {
        return true;
    }
    p->field = field_of(name);
    if (p->field) {
        p->value = value;
        return true;
    }
    for (size_t i = 0; i < name.len; i++) {
        letters = letters && is_letter(name.ptr[i]);
    }
    if (!letters || value.len == 0 || value.ptr[0] == '/') {
        return true;
    }
    return query_refuse(
        p,
        "\"%.*s:\" is no field. There are from:, to:, cc:, subject:, body:, filename:, has:, "
        "finding:, group:, after:, before:, larger: and smaller:. To look for the word itself, put "
        "it in quotes.",
        SLICE_ARG(slice_head(name, 20)));
}

static bool lex_quoted(struct query_parser *p)
{
    struct slice inside = slice_from(p->rest, 1);
    size_t end = slice_find(inside, '"');

    if (end == inside.len) {
        return query_refuse(p, "A quotation mark is opened and not closed.");
    }
    p->next = LEX_ITEM;
    p->quoted = true;
    p->value = slice_head(inside, end);
    p->rest = slice_from(inside, end + 1);
    return true;
}

static bool is_near(struct slice word)
{
    return slice_equal(word, SLICE("NEAR")) || slice_starts(word, SLICE("NEAR/"));
}

/* `rest` is empty or "/10". */
static bool lex_near(struct query_parser *p, struct slice rest)
{
    uint64_t distance = QUERY_NEAR;

    p->next = LEX_NEAR;
    if (rest.len &&
        (!slice_decimal(slice_from(rest, 1), QUERY_NEAR_MAX, &distance) || distance == 0)) {
        return query_refuse(p, "NEAR/ takes a number of words from 1 to %d.", QUERY_NEAR_MAX);
    }
    p->distance = (unsigned)distance;
    return true;
}

static bool lex_word(struct query_parser *p)
{
    size_t len = 0;

    while (len < p->rest.len && !is_space(p->rest.ptr[len]) && p->rest.ptr[len] != '"' &&
           p->rest.ptr[len] != '(' && p->rest.ptr[len] != ')') {
        len++;
    }
    struct slice word = slice_head(p->rest, len);
    p->rest = slice_from(p->rest, len);
    p->quoted = false;
    p->next = LEX_ITEM;
    if (slice_equal(word, SLICE("AND"))) {
        p->next = LEX_AND;
    } else if (slice_equal(word, SLICE("OR"))) {
        p->next = LEX_OR;
    } else if (slice_equal(word, SLICE("NOT"))) {
        p->next = LEX_NOT;
    } else if (is_near(word)) {
        return lex_near(p, slice_from(word, strlen("NEAR")));
    } else if (!split_field(p, word)) {
        return false;
    } else if (p->field && p->value.len == 0) {
        return p->rest.len && p->rest.ptr[0] == '"'
                   ? lex_quoted(p)
                   : query_refuse(p,
                                  "Write what to look for right behind \"%s:\", without a space.",
                                  p->field->name);
    }
    return true;
}

bool query_advance(struct query_parser *p)
{
    while (p->rest.len && is_space(p->rest.ptr[0])) {
        p->rest = slice_from(p->rest, 1);
    }
    p->field = NULL;
    p->at = p->text.len - p->rest.len;
    if (p->rest.len == 0) {
        p->next = LEX_END;
        return true;
    }
    switch (p->rest.ptr[0]) {
    case '(':
        p->next = LEX_OPEN;
        break;
    case ')':
        p->next = LEX_CLOSE;
        break;
    case '"':
        return lex_quoted(p);
    case '-':
        if (p->rest.len == 1 || is_space(p->rest.ptr[1])) {
            return lex_word(p); /* a dash between words says nothing */
        }
        p->next = LEX_NOT;
        break;
    default:
        return lex_word(p);
    }
    p->rest = slice_from(p->rest, 1);
    return true;
}
