/* Letters of or about a person, as the index finds them. */
#include <string.h>

#include "formats/text/terms.h"
#include "keeper/internal.h"
#include "keeper/subject.h"
#include "search/find.h"

#define COUNTED_MAX 1000000 /* letters that are counted */

/* ── what is asked ── */

static struct query_node *node_of(struct arena *arena, enum query_kind kind,
                                  const struct query_node *left, const struct query_node *right)
{
    struct query_node *node = arena_alloc(arena, sizeof(*node));

    *node = (struct query_node){.kind = kind, .left = left, .right = right};
    return node;
}

static const struct query_node *either(struct arena *arena, const struct query_node *left,
                                       const struct query_node *right)
{
    return left ? node_of(arena, QUERY_OR, left, right) : right;
}

/* Without what means something in a query, or around an address. */
static bool is_plain(struct slice address)
{
    bool plain = address.len != 0;

    for (size_t i = 0; i < address.len; i++) {
        plain = plain && address.ptr[i] > ' ' && !strchr("\"():<>,;", address.ptr[i]);
    }
    return plain;
}

/* One address as a whole, in these fields; 0 for all. */
static const struct query_node *address_node(struct slice address, uint8_t fields,
                                             struct arena *arena, struct error *e)
{
    struct query query;
    struct error why;

    if (!is_plain(address) || !query_parse(address, arena, &query, &why) || !query.root ||
        query.root->kind != QUERY_PHRASE || query.root->n_terms != 1 ||
        slice_find(query.root->terms[0].bytes, '@') == query.root->terms[0].bytes.len) {
        (void)error_set(e, ERROR_INPUT,
                        "--subject wants mail addresses, written in full and with commas between "
                        "them, not `%.*s`; names and other texts go by --words",
                        SLICE_ARG(slice_head(address, 100)));
        return NULL;
    }
    struct query_node *node = arena_alloc(arena, sizeof(*node));
    *node = *query.root;
    node->fields = fields;
    return node;
}

/* One text, word after word, anywhere. */
static const struct query_node *words_node(struct slice words, struct arena *arena, struct error *e)
{
    struct query query;
    struct error why;

    if (words.len <= SUBJECT_WORD_MAX && slice_find(words, '"') == words.len &&
        query_parse(arena_printf(arena, "\"%.*s\"", SLICE_ARG(words)), arena, &query, &why) &&
        query.root && query.root->kind == QUERY_PHRASE) {
        return query.root;
    }
    (void)error_set(e, ERROR_INPUT,
                    "--words wants a text of at most %d bytes that stands in letters so, such as a "
                    "name, and without quotes",
                    SUBJECT_WORD_MAX);
    return NULL;
}

#define AS_SENDER_OR_RECIPIENT (1U << TEXT_FROM | 1U << TEXT_TO | 1U << TEXT_CC)

bool subject_query(const struct cbor_list *addresses, const struct cbor_list *words,
                   struct arena *arena, struct query *query, struct error *e)
{
    const struct slice *texts = addresses->items;
    const struct query_node *root = NULL;
    size_t terms = 0;

    for (size_t i = 0; i < addresses->count; i++) {
        const struct query_node *node = address_node(texts[i], AS_SENDER_OR_RECIPIENT, arena, e);
        if (!node) {
            return false;
        }
        terms++;
        root = either(arena, root, node);
    }
    texts = words->items;
    for (size_t i = 0; i < words->count; i++) {
        const struct query_node *node = words_node(texts[i], arena, e);
        if (!node) {
            return false;
        }
        terms += node->n_terms;
        root = either(arena, root, node);
    }
    if (!root) {
        return error_set(e, ERROR_INPUT,
                         "say whom it is about: --subject ADDRESS, or --words TEXT");
    }
    if (terms > QUERY_TERMS_MAX) {
        return error_set(e, ERROR_INPUT, "that are more than %d words and addresses together",
                         QUERY_TERMS_MAX);
    }
    *query = (struct query){.root = root};
    return true;
}

