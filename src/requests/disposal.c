#include "requests/disposal.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000
#define NAME_MAX 64

static const struct cbor_field preview_ask_fields[] = {
    MAYBE(1, CBOR_UINT, disposal_preview_ask, before, 0),
};
static const struct cbor_schema preview_ask =
    CBOR_SCHEMA(preview_ask_fields, struct disposal_preview_ask);

static const struct cbor_field class_fields[] = {
    FIELD(1, CBOR_TEXT, disposal_class, name, NAME_MAX),
    FIELD(2, CBOR_UINT, disposal_class, letters, 0),
};
static const struct cbor_schema class = CBOR_SCHEMA(class_fields, struct disposal_class);

static const struct cbor_field preview_fields[] = {
    FIELD(1, CBOR_UINT, disposal_preview_answer, before, 0),
    MAYBE(2, CBOR_UINT, disposal_preview_answer, over, 0),
    MAYBE(3, CBOR_UINT, disposal_preview_answer, held, 0),
    MAYBE(4, CBOR_UINT, disposal_preview_answer, busy, 0),
    MAYBE(5, CBOR_UINT, disposal_preview_answer, left, 0),
    MAYBE(6, CBOR_BOOL, disposal_preview_answer, doubted, 0),
    MAYBE(7, CBOR_UINT, disposal_preview_answer, believed, 0),
    CBOR_SUB_OPTIONAL(8, CBOR_LIST, struct disposal_preview_answer, classes, DISPOSAL_CLASSES_MAX,
                      &class),
    CBOR_SUB_OPTIONAL(9, CBOR_LIST, struct disposal_preview_answer, holds, DISPOSAL_CLASSES_MAX,
                      &class),
};
static const struct cbor_schema preview =
    CBOR_SCHEMA(preview_fields, struct disposal_preview_answer);

static const struct cbor_field ask_fields[] = {
    MAYBE(1, CBOR_UINT, disposal_ask_ask, before, 0),
    FIELD(2, CBOR_TEXT, disposal_ask_ask, reason, TEXT_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct disposal_ask_ask);

static const struct cbor_field clock_fields[] = {
    FIELD(1, CBOR_TEXT, disposal_clock_ask, reason, TEXT_MAX),
};
static const struct cbor_schema clock_ask = CBOR_SCHEMA(clock_fields, struct disposal_clock_ask);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, disposal_list_ask, reason, TEXT_MAX),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct disposal_list_ask);

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_UINT, disposal_row, number, 0),
    FIELD(2, CBOR_BYTES, disposal_row, id, LETTER_ID_LEN),
    FIELD(3, CBOR_UINT, disposal_row, kind, 0),
    MAYBE(4, CBOR_UINT, disposal_row, state, VERDICT_FAILED),
    FIELD(5, CBOR_TEXT, disposal_row, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, disposal_row, reason, TEXT_MAX),
    MAYBE(7, CBOR_UINT, disposal_row, asked_at, 0),
    MAYBE(8, CBOR_UINT, disposal_row, expires_at, 0),
    MAYBE(9, CBOR_TEXT, disposal_row, approved_by, LETTER_ADDRESS_MAX),
    MAYBE(10, CBOR_UINT, disposal_row, approved_at, 0),
    MAYBE(11, CBOR_UINT, disposal_row, ended_at, 0),
    MAYBE(12, CBOR_UINT, disposal_row, letters, 0),
    MAYBE(13, CBOR_UINT, disposal_row, destroyed, 0),
    MAYBE(14, CBOR_UINT, disposal_row, held, 0),
    MAYBE(15, CBOR_UINT, disposal_row, left, 0),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct disposal_row);

static const struct cbor_field list_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct disposal_list_answer, rows, DISPOSALS_LISTED_MAX, &row),
    MAYBE(2, CBOR_UINT, disposal_list_answer, now, 0),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct disposal_list_answer);

static const struct cbor_field certificate_fields[] = {
    FIELD(1, CBOR_BYTES, disposal_certificate_ask, id, LETTER_ID_LEN),
    MAYBE(2, CBOR_TEXT, disposal_certificate_ask, note, 4096),
    MAYBE(3, CBOR_TEXT, disposal_certificate_ask, reason, TEXT_MAX),
};
static const struct cbor_schema certificate_ask =
    CBOR_SCHEMA(certificate_fields, struct disposal_certificate_ask);

const struct ipc_message disposal_list = {61, "disposal_list", &list_ask, &list};
const struct ipc_message disposal_certificate = {62, "disposal_certificate", &certificate_ask, NULL,
                                                 .answer_fd = IPC_FD_SEALED};
const struct ipc_message disposal_preview = {136, "disposal_preview", &preview_ask, &preview};
const struct ipc_message disposal_ask = {137, "disposal_ask", &ask, &admin_asked_schema};
const struct ipc_message disposal_clock = {138, "disposal_clock", &clock_ask, NULL};
