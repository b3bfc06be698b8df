#include "requests/passwords.h"

#include "letter/records.h"

static const struct cbor_field check_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct password_check_ask, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct password_check_ask, password, AUTH_PASSWORD_MAX),
    CBOR_OPTIONAL(3, CBOR_BOOL, struct password_check_ask, second_factor, 0),
};
static const struct cbor_schema check = CBOR_SCHEMA(check_fields, struct password_check_ask);

static const struct cbor_field imported_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct passwords_imported_ask, entries, INT64_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct passwords_imported_ask, reason, 1000),
};
static const struct cbor_schema imported =
    CBOR_SCHEMA(imported_fields, struct passwords_imported_ask);

const struct ipc_message password_check = {180, "password_check", &check, &auth_judge_schema,
                                           .secret = true};
const struct ipc_message passwords_imported = {181, "passwords_imported", &imported, NULL};
