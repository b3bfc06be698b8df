#include "requests/oidc.h"

#include "requests/admin.h"
#include "requests/auth.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define ISSUER_MAX 1024
#define CLIENT_MAX 64

static const struct cbor_field begin_fields[] = {
    FIELD(1, CBOR_TEXT, oidc_begin_ask, provider, OIDC_NAME_MAX),
    FIELD(2, CBOR_UINT, oidc_begin_ask, port, UINT16_MAX),
    MAYBE(3, CBOR_BOOL, oidc_begin_ask, device, 0),
};
static const struct cbor_schema begin = CBOR_SCHEMA(begin_fields, struct oidc_begin_ask);

static const struct cbor_field begun_fields[] = {
    FIELD(1, CBOR_BYTES, oidc_begin_answer, id, OIDC_ID_LEN),
    FIELD(2, CBOR_TEXT, oidc_begin_answer, url, OIDC_URL_MAX),
    MAYBE(3, CBOR_TEXT, oidc_begin_answer, user_code, OIDC_USER_CODE_MAX),
    MAYBE(4, CBOR_UINT, oidc_begin_answer, wait_ms, OIDC_WAIT_MAX_MS),
};
static const struct cbor_schema begun = CBOR_SCHEMA(begun_fields, struct oidc_begin_answer);

const struct ipc_message oidc_begin = {250, "oidc_begin", &begin, &begun, .secret = true};

static const struct cbor_field finish_fields[] = {
    FIELD(1, CBOR_BYTES, oidc_finish_ask, id, OIDC_ID_LEN),
    MAYBE(2, CBOR_TEXT, oidc_finish_ask, code, OIDC_CODE_MAX),
    MAYBE(3, CBOR_TEXT, oidc_finish_ask, state, OIDC_STATE_MAX),
    MAYBE(4, CBOR_TEXT, oidc_finish_ask, issuer, ISSUER_MAX),
    MAYBE(5, CBOR_BYTES, oidc_finish_ask, factor, AUTH_CODE_MAX),
    CBOR_SUB_OPTIONAL(6, CBOR_STRUCT, struct oidc_finish_ask, passkey, 0, &auth_assertion_schema),
};
static const struct cbor_schema finish = CBOR_SCHEMA(finish_fields, struct oidc_finish_ask);

const struct ipc_message oidc_finish = {251, "oidc_finish", &finish, &admin_signed_in_schema,
                                        .secret = true};

static const struct cbor_field auth_begin_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct auth_oidc_begin_ask, begin, 0, &begin),
    FIELD(2, CBOR_TEXT, auth_oidc_begin_ask, client, CLIENT_MAX),
};
static const struct cbor_schema auth_begin =
    CBOR_SCHEMA(auth_begin_fields, struct auth_oidc_begin_ask);

const struct ipc_message auth_oidc_begin = {252, "auth_oidc_begin", &auth_begin, &begun,
                                            .secret = true};

static const struct cbor_field auth_finish_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct auth_oidc_finish_ask, finish, 0, &finish),
    FIELD(2, CBOR_TEXT, auth_oidc_finish_ask, client, CLIENT_MAX),
};
static const struct cbor_schema auth_finish =
    CBOR_SCHEMA(auth_finish_fields, struct auth_oidc_finish_ask);

const struct ipc_message auth_oidc_finish = {253, "auth_oidc_finish", &auth_finish,
                                             &auth_login_answer_schema, .secret = true};

static const struct cbor_field count_fields[] = {
    FIELD(1, CBOR_TEXT, provider_count, name, OIDC_NAME_MAX),
    FIELD(2, CBOR_UINT, provider_count, accepted, 0),
    FIELD(3, CBOR_UINT, provider_count, refused, 0),
    FIELD(4, CBOR_UINT, provider_count, unanswered, 0),
    FIELD(5, CBOR_UINT, provider_count, keys_at, 0),
};
static const struct cbor_schema count = CBOR_SCHEMA(count_fields, struct provider_count);

static const struct cbor_field counts_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct providers_answer, providers, OIDC_PROVIDERS_MAX, &count),
};
static const struct cbor_schema counts = CBOR_SCHEMA(counts_fields, struct providers_answer);

const struct ipc_message auth_providers = {255, "auth_providers", NULL, &counts};

static const struct cbor_field provider_fields[] = {
    FIELD(1, CBOR_TEXT, provider_ask, provider, OIDC_NAME_MAX),
    FIELD(2, CBOR_TEXT, provider_ask, issuer, ISSUER_MAX),
    FIELD(3, CBOR_UINT, provider_ask, kind, IDENTITY_LAST),
    MAYBE(4, CBOR_BYTES, provider_ask, form, OIDC_FORM_MAX),
};
static const struct cbor_schema identity = CBOR_SCHEMA(provider_fields, struct provider_ask);

static const struct cbor_field provider_answer_fields[] = {
    FIELD(1, CBOR_UINT, provider_answer, status, 999),
};
static const struct cbor_schema provider_answer =
    CBOR_SCHEMA(provider_answer_fields, struct provider_answer);

const struct ipc_message courier_identity = {
    254,           "courier_identity", &identity, &provider_answer, .answer_fd = IPC_FD_SEALED,
    .secret = true};
