/* Search: the index gives sequence numbers, the ledger what a person sees of them. */
#include <string.h>

#include "processes/reader_case.h"
#include "requests/reader.h"
#include "search/find.h"

#define HITS_USUAL    50    /* when the question does not say */
#define TEXT_MAX      1024  /* of from, to, subject in an answer */
#define ADDRESSES_MAX 32    /* of an account, by which a search is narrowed */
#define LOOKED_AT_MAX 10000 /* letters for one answer */

/* ── where a page begins ── */

/* Which query a place belongs to: FNV-1a, against mistakes and not against malice, since a place opens
 * nothing that the query does not. */
static uint32_t query_mark(struct slice text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.ptr[i]) * 16777619u;
    }
    return hash;
}

static struct slice place_text(const struct search_place *p, struct slice query,
                               struct arena *arena)
{
    return arena_printf(arena, "%u-%llu-%llu-%llu-%u", (unsigned)p->order,
                        (unsigned long long)p->top, (unsigned long long)p->seq,
                        (unsigned long long)p->score, (unsigned)query_mark(query));
}

static bool place_from(struct slice text, struct slice query, struct search_place *p,
                       struct error *e)
{
    uint64_t numbers[5];
    struct slice rest = text;

    for (size_t i = 0; i < 5; i++) {
        if (!slice_decimal(slice_cut(rest, '-', &rest), INT64_MAX, &numbers[i])) {
            return error_set(e, ERROR_INPUT,
                             "\"%.*s\" is no place in a list of letters: take it from the end of "
                             "the page before.",
                             SLICE_ARG(text));
        }
    }
    if (rest.len || numbers[0] >= SEARCH_ORDERS || numbers[4] != query_mark(query)) {
        return error_set(e, ERROR_INPUT,
                         "That place belongs to another query: ask the same one again.");
    }
    *p = (struct search_place){(enum search_order)numbers[0], numbers[1], numbers[2], numbers[3]};
    return true;
}

/* A search under way. */
struct hunt {
    const struct visitor *visitor;
    struct search_finder *finder;
    struct query query;
    struct arena *arena; /* of the answer */
    struct reader_hit *hits;
    size_t count;
    size_t max;
    struct search_place place; /* of this page; then of the next */
    bool more;
    const struct case_members *members; /* of the case that is looked into; NULL: of none */
};

/* ── an employee's own letters ── */

/* Characters that mean themselves alone in a query. */
static bool is_plain(struct slice address)
{
    for (size_t i = 0; i < address.len; i++) {
        uint8_t c = address.ptr[i];
        bool letter = (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr(".-_+@", c))) {
            return false;
        }
    }
    return address.len > 0 && address.ptr[0] != '-';
}

/* Letters from or to one of these addresses, as a query; *node is NULL where that cannot be said. It
 * saves reading what is anybody's: reader_may_see() decides about each letter. */
static bool from_any(const struct cbor_list *addresses, struct arena *arena,
                     const struct query_node **node, struct error *e)
{
    const struct slice *list = addresses->items;

    *node = NULL;
    for (size_t i = 0; i < addresses->count; i++) {
        struct query one = {0};
        if (addresses->count > ADDRESSES_MAX || !is_plain(list[i])) {
            *node = NULL;
            return true;
        }
        if (!query_parse(
                arena_printf(arena, "from:%.*s OR to:%.*s", SLICE_ARG(list[i]), SLICE_ARG(list[i])),
                arena, &one, e)) {
            return false;
        }
        struct query_node *either = arena_alloc(arena, sizeof(*either));
        *either = (struct query_node){.kind = QUERY_OR, .left = *node, .right = one.root};
        *node = *node ? either : one.root;
    }
    return true;
}

