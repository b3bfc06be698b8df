#include "requests/holds.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_TEXT, hold_row, name, HOLD_NAME_MAX),
    MAYBE(2, CBOR_TEXT, hold_row, query, HOLD_QUERY_MAX),
    MAYBE(3, CBOR_BYTES, hold_row, letters, HOLD_LETTERS_MAX *LETTER_ID_LEN),
    FIELD(4, CBOR_TEXT, hold_row, by, LETTER_ADDRESS_MAX),
    FIELD(5, CBOR_TEXT, hold_row, reason, TEXT_MAX),
    FIELD(6, CBOR_UINT, hold_row, since, 0),
    MAYBE(7, CBOR_UINT, hold_row, found, 0),
    MAYBE(8, CBOR_BOOL, hold_row, more, 0),
    MAYBE(9, CBOR_BOOL, hold_row, not_counted, 0),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct hold_row);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, hold_list_ask, name, HOLD_NAME_MAX),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct hold_list_ask);

static const struct cbor_field list_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct hold_list_answer, rows, HOLDS_LISTED_MAX, &row),
    MAYBE(2, CBOR_UINT, hold_list_answer, indexed, 0),
    MAYBE(3, CBOR_UINT, hold_list_answer, archived, 0),
};
static const struct cbor_schema list_answer =
    CBOR_SCHEMA(list_answer_fields, struct hold_list_answer);

static const struct cbor_field release_fields[] = {
    FIELD(1, CBOR_TEXT, hold_release_ask, name, HOLD_NAME_MAX),
    FIELD(2, CBOR_TEXT, hold_release_ask, reason, TEXT_MAX),
};
static const struct cbor_schema release_ask = CBOR_SCHEMA(release_fields, struct hold_release_ask);

static const struct cbor_field held_ask_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_held_ask, id, LETTER_ID_LEN),
};
static const struct cbor_schema held_ask = CBOR_SCHEMA(held_ask_fields, struct keeper_held_ask);

static const struct cbor_field held_answer_fields[] = {
    MAYBE(1, CBOR_TEXT, keeper_held_answer, holds, HOLDS_NAMES_MAX + 100),
};
static const struct cbor_schema held_answer =
    CBOR_SCHEMA(held_answer_fields, struct keeper_held_answer);

const struct ipc_message hold_add = {132, "hold_add", &hold_record_schema, NULL};
const struct ipc_message hold_list = {133, "hold_list", &list_ask, &list_answer};
const struct ipc_message hold_release = {134, "hold_release", &release_ask, &admin_asked_schema};
const struct ipc_message keeper_held = {135, "keeper_held", &held_ask, &held_answer};
