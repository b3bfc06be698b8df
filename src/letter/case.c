#include "letter/case.h"

#include "letter/internal.h"

#define THIS case_record
static const struct cbor_field case_record_fields[] = {
    ROW(1, CBOR_TEXT, name, HOLD_NAME_MAX),
    ROW(2, CBOR_UINT, state, CASE_HELD),
    MAYBE(3, CBOR_TEXT, query, HOLD_QUERY_MAX),
    MAYBE(4, CBOR_BYTES, letters, HOLD_LETTERS_MAX *LETTER_ID_LEN),
    ROW(5, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, at, 64),
    MAYBE(7, CBOR_UINT, role, 4),
    MAYBE(8, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(9, CBOR_BOOL, hold, 0),
};
SCHEMA(case_record);
#undef THIS

/* Where the id is, or would be. */
static size_t place_of(const struct case_ids *ids, const uint8_t *id)
{
    size_t low = 0;
    size_t high = ids->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(ids->bytes + middle * LETTER_ID_LEN, id, LETTER_ID_LEN) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct case_ids *ids, size_t place, const uint8_t *id)
{
    return place < ids->n && memcmp(ids->bytes + place * LETTER_ID_LEN, id, LETTER_ID_LEN) == 0;
}

bool case_ids_have(const struct case_ids *ids, struct slice id)
{
    return id.len == LETTER_ID_LEN && is_at(ids, place_of(ids, id.ptr), id.ptr);
}

static void grow(struct case_ids *ids, struct arena *arena)
{
    size_t room = ids->room ? 2 * ids->room : 64;
    uint8_t *bytes = arena_alloc(arena, room * LETTER_ID_LEN);

    if (ids->n) {
        (void)memcpy(bytes, ids->bytes, ids->n * LETTER_ID_LEN);
    }
    ids->bytes = bytes;
    ids->room = room;
}

static void put(struct case_ids *ids, const uint8_t *id, struct arena *arena)
{
    size_t at = place_of(ids, id);

    if (is_at(ids, at, id) || ids->n == CASE_LETTERS_MAX) {
        return;
    }
    if (ids->n == ids->room) {
        grow(ids, arena);
    }
    uint8_t *to = ids->bytes + at * LETTER_ID_LEN;
    (void)memmove(to + LETTER_ID_LEN, to, (ids->n - at) * LETTER_ID_LEN);
    (void)memcpy(to, id, LETTER_ID_LEN);
    ids->n++;
}

static void take(struct case_ids *ids, const uint8_t *id)
{
    size_t at = place_of(ids, id);

    if (is_at(ids, at, id)) {
        uint8_t *from = ids->bytes + at * LETTER_ID_LEN;
        (void)memmove(from, from + LETTER_ID_LEN, (ids->n - at - 1) * LETTER_ID_LEN);
        ids->n--;
    }
}

static size_t query_place(const struct case_view *v, struct slice query)
{
    size_t i = 0;

    while (i < v->n_queries && !slice_equal(v->queries[i], query)) {
        i++;
    }
    return i;
}

static void add(struct case_view *v, const struct case_record *r, struct arena *arena)
{
    if (r->query.len && query_place(v, r->query) == v->n_queries &&
        v->n_queries < CASE_QUERIES_MAX) {
        v->queries[v->n_queries++] = arena_copy(arena, r->query);
    }
    for (size_t at = 0; at + LETTER_ID_LEN <= r->letters.len; at += LETTER_ID_LEN) {
        put(&v->letters, r->letters.ptr + at, arena);
        take(&v->removed, r->letters.ptr + at);
    }
}

static void leave_out(struct case_view *v, const struct case_record *r, struct arena *arena)
{
    size_t place = query_place(v, r->query);

    if (r->query.len && place < v->n_queries) {
        v->n_queries--;
        (void)memmove(&v->queries[place], &v->queries[place + 1],
                      (v->n_queries - place) * sizeof(v->queries[0]));
    }
    for (size_t at = 0; at + LETTER_ID_LEN <= r->letters.len; at += LETTER_ID_LEN) {
        take(&v->letters, r->letters.ptr + at);
        put(&v->removed, r->letters.ptr + at, arena);
    }
}

void case_fold(struct case_view *v, const struct case_record *r, uint64_t at, struct arena *arena)
{
    switch (r->state) {
    case CASE_OPENED:
        if (!v->opened_at) {
            v->name = arena_copy(arena, r->name);
            v->reason = arena_copy(arena, r->reason);
            v->by = arena_copy(arena, r->by);
            v->opened_at = at;
            v->hold = r->hold;
            add(v, r, arena);
        }
        return;
    case CASE_ADDED:
        add(v, r, arena);
        return;
    case CASE_REMOVED:
        leave_out(v, r, arena);
        return;
    case CASE_NOTED:
        v->notes++;
        return;
    case CASE_CLOSED:
        v->closed_at = v->closed_at ? v->closed_at : at;
        return;
    case CASE_HELD:
        v->hold = true;
        return;
    default:
        return;
    }
}
