#include "requests/factors.h"

#include "letter/records.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

#define APP_MOST(key, w, m) MAYBE(key, CBOR_UINT, app_password, most[w][m], 0)

/* As it is asked for and shown: the verifier stays in the state. */
static const struct cbor_field app_fields[] = {
    MAYBE(1, CBOR_TEXT, app_password, id, APP_PASSWORD_ID_LEN),
    FIELD(2, CBOR_TEXT, app_password, name, APP_PASSWORD_NAME_MAX),
    MAYBE(3, CBOR_UINT, app_password, scopes, APP_SCOPE_SEND | APP_SCOPE_READ),
    MAYBE(4, CBOR_TEXTS, app_password, addresses, APP_PASSWORD_ITEMS),
    MAYBE(5, CBOR_TEXTS, app_password, networks, APP_PASSWORD_ITEMS),
    MAYBE(6, CBOR_TEXTS, app_password, domains, APP_PASSWORD_ITEMS),
    MAYBE(7, CBOR_UINT, app_password, created_at, 0),
    MAYBE(8, CBOR_UINT, app_password, expires_at, 0),
    MAYBE(9, CBOR_UINT, app_password, used_at, 0),
    MAYBE(10, CBOR_TEXT, app_password, used_from, 64),
    MAYBE(11, CBOR_BYTES, app_password, pin, APP_PASSWORD_PIN_LEN),
    APP_MOST(12, 0, 0),
    APP_MOST(13, 0, 1),
    APP_MOST(14, 0, 2),
    APP_MOST(15, 0, 3),
    APP_MOST(16, 0, 4),
    APP_MOST(17, 1, 0),
    APP_MOST(18, 1, 1),
    APP_MOST(19, 1, 2),
    APP_MOST(20, 1, 3),
    APP_MOST(21, 1, 4),
};
static const struct cbor_schema app = CBOR_SCHEMA(app_fields, struct app_password);

