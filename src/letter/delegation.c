#include "letter/delegation.h"

#include "letter/internal.h"

#define THIS delegation
static const struct cbor_field delegation_fields[] = {
    ROW(1, CBOR_TEXT, from, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_TEXT, to, LETTER_ADDRESS_MAX),
    ROW(3, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_TEXT, approved_by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_UINT, since, 0),
    MAYBE(6, CBOR_UINT, until, 0),
    ROW(7, CBOR_TEXT, reason, DELEGATION_REASON_MAX),
    MAYBE(8, CBOR_BOOL, owner, 0),
};
SCHEMA(delegation);
#undef THIS

#define THIS delegations
static const struct cbor_field delegations_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct delegations, rows, DELEGATIONS_MAX, &delegation_schema),
};
SCHEMA(delegations);
#undef THIS

bool delegation_is_over(const struct delegation *d, uint64_t now)
{
    return d->until && now >= d->until;
}

bool delegation_is_of_group(const struct delegation *d)
{
    return slice_find(d->from, '@') == d->from.len;
}
