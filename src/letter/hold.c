#include "letter/hold.h"

#include <string.h>

#include "letter/internal.h"

#define THIS hold_record
static const struct cbor_field hold_record_fields[] = {
    ROW(1, CBOR_TEXT, name, HOLD_NAME_MAX),
    ROW(2, CBOR_UINT, state, HOLD_RELEASED),
    MAYBE(3, CBOR_TEXT, query, HOLD_QUERY_MAX),
    MAYBE(4, CBOR_BYTES, letters, HOLD_LETTERS_MAX *LETTER_ID_LEN),
    ROW(5, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, at, 64),
    MAYBE(7, CBOR_UINT, role, 4),
    ROW(8, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(9, CBOR_BYTES, request, LETTER_ID_LEN),
};
SCHEMA(hold_record);
#undef THIS

#define THIS request_release
static const struct cbor_field request_release_fields[] = {
    ROW(1, CBOR_TEXT, name, HOLD_NAME_MAX),
    ROW(2, CBOR_UINT, last, 0),
};
SCHEMA(request_release);
#undef THIS

static bool is_good(uint8_t c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr(".-_", c));
}

bool hold_name_is_good(struct slice name)
{
    bool good = name.len > 0 && name.len <= HOLD_NAME_MAX && name.ptr[0] != '-';

    for (size_t i = 0; good && i < name.len; i++) {
        good = is_good(name.ptr[i]);
    }
    return good;
}
