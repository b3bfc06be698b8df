#include "letter/removal.h"

#include "letter/internal.h"

#define THIS removed_letter
static const struct cbor_field removed_letter_fields[] = {
    ID(removed_letter),
    ROW(2, CBOR_UINT, seq, 0),
    MAYBE(3, CBOR_BYTES, imported, 64),
    MAYBE(4, CBOR_BYTES, records, 8 * REMOVAL_RECORDS_MAX),
    MAYBE(5, CBOR_UINT, until, 0),
    MAYBE(6, CBOR_BYTES, rules, 8 * REMOVAL_RULES_MAX),
};
SCHEMA(removed_letter);
#undef THIS

#define THIS removal
static const struct cbor_field removal_fields[] = {
    ID(removal),
    ROW(2, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    ROW(3, CBOR_TEXT, reason, REASON_MAX),
    CBOR_SUB(4, CBOR_LIST, struct removal, letters, REMOVAL_LETTERS_MAX, &removed_letter_schema),
    ROW(5, CBOR_UINT, records, 0),
    MAYBE(6, CBOR_UINT, role, 4),
    MAYBE(7, CBOR_TEXT, at, 64),
    MAYBE(8, CBOR_BYTES, request, LETTER_ID_LEN),
};
SCHEMA(removal);
#undef THIS
