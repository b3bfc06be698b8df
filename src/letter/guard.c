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
    MAYBE(8, CBOR_TEXT, app, 64),
};
SCHEMA(limit_record);
#undef THIS

#define THIS suspension_sign
static const struct cbor_field suspension_sign_fields[] = {
    ROW(1, CBOR_TEXT, name, 64),
    ROW(2, CBOR_UINT, value, 0),
    ROW(3, CBOR_UINT, points, 0),
};
SCHEMA(suspension_sign);
#undef THIS

#define THIS suspension_record
static const struct cbor_field suspension_record_fields[] = {
    ROW(1, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_UINT, state, SUSPENSION_ENDED),
    ROW(3, CBOR_UINT, at, 0),
    MAYBE(4, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_TEXT, reason, 4 * REASON_MAX),
    MAYBE(6, CBOR_UINT, points, 0),
    MAYBE(7, CBOR_UINT, version, 0),
    CBOR_SUB_OPTIONAL(8, CBOR_LIST, struct suspension_record, signs, SUSPENSION_SIGNS_MAX,
                      &suspension_sign_schema),
    MAYBE(9, CBOR_BYTES, letters, SUSPENSION_LETTERS_MAX *LETTER_ID_LEN),
    MAYBE(10, CBOR_TEXT, client, 64),
    MAYBE(11, CBOR_UINT, role, 4),
    MAYBE(12, CBOR_UINT, released, 2),
};
SCHEMA(suspension_record);
#undef THIS
