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
    FIELD(4, CBOR_UINT, auth_factor_renew_ask, generation, 0),
};
static const struct cbor_schema renew = CBOR_SCHEMA(renew_fields, struct auth_factor_renew_ask);

static const struct cbor_field sealed_fields[] = {
    MAYBE(1, CBOR_BYTES, auth_sealed_answer, sealed, AUTH_SEALED_MAX),
};
static const struct cbor_schema sealed = CBOR_SCHEMA(sealed_fields, struct auth_sealed_answer);

static const struct cbor_field account_fields[] = {
    FIELD(1, CBOR_TEXT, auth_account_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema account = CBOR_SCHEMA(account_fields, struct auth_account_ask);

static const struct cbor_field totp_fields[] = {
    FIELD(1, CBOR_TEXT, auth_totp_answer, secret, 64),
    FIELD(2, CBOR_BYTES, auth_totp_answer, sealed, AUTH_SEALED_MAX),
};
static const struct cbor_schema totp = CBOR_SCHEMA(totp_fields, struct auth_totp_answer);

static const struct cbor_field recovery_fields[] = {
    FIELD(1, CBOR_TEXTS, auth_recovery_answer, codes, AUTH_RECOVERY_CODES),
    FIELD(2, CBOR_BYTES, auth_recovery_answer, sealed, AUTH_SEALED_MAX),
};
static const struct cbor_schema recovery =
    CBOR_SCHEMA(recovery_fields, struct auth_recovery_answer);

static const struct cbor_field passkey_fields[] = {
    FIELD(1, CBOR_TEXT, auth_passkey, id, PASSKEY_ID_LEN),
    FIELD(2, CBOR_BYTES, auth_passkey, credential, PASSKEY_CREDENTIAL_MAX),
    FIELD(3, CBOR_BYTES, auth_passkey, sealed, PASSKEY_SEALED_MAX),
};
static const struct cbor_schema passkey = CBOR_SCHEMA(passkey_fields, struct auth_passkey);

static const struct cbor_field assertion_fields[] = {
    MAYBE(1, CBOR_BYTES, auth_assertion, credential, PASSKEY_CREDENTIAL_MAX),
    MAYBE(2, CBOR_BYTES, auth_assertion, client_data, 4096),
    MAYBE(3, CBOR_BYTES, auth_assertion, data, 4096),
    MAYBE(4, CBOR_BYTES, auth_assertion, signature, 512),
};
const struct cbor_schema auth_assertion_schema =
    CBOR_SCHEMA(assertion_fields, struct auth_assertion);

static const struct cbor_field second_fields[] = {
    MAYBE(1, CBOR_BYTES, auth_second, totp, AUTH_SEALED_MAX),
    MAYBE(2, CBOR_UINT, auth_second, step, 0),
    MAYBE(3, CBOR_BYTES, auth_second, recovery, AUTH_SEALED_MAX),
    MAYBE(4, CBOR_UINT, auth_second, recovery_spent, UINT32_MAX),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct auth_second, passkeys, PASSKEYS_MAX, &passkey),
};
const struct cbor_schema auth_second_schema = CBOR_SCHEMA(second_fields, struct auth_second);

static const struct cbor_field proof_fields[] = {
    MAYBE(1, CBOR_UINT, auth_proof, step, 0),
    MAYBE(2, CBOR_UINT, auth_proof, recovery, AUTH_RECOVERY_CODES),
    MAYBE(3, CBOR_BYTES, auth_proof, of, 32),
    MAYBE(4, CBOR_TEXT, auth_proof, passkey, PASSKEY_ID_LEN),
    MAYBE(5, CBOR_UINT, auth_proof, counter, UINT32_MAX),
};
const struct cbor_schema auth_proof_schema = CBOR_SCHEMA(proof_fields, struct auth_proof);

static const struct cbor_field code_fields[] = {
    FIELD(1, CBOR_TEXT, auth_code_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, auth_code_ask, client, 64),
    FIELD(3, CBOR_BYTES, auth_code_ask, code, AUTH_CODE_MAX),
    CBOR_SUB_OPTIONAL(4, CBOR_STRUCT, struct auth_code_ask, second, 0, &auth_second_schema),
};
static const struct cbor_schema code = CBOR_SCHEMA(code_fields, struct auth_code_ask);

static const struct cbor_field code_answer_fields[] = {
    FIELD(1, CBOR_UINT, auth_code_answer, verdict, LOGIN_CODE),
    MAYBE(2, CBOR_UINT, auth_code_answer, delay_ms, 60000),
    CBOR_SUB_OPTIONAL(3, CBOR_STRUCT, struct auth_code_answer, proof, 0, &auth_proof_schema),
};
const struct cbor_schema auth_code_answer_schema =
    CBOR_SCHEMA(code_answer_fields, struct auth_code_answer);

const struct ipc_message auth_app_new = {20, "auth_app_new", &app_ask, &app_answer, .secret = true};
const struct ipc_message auth_factor_renew = {21, "auth_factor_renew", &renew, &sealed,
                                              .secret = true};
const struct ipc_message auth_totp_new = {22, "auth_totp_new", &account, &totp, .secret = true};
const struct ipc_message auth_recovery_new = {23, "auth_recovery_new", &account, &recovery,
                                              .secret = true};
const struct ipc_message auth_code = {24, "auth_code", &code, &auth_code_answer_schema,
                                      .secret = true};
