#include "requests/passkeys.h"

#include "letter/records.h"
#include "requests/auth.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field known_fields[] = {
    FIELD(1, CBOR_BYTES, passkey_known, credential, PASSKEY_CREDENTIAL_MAX),
};
static const struct cbor_schema known = CBOR_SCHEMA(known_fields, struct passkey_known);

static const struct cbor_field asked_fields[] = {
    MAYBE(1, CBOR_BYTES, passkey_asked, challenge, AUTH_CHALLENGE_LEN),
    MAYBE(2, CBOR_TEXT, passkey_asked, site, 255),
    MAYBE(3, CBOR_TEXT, passkey_asked, origin, PASSKEY_ORIGIN_MAX),
    MAYBE(4, CBOR_BYTES, passkey_asked, user, PASSKEY_USER_LEN),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct passkey_asked, known, PASSKEYS_MAX, &known),
};
const struct cbor_schema passkey_asked_schema = CBOR_SCHEMA(asked_fields, struct passkey_asked);

static const struct cbor_field proof_fields[] = {
    MAYBE(1, CBOR_BYTES, desk_proof, password, AUTH_PASSWORD_MAX),
    MAYBE(2, CBOR_BYTES, desk_proof, code, AUTH_CODE_MAX),
    CBOR_SUB_OPTIONAL(3, CBOR_STRUCT, struct desk_proof, passkey, 0, &auth_assertion_schema),
};
const struct cbor_schema desk_proof_schema = CBOR_SCHEMA(proof_fields, struct desk_proof);

static const struct cbor_field begin_fields[] = {
    FIELD(1, CBOR_UINT, passkey_begin_ask, purpose, PASSKEY_PROVE),
    CBOR_SUB_OPTIONAL(2, CBOR_STRUCT, struct passkey_begin_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema begin = CBOR_SCHEMA(begin_fields, struct passkey_begin_ask);

static const struct cbor_field add_fields[] = {
    FIELD(1, CBOR_TEXT, passkey_add_ask, name, PASSKEY_NAME_MAX),
    FIELD(2, CBOR_BYTES, passkey_add_ask, client_data, AUTH_CLIENT_DATA_MAX),
    FIELD(3, CBOR_BYTES, passkey_add_ask, attestation, AUTH_ATTESTATION_MAX),
};
static const struct cbor_schema add = CBOR_SCHEMA(add_fields, struct passkey_add_ask);

static const struct cbor_field added_fields[] = {
    FIELD(1, CBOR_TEXT, passkey_added, id, PASSKEY_ID_LEN),
    MAYBE(2, CBOR_BOOL, passkey_added, verifies, 0),
    MAYBE(3, CBOR_BOOL, passkey_added, first, 0),
};
static const struct cbor_schema added = CBOR_SCHEMA(added_fields, struct passkey_added);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, passkey_list_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct passkey_list_ask);

/* As it is shown: without key. */
static const struct cbor_field shown_fields[] = {
    FIELD(1, CBOR_TEXT, passkey, id, PASSKEY_ID_LEN),
    FIELD(2, CBOR_TEXT, passkey, name, PASSKEY_NAME_MAX),
    MAYBE(5, CBOR_UINT, passkey, counter, UINT32_MAX),
    MAYBE(6, CBOR_BOOL, passkey, verifies, 0),
    MAYBE(7, CBOR_UINT, passkey, created_at, 0),
    MAYBE(8, CBOR_UINT, passkey, used_at, 0),
};
static const struct cbor_schema shown = CBOR_SCHEMA(shown_fields, struct passkey);

static const struct cbor_field list_fields[] = {
    FIELD(1, CBOR_TEXT, passkey_list_answer, account, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct passkey_list_answer, passkeys, PASSKEYS_MAX, &shown),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct passkey_list_answer);

static const struct cbor_field remove_fields[] = {
    MAYBE(1, CBOR_TEXT, passkey_remove_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, passkey_remove_ask, which, PASSKEY_NAME_MAX),
    MAYBE(3, CBOR_TEXT, passkey_remove_ask, reason, 1000),
    CBOR_SUB_OPTIONAL(4, CBOR_STRUCT, struct passkey_remove_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema remove_ask = CBOR_SCHEMA(remove_fields, struct passkey_remove_ask);

static const struct cbor_field sign_in_fields[] = {
    FIELD(1, CBOR_TEXT, passkey_sign_in_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema sign_in = CBOR_SCHEMA(sign_in_fields, struct passkey_sign_in_ask);

const struct ipc_message passkey_begin = {260, "passkey_begin", &begin, &passkey_asked_schema,
                                          .secret = true};
const struct ipc_message passkey_add = {261, "passkey_add", &add, &added, .secret = true};
const struct ipc_message passkey_list = {262, "passkey_list", &list_ask, &list};
const struct ipc_message passkey_remove = {263, "passkey_remove", &remove_ask, &admin_asked_schema,
                                           .secret = true};
const struct ipc_message passkey_sign_in = {264, "passkey_sign_in", &sign_in, &passkey_asked_schema,
                                            .secret = true};
