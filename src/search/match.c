#include "search/match.h"

#include "search/internal.h"

/* What is looked at: the terms of a letter and those of its envelope. */
struct looked_at {
    const struct search_letter *letter;
    struct text_list envelope;
};

static enum search_match least(enum search_match a, enum search_match b)
{
    return a < b ? a : b;
}

static bool is_term(struct slice bytes, const struct query_term *wanted)
{
    return slice_equal(bytes, wanted->bytes) ||
           (wanted->variant.len && slice_equal(bytes, wanted->variant));
}

/* Which of a phrase's terms a word of the letter is, as bits. */
static uint64_t which(struct slice bytes, const struct query_node *phrase)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < phrase->n_terms && i < 64; i++) {
        bits |= is_term(bytes, &phrase->terms[i]) ? UINT64_C(1) << i : 0;
    }
    return bits;
}

/* A walk along one column: how many of the phrase's first terms stand before this place, as bits. */
struct walk {
    const struct query_node *phrase;
    uint64_t reached;
    uint64_t here; /* terms that stand at this place */
    bool found;
};

/* A whole, its domain and the part behind them stand at one place, as in the index. */
static void walk_terms(struct walk *w, struct slice terms)
{
    struct text_term term;

    while (!w->found && text_terms_next(&terms, &term)) {
        w->here |= which(term.bytes, w->phrase);
        if (term.whole) {
            size_t at = slice_find(term.bytes, '@');
            w->here |= at < term.bytes.len ? which(slice_from(term.bytes, at), w->phrase) : 0;
            continue;
        }
        w->reached = (w->reached << 1 | 1) & w->here;
        w->found = w->phrase->n_terms > 0 && (w->reached >> (w->phrase->n_terms - 1) & 1) != 0;
        w->here = 0;
    }
}

static bool is_in_field(const struct looked_at *l, const struct query_node *phrase, size_t field)
{
    struct walk w = {.phrase = phrase};

    if (l->letter->terms) {
        walk_terms(&w, l->letter->terms->fields[field]);
    }
    walk_terms(&w, buf_slice(&l->envelope.fields[field]));
    return w.found;
}

static bool is_group(struct slice mark)
{
    return slice_starts(mark, SLICE(GROUP_MARK));
}

static bool is_of_group(const struct search_letter *letter, struct slice mark)
{
    struct slice name = slice_from(mark, strlen(GROUP_MARK));
    bool is = false;

    for (size_t i = 0; is_group(mark) && i < letter->n_groups; i++) {
        is = is || slice_equal(letter->groups[i], name);
    }
    return is;
}

static bool is_marked(const struct search_letter *letter, struct slice mark)
{
    uint8_t account[ACCOUNT_LEN];

    token_account(letter->account, account);
    return (slice_equal(mark, SLICE("has:attachment")) && letter->marks & SEARCH_ATTACHMENT) ||
           (slice_equal(mark, SLICE("has:unread")) && letter->reading != SEARCH_WHOLE) ||
           (slice_equal(mark, SLICE("finding:encrypted")) && letter->marks & SEARCH_ENCRYPTED) ||
           (slice_equal(mark, SLICE("finding:mismatch")) && letter->marks & SEARCH_MISMATCH) ||
           (slice_equal(mark, SLICE("finding:card")) && letter->marks & SEARCH_CARD) ||
           (slice_equal(mark, SLICE("finding:iban")) && letter->marks & SEARCH_IBAN) ||
           (slice_equal(mark, SLICE("finding:malware")) && letter->marks & SEARCH_MALWARE) ||
           (slice_equal(mark, SLICE("finding:unscanned")) && letter->marks & SEARCH_UNSCANNED) ||
           is_of_group(letter, mark) ||
           (letter->account.len && slice_equal(mark, SLICE_ARRAY(account)));
}

/* What a letter that could not be read whole may hold. */
static bool may_be_unread(const struct search_letter *letter, unsigned fields)
{
    unsigned read = 1U << TEXT_SUBJECT | 1U << TEXT_FROM | 1U << TEXT_TO | 1U << TEXT_CC;

    return letter->reading == SEARCH_UNREAD ||
           (letter->reading == SEARCH_PARTLY && (fields == 0 || (fields & ~read) != 0));
}

static enum search_match match_phrase(const struct looked_at *l, const struct query_node *phrase,
                                      unsigned fields)
{
    if (phrase->n_terms == 0 || phrase->n_terms > 64) {
        return SEARCH_MATCH_PERHAPS;
    }
    if (phrase->mark) {
        return is_marked(l->letter, phrase->terms[0].bytes) ? SEARCH_MATCH_YES
               : !is_group(phrase->terms[0].bytes) && may_be_unread(l->letter, 0)
                   ? SEARCH_MATCH_PERHAPS
                   : SEARCH_MATCH_NO;
    }
    for (size_t field = 1; field < TEXT_FIELDS; field++) {
        if ((fields == 0 || fields & 1U << field) && is_in_field(l, phrase, field)) {
            return SEARCH_MATCH_YES;
        }
    }
    return may_be_unread(l->letter, fields) ? SEARCH_MATCH_PERHAPS : SEARCH_MATCH_NO;
}

/* All phrases somewhere in one of the fields: at most "perhaps". As deep as QUERY_TERMS_MAX. */
static enum search_match match_near(const struct looked_at *l, const struct query_node *node,
                                    unsigned fields)
{
    enum search_match match =
        node->kind == QUERY_PHRASE
            ? match_phrase(l, node, fields)
            : least(match_near(l, node->left, fields), match_near(l, node->right, fields));

    return least(match, SEARCH_MATCH_PERHAPS);
}

static unsigned fields_of_near(const struct query_node *node)
{
    while (node->kind == QUERY_NEAR_EACH) {
        node = node->left;
    }
    return node->fields;
}

/* As deep as the tree, which QUERY_TERMS_MAX and QUERY_DEPTH_MAX bound. */
static enum search_match match_node(const struct looked_at *l, const struct query_node *node)
{
    switch (node->kind) {
    case QUERY_PHRASE:
        return match_phrase(l, node, node->fields);
    case QUERY_NEAR_EACH:
        return match_near(l, node, fields_of_near(node));
    case QUERY_AND:
        return least(match_node(l, node->left), match_node(l, node->right));
    case QUERY_OR: {
        enum search_match left = match_node(l, node->left);
        enum search_match right = match_node(l, node->right);
        return left > right ? left : right;
    }
    case QUERY_NOT:
    default:
        return least(match_node(l, node->left), SEARCH_MATCH_YES - match_node(l, node->right));
    }
}

static bool is_within(const struct query *q, const struct search_letter *letter)
{
    return letter->at >= q->after_ms && (!q->before_ms || letter->at < q->before_ms) &&
           (!q->larger || letter->size > q->larger) && (!q->smaller || letter->size < q->smaller);
}

enum search_match search_match(const struct query *query, const struct search_letter *letter)
{
    struct looked_at l = {.letter = letter};

    if (!is_within(query, letter)) {
        return SEARCH_MATCH_NO;
    }
    if (!query->root) {
        return SEARCH_MATCH_YES;
    }
    text_list_init(&l.envelope);
    text_list_add(&l.envelope, TEXT_FROM, letter->sender);
    for (size_t i = 0; i < letter->n_recipients; i++) {
        text_list_add(&l.envelope, TEXT_TO, letter->recipients[i]);
    }
    enum search_match match = match_node(&l, query->root);
    text_list_done(&l.envelope);
    return match;
}
