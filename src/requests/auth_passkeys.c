#include "requests/auth_passkeys.h"

#include "letter/records.h"
#include "requests/auth.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field begin_fields[] = {
    FIELD(1, CBOR_TEXT, auth_passkey_begin_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_UINT, auth_passkey_begin_ask, purpose, PASSKEY_ALONE),
};
static const struct cbor_schema begin = CBOR_SCHEMA(begin_fields, struct auth_passkey_begin_ask);

static const struct cbor_field begun_fields[] = {
    FIELD(1, CBOR_BYTES, auth_passkey_begin_answer, challenge, AUTH_CHALLENGE_LEN),
};
static const struct cbor_schema begun = CBOR_SCHEMA(begun_fields, struct auth_passkey_begin_answer);

static const struct cbor_field new_fields[] = {
    FIELD(1, CBOR_TEXT, auth_passkey_new_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, auth_passkey_new_ask, id, PASSKEY_ID_LEN),
    FIELD(3, CBOR_BYTES, auth_passkey_new_ask, client_data, AUTH_CLIENT_DATA_MAX),
    FIELD(4, CBOR_BYTES, auth_passkey_new_ask, attestation, AUTH_ATTESTATION_MAX),
};
static const struct cbor_schema new = CBOR_SCHEMA(new_fields, struct auth_passkey_new_ask);

static const struct cbor_field made_fields[] = {
    FIELD(1, CBOR_BYTES, auth_passkey_new_answer, sealed, PASSKEY_SEALED_MAX),
    FIELD(2, CBOR_BYTES, auth_passkey_new_answer, credential, PASSKEY_CREDENTIAL_MAX),
    MAYBE(3, CBOR_UINT, auth_passkey_new_answer, counter, UINT32_MAX),
    MAYBE(4, CBOR_BOOL, auth_passkey_new_answer, verifies, 0),
};
static const struct cbor_schema made = CBOR_SCHEMA(made_fields, struct auth_passkey_new_answer);

static const struct cbor_field again_fields[] = {
    FIELD(1, CBOR_TEXT, auth_again_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, auth_again_ask, client, 64),
    MAYBE(3, CBOR_BYTES, auth_again_ask, password, AUTH_PASSWORD_MAX),
    CBOR_SUB_OPTIONAL(4, CBOR_STRUCT, struct auth_again_ask, passkey, 0, &auth_assertion_schema),
};
static const struct cbor_schema again = CBOR_SCHEMA(again_fields, struct auth_again_ask);

const struct ipc_message auth_passkey_begin = {266, "auth_passkey_begin", &begin, &begun,
                                               .secret = true};
const struct ipc_message auth_passkey_new = {267, "auth_passkey_new", &new, &made, .secret = true};
const struct ipc_message auth_again = {268, "auth_again", &again, &auth_code_answer_schema,
                                       .secret = true};
