#include "search/query.h"

#include "search/internal.h"
#include "search/query_lex.h"

/* ---- items ---- */

/* Dates and sizes hold for the whole query. */
static bool take_limit(struct query_parser *p, bool negated)
{
    bool date = p->field->use == USE_DATE;
    bool low = slice_equal(slice_text(p->field->name), date ? SLICE("after") : SLICE("larger"));
    uint64_t *lows[] = {&p->query->larger, &p->query->after_ms};
    uint64_t *highs[] = {&p->query->smaller, &p->query->before_ms};
    uint64_t *limit = low ? lows[date] : highs[date];
    uint64_t value = 0;

    if (negated || p->depth) {
        return query_refuse(
            p, "%s: holds for the whole query: it stands outside parentheses and without NOT.",
            p->field->name);
    }
    if (date ? !query_date(p->value, &value) : !query_size(p->value, &value)) {
        return query_refuse(p, "\"%s:\" takes %s.", p->field->name,
                            date ? "a day of the calendar such as 2026-11-24, a month or a year"
                                 : "a number of bytes such as 20000, 500K or 5M");
    }
    if (low ? value > *limit : (!*limit || value < *limit)) {
        *limit = value; /* of two the narrower */
    }
    p->limits++;
    return query_advance(p);
}

static struct query_node *new_phrase(struct query_parser *p, const struct query_term *terms,
                                     size_t count)
{
    struct query_node *made = arena_alloc(p->arena, sizeof(*made));

    *made = (struct query_node){.kind = QUERY_PHRASE,
                                .fields = p->field ? p->field->fields : 0,
                                .terms = terms,
                                .n_terms = count};
    return made;
}

/* One term that is looked for exactly. */
static const struct query_node *exactly(struct query_parser *p, struct slice bytes)
{
    struct query_term *term = arena_alloc(p->arena, sizeof(*term));

    *term = (struct query_term){.bytes = bytes};
    return new_phrase(p, term, 1);
}

static bool take_group(struct query_parser *p, const struct query_node **node)
{
    uint8_t *name = arena_alloc(p->arena, p->value.len + 1);

    for (size_t i = 0; i < p->value.len; i++) {
        name[i] = ascii_lower(p->value.ptr[i]);
    }
    struct slice group = slice_of(name, p->value.len);
    if (!group_name_is_good(group)) {
        return query_refuse(p, "group: takes the name of a group of accounts, such as accounting.");
    }
    struct slice mark = arena_printf(p->arena, GROUP_MARK "%.*s", SLICE_ARG(group));
    struct query_node *made = new_phrase(p, exactly(p, mark)->terms, 1);
    made->mark = true;
    *node = made;
    return query_advance(p);
}

