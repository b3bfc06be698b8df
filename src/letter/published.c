#include "letter/published.h"

#include "letter/internal.h"

#define THIS published_row
static const struct cbor_field published_row_fields[] = {
    ROW(1, CBOR_TEXT, name, NAME_LEN),
    ROW(2, CBOR_UINT, type, UINT16_MAX),
    ROW(3, CBOR_BYTES, digest, PUBLISHED_DIGEST_LEN),
    MAYBE(4, CBOR_BOOL, retired, 0),
};
#undef THIS
static const struct cbor_schema row_schema =
    CBOR_SCHEMA(published_row_fields, struct published_row);

static const struct cbor_field published_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct published, rows, PUBLISHED_MAX, &row_schema),
};
SCHEMA(published);
