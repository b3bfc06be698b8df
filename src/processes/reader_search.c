/* Search: the index gives sequence numbers, the ledger what a person sees of them. */
#include "processes/reader.h"
#include "requests/reader.h"
#include "search/find.h"

#define HITS_USUAL 50   /* when the question does not say */
#define TEXT_MAX   1024 /* of from, to, subject in an answer */

/* ---- where a page begins ---- */

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
    if (rest.len || numbers[0] > SEARCH_RELEVANT || numbers[4] != query_mark(query)) {
        return error_set(e, ERROR_INPUT,
                         "That place belongs to another query: ask the same one again.");
    }
    *p = (struct search_place){numbers[0] ? SEARCH_RELEVANT : SEARCH_NEWEST, numbers[1], numbers[2],
                               numbers[3]};
    return true;
}

/* ---- the index ---- */

struct finding {
    struct search_place place; /* of this page; then of the next */
    struct search_hit *hits;
    size_t count;
    struct search_coverage coverage;
};

static bool find(struct reader *reader, const struct reader_search_ask *ask, size_t max,
                 struct finding *found, struct arena *arena, struct error *e)
{
    OWN(search_finder) struct search_finder *finder = NULL;
    struct query query = {0};

    found->place.order = ask->order ? SEARCH_RELEVANT : SEARCH_NEWEST;
    found->hits = arena_array(arena, max, sizeof(*found->hits));
    /* Without words and dates: the newest. */
    return (ask->query.len == 0 || query_parse(ask->query, arena, &query, e)) &&
           (ask->after.len == 0 || place_from(ask->after, ask->query, &found->place, e)) &&
           search_finder_open(reader->search_path, secret_slice(reader->search_key), &finder, e) &&
           search_find(finder, &query, &found->place, found->hits, max, &found->count, e) &&
           search_coverage(finder, &found->coverage, e);
}

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

/* Recipients as one line. */
static struct slice list_recipients(const struct facts *f, struct arena *arena)
{
    OWN(buf) struct buf line = {.max = TEXT_MAX + LETTER_ADDRESS_MAX + 2};
    const struct recipient *to = f->recipients.items;

    for (size_t i = 0; i < f->recipients.count && line.len < TEXT_MAX; i++) {
        buf_add_text(&line, i ? ", " : "");
        buf_add(&line, to[i].address);
    }
    return letter_text(arena, buf_slice(&line), TEXT_MAX);
}

static bool describe(struct desk *d, uint64_t seq, struct arena *arena, struct reader_hit *hit,
                     struct error *e)
{
    struct ledger_ref ref;
    struct facts f;

    arena_reset(&d->arena);
    if (!place_of(d, seq, &ref, e) || !desk_read(d, ref, RECORD_FACTS, &facts_schema, &f, e)) {
        return false;
    }
    *hit = (struct reader_hit){
        .seq = seq,
        .id = arena_copy(arena, f.id),
        .received_at = facts_dated(&f),
        .from = letter_text(arena, f.from.len ? f.from : f.reverse_path, TEXT_MAX),
        .to = list_recipients(&f, arena),
        .subject = letter_text(arena, f.subject, TEXT_MAX),
        .size = f.size,
    };
    return true;
}

bool reader_on_search(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_search_ask *ask = r->ask;
    struct reader_search_answer *answer = r->answer;
    size_t max = ask->limit ? ask->limit : HITS_USUAL;
    struct reader_hit *hits = arena_array(r->arena, max, sizeof(*hits));
    struct finding found = {0};
    struct catalog_counts counts;
    OWN(desk) struct desk d = {0};

    if (!find(reader, ask, max, &found, r->arena, e) || !desk_open(reader, &d, e) ||
        !catalog_counts(d.catalog, &counts, e)) {
        return false;
    }
    for (size_t i = 0; i < found.count; i++) {
        if (!describe(&d, found.hits[i].seq, r->arena, &hits[i], e)) {
            return false;
        }
    }
    *answer = (struct reader_search_answer){
        .hits = {hits, found.count},
        .more = found.count == max,
        .indexed = found.coverage.letters,
        .archived = counts.letters,
        .unread = found.coverage.partly + found.coverage.unread,
    };
    if (answer->more) {
        answer->next = place_text(&found.place, ask->query, r->arena);
    }
    return reader_record(reader, r, "search", ask->query, ask->reason, found.count, e);
}