static bool narrow(struct hunt *h, struct error *e)
{
    const struct query_node *own = NULL;

    if (!h->visitor->own) {
        return true;
    }
    if (!from_any(&h->visitor->caller.addresses, h->arena, &own, e)) {
        return false;
    }
    if (own && h->query.root) {
        struct query_node *both = arena_alloc(h->arena, sizeof(*both));
        *both = (struct query_node){.kind = QUERY_AND, .left = h->query.root, .right = own};
        own = both;
    }
    h->query.root = own ? own : h->query.root;
    return true;
}

/* ── what a person sees of a letter ── */

/* The facts record with that number; the catalog knows where it is unless it lags behind. */
static bool place_of(struct desk *d, uint64_t seq, struct ledger_ref *ref, struct error *e)
{
    struct catalog_letter *letters = NULL;
    size_t count = 0;

    if (!catalog_letters(d->catalog, CATALOG_BEHIND, seq, 1, &d->arena, &letters, &count, e)) {
        return false;
    }
    if (count == 1 && letters[0].seq == seq) {
        *ref = letters[0].facts;
        return true;
    }
    return ledger_reader_find(d->ledger, seq, ref, e);
}

/* Recipients as one line: those of the envelope, or of a letter that came without one, those that its header names. */
static struct slice list_recipients(const struct facts *f, struct arena *arena)
{
    OWN(buf) struct buf line = {.max = TEXT_MAX + 4 * LETTER_HEADER_TEXT};
    const struct recipient *to = f->recipients.items;
    const struct slice named[] = {f->to, f->cc, f->bcc};

    for (size_t i = 0; i < f->recipients.count && line.len < TEXT_MAX; i++) {
        buf_add_text(&line, i ? ", " : "");
        buf_add(&line, to[i].address);
    }
    for (size_t i = 0; f->recipients.count == 0 && i < sizeof(named) / sizeof(named[0]); i++) {
        buf_add_text(&line, line.len && named[i].len ? ", " : "");
        buf_add(&line, named[i]);
    }
    return letter_text(arena, buf_slice(&line), TEXT_MAX);
}

/* The letter as the next hit, if the visitor may see it. */
static bool describe(struct hunt *h, struct desk *d, uint64_t seq, struct error *e)
{
    struct ledger_ref ref;
    struct facts f;

    arena_reset(&d->arena);
    if (!place_of(d, seq, &ref, e) || !desk_read(d, ref, RECORD_FACTS, &facts_schema, &f, e)) {
        return false;
    }
    if (!reader_may_see(d, h->visitor, &f)) {
        return true;
    }
    h->hits[h->count++] = (struct reader_hit){
        .seq = seq,
        .id = arena_copy(h->arena, f.id),
        .received_at = facts_dated(&f),
        .from = letter_text(h->arena, f.from.len ? f.from : f.reverse_path, TEXT_MAX),
        .to = list_recipients(&f, h->arena),
        .subject = letter_text(h->arena, f.subject, TEXT_MAX),
        .size = f.size,
    };
    return true;
}

/* The index could not be asked: when it is damaged the keeper looks at it. */
static bool index_fails(struct reader *reader, struct error *e)
{
    if (e->kind != ERROR_CORRUPT) {
        return false;
    }
    if (reader->suspect) {
        reader->suspect(reader->context);
    }
    return error_set(e, ERROR_BUSY,
                     "The search index is damaged; it is being made anew. Ask again in a while.");
}

/* One page of the index; where the answer is full, the next one begins behind its last letter. */
static bool take_page(struct hunt *h, struct desk *d, const struct search_hit *found, size_t count,
                      struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        if (h->count == h->max) {
            h->place.seq = found[i - 1].seq;
            h->place.score = found[i - 1].score;
            h->more = true;
            return true;
        }
        if ((!h->members || case_members_have(h->members, found[i].seq)) &&
            !describe(h, d, found[i].seq, e)) {
            return false;
        }
    }
    return true;
}

/* Until there are as many as were wanted, or no more, or enough was looked at for one question. Of a case few
 * may be in a page, so these are large. */
