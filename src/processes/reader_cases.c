/* Which cases there are, and what is in one. */
#include "processes/reader_case.h"
#include "requests/cases.h"

#define ARENA_MAX ((size_t)64 << 20)
#define SHOWN_MAX ((size_t)2 << 20) /* bytes of records in one answer */

static bool list_records(struct desk *d, const struct reader_cases_ask *ask,
                         struct reader_cases_answer *answer, struct arena *arena, struct error *e)
{
    OWN(arena) struct arena list = {.max = ARENA_MAX};
    struct catalog_record *records = NULL;
    size_t count = 0;
    size_t bytes = 0;
    size_t n = 0;

    if (!catalog_records(d->catalog, CATALOG_DOCKET, &list, &records, &count, e)) {
        return false;
    }
    struct reader_record *shown = arena_array(arena, count + 1, sizeof(*shown));
    for (size_t i = 0; i < count && n < READER_RECORDS_MAX && bytes < SHOWN_MAX; i++) {
        struct ledger_entry entry;
        struct case_record r;
        answer->more = i + 1 < count;
        if (records[i].type != RECORD_CASE || records[i].ref.seq < ask->from) {
            continue;
        }
        arena_reset(&d->arena);
        if (!ledger_reader_get(d->ledger, records[i].ref, &d->arena, &entry, e) ||
            !cbor_read(entry.body, &case_record_schema, &d->arena, &r, e)) {
            return false;
        }
        if (!ask->name.len || slice_equal(ask->name, r.name)) {
            bytes += entry.body.len;
            shown[n++] = (struct reader_record){.seq = entry.ref.seq,
                                                .type = entry.type,
                                                .time = (uint64_t)entry.time_ms,
                                                .body = arena_copy(arena, entry.body)};
        }
    }
    answer->records = (struct cbor_list){shown, n};
    return true;
}

/* By all its records, of which the answer holds the first. A case that is closed is counted as well. */
static void count_letters(struct desk *d, struct slice name, struct reader_cases_answer *answer)
{
    OWN(case_members) struct case_members members = {.n = 0};
    OWN(case_file) struct case_file c = {.desk = d, .arena = {.max = ARENA_MAX}};
    OWN(search_finder) struct search_finder *finder = NULL;
    struct search_coverage coverage = {0};
    struct catalog_counts counts = {0};
    struct error e;

    answer->not_counted = !search_finder_open(d->reader->search_path,
                                              secret_slice(d->reader->search_key), &finder, &e) ||
                          !search_coverage(finder, &coverage, &e) ||
                          !catalog_counts(d->catalog, &counts, &e) || !case_read(&c, name, &e) ||
                          !case_members(&c, &members, &e);
    answer->letters = members.n;
    answer->indexed = coverage.letters;
    answer->archived = counts.letters;
}

bool reader_on_cases(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_cases_ask *ask = r->ask;
    struct reader_cases_answer *answer = r->answer;
    OWN(desk) struct desk d = {0};

    if (!desk_open(reader, &d, e) || !list_records(&d, ask, answer, r->arena, e)) {
        return false;
    }
    if (ask->name.len && !ask->from && answer->records.count == 0 && !answer->more) {
        return error_set(e, ERROR_INPUT, "there is no case of that name: `postern case list`");
    }
    if (ask->name.len && !ask->from) {
        count_letters(&d, ask->name, answer);
    }
    return reader_record(reader, r, ask->name.len ? "case show" : "case list", ask->name,
                         ask->reason, answer->records.count, e);
}
