#include "letter/keys.h"

#include "letter/internal.h"

#define THIS keys_record
static const struct cbor_field keys_fields[] = {
    ROW(1, CBOR_UINT, generation, 0),        ROW(2, CBOR_UINT, kept, 3),
    ROW(3, CBOR_BYTES, name, KEYS_NAME_LEN), MAYBE(4, CBOR_UINT, since, 0),
    MAYBE(5, CBOR_UINT, former, 0),          MAYBE(6, CBOR_TEXT, by, 64),
    MAYBE(7, CBOR_UINT, formers, 0),
};
const struct cbor_schema keys_schema = CBOR_SCHEMA(keys_fields, struct keys_record);
#undef THIS

#define THIS renewed_record
static const struct cbor_field renewed_fields[] = {
    ROW(1, CBOR_UINT, generation, 0),
    MAYBE(2, CBOR_UINT, files, 0),
    MAYBE(3, CBOR_UINT, accounts, 0),
};
const struct cbor_schema renewed_schema = CBOR_SCHEMA(renewed_fields, struct renewed_record);
#undef THIS
