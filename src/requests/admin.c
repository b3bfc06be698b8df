#include "requests/admin.h"

#include "letter/app_password.h"
#include "requests/approvals.h"
#include "requests/auth.h"
#include "requests/auth_factors.h"
#include "requests/oidc.h"
#include "requests/signer.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field user_ask_fields[] = {
    FIELD(1, CBOR_TEXT, admin_user_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXTS, admin_user_ask, addresses, 100),
    MAYBE(3, CBOR_TEXT, admin_user_ask, display, 255),
    MAYBE(4, CBOR_BYTES, admin_user_ask, password, AUTH_PASSWORD_MAX),
    MAYBE(5, CBOR_BOOL, admin_user_ask, disabled, 0),
    MAYBE(6, CBOR_TEXT, admin_user_ask, reason, 1000),
    MAYBE(7, CBOR_UINT, admin_user_ask, role, ACCOUNT_ROLE_LAST),
    MAYBE(8, CBOR_BOOL, admin_user_ask, no_addresses, 0),
    MAYBE(9, CBOR_TEXTS, admin_user_ask, groups, GROUPS_MAX),
    MAYBE(10, CBOR_BOOL, admin_user_ask, no_groups, 0),
    MAYBE(20, CBOR_TEXT, admin_user_ask, notify, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(21, CBOR_STRUCT, struct admin_user_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema user_ask = CBOR_SCHEMA(user_ask_fields, struct admin_user_ask);

static const struct cbor_field user_fields[] = {
    FIELD(1, CBOR_TEXT, admin_user, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXTS, admin_user, addresses, 100),
    MAYBE(3, CBOR_TEXT, admin_user, display, 255),
    MAYBE(4, CBOR_BOOL, admin_user, disabled, 0),
    MAYBE(5, CBOR_UINT, admin_user, created_at, 0),
    FIELD(6, CBOR_UINT, admin_user, role, ACCOUNT_ROLE_LAST),
    MAYBE(7, CBOR_TEXTS, admin_user, groups, GROUPS_MAX),
    MAYBE(20, CBOR_UINT, admin_user, second_since, 0),
    MAYBE(21, CBOR_UINT, admin_user, app_passwords, APP_PASSWORDS_MAX),
    MAYBE(22, CBOR_UINT, admin_user, passkeys, PASSKEYS_MAX),
    MAYBE(23, CBOR_TEXT, admin_user, directory, 32),
    MAYBE(24, CBOR_BOOL, admin_user, suspended, 0),
};
static const struct cbor_schema user = CBOR_SCHEMA(user_fields, struct admin_user);

static const struct cbor_field users_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_users, users, ADMIN_LIST_MAX, &user),
};
static const struct cbor_schema users = CBOR_SCHEMA(users_fields, struct admin_users);

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_BYTES, admin_queue_row, id, LETTER_ID_LEN),
    FIELD(2, CBOR_TEXT, admin_queue_row, domain, 255),
    FIELD(3, CBOR_UINT, admin_queue_row, recipients, 0),
    FIELD(4, CBOR_UINT, admin_queue_row, state, 16),
    MAYBE(5, CBOR_UINT, admin_queue_row, attempt, 0),
    MAYBE(6, CBOR_UINT, admin_queue_row, queued_at, 0),
    MAYBE(7, CBOR_UINT, admin_queue_row, next_at, 0),
    MAYBE(8, CBOR_TEXT, admin_queue_row, reason, 1000),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct admin_queue_row);

static const struct cbor_field queue_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_queue, rows, ADMIN_LIST_MAX, &row),
    MAYBE(2, CBOR_UINT, admin_queue, total, 0),
};
static const struct cbor_schema queue = CBOR_SCHEMA(queue_fields, struct admin_queue);

static const struct cbor_field done_fields[] = {MAYBE(1, CBOR_UINT, admin_done, count, 0),
                                                MAYBE(2, CBOR_UINT, admin_done, later, 0)};
static const struct cbor_schema done = CBOR_SCHEMA(done_fields, struct admin_done);

static const struct cbor_field erase_fields[] = {
    FIELD(1, CBOR_BYTES, admin_erase_ask, id, LETTER_ID_LEN),
    FIELD(2, CBOR_TEXT, admin_erase_ask, reason, 1000),
};
static const struct cbor_schema erase_ask = CBOR_SCHEMA(erase_fields, struct admin_erase_ask);

static const struct cbor_field fact_fields[] = {
    FIELD(1, CBOR_TEXT, admin_fact, name, 320),
    FIELD(2, CBOR_TEXT, admin_fact, value, 1024),
};
static const struct cbor_schema fact = CBOR_SCHEMA(fact_fields, struct admin_fact);

static const struct cbor_field status_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_status_answer, facts, 1000, &fact),
};
static const struct cbor_schema status = CBOR_SCHEMA(status_fields, struct admin_status_answer);

static const struct cbor_field backup_fields[] = {
    FIELD(1, CBOR_UINT, admin_backup_answer, ledger_size, 0),
    FIELD(2, CBOR_TEXT, admin_backup_answer, state, 4096),
    FIELD(3, CBOR_TEXT, admin_backup_answer, note, 4096),
    FIELD(4, CBOR_UINT, admin_backup_answer, segment, UINT32_MAX),
    FIELD(5, CBOR_UINT, admin_backup_answer, segment_bytes, 0),
};
static const struct cbor_schema backup = CBOR_SCHEMA(backup_fields, struct admin_backup_answer);

