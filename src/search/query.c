#include "search/query.h"

#include "formats/text/terms.h"

#define DAY_MS 86400000u

enum lexeme { LEX_END, LEX_OPEN, LEX_CLOSE, LEX_AND, LEX_OR, LEX_NOT, LEX_ITEM };

struct parser {
    struct slice rest;
    struct arena *arena;
    struct error *e;
    struct query *query;
    enum lexeme next;
    struct slice field; /* of LEX_ITEM: "from", or empty */
    struct slice value; /* of LEX_ITEM: the word, or what stands between the quotes */
    bool quoted;
    unsigned depth;
    size_t terms;
    size_t dates;
};

static bool refuse(struct parser *p, const char *sentence)
{
    return error_set(p->e, ERROR_INPUT, "%s", sentence);
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

/* Split "from:anna" at its colon. A name before a colon that is no field is an error, because it
 * is a slip more often than a word; "12:30" and "https://" are words. */
static bool split_field(struct parser *p, struct slice word)
{
    static const char *const fields[] = {"from", "to",    "subject", "body",
                                         "name", "after", "before"};
    struct slice value = SLICE_NONE;
    struct slice name = slice_cut(word, ':', &value);
    bool letters = name.len > 0;

    p->field = SLICE_NONE;
    p->value = word;
    if (name.len == word.len) {
        return true;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (slice_equal_nocase(name, slice_text(fields[i]))) {
            p->field = slice_text(fields[i]);
            p->value = value;
            return true;
        }
    }
    for (size_t i = 0; i < name.len; i++) {
        letters = letters && is_letter(name.ptr[i]);
    }
    if (!letters || value.len == 0 || value.ptr[0] == '/') {
        return true;
    }
    return error_set(p->e, ERROR_INPUT,
                     "\"%.*s:\" is no field. There are from:, to:, subject:, body:, name:, "
                     "after: and before:. To look for the word itself, put it in quotes.",
                     SLICE_ARG(slice_head(name, 20)));
}

static bool lex_quoted(struct parser *p)
{
    struct slice inside = slice_from(p->rest, 1);
    size_t end = slice_find(inside, '"');

    if (end == inside.len) {
        return refuse(p, "A quotation mark is opened and not closed.");
    }
    p->next = LEX_ITEM;
    p->quoted = true;
    p->value = slice_head(inside, end);
    p->rest = slice_from(inside, end + 1);
    return true;
}

static bool lex_word(struct parser *p)
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
    } else if (!split_field(p, word)) {
        return false;
    } else if (p->field.len && p->value.len == 0) {
        return p->rest.len && p->rest.ptr[0] == '"'
                   ? lex_quoted(p)
                   : error_set(p->e, ERROR_INPUT,
                               "Write what to look for right behind \"%.*s:\", without a space.",
                               SLICE_ARG(p->field));
    }
    return true;
}

/* Read the next lexeme. */
static bool advance(struct parser *p)
{
    while (p->rest.len && is_space(p->rest.ptr[0])) {
        p->rest = slice_from(p->rest, 1);
    }
    p->field = SLICE_NONE;
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

/* ---- items ---- */

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

static bool read_date(struct slice text, uint64_t *ms)
{
    uint64_t year = 0;
    uint64_t month = 0;
    uint64_t day = 0;
    uint64_t days = 0;

    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        !slice_decimal(slice_head(text, 4), 9999, &year) ||
        !slice_decimal(slice_head(slice_from(text, 5), 2), 12, &month) ||
        !slice_decimal(slice_from(text, 8), 31, &day) || !day_number(year, month, day, &days)) {
        return false;
    }
    *ms = days * DAY_MS;
    return true;
}

static bool is_date_field(struct slice field)
{
    return slice_equal(field, SLICE("after")) || slice_equal(field, SLICE("before"));
}

static bool take_date(struct parser *p, bool negated)
{
    bool after = slice_equal(p->field, SLICE("after"));
    uint64_t *limit = after ? &p->query->after_ms : &p->query->before_ms;
    uint64_t ms = 0;

    if (negated || p->depth) {
        return refuse(p, "after: and before: hold for the whole query: they stand outside "
                         "parentheses and without NOT.");
    }
    if (!read_date(p->value, &ms)) {
        return error_set(p->e, ERROR_INPUT,
                         "\"%.*s:\" takes a day of the calendar such as 2026-11-24.",
                         SLICE_ARG(p->field));
    }
    if (after ? ms > *limit : (!*limit || ms < *limit)) {
        *limit = ms; /* of two the narrower */
    }
    p->dates++;
    return advance(p);
}

static uint8_t field_of(struct slice name)
{
    static const struct {
        const char *name;
        enum text_field field;
    } rows[] = {
        {"from",    TEXT_FROM   },
        {"to",      TEXT_TO     },
        {"subject", TEXT_SUBJECT},
        {"body",    TEXT_BODY   },
        {"name",    TEXT_NAMES  }
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(name, slice_text(rows[i].name))) {
            return (uint8_t)rows[i].field;
        }
    }
    return 0;
}

/* An address or number by itself is looked for as a whole, anything else by its parts in order. */
static bool is_single_whole(struct slice text, struct text_term *whole, struct text_words *words)
{
    struct text_words behind;
    struct text_term more;

    text_words_init(words, text);
    if (!text_words_next(words, whole) || !whole->whole) {
        return false;
    }
    text_words_init(&behind, slice_from(words->rest, whole->covers));
    return !text_words_next(&behind, &more);
}

