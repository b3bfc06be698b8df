/* Search: the index gives sequence numbers, the ledger what a person sees of them. */
#include "processes/reader.h"
#include "requests/reader.h"
#include "search/find.h"

#define HITS_USUAL 50   /* when the question does not say */
#define TEXT_MAX   1024 /* of from, to, subject in an answer */

static bool find(struct reader *reader, struct slice text, uint64_t before, size_t max,
                 struct search_hit *hits, size_t *count, struct search_coverage *coverage,
                 struct arena *arena, struct error *e)
{
    OWN(search_finder) struct search_finder *finder = NULL;
    struct query query = {0};

    /* Without words and dates: the newest. */
    return (text.len == 0 || query_parse(text, arena, &query, e)) &&
           search_finder_open(reader->search_path, secret_slice(reader->search_key), &finder, e) &&
           search_find(finder, &query, before, hits, max, count, e) &&
           search_coverage(finder, coverage, e);
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
        .received_at = f.received_at,
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
    struct search_hit *found = arena_array(r->arena, max, sizeof(*found));
    struct reader_hit *hits = arena_array(r->arena, max, sizeof(*hits));
    struct search_coverage coverage;
    struct catalog_counts counts;
    OWN(desk) struct desk d = {0};
    size_t count = 0;

    if (!find(reader, ask->query, ask->before, max, found, &count, &coverage, r->arena, e) ||
        !desk_open(reader, &d, e) || !catalog_counts(d.catalog, &counts, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!describe(&d, found[i].seq, r->arena, &hits[i], e)) {
            return false;
        }
    }
    *answer = (struct reader_search_answer){
        .hits = {hits, count},
        .more = count == max,
        .indexed = coverage.letters,
        .archived = counts.letters,
    };
    return reader_record(reader, r, "search", ask->query, ask->reason, count, e);
}
