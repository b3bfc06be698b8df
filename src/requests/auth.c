#include "requests/auth.h"

#include "letter/device.h"
#include "letter/records.h"
#include "requests/auth_factors.h"

static const struct cbor_field login_ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct auth_login_ask, user, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct auth_login_ask, password, AUTH_PASSWORD_MAX),
    CBOR_FIELD(3, CBOR_TEXT, struct auth_login_ask, client, 64),
    CBOR_FIELD(4, CBOR_TEXT, struct auth_login_ask, mechanism, 32),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct auth_login_ask, code, AUTH_CODE_MAX),
    CBOR_SUB_OPTIONAL(10, CBOR_STRUCT, struct auth_login_ask, passkey, 0, &auth_assertion_schema),
    CBOR_OPTIONAL(11, CBOR_TEXT, struct auth_login_ask, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema login_ask = CBOR_SCHEMA(login_ask_fields, struct auth_login_ask);

static const struct cbor_field login_answer_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct auth_login_answer, verdict, LOGIN_WAITS),
    CBOR_OPTIONAL(2, CBOR_BYTES, struct auth_login_answer, session, AUTH_SESSION_LEN),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct auth_login_answer, account, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(4, CBOR_UINT, struct auth_login_answer, delay_ms, 60000),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct auth_login_answer, exchange, AUTH_EXCHANGE_LEN),
    CBOR_OPTIONAL(6, CBOR_BYTES, struct auth_login_answer, message, AUTH_SASL_MAX),
    CBOR_OPTIONAL(10, CBOR_BYTES, struct auth_login_answer, challenge, 32),
    CBOR_OPTIONAL(11, CBOR_UINT, struct auth_login_answer, closed_ms, INT64_MAX),
};
const struct cbor_schema auth_login_answer_schema =
    CBOR_SCHEMA(login_answer_fields, struct auth_login_answer);

const struct ipc_message auth_login = {1, "auth_login", &login_ask, &auth_login_answer_schema,
                                       .secret = true};

const struct ipc_message auth_desk = {3, "auth_desk", &login_ask, &auth_login_answer_schema,
                                      .secret = true};

static const struct cbor_field sasl_begin_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct auth_sasl_begin_ask, connection, AUTH_EXCHANGE_LEN),
    CBOR_FIELD(2, CBOR_TEXT, struct auth_sasl_begin_ask, client, 64),
    CBOR_FIELD(3, CBOR_TEXT, struct auth_sasl_begin_ask, mechanism, 32),
    CBOR_OPTIONAL(4, CBOR_BYTES, struct auth_sasl_begin_ask, message, AUTH_SASL_MAX),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct auth_sasl_begin_ask, exporter, AUTH_EXPORTER_LEN),
    CBOR_OPTIONAL(6, CBOR_TEXT, struct auth_sasl_begin_ask, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema sasl_begin =
    CBOR_SCHEMA(sasl_begin_fields, struct auth_sasl_begin_ask);

const struct ipc_message auth_sasl_begin = {5, "auth_sasl_begin", &sasl_begin,
                                            &auth_login_answer_schema, .secret = true};

static const struct cbor_field external_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct auth_external_ask, client, 64),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct auth_external_ask, as, LETTER_ADDRESS_MAX),
    CBOR_FIELD(3, CBOR_BYTES, struct auth_external_ask, certificates, AUTH_CHAIN_MAX),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct auth_external_ask, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema external = CBOR_SCHEMA(external_fields, struct auth_external_ask);

const struct ipc_message auth_external = {270, "auth_external", &external,
                                          &auth_login_answer_schema, .secret = true};

static const struct cbor_field sasl_next_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct auth_sasl_next_ask, connection, AUTH_EXCHANGE_LEN),
    CBOR_FIELD(2, CBOR_TEXT, struct auth_sasl_next_ask, client, 64),
    CBOR_FIELD(3, CBOR_BYTES, struct auth_sasl_next_ask, exchange, AUTH_EXCHANGE_LEN),
    CBOR_OPTIONAL(4, CBOR_BYTES, struct auth_sasl_next_ask, message, AUTH_SASL_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct auth_sasl_next_ask, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema sasl_next =
    CBOR_SCHEMA(sasl_next_fields, struct auth_sasl_next_ask);

const struct ipc_message auth_sasl_next = {6, "auth_sasl_next", &sasl_next,
                                           &auth_login_answer_schema, .secret = true};

static const struct cbor_field verifier_ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct auth_verifier_ask, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct auth_verifier_ask, password, AUTH_PASSWORD_MAX),
    CBOR_OPTIONAL(3, CBOR_BYTES, struct auth_verifier_ask, salt, AUTH_SALT_LEN),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct auth_verifier_ask, display, 255),
    CBOR_OPTIONAL(5, CBOR_TEXTS, struct auth_verifier_ask, addresses, 100),
    CBOR_OPTIONAL(6, CBOR_BOOL, struct auth_verifier_ask, second_factor, 0),
};
static const struct cbor_schema verifier_ask =
    CBOR_SCHEMA(verifier_ask_fields, struct auth_verifier_ask);

static const struct cbor_field verifier_answer_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct auth_verifier_answer, verifier, AUTH_VERIFIER_MAX),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct auth_verifier_answer, beside, 0),
};
static const struct cbor_schema verifier_answer =
    CBOR_SCHEMA(verifier_answer_fields, struct auth_verifier_answer);

const struct ipc_message auth_verifier = {2, "auth_verifier", &verifier_ask, &verifier_answer,
                                          .secret = true};

static const struct cbor_field judge_answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_BOOL, struct auth_judge_answer, good, 0),
    CBOR_FIELD(2, CBOR_TEXT, struct auth_judge_answer, sentence, 400),
};
const struct cbor_schema auth_judge_schema =
    CBOR_SCHEMA(judge_answer_fields, struct auth_judge_answer);

const struct ipc_message auth_judge = {5, "auth_judge", &verifier_ask, &auth_judge_schema,
                                       .secret = true};

static const struct cbor_field renew_ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct auth_renew_ask, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct auth_renew_ask, verifier, AUTH_VERIFIER_MAX),
    CBOR_FIELD(3, CBOR_UINT, struct auth_renew_ask, generation, 0),
};
static const struct cbor_schema renew_ask = CBOR_SCHEMA(renew_ask_fields, struct auth_renew_ask);

static const struct cbor_field renew_answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_BYTES, struct auth_verifier_answer, verifier, AUTH_VERIFIER_MAX),
};
static const struct cbor_schema renew_answer =
    CBOR_SCHEMA(renew_answer_fields, struct auth_verifier_answer);

const struct ipc_message auth_renew = {4, "auth_renew", &renew_ask, &renew_answer, .secret = true};