static const struct cbor_field pause_fields[] = {
    MAYBE(1, CBOR_BOOL, admin_pause_ask, paused, 0),
    MAYBE(2, CBOR_TEXT, admin_pause_ask, reason, 1000),
};
static const struct cbor_schema pause_ask = CBOR_SCHEMA(pause_fields, struct admin_pause_ask);

static const struct cbor_field domain_fields[] = {
    FIELD(1, CBOR_TEXT, admin_domain_ask, domain, 255),
    MAYBE(2, CBOR_TEXT, admin_domain_ask, reason, 1000),
};
static const struct cbor_schema domain_ask = CBOR_SCHEMA(domain_fields, struct admin_domain_ask);

static const struct cbor_field forgotten_fields[] = {
    FIELD(1, CBOR_TEXT, admin_domain_answer, where, 600),
    MAYBE(2, CBOR_UINT, admin_domain_answer, level, LEVEL_AUTHENTICATED),
};
static const struct cbor_schema forgotten =
    CBOR_SCHEMA(forgotten_fields, struct admin_domain_answer);

static const struct cbor_field sign_in_fields[] = {
    FIELD(1, CBOR_TEXT, admin_sign_in_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_BYTES, admin_sign_in_ask, password, AUTH_PASSWORD_MAX),
    MAYBE(3, CBOR_BYTES, admin_sign_in_ask, code, AUTH_CODE_MAX),
    CBOR_SUB_OPTIONAL(10, CBOR_STRUCT, struct admin_sign_in_ask, passkey, 0,
                      &auth_assertion_schema),
};
static const struct cbor_schema sign_in_ask = CBOR_SCHEMA(sign_in_fields, struct admin_sign_in_ask);

static const struct cbor_field signed_in_fields[] = {
    MAYBE(1, CBOR_BYTES, admin_sign_in_answer, pass, AUTH_SESSION_LEN),
    MAYBE(2, CBOR_TEXT, admin_sign_in_answer, account, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_UINT, admin_sign_in_answer, role, ACCOUNT_ROLE_LAST),
    MAYBE(4, CBOR_UINT, admin_sign_in_answer, ends_at, 0),
    MAYBE(5, CBOR_BOOL, admin_sign_in_answer, wants_code, 0),
    CBOR_SUB_OPTIONAL(10, CBOR_STRUCT, struct admin_sign_in_answer, asked, 0,
                      &passkey_asked_schema),
    MAYBE(11, CBOR_UINT, admin_sign_in_answer, wait_ms, OIDC_WAIT_MAX_MS),
};
const struct cbor_schema admin_signed_in_schema =
    CBOR_SCHEMA(signed_in_fields, struct admin_sign_in_answer);

static const struct cbor_field import_begun_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct admin_import_begun, record, 0, &import_record_schema),
    FIELD(2, CBOR_BYTES, admin_import_begun, ticket, IMPORT_TICKET_LEN),
};
static const struct cbor_schema import_begun =
    CBOR_SCHEMA(import_begun_fields, struct admin_import_begun);

const struct ipc_message admin_user_add = {64, "admin_user_add", &user_ask, &admin_asked_schema,
                                           .secret = true};
const struct ipc_message admin_user_set = {65, "admin_user_set", &user_ask, &admin_asked_schema,
                                           .secret = true};
const struct ipc_message admin_user_list = {66, "admin_user_list", NULL, &users};
const struct ipc_message admin_dkim_new = {67, "admin_dkim_new", &signer_new_schema,
                                           &signer_key_schema};
const struct ipc_message admin_dkim_list = {68, "admin_dkim_list", NULL, &signer_keys_schema};
const struct ipc_message admin_queue_list = {69, "admin_queue_list", NULL, &queue};
const struct ipc_message admin_order = {70, "admin_order", &order_schema, &done};
const struct ipc_message admin_status = {71, "admin_status", NULL, &status};
const struct ipc_message admin_checkpoint = {72, "admin_checkpoint", NULL, &checkpoint_schema};
const struct ipc_message admin_rebuild = {73, "admin_rebuild", NULL, &done};
const struct ipc_message admin_backup = {74, "admin_backup", NULL, &backup};
const struct ipc_message admin_pause = {75, "admin_pause", &pause_ask, NULL};
const struct ipc_message admin_erase = {85, "admin_erase", &erase_ask, &admin_asked_schema};
const struct ipc_message admin_anchored = {76, "admin_anchored", &checkpoint_schema, NULL};
const struct ipc_message admin_sign_in = {77, "admin_sign_in", &sign_in_ask,
                                          &admin_signed_in_schema, .secret = true};
const struct ipc_message admin_sign_out = {78, "admin_sign_out", NULL, NULL};
const struct ipc_message admin_import_begin = {110, "admin_import_begin", &import_record_schema,
                                               &import_begun, .secret = true};
const struct ipc_message admin_import_end = {111, "admin_import_end", &import_record_schema,
                                             &import_record_schema};
const struct ipc_message admin_domain_forget = {83, "admin_domain_forget", &domain_ask, &forgotten};