static const struct cbor_field add_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct app_password_add_ask, app, 0, &app),
    CBOR_SUB_OPTIONAL(2, CBOR_STRUCT, struct app_password_add_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema add = CBOR_SCHEMA(add_fields, struct app_password_add_ask);

static const struct cbor_field added_fields[] = {
    FIELD(1, CBOR_TEXT, app_password_added, id, APP_PASSWORD_ID_LEN),
    FIELD(2, CBOR_TEXT, app_password_added, password, AUTH_APP_TEXT_MAX),
};
static const struct cbor_schema added = CBOR_SCHEMA(added_fields, struct app_password_added);

static const struct cbor_field device_fields[] = {
    MAYBE(1, CBOR_TEXT, device_add_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, device_add_ask, reason, TEXT_MAX),
    CBOR_SUB(3, CBOR_STRUCT, struct device_add_ask, device, 0, &app),
    CBOR_SUB_OPTIONAL(4, CBOR_STRUCT, struct device_add_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema device = CBOR_SCHEMA(device_fields, struct device_add_ask);

static const struct cbor_field device_added_fields[] = {
    FIELD(1, CBOR_TEXT, device_added, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, device_added, id, APP_PASSWORD_ID_LEN),
};
static const struct cbor_schema device_added_schema =
    CBOR_SCHEMA(device_added_fields, struct device_added);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, app_password_list_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema list_ask =
    CBOR_SCHEMA(list_ask_fields, struct app_password_list_ask);

static const struct cbor_field list_fields[] = {
    FIELD(1, CBOR_TEXT, app_password_list_answer, account, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct app_password_list_answer, apps, APP_PASSWORDS_MAX, &app),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct app_password_list_answer);

static const struct cbor_field all_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, device_list_all_ask, after, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema all_ask = CBOR_SCHEMA(all_ask_fields, struct device_list_all_ask);

static const struct cbor_field device_of_fields[] = {
    FIELD(1, CBOR_TEXT, device_of, account, LETTER_ADDRESS_MAX),
    CBOR_SUB(2, CBOR_STRUCT, struct device_of, device, 0, &app),
};
static const struct cbor_schema device_of_schema = CBOR_SCHEMA(device_of_fields, struct device_of);

static const struct cbor_field all_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct device_list_all_answer, devices,
                      DEVICES_PAGE + APP_PASSWORDS_MAX, &device_of_schema),
    MAYBE(2, CBOR_TEXT, device_list_all_answer, next, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema all = CBOR_SCHEMA(all_fields, struct device_list_all_answer);

static const struct cbor_field set_fields[] = {
    MAYBE(1, CBOR_TEXT, app_password_set_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, app_password_set_ask, which, APP_PASSWORD_NAME_MAX),
    MAYBE(3, CBOR_TEXT, app_password_set_ask, reason, TEXT_MAX),
    MAYBE(4, CBOR_UINT, app_password_set_ask, change, APP_SET_ALL),
    CBOR_SUB(5, CBOR_STRUCT, struct app_password_set_ask, app, 0, &app),
    CBOR_SUB_OPTIONAL(6, CBOR_STRUCT, struct app_password_set_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema set = CBOR_SCHEMA(set_fields, struct app_password_set_ask);

static const struct cbor_field revoke_fields[] = {
    MAYBE(1, CBOR_TEXT, app_password_revoke_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, app_password_revoke_ask, which, APP_PASSWORD_NAME_MAX),
    MAYBE(3, CBOR_TEXT, app_password_revoke_ask, reason, TEXT_MAX),
};
static const struct cbor_schema revoke_ask =
    CBOR_SCHEMA(revoke_fields, struct app_password_revoke_ask);

static const struct cbor_field begin_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_STRUCT, struct factors_totp_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema begin = CBOR_SCHEMA(begin_fields, struct factors_totp_ask);

static const struct cbor_field secret_fields[] = {
    FIELD(1, CBOR_TEXT, factors_totp_secret, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, factors_totp_secret, secret, 64),
};
static const struct cbor_schema secret = CBOR_SCHEMA(secret_fields, struct factors_totp_secret);

static const struct cbor_field code_fields[] = {
    FIELD(1, CBOR_BYTES, factors_code_ask, code, AUTH_CODE_MAX),
};
static const struct cbor_schema code = CBOR_SCHEMA(code_fields, struct factors_code_ask);

static const struct cbor_field codes_fields[] = {
    FIELD(1, CBOR_TEXTS, factors_codes, codes, AUTH_RECOVERY_CODES),
};
static const struct cbor_schema codes = CBOR_SCHEMA(codes_fields, struct factors_codes);

static const struct cbor_field off_fields[] = {
    MAYBE(1, CBOR_TEXT, factors_off_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BYTES, factors_off_ask, code, AUTH_CODE_MAX),
    MAYBE(3, CBOR_TEXT, factors_off_ask, reason, TEXT_MAX),
    CBOR_SUB_OPTIONAL(4, CBOR_STRUCT, struct factors_off_ask, passkey, 0, &auth_assertion_schema),
};
static const struct cbor_schema off = CBOR_SCHEMA(off_fields, struct factors_off_ask);

const struct ipc_message app_password_add = {170, "app_password_add", &add, &added, .secret = true};
const struct ipc_message device_add = {271, "device_add", &device, &device_added_schema,
                                       .secret = true};
const struct ipc_message app_password_list = {171, "app_password_list", &list_ask, &list};
const struct ipc_message app_password_revoke = {172, "app_password_revoke", &revoke_ask, NULL};
const struct ipc_message app_password_set = {400, "app_password_set", &set, &admin_asked_schema,
                                             .secret = true};
const struct ipc_message device_list_all = {401, "device_list_all", &all_ask, &all};
const struct ipc_message totp_begin = {173, "totp_begin", &begin, &secret, .secret = true};
const struct ipc_message totp_confirm = {174, "totp_confirm", &code, &codes, .secret = true};
const struct ipc_message totp_codes = {175, "totp_codes", &code, &codes, .secret = true};
const struct ipc_message totp_off = {176, "totp_off", &off, &admin_asked_schema, .secret = true};
