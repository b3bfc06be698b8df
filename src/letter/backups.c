#include "letter/backups.h"

#include "letter/internal.h"

#define THIS backup_record
static const struct cbor_field backup_record_fields[] = {
    MAYBE(1, CBOR_UINT, number, 0),
    MAYBE(2, CBOR_UINT, at, 0),
    ROW(3, CBOR_TEXT, place, BACKUP_PLACE_MAX),
    MAYBE(4, CBOR_BYTES, digest, DIGEST_LEN),
    MAYBE(5, CBOR_UINT, records, 0),
    MAYBE(6, CBOR_UINT, files, 0),
    MAYBE(7, CBOR_UINT, bytes, 0),
    MAYBE(8, CBOR_UINT, put, 0),
    MAYBE(9, CBOR_UINT, put_bytes, 0),
    MAYBE(10, CBOR_UINT, removed, 0),
    MAYBE(11, CBOR_UINT, oldest_at, 0),
    MAYBE(12, CBOR_UINT, damaged, 0),
    MAYBE(13, CBOR_BOOL, rolled_back, 0),
    MAYBE(14, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(15, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(16, CBOR_TEXT, prefix, BACKUP_PREFIX_MAX),
    MAYBE(17, CBOR_TEXTS, ended, BACKUP_ENDED_MAX),
    MAYBE(18, CBOR_UINT, kept, 0),
};
SCHEMA(backup_record);
#undef THIS

#define THIS trial_record
static const struct cbor_field trial_record_fields[] = {
    ROW(1, CBOR_UINT, kind, TRIAL_OBJECTS),
    MAYBE(2, CBOR_UINT, number, 0),
    MAYBE(3, CBOR_UINT, at, 0),
    ROW(4, CBOR_TEXT, place, BACKUP_PLACE_MAX),
    MAYBE(5, CBOR_UINT, records, 0),
    MAYBE(6, CBOR_UINT, files, 0),
    MAYBE(7, CBOR_UINT, bytes, 0),
    MAYBE(8, CBOR_UINT, letters, 0),
    MAYBE(9, CBOR_UINT, accounts, 0),
    MAYBE(10, CBOR_UINT, missing, 0),
    MAYBE(11, CBOR_UINT, damaged, 0),
    MAYBE(12, CBOR_UINT, took_ms, 0),
    MAYBE(13, CBOR_BYTES, root, DIGEST_LEN),
    MAYBE(14, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(15, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
};
SCHEMA(trial_record);
#undef THIS
