/* A case that was opened without a hold gets one: all that is in it is held, in one commit. */
#include "keeper/holds.h"
#include "keeper/internal.h"

#define VIEW_MAX    ((size_t)64 << 20)
#define RECORDS_MAX (CASE_QUERIES_MAX + CASE_LETTERS_MAX / HOLD_LETTERS_MAX + 1)

/* What is recorded. */
struct placing {
    const struct case_record *r;
    struct arena *arena;
    struct ledger_record list[RECORDS_MAX];
    size_t n;
};

static bool put(struct placing *p, uint16_t type, const struct cbor_schema *schema,
                const void *value, struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};

    cbor_write(&body, schema, value);
    if (body.full || p->n == RECORDS_MAX) {
        return error_set(e, ERROR_LIMIT, "the case does not fit into a hold");
    }
    p->list[p->n++] =
        (struct ledger_record){.type = type, .body = arena_copy(p->arena, buf_slice(&body))};
    return true;
}

static bool put_hold(struct placing *p, struct slice query, struct slice letters, struct error *e)
{
    const struct hold_record h = {.name = p->r->name,
                                  .state = HOLD_PLACED,
                                  .query = query,
                                  .letters = letters,
                                  .by = p->r->by,
                                  .at = p->r->at,
                                  .role = p->r->role,
                                  .reason = p->r->reason};

    return put(p, RECORD_HOLD, &hold_record_schema, &h, e);
}

static bool put_all(struct placing *p, const struct case_view *v, struct error *e)
{
    struct slice ids = slice_of(v->letters.bytes, v->letters.n * LETTER_ID_LEN);

    for (size_t i = 0; i < v->n_queries; i++) {
        if (!put_hold(p, v->queries[i], SLICE_NONE, e)) {
            return false;
        }
    }
    while (ids.len) {
        struct slice some = slice_head(ids, (size_t)HOLD_LETTERS_MAX * LETTER_ID_LEN);
        if (!put_hold(p, SLICE_NONE, some, e)) {
            return false;
        }
        ids = slice_from(ids, some.len);
    }
    return put(p, RECORD_CASE, &case_record_schema, p->r, e);
}

/* Fold what is recorded of the case, as the catalog names it; *n: how many records those are. */
static bool read_case(struct keeper *k, struct slice name, struct case_view *v, uint64_t *n,
                      struct arena *arena, struct error *e)
{
    OWN(arena) struct arena list = {.max = VIEW_MAX};
    OWN(arena) struct arena one = {.max = KEEPER_ARENA_MAX};
    OWN(catalog) struct catalog *catalog = NULL;
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !catalog_records(catalog, CATALOG_DOCKET, &list, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct case_record r;
        arena_reset(&one);
        if (records[i].type != RECORD_CASE) {
            continue;
        }
        if (!keeper_read(k, records[i].ref, &case_record_schema, &one, &r, e)) {
            return false;
        }
        if (slice_equal(r.name, name)) {
            case_fold(v, &r, 1, arena);
            (*n)++;
        }
    }
    return true;
}

bool holds_case(struct keeper *k, const struct case_record *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = VIEW_MAX};
    struct placing p = {.r = r, .arena = &arena};
    struct case_view view = {.opened_at = 0};
    uint64_t n = 0;

    if (!read_case(k, r->name, &view, &n, &arena, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->approvals.lock);
    const struct docket_case *c = docket_case(&k->approvals.docket, r->name);
    bool whole = c && c->records == n;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (!whole) { /* less would be held than is in it */
        return error_set(e, ERROR_BUSY,
                         "the catalog does not name all records of the case: try again, or run "
                         "`postern catalog rebuild`");
    }
    return put_all(&p, &view, e) && holds_have_room(k, r->by, p.n - 1, e) &&
           approvals_record_all_held(k, p.list, p.n, e);
}