static size_t collect_terms(struct parser *p, struct slice text, struct slice *terms)
{
    struct text_words words;
    struct text_term term;
    size_t count = 0;

    if (!p->quoted && is_single_whole(text, &term, &words)) {
        terms[0] = arena_copy(p->arena, term.bytes);
        return 1;
    }
    text_words_init(&words, text);
    while (count <= QUERY_TERMS_MAX && text_words_next(&words, &term)) {
        if (!term.whole) {
            terms[count++] = arena_copy(p->arena, term.bytes);
        }
    }
    return count;
}

/* Make the node of a word or phrase; *node is NULL for a word without letters and digits. */
static bool take_item(struct parser *p, bool negated, const struct query_node **node)
{
    *node = NULL;
    if (is_date_field(p->field)) {
        return take_date(p, negated);
    }
    struct slice *terms = arena_array(p->arena, QUERY_TERMS_MAX + 1, sizeof(*terms));
    size_t count = collect_terms(p, p->value, terms);
    p->terms += count;
    if (p->terms > QUERY_TERMS_MAX) {
        return refuse(p, "The query has more than 64 words.");
    }
    if (count == 0) {
        return p->quoted || p->field.len || negated
                   ? refuse(p, "There is nothing but punctuation where a word is expected.")
                   : advance(p);
    }
    struct query_node *made = arena_alloc(p->arena, sizeof(*made));
    *made = (struct query_node){
        .kind = QUERY_PHRASE, .field = field_of(p->field), .terms = terms, .n_terms = count};
    *node = made;
    return advance(p);
}

/* ---- the tree ---- */

/* Both nodes, or the one that there is. */
static const struct query_node *joined(struct parser *p, enum query_kind kind,
                                       const struct query_node *left,
                                       const struct query_node *right)
{
    if (!left || !right) {
        return left ? left : right;
    }
    struct query_node *node = arena_alloc(p->arena, sizeof(*node));
    *node = (struct query_node){.kind = kind, .left = left, .right = right};
    return node;
}

static bool parse_or(struct parser *p, const struct query_node **node);

static bool parse_group(struct parser *p, const struct query_node **node)
{
    if (++p->depth > QUERY_DEPTH_MAX) {
        return refuse(p, "Parentheses are nested more than 8 deep.");
    }
    if (!advance(p) || !parse_or(p, node)) {
        return false;
    }
    p->depth--;
    if (p->next != LEX_CLOSE) {
        return refuse(p, "A parenthesis is opened and not closed.");
    }
    return *node ? advance(p) : refuse(p, "There is nothing to look for in the parentheses.");
}

/* One unit of an AND, with the NOT before it. */
static bool parse_unit(struct parser *p, bool *negated, const struct query_node **node)
{
    *negated = p->next == LEX_NOT;
    if (*negated && !advance(p)) {
        return false;
    }
    switch (p->next) {
    case LEX_OPEN:
        return parse_group(p, node);
    case LEX_ITEM:
        return take_item(p, *negated, node);
    case LEX_END:
    case LEX_CLOSE:
    case LEX_AND:
    case LEX_OR:
    case LEX_NOT:
        break;
    }
    return refuse(p, "AND, OR and NOT need a word behind them; in quotes or small letters they "
                     "are words themselves.");
}

static bool ends_and(const struct parser *p)
{
    return p->next == LEX_END || p->next == LEX_CLOSE || p->next == LEX_OR;
}

static bool parse_and(struct parser *p, const struct query_node **node)
{
    const struct query_node *wanted = NULL;
    const struct query_node *unwanted = NULL;
    bool first = true;

    while (!ends_and(p)) {
        const struct query_node *unit = NULL;
        bool negated = false;
        if (p->next == LEX_AND && (first || !advance(p))) {
            return first ? refuse(p, "AND stands between two words.") : false;
        }
        if (!parse_unit(p, &negated, &unit)) {
            return false;
        }
        if (negated) {
            unwanted = joined(p, QUERY_OR, unwanted, unit);
        } else {
            wanted = joined(p, QUERY_AND, wanted, unit);
        }
        first = false;
    }
    if (unwanted && !wanted) {
        return refuse(p, "NOT takes something away from what is found: say also what to look for.");
    }
    *node = joined(p, QUERY_NOT, wanted, unwanted);
    return true;
}

static bool parse_or(struct parser *p, const struct query_node **node)
{
    size_t dates = p->dates;
    bool alone = true;

    if (!parse_and(p, node)) {
        return false;
    }
    while (p->next == LEX_OR) {
        const struct query_node *right = NULL;
        alone = false;
        if (!*node) {
            return refuse(p, "OR stands between two words.");
        }
        if (!advance(p) || !parse_and(p, &right)) {
            return false;
        }
        if (!right) {
            return refuse(p, "OR stands between two words.");
        }
        *node = joined(p, QUERY_OR, *node, right);
    }
    if (!alone && p->dates != dates) {
        return refuse(p, "after: and before: hold for the whole query: put the rest of it in "
                         "parentheses.");
    }
    return true;
}

bool query_parse(struct slice text, struct arena *arena, struct query *query, struct error *e)
{
    struct query parsed = {0};
    struct parser p = {.rest = text, .arena = arena, .e = e, .query = &parsed};

    if (text.len > QUERY_BYTES_MAX) {
        return refuse(&p, "The query is longer than 1024 bytes.");
    }
    if (!slice_is_utf8(text)) {
        return refuse(&p, "The query is not valid UTF-8.");
    }
    if (!advance(&p) || !parse_or(&p, &parsed.root)) {
        return false;
    }
    if (p.next == LEX_CLOSE) {
        return refuse(&p, "A parenthesis is closed that was not opened.");
    }
    if (!parsed.root && !p.dates) {
        return refuse(&p, "The query is empty: write a word, or after: and a day.");
    }
    *query = parsed;
    return true;
}