static bool take_mark(struct query_parser *p, const struct query_node **node)
{
    static const char *const marks[] = {"has:attachment",   "has:unread",       "finding:encrypted",
                                        "finding:mismatch", "finding:card",     "finding:iban",
                                        "finding:malware",  "finding:unscanned"};
    bool has = slice_equal(slice_text(p->field->name), SLICE("has"));

    if (slice_equal(slice_text(p->field->name), SLICE("group"))) {
        return take_group(p, node);
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct slice value = SLICE_NONE;
        struct slice name = slice_cut(slice_text(marks[i]), ':', &value);
        if (slice_equal(name, slice_text(p->field->name)) && slice_equal_nocase(value, p->value)) {
            struct query_node *made = new_phrase(p, exactly(p, slice_text(marks[i]))->terms, 1);
            made->mark = true;
            *node = made;
            return query_advance(p);
        }
    }
    return has ? query_refuse(p,
                              "has: takes attachment or unread (content that could not be read).")
               : query_refuse(p, "finding: takes card, iban, encrypted, mismatch (a file that is "
                                 "something else than it says), malware, or unscanned.");
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

static size_t collect_terms(struct query_parser *p, struct slice text, struct query_term *terms)
{
    struct text_words words;
    struct text_term term;
    size_t count = 0;

    if (!p->quoted && is_single_whole(text, &term, &words)) {
        terms[0].bytes = arena_copy(p->arena, term.bytes);
        return 1;
    }
    text_words_init(&words, text);
    while (count <= QUERY_TERMS_MAX && text_words_next(&words, &term)) {
        if (!term.whole) {
            terms[count++].bytes = arena_copy(p->arena, term.bytes);
        }
    }
    query_spellings(text, terms, count, p->arena);
    return count;
}

/* "*@example.test", "@example.test": every address there. */
static bool take_domain(struct query_parser *p, const struct query_node **node)
{
    struct slice domain = slice_from(p->value, p->value.ptr[0] == '*' ? 2 : 1);
    OWN(buf) struct buf address = {.max = 2 * QUERY_BYTES_MAX};
    struct text_words words;
    struct text_term whole;

    buf_add_byte(&address, 'x');
    buf_add_byte(&address, '@');
    buf_add(&address, domain);
    text_words_init(&words, buf_slice(&address));
    if (!text_words_next(&words, &whole) || !whole.whole || whole.covers != address.len) {
        return query_refuse(p,
                            "\"%s:*@\" takes a domain such as supplier.example, written in full.",
                            p->field->name);
    }
    p->terms++;
    *node = exactly(p, arena_copy(p->arena, slice_from(whole.bytes, 1)));
    return query_advance(p);
}

static bool is_domain(const struct query_parser *p)
{
    return p->field && p->field->use == USE_ADDRESS && !p->quoted &&
           (slice_starts(p->value, SLICE("*@")) || slice_starts(p->value, SLICE("@")));
}

static bool take_words(struct query_parser *p, bool negated, const struct query_node **node)
{
    struct query_term *terms = arena_array(p->arena, QUERY_TERMS_MAX + 1, sizeof(*terms));

    if (!p->quoted && slice_find(p->value, '*') < p->value.len) {
        return query_refuse(p, "* stands for what is before the @ of an address, as in "
                               "to:*@supplier.example; words are looked for in full.");
    }
    size_t count = collect_terms(p, p->value, terms);
    p->terms += count;
    if (p->terms > QUERY_TERMS_MAX) {
        return query_refuse(p, "The query has more than 64 words.");
    }
    if (count == 0) {
        return p->quoted || p->field || negated
                   ? query_refuse(p, "There is nothing but punctuation where a word is expected.")
                   : query_advance(p);
    }
    *node = new_phrase(p, terms, count);
    return query_advance(p);
}

/* Make the node of a word or phrase; *node is NULL for a word without letters and digits. */
static bool take_item(struct query_parser *p, bool negated, const struct query_node **node)
{
    *node = NULL;
    if (p->field && (p->field->use == USE_DATE || p->field->use == USE_SIZE)) {
        return take_limit(p, negated);
    }
    if (p->field && p->field->use == USE_MARK) {
        return take_mark(p, node);
    }
    return is_domain(p) ? take_domain(p, node) : take_words(p, negated, node);
}

/* ---- the tree ---- */

/* Both nodes, or the one that there is. */
static const struct query_node *joined(struct query_parser *p, enum query_kind kind,
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

static bool parse_or(struct query_parser *p, const struct query_node **node);

static bool parse_group(struct query_parser *p, const struct query_node **node)
{
    if (++p->depth > QUERY_DEPTH_MAX) {
        return query_refuse(p, "Parentheses are nested more than 8 deep.");
    }
    if (!query_advance(p) || !parse_or(p, node)) {
        return false;
    }
    p->depth--;
    if (p->next != LEX_CLOSE) {
        return query_refuse(p, "A parenthesis is opened and not closed.");
    }
    return *node ? query_advance(p)
                 : query_refuse(p, "There is nothing to look for in the parentheses.");
}

/* One unit of an AND, with the NOT before it. */
static bool parse_unit(struct query_parser *p, bool *negated, const struct query_node **node)
{
    *negated = p->next == LEX_NOT;
    if (*negated && !query_advance(p)) {
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
    case LEX_NEAR:
        break;
    }
    return query_refuse(
        p, "AND, OR, NEAR and NOT need a word behind them; in quotes or small letters they "
           "are words themselves.");
}

static bool is_near_able(const struct query_node *node)
{
    return node && !node->mark && (node->kind == QUERY_PHRASE || node->kind == QUERY_NEAR_EACH);
}

/* The one place where all phrases of a NEAR are: 0 for anywhere. */
static uint8_t fields_of(const struct query_node *node)
{
    while (node->kind == QUERY_NEAR_EACH) {
        node = node->left;
    }
    return node->fields;
}

/* A unit, and those that are to be near it. */
static bool parse_near(struct query_parser *p, bool *negated, const struct query_node **node)
{
    if (!parse_unit(p, negated, node)) {
        return false;
    }
    while (p->next == LEX_NEAR) {
        const struct query_node *right = NULL;
        unsigned distance = p->distance;
        bool right_negated = false;
        if (!is_near_able(*node)) {
            return query_refuse(p, "NEAR stands between two words or phrases.");
        }
        if (!query_advance(p) || !parse_unit(p, &right_negated, &right)) {
            return false;
        }
        if (right_negated || !is_near_able(right) || right->kind != QUERY_PHRASE) {
            return query_refuse(p, "NEAR stands between two words or phrases.");
        }
        if (right->fields && right->fields != fields_of(*node)) {
            return query_refuse(
                p, "NEAR joins what is in the same place: write the same field before both.");
        }
        struct query_node *made = arena_alloc(p->arena, sizeof(*made));
        *made = (struct query_node){
            .kind = QUERY_NEAR_EACH, .distance = distance, .left = *node, .right = right};
        *node = made;
    }
    return true;
}

static bool ends_and(const struct query_parser *p)
{
    return p->next == LEX_END || p->next == LEX_CLOSE || p->next == LEX_OR;
}

static bool parse_and(struct query_parser *p, const struct query_node **node)
{
    const struct query_node *wanted = NULL;
    const struct query_node *unwanted = NULL;
    bool first = true;

    while (!ends_and(p)) {
        const struct query_node *unit = NULL;
        bool negated = false;
        if (p->next == LEX_AND && (first || !query_advance(p))) {
            return first ? query_refuse(p, "AND stands between two words.") : false;
        }
        if (!parse_near(p, &negated, &unit)) {
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
        return query_refuse(
            p, "NOT takes something away from what is found: say also what to look for.");
    }
    *node = joined(p, QUERY_NOT, wanted, unwanted);
    return true;
}

static bool parse_or(struct query_parser *p, const struct query_node **node)
{
    size_t limits = p->limits;
    bool alone = true;

    if (!parse_and(p, node)) {
        return false;
    }
    while (p->next == LEX_OR) {
        const struct query_node *right = NULL;
        alone = false;
        if (!*node) {
            return query_refuse(p, "OR stands between two words.");
        }
        if (!query_advance(p) || !parse_and(p, &right)) {
            return false;
        }
        if (!right) {
            return query_refuse(p, "OR stands between two words.");
        }
        *node = joined(p, QUERY_OR, *node, right);
    }
    if (!alone && p->limits != limits) {
        return query_refuse(p, "Dates and sizes hold for the whole query: put the rest of it in "
                               "parentheses.");
    }
    return true;
}

bool query_parse(struct slice text, struct arena *arena, struct query *query, struct error *e)
{
    struct query parsed = {0};
    struct query_parser p = {.text = text, .rest = text, .arena = arena, .e = e, .query = &parsed};

    if (text.len > QUERY_BYTES_MAX) {
        return query_refuse(&p, "The query is longer than 1024 bytes.");
    }
    if (!slice_is_utf8(text)) {
        return query_refuse(&p, "The query is not valid UTF-8.");
    }
    if (!query_advance(&p) || !parse_or(&p, &parsed.root)) {
        return false;
    }
    if (p.next == LEX_CLOSE) {
        return query_refuse(&p, "A parenthesis is closed that was not opened.");
    }
    if (!parsed.root && !p.limits) {
        return query_refuse(&p, "The query is empty: write a word, or after: and a day.");
    }
    *query = parsed;
    return true;
}

void query_narrow(struct query *query, struct slice account, struct arena *arena)
{
    struct query_node *own = arena_alloc(arena, sizeof(*own));
    struct query_term *term = arena_alloc(arena, sizeof(*term));
    uint8_t mark[ACCOUNT_LEN];

    token_account(account, mark);
    *term = (struct query_term){.bytes = arena_copy(arena, SLICE_ARRAY(mark))};
    *own = (struct query_node){.kind = QUERY_PHRASE, .mark = true, .terms = term, .n_terms = 1};
    if (query->root) {
        struct query_node *both = arena_alloc(arena, sizeof(*both));
        *both = (struct query_node){.kind = QUERY_AND, .left = own, .right = query->root};
        query->root = both;
    } else {
        query->root = own;
    }
}