static bool gather(struct hunt *h, struct desk *d, struct error *e)
{
    size_t page = h->members ? SEARCH_PAGE_MAX : h->max;
    struct search_hit *found = arena_array(h->arena, page, sizeof(*found));
    size_t looked_at = 0;

    h->more = true;
    while (h->more && h->count < h->max && looked_at < LOOKED_AT_MAX) {
        size_t wanted = h->members ? page : h->max - h->count;
        size_t count = 0;
        if (!search_find(h->finder, &h->query, &h->place, found, wanted, &count, e)) {
            return index_fails(d->reader, e);
        }
        h->more = count == wanted;
        if (!take_page(h, d, found, count, e)) {
            return false;
        }
        looked_at += count;
    }
    return true;
}

/* Without words and dates: all letters of the case, what was archived last first. */
static bool gather_members(struct hunt *h, struct desk *d, struct error *e)
{
    size_t i = h->members->n;

    while (i && h->place.top && h->members->list[i - 1] >= h->place.seq) {
        i--;
    }
    h->place.top = h->place.top ? h->place.top : (i ? h->members->list[i - 1] : 0);
    while (i && h->count < h->max) {
        h->place.seq = h->members->list[--i];
        if (!describe(h, d, h->place.seq, e)) {
            return false;
        }
    }
    h->more = i != 0;
    return true;
}

static bool gather_any(struct hunt *h, struct desk *d, bool all, struct error *e)
{
    return h->members && all && h->place.order == SEARCH_NEWEST ? gather_members(h, d, e)
                                                                : gather(h, d, e);
}

/* The letters of the case that was named, if one was. */
static bool take_case(struct hunt *h, struct case_file *c, struct case_members *members,
                      struct error *e)
{
    if (!c->desk) {
        return true;
    }
    h->members = members;
    return case_members(c, members, e) || index_fails(c->desk->reader, e);
}

bool reader_on_search(void *ctx, struct ipc_request *r, struct error *e)
{
    struct reader *reader = ctx;
    const struct reader_search_ask *ask = r->ask;
    struct reader_search_answer *answer = r->answer;
    OWN(search_finder) struct search_finder *finder = NULL;
    OWN(case_members) struct case_members members = {.n = 0};
    OWN(desk) struct desk d = {0};
    OWN(case_file) struct case_file c = {.desk = NULL};
    struct search_coverage coverage;
    struct catalog_counts counts;
    struct slice reason = ask->reason;
    struct hunt h = {.visitor = reader_visitor(r),
                     .arena = r->arena,
                     .max = ask->limit ? ask->limit : HITS_USUAL,
                     .place = {.order = (enum search_order)ask->order}};

    /* Without words and dates: the newest. */
    if (!desk_open(reader, &d, e) || !case_open(&c, &d, r, "search", ask->case_name, &reason, e) ||
        !reader_wants_reason(reader, r, "search", ask->query, reason, e) ||
        (ask->query.len && !query_parse(ask->query, r->arena, &h.query, e)) ||
        (ask->after.len && !place_from(ask->after, ask->query, &h.place, e)) || !narrow(&h, e)) {
        return false;
    }
    if (!search_finder_open(reader->search_path, secret_slice(reader->search_key), &finder, e) ||
        !search_coverage(finder, &coverage, e)) {
        return index_fails(reader, e);
    }
    h.finder = finder;
    h.hits = arena_array(r->arena, h.max, sizeof(*h.hits));
    if (!take_case(&h, &c, &members, e) || !gather_any(&h, &d, ask->query.len == 0, e) ||
        !catalog_counts(d.catalog, &counts, e)) {
        return false;
    }
    *answer = (struct reader_search_answer){
        .hits = {h.hits, h.count},
        .more = h.more,
        .indexed = coverage.letters,
        .archived = counts.letters,
        .unread = coverage.partly + coverage.unread,
    };
    if (answer->more) {
        answer->next = place_text(&h.place, ask->query, r->arena);
    }
    return reader_record(reader, r, "search", ask->query, reason, h.count, e);
}
