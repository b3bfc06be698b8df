#include "letter/guard.h"

#include "letter/internal.h"

#define THIS limit_record
static const struct cbor_field limit_record_fields[] = {
    ROW(1, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_UINT, window, 2),
    ROW(3, CBOR_UINT, measure, 5),
    ROW(4, CBOR_UINT, most, 0),
    ROW(5, CBOR_UINT, had, 0),
    ROW(6, CBOR_UINT, added, 0),
    MAYBE(7, CBOR_TEXT, client, 64),
};
SCHEMA(limit_record);
#undef THIS
