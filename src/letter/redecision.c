#include "letter/redecision.h"

#include "letter/internal.h"

#define THIS redecision
static const struct cbor_field redecision_fields[] = {
    ID(redecision),
    CBOR_SUB(2, CBOR_LIST, struct redecision, rulings, LETTER_RECIPIENTS_MAX, &ruling_schema),
    ROW(3, CBOR_UINT, first, LETTER_RECIPIENTS_MAX),
    ROW(4, CBOR_BYTES, replaced, 2 * LETTER_RECIPIENTS_MAX),
    MAYBE(5, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, at, NAME_LEN),
    MAYBE(7, CBOR_UINT, role, 0),
    MAYBE(8, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(11, CBOR_BYTES, told, LETTER_ID_LEN),
    MAYBE(13, CBOR_UINT, policy_version, 0),
    MAYBE(14, CBOR_BYTES, policy_digest, DIGEST_LEN),
};
SCHEMA(redecision);
#undef THIS

/* Of rulings that are there, still count and are held. */
static bool replace(struct slice indexes, struct ruling *rulings, size_t n)
{
    bool fits = indexes.len >= 2 && indexes.len % 2 == 0;

    for (; fits && indexes.len; indexes = slice_from(indexes, 2)) {
        size_t at = (size_t)indexes.ptr[0] << 8 | indexes.ptr[1];
        fits = at < n && rulings[at].hold && !rulings[at].replaced;
        if (fits) {
            rulings[at].replaced = true;
        }
    }
    return fits;
}

bool redecision_apply(const struct redecision *r, struct arena *arena, struct decision *d,
                      struct error *e)
{
    const struct ruling *before = d->rulings.items;
    const struct ruling *more = r->rulings.items;
    size_t n = d->rulings.count;
    struct ruling *all = arena_array(arena, n + r->rulings.count + 1, sizeof(*all));

    for (size_t i = 0; i < n; i++) {
        all[i] = before[i];
    }
    for (size_t i = 0; i < r->rulings.count; i++) {
        all[n + i] = more[i];
    }
    if (!slice_equal(r->id, d->id) || r->first != n || r->rulings.count == 0 ||
        n + r->rulings.count > LETTER_RECIPIENTS_MAX || !replace(r->replaced, all, n)) {
        return error_set(e, ERROR_CORRUPT, "a redecision does not fit to what was decided before");
    }
    d->rulings = (struct cbor_list){all, n + r->rulings.count};
    d->policy_version = r->policy_version;
    d->policy_digest = r->policy_digest;
    return true;
}
