#include "requests/sessions.h"

#include "letter/app_password.h"
#include "letter/device.h"
#include "letter/records.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_TEXT, session_row, id, SESSION_ID_LEN),
    FIELD(2, CBOR_TEXT, session_row, account, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_TEXT, session_row, mechanism, 32),
    MAYBE(4, CBOR_TEXT, session_row, app, APP_PASSWORD_NAME_MAX),
    MAYBE(5, CBOR_TEXT, session_row, client, 64),
    MAYBE(6, CBOR_UINT, session_row, since, 0),
    MAYBE(7, CBOR_UINT, session_row, ends_at, 0),
    MAYBE(8, CBOR_TEXT, session_row, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct session_row);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, session_list_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BOOL, session_list_ask, all, 0),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct session_list_ask);

static const struct cbor_field list_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct session_list_answer, sessions, SESSIONS_SHOWN_MAX, &row),
    MAYBE(2, CBOR_UINT, session_list_answer, count, 0),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct session_list_answer);

static const struct cbor_field end_fields[] = {
    MAYBE(1, CBOR_TEXT, session_end_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, session_end_ask, id, SESSION_ID_LEN),
    MAYBE(3, CBOR_TEXT, session_end_ask, reason, TEXT_MAX),
};
static const struct cbor_schema end_ask = CBOR_SCHEMA(end_fields, struct session_end_ask);

const struct ipc_message session_list = {196, "session_list", &list_ask, &list};
const struct ipc_message session_end = {197, "session_end", &end_ask, NULL};