struct slice subject_text(const struct cbor_list *addresses, const struct cbor_list *words,
                          struct arena *arena)
{
    const struct slice *texts = addresses->items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < addresses->count; i++) {
        text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), text.len ? ", " : "",
                            SLICE_ARG(texts[i]));
    }
    texts = words->items;
    for (size_t i = 0; i < words->count; i++) {
        text = arena_printf(arena, "%.*s%s\"%.*s\"", SLICE_ARG(text), text.len ? ", " : "",
                            SLICE_ARG(texts[i]));
    }
    return text;
}

/* ── what is found ── */

static bool is_whole(struct keeper *k, uint64_t head, struct error *e)
{
    return (!atomic_load(&k->indexer.rebuild) && atomic_load(&k->indexer.position) >= head) ||
           error_set(e, ERROR_BUSY,
                     "the search index does not hold all letters, and what is not searched is not "
                     "found: it goes on when `postern status` shows that it does");
}

static bool open_finder(struct keeper *k, struct search_finder **finder, struct error *e)
{
    return search_finder_open(k->options.search_path, secret_slice(k->options.search_key), finder,
                              e);
}

/* Whole before and behind it: made anew in between it would not be whole again so soon. */
bool subject_find(struct keeper *k, const struct query *query, uint64_t head, uint64_t next,
                  uint64_t *seqs, size_t max, size_t *count, struct error *e)
{
    OWN(search_finder) struct search_finder *finder = NULL;
    struct search_place place = {.top = head, .seq = next < head ? next : head};
    struct search_hit hits[SEARCH_PAGE_MAX];

    max = max < SEARCH_PAGE_MAX ? max : SEARCH_PAGE_MAX;
    if (!is_whole(k, head, e) || !open_finder(k, &finder, e) ||
        !search_find(finder, query, &place, hits, max, count, e) || !is_whole(k, head, e)) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        seqs[i] = hits[i].seq;
    }
    return true;
}

static bool count_found(struct search_finder *finder, const struct query *query, uint64_t head,
                        uint64_t *found, struct error *e)
{
    struct search_place place = {.top = head, .seq = head};
    struct search_hit hits[SEARCH_PAGE_MAX];
    size_t count = SEARCH_PAGE_MAX;

    *found = 0;
    while (count == SEARCH_PAGE_MAX && *found < COUNTED_MAX) {
        if (!search_find(finder, query, &place, hits, SEARCH_PAGE_MAX, &count, e)) {
            return false;
        }
        *found += count;
    }
    return true;
}

/* Those that one of the addresses finds anywhere, but for those that are found. */
static bool count_named(struct search_finder *finder, const struct query *query,
                        const struct cbor_list *addresses, uint64_t head, struct arena *arena,
                        uint64_t *named, struct error *e)
{
    const struct slice *texts = addresses->items;
    const struct query_node *anywhere = NULL;

    for (size_t i = 0; i < addresses->count; i++) {
        const struct query_node *node = address_node(texts[i], 0, arena, e);
        if (!node) {
            return false;
        }
        anywhere = either(arena, anywhere, node);
    }
    if (!anywhere) {
        return true;
    }
    const struct query others = {.root = node_of(arena, QUERY_NOT, anywhere, query->root)};
    return count_found(finder, &others, head, named, e);
}

bool subject_count(struct keeper *k, const struct query *query, const struct cbor_list *addresses,
                   uint64_t head, struct arena *arena, struct subject_counts *out, struct error *e)
{
    OWN(search_finder) struct search_finder *finder = NULL;
    struct search_coverage coverage;
    struct query unread;

    *out = (struct subject_counts){0};
    if (!query_parse(SLICE("has:unread"), arena, &unread, e) || !open_finder(k, &finder, e)) {
        return false;
    }
    const struct query others = {.root = node_of(arena, QUERY_NOT, unread.root, query->root)};
    if (!count_found(finder, query, head, &out->found, e) ||
        !count_found(finder, &others, head, &out->unread, e) ||
        !count_named(finder, query, addresses, head, arena, &out->named, e) ||
        !search_coverage(finder, &coverage, e)) {
        return false;
    }
    out->indexed = coverage.letters;
    out->position = coverage.position;
    return true;
}
