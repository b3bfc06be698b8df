#include "letter/import.h"

#include "letter/internal.h"

#define THIS source
static const struct cbor_field source_fields[] = {
    ROW(1, CBOR_BYTES, import, LETTER_ID_LEN),
    ROW(2, CBOR_UINT, kind, SOURCE_PST),
    ROW(3, CBOR_TEXT, name, NAME_LEN),
    MAYBE(4, CBOR_TEXT, owner, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_TEXT, path, IMPORT_TEXT_MAX),
    MAYBE(6, CBOR_UINT, offset, 0),
    MAYBE(7, CBOR_UINT, uid, UINT32_MAX),
    MAYBE(8, CBOR_UINT, uid_validity, UINT32_MAX),
    MAYBE(9, CBOR_TEXT, flags, IMPORT_FLAGS_MAX),
    MAYBE(10, CBOR_UINT, received_at, 0),
    MAYBE(11, CBOR_TEXT, from_line, IMPORT_TEXT_MAX),
    MAYBE(12, CBOR_UINT, unquoted, 0),
    MAYBE(13, CBOR_UINT, quoting, QUOTING_NONE),
    MAYBE(14, CBOR_BOOL, envelope, 0),
};
SCHEMA(source);
#undef THIS

#define THIS import_failure
static const struct cbor_field import_failure_fields[] = {
    MAYBE(1, CBOR_TEXT, path, IMPORT_TEXT_MAX),
    MAYBE(2, CBOR_UINT, offset, 0),
    MAYBE(3, CBOR_UINT, uid, UINT32_MAX),
    ROW(4, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(5, CBOR_BOOL, taken, 0),
};
SCHEMA(import_failure);
#undef THIS

#define THIS import_record
static const struct cbor_field import_record_fields[] = {
    ID(import_record),
    ROW(2, CBOR_UINT, state, IMPORT_ENDED),
    MAYBE(3, CBOR_UINT, kind, SOURCE_PST),
    MAYBE(4, CBOR_TEXT, name, NAME_LEN),
    MAYBE(5, CBOR_TEXT, owner, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, path, 4096),
    MAYBE(7, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(8, CBOR_UINT, taken, 0),
    MAYBE(9, CBOR_UINT, known, 0),
    MAYBE(10, CBOR_UINT, failed, 0),
    MAYBE(11, CBOR_UINT, next, 0),
    CBOR_SUB_OPTIONAL(12, CBOR_LIST, struct import_record, failures, IMPORT_FAILURES_MAX,
                      &import_failure_schema),
    MAYBE(13, CBOR_TEXT, reason, REASON_MAX),
};
SCHEMA(import_record);
#undef THIS
