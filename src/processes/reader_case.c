#include "processes/reader_case.h"

#include <stdlib.h>

#include "requests/reader.h"

#define ARENA_MAX   ((size_t)64 << 20)
#define MEMBERS_MAX 2000000
#define AT_ONCE     1024

void case_done(struct case_file *c)
{
    search_finder_close(c->finder);
    arena_done(&c->arena);
    *c = (struct case_file){0};
}

void case_members_done(struct case_members *m)
{
    free(m->list);
    *m = (struct case_members){0};
}

/* ── the case ── */

bool case_read(struct case_file *c, struct slice name, struct error *e)
{
    OWN(arena) struct arena list = {.max = ARENA_MAX};
    struct desk *d = c->desk;
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_records(d->catalog, CATALOG_DOCKET, &list, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct ledger_entry entry;
        struct case_record r;
        arena_reset(&d->arena);
        if (records[i].type != RECORD_CASE) {
            continue;
        }
        if (!ledger_reader_get(d->ledger, records[i].ref, &d->arena, &entry, e) ||
            !cbor_read(entry.body, &case_record_schema, &d->arena, &r, e)) {
            return false;
        }
        if (slice_equal(r.name, name)) {
            case_fold(&c->view, &r, (uint64_t)entry.time_ms, &c->arena);
        }
    }
    arena_reset(&d->arena);
    return true;
}

bool case_open(struct case_file *c, struct desk *d, const struct ipc_request *r, const char *verb,
               struct slice name, struct slice *reason, struct error *e)
{
    struct slice object = arena_printf(r->arena, "case %.*s", SLICE_ARG(name));

    if (!name.len) {
        return true;
    }
    if (reader_visitor(r)->own) {
        (void)error_set(e, ERROR_DENIED, "letters of a case are read by an auditor");
        return reader_refused(d->reader, r, verb, object, e);
    }
    c->desk = d;
    arena_init(&c->arena, ARENA_MAX);
    if (!case_read(c, name, e)) {
        return false;
    }
    if (!c->view.opened_at || c->view.closed_at) {
        (void)error_set(e, ERROR_INPUT,
                        c->view.opened_at ? "the case is closed: nothing is read for it any more"
                                          : "there is no case of that name: `postern case list`");
        return reader_refused(d->reader, r, verb, object, e);
    }
    *reason = letter_text(r->arena,
                          arena_printf(r->arena, "case %.*s: %.*s%s%.*s", SLICE_ARG(name),
                                       SLICE_ARG(c->view.reason), reason->len ? "; " : "",
                                       SLICE_ARG(*reason)),
                          READER_REASON_MAX);
    return true;
}

/* ── its letters ── */

static bool open_finder(struct case_file *c, struct error *e)
{
    const struct reader *reader = c->desk->reader;

    return c->finder ||
           search_finder_open(reader->search_path, secret_slice(reader->search_key), &c->finder, e);
}

/* Whether one of its queries finds it: the newest that it finds up to that one is it. */
static bool is_found(struct case_file *c, uint64_t seq, bool *found, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    for (size_t i = 0; i < c->view.n_queries && !*found; i++) {
        struct search_place place = {.top = seq, .seq = seq + 1};
        struct search_hit hit;
        struct query query;
        size_t count = 0;
        arena_reset(&arena);
        if (!open_finder(c, e) || !query_parse(c->view.queries[i], &arena, &query, e) ||
            !search_find(c->finder, &query, &place, &hit, 1, &count, e)) {
            return false;
        }
        *found = count == 1 && hit.seq == seq;
    }
    return true;
}

bool case_has(struct case_file *c, struct slice id_bytes, bool *has, struct error *e)
{
    struct catalog_letter letter;
    struct letter_id id;
    bool found = false;

    *has = !c->desk || case_ids_have(&c->view.letters, id_bytes);
    if (*has || case_ids_have(&c->view.removed, id_bytes) || !letter_id_from(id_bytes, &id)) {
        return true;
    }
    return catalog_find(c->desk->catalog, &id, &letter, &found, e) &&
           (!found || is_found(c, letter.seq, has, e));
}

bool case_open_for(struct case_file *c, struct desk *d, const struct ipc_request *r,
                   const char *verb, struct slice name, struct slice id, struct slice *reason,
                   struct error *e)
{
    struct letter_id letter;
    bool has = false;

