#include "requests/subject.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field preview_ask_fields[] = {
    MAYBE(1, CBOR_TEXTS, subject_preview_ask, addresses, SUBJECT_ADDRESSES_MAX),
    MAYBE(2, CBOR_TEXTS, subject_preview_ask, words, SUBJECT_WORDS_MAX),
    MAYBE(3, CBOR_UINT, subject_preview_ask, number, 0),
    MAYBE(4, CBOR_UINT, subject_preview_ask, head, 0),
    MAYBE(5, CBOR_UINT, subject_preview_ask, next, 0),
    MAYBE(6, CBOR_TEXT, subject_preview_ask, reason, TEXT_MAX),
};
static const struct cbor_schema preview_ask =
    CBOR_SCHEMA(preview_ask_fields, struct subject_preview_ask);

static const struct cbor_field preview_fields[] = {
    MAYBE(1, CBOR_UINT, subject_preview_answer, head, 0),
    MAYBE(2, CBOR_UINT, subject_preview_answer, next, 0),
    MAYBE(3, CBOR_UINT, subject_preview_answer, free, 0),
    MAYBE(4, CBOR_UINT, subject_preview_answer, kept, 0),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct subject_preview_answer, grounds, SUBJECT_GROUNDS_MAX,
                      &subject_ground_schema),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct subject_preview_answer, letters, SUBJECT_KEPT_MAX,
                      &subject_kept_schema),
    MAYBE(7, CBOR_UINT, subject_preview_answer, archived, 0),
    MAYBE(8, CBOR_UINT, subject_preview_answer, indexed, 0),
    MAYBE(9, CBOR_UINT, subject_preview_answer, unread, 0),
    MAYBE(10, CBOR_UINT, subject_preview_answer, named, 0),
    MAYBE(11, CBOR_UINT, subject_preview_answer, left, 0),
    MAYBE(12, CBOR_BOOL, subject_preview_answer, doubted, 0),
};
static const struct cbor_schema preview =
    CBOR_SCHEMA(preview_fields, struct subject_preview_answer);

static const struct cbor_field ask_fields[] = {
    MAYBE(1, CBOR_TEXTS, subject_ask_ask, addresses, SUBJECT_ADDRESSES_MAX),
    MAYBE(2, CBOR_TEXTS, subject_ask_ask, words, SUBJECT_WORDS_MAX),
    MAYBE(3, CBOR_UINT, subject_ask_ask, number, 0),
    FIELD(4, CBOR_TEXT, subject_ask_ask, reason, TEXT_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct subject_ask_ask);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_UINT, subject_list_ask, number, 0),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct subject_list_ask);

static const struct cbor_field row_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct subject_row, begun, 0, &subject_record_schema),
    CBOR_SUB(2, CBOR_STRUCT, struct subject_row, ended, 0, &subject_record_schema),
    FIELD(3, CBOR_UINT, subject_row, begun_at, 0),
    FIELD(4, CBOR_UINT, subject_row, ended_at, 0),
    FIELD(5, CBOR_UINT, subject_row, runs, 0),
    FIELD(6, CBOR_UINT, subject_row, from, 0),
    FIELD(7, CBOR_UINT, subject_row, end, 0),
    MAYBE(8, CBOR_BOOL, subject_row, gone, 0),
    MAYBE(9, CBOR_BOOL, subject_row, due, 0),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct subject_row);

static const struct cbor_field list_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct subject_list_answer, rows, SUBJECT_LISTED_MAX, &row),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct subject_list_answer);

static const struct cbor_field letters_ask_fields[] = {
    FIELD(1, CBOR_UINT, subject_letters_ask, from, 0),
    FIELD(2, CBOR_UINT, subject_letters_ask, end, 0),
};
static const struct cbor_schema letters_ask =
    CBOR_SCHEMA(letters_ask_fields, struct subject_letters_ask);

static const struct cbor_field letters_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct subject_letters_answer, parts, SUBJECT_PARTS_MAX,
                      &subject_record_schema),
    MAYBE(2, CBOR_UINT, subject_letters_answer, next, 0),
};
static const struct cbor_schema letters =
    CBOR_SCHEMA(letters_fields, struct subject_letters_answer);

const struct ipc_message subject_preview = {150, "subject_preview", &preview_ask, &preview};
const struct ipc_message subject_ask = {151, "subject_ask", &ask, &admin_asked_schema};
const struct ipc_message subject_list = {152, "subject_list", &list_ask, &list};
const struct ipc_message subject_letters = {153, "subject_letters", &letters_ask, &letters};
