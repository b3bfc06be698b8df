#include "requests/auth_factors.h"

#include "letter/records.h"
#include "requests/auth.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field app_ask_fields[] = {
    FIELD(1, CBOR_TEXT, auth_app_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, auth_app_ask, id, APP_PASSWORD_ID_LEN),
    MAYBE(3, CBOR_BYTES, auth_app_ask, salt, AUTH_SALT_LEN),
};
static const struct cbor_schema app_ask = CBOR_SCHEMA(app_ask_fields, struct auth_app_ask);

static const struct cbor_field app_answer_fields[] = {
    FIELD(1, CBOR_TEXT, auth_app_answer, password, AUTH_APP_TEXT_MAX),
    FIELD(2, CBOR_BYTES, auth_app_answer, verifier, APP_PASSWORD_VERIFIER_MAX),
};
static const struct cbor_schema app_answer = CBOR_SCHEMA(app_answer_fields, struct auth_app_answer);

static const struct cbor_field renew_fields[] = {
    FIELD(1, CBOR_TEXT, auth_factor_renew_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, auth_factor_renew_ask, label, AUTH_LABEL_MAX),
    FIELD(3, CBOR_BYTES, auth_factor_renew_ask, sealed, AUTH_SEALED_MAX),
};
static const struct cbor_schema renew = CBOR_SCHEMA(renew_fields, struct auth_factor_renew_ask);

static const struct cbor_field sealed_fields[] = {
    MAYBE(1, CBOR_BYTES, auth_sealed_answer, sealed, AUTH_SEALED_MAX),
};
static const struct cbor_schema sealed = CBOR_SCHEMA(sealed_fields, struct auth_sealed_answer);

const struct ipc_message auth_app_new = {20, "auth_app_new", &app_ask, &app_answer, .secret = true};
const struct ipc_message auth_factor_renew = {21, "auth_factor_renew", &renew, &sealed,
                                              .secret = true};
