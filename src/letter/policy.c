#include "letter/internal.h"

#define THIS policy_record
static const struct cbor_field policy_record_fields[] = {
    ROW(1, CBOR_UINT, version, 0),
    ROW(2, CBOR_BYTES, digest, DIGEST_LEN),
    MAYBE(3, CBOR_TEXT, text, POLICY_TEXT_MAX),
};
SCHEMA(policy_record);
#undef THIS
