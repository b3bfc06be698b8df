#include "letter/subject.h"

#include "letter/internal.h"
#include "letter/retention.h"

#define HOLDS_BYTES 2000 /* of names of holds */

#define THIS subject_ground
static const struct cbor_field subject_ground_fields[] = {
    ROW(1, CBOR_UINT, why, SUBJECT_MUCH),
    MAYBE(2, CBOR_TEXT, name, HOLDS_BYTES),
    MAYBE(3, CBOR_TEXT, citation, RULE_NOTE_MAX),
};
SCHEMA(subject_ground);
#undef THIS

#define THIS subject_kept
static const struct cbor_field subject_kept_fields[] = {
    ID(subject_kept),
    MAYBE(2, CBOR_UINT, ground, SUBJECT_GROUNDS_MAX - 1),
    MAYBE(3, CBOR_UINT, until, 0),
};
SCHEMA(subject_kept);
#undef THIS

#define THIS subject_record
static const struct cbor_field subject_record_fields[] = {
    ROW(1, CBOR_BYTES, request, LETTER_ID_LEN),
    ROW(2, CBOR_UINT, number, 0),
    ROW(3, CBOR_UINT, state, SUBJECT_ENDED),
    MAYBE(4, CBOR_TEXTS, addresses, SUBJECT_ADDRESSES_MAX),
    MAYBE(5, CBOR_TEXTS, words, SUBJECT_WORDS_MAX),
    MAYBE(6, CBOR_UINT, head, 0),
    MAYBE(7, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(8, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(9, CBOR_UINT, next, 0),
    MAYBE(10, CBOR_UINT, erased, 0),
    MAYBE(11, CBOR_UINT, along, 0),
    MAYBE(12, CBOR_UINT, kept, 0),
    MAYBE(13, CBOR_UINT, unread, 0),
    MAYBE(14, CBOR_UINT, due, 0),
    MAYBE(15, CBOR_UINT, backups, 0),
    CBOR_SUB_OPTIONAL(16, CBOR_LIST, struct subject_record, grounds, SUBJECT_GROUNDS_MAX,
                      &subject_ground_schema),
    CBOR_SUB_OPTIONAL(17, CBOR_LIST, struct subject_record, letters, SUBJECT_KEPT_MAX,
                      &subject_kept_schema),
};
SCHEMA(subject_record);
#undef THIS

#define THIS request_subject
static const struct cbor_field request_subject_fields[] = {
    MAYBE(1, CBOR_TEXTS, addresses, SUBJECT_ADDRESSES_MAX),
    MAYBE(2, CBOR_TEXTS, words, SUBJECT_WORDS_MAX),
    ROW(3, CBOR_UINT, head, 0),
    ROW(4, CBOR_UINT, found, 0),
    MAYBE(5, CBOR_UINT, number, 0),
};
SCHEMA(request_subject);
#undef THIS