    if (!case_open(c, d, r, verb, name, reason, e) || !case_has(c, id, &has, e)) {
        return false;
    }
    if (has) {
        return true;
    }
    (void)error_set(
        e, ERROR_INPUT,
        "the letter is not in the case: `postern case add %.*s ID`, or give a reason of "
        "its own instead",
        SLICE_ARG(name));
    return reader_refused(
        d->reader, r, verb,
        letter_id_from(id, &letter) ? desk_letter_name(&letter, r->arena) : SLICE_NONE, e);
}

static bool fits(const struct case_members *m, struct error *e)
{
    return m->n <= MEMBERS_MAX ||
           error_set(e, ERROR_LIMIT, "the case has more than %d letters: narrow its queries",
                     MEMBERS_MAX);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* In order, each once. */
static void sort(struct case_members *m)
{
    size_t kept = 0;

    if (m->n) {
        qsort(m->list, m->n, sizeof(*m->list), by_number);
    }
    for (size_t i = 0; i < m->n; i++) {
        if (kept == 0 || m->list[kept - 1] != m->list[i]) {
            m->list[kept++] = m->list[i];
        }
    }
    m->n = kept;
}

/* One that several queries find counts once: they are sorted out when they are twice too many. */
static bool add(struct case_members *m, uint64_t seq, struct error *e)
{
    if (m->n == 2 * (size_t)MEMBERS_MAX) {
        sort(m);
        if (!fits(m, e)) {
            return false;
        }
    }
    if (m->n == m->room) {
        m->room += AT_ONCE + m->room / 2;
        uint64_t *more = realloc(m->list, m->room * sizeof(*more));
        if (!more) {
            arena_panic("out of memory");
        }
        m->list = more;
    }
    m->list[m->n++] = seq;
    return true;
}

static bool add_found(struct case_file *c, struct slice text, struct case_members *m,
                      struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct search_hit *hits = arena_array(&arena, SEARCH_PAGE_MAX, sizeof(*hits));
    struct search_place place = {0};
    size_t count = SEARCH_PAGE_MAX;
    struct query query;

    if (!open_finder(c, e) || !query_parse(text, &arena, &query, e)) {
        return false;
    }
    while (count == SEARCH_PAGE_MAX) {
        if (!search_find(c->finder, &query, &place, hits, SEARCH_PAGE_MAX, &count, e)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (!add(m, hits[i].seq, e)) {
                return false;
            }
        }
    }
    return true;
}

/* The letters of these ids that are there. */
static bool add_named(struct case_file *c, const struct case_ids *ids, struct case_members *m,
                      struct error *e)
{
    for (size_t i = 0; i < ids->n; i++) {
        struct catalog_letter letter;
        struct letter_id id;
        bool found = false;
        if (!letter_id_from(slice_of(ids->bytes + i * LETTER_ID_LEN, LETTER_ID_LEN), &id) ||
            !catalog_find(c->desk->catalog, &id, &letter, &found, e) ||
            (found && !add(m, letter.seq, e))) {
            return false;
        }
    }
    return true;
}

bool case_members_have(const struct case_members *m, uint64_t seq)
{
    return m->n && bsearch(&seq, m->list, m->n, sizeof(*m->list), by_number) != NULL;
}

/* Those that were taken out. */
static bool leave_out(struct case_file *c, struct case_members *m, struct error *e)
{
    struct case_members out = {.n = 0};
    size_t kept = 0;
    bool named = add_named(c, &c->view.removed, &out, e);

    sort(&out);
    for (size_t i = 0; i < m->n; i++) {
        if (!case_members_have(&out, m->list[i])) {
            m->list[kept++] = m->list[i];
        }
    }
    m->n = kept;
    case_members_done(&out);
    return named;
}

bool case_members(struct case_file *c, struct case_members *m, struct error *e)
{
    for (size_t i = 0; i < c->view.n_queries; i++) {
        if (!add_found(c, c->view.queries[i], m, e)) {
            return false;
        }
    }
    if (!leave_out(c, m, e) || !add_named(c, &c->view.letters, m, e)) {
        return false;
    }
    sort(m);
    return fits(m, e);
}
