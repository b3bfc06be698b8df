#include "letter/disposal.h"

#include "letter/internal.h"

#define THIS disposal_hold
static const struct cbor_field disposal_hold_fields[] = {
    ROW(1, CBOR_TEXT, name, HOLD_NAME_MAX),
    ROW(2, CBOR_UINT, letters, 0),
};
static SCHEMA(disposal_hold);
#undef THIS

#define THIS disposal_record
static const struct cbor_field disposal_record_fields[] = {
    ROW(1, CBOR_BYTES, request, LETTER_ID_LEN),
    ROW(2, CBOR_UINT, state, DISPOSAL_ENDED),
    ROW(3, CBOR_UINT, before, 0),
    MAYBE(4, CBOR_UINT, destroyed, 0),
    MAYBE(5, CBOR_UINT, held, 0),
    MAYBE(6, CBOR_UINT, kept, 0),
    MAYBE(7, CBOR_UINT, busy, 0),
    CBOR_SUB_OPTIONAL(8, CBOR_LIST, struct disposal_record, holds, DISPOSAL_HOLDS_MAX,
                      &disposal_hold_schema),
    MAYBE(9, CBOR_BOOL, more, 0),
};
SCHEMA(disposal_record);
#undef THIS

#define THIS request_disposal
static const struct cbor_field request_disposal_fields[] = {
    ROW(1, CBOR_UINT, before, 0),
    ROW(2, CBOR_UINT, head, 0),
    ROW(3, CBOR_UINT, rules, 0),
    ROW(4, CBOR_UINT, letters, 0),
};
SCHEMA(request_disposal);
#undef THIS
