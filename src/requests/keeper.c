#include "requests/keeper.h"

#include "letter/app_password.h"
#include "letter/device.h"
#include "requests/auth.h"
#include "requests/oidc.h"
#include "requests/sts.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field submit_ask_fields[] = {
    MAYBE(1, CBOR_BYTES, keeper_submit_ask, session, AUTH_SESSION_LEN),
    MAYBE(2, CBOR_TEXT, keeper_submit_ask, reverse_path, LETTER_ADDRESS_MAX),
    CBOR_SUB(3, CBOR_LIST, struct keeper_submit_ask, recipients, LETTER_RECIPIENTS_MAX,
             &recipient_schema),
    MAYBE(4, CBOR_TEXT, keeper_submit_ask, envelope_id, 100),
    MAYBE(5, CBOR_UINT, keeper_submit_ask, dsn_return, RETURN_FULL),
    MAYBE(6, CBOR_BOOL, keeper_submit_ask, smtputf8, 0),
    MAYBE(7, CBOR_BOOL, keeper_submit_ask, body_8bit, 0),
    MAYBE(8, CBOR_TEXT, keeper_submit_ask, client, 64),
    MAYBE(9, CBOR_TEXT, keeper_submit_ask, helo, 255),
    MAYBE(10, CBOR_TEXT, keeper_submit_ask, tls_version, 64),
    MAYBE(11, CBOR_TEXT, keeper_submit_ask, tls_cipher, 64),
    MAYBE(12, CBOR_TEXTS, keeper_submit_ask, connectors, SUBMIT_CONNECTORS_MAX),
    MAYBE(13, CBOR_BOOL, keeper_submit_ask, require_tls, 0),
};
static const struct cbor_schema submit_ask =
    CBOR_SCHEMA(submit_ask_fields, struct keeper_submit_ask);

static const struct cbor_field submit_answer_fields[] = {
    FIELD(1, CBOR_UINT, keeper_submit_answer, code, 599),
    FIELD(2, CBOR_TEXT, keeper_submit_answer, text, 1000),
    MAYBE(3, CBOR_BYTES, keeper_submit_answer, letter, LETTER_ID_LEN),
};
static const struct cbor_schema submit_answer =
    CBOR_SCHEMA(submit_answer_fields, struct keeper_submit_answer);

static const struct cbor_field account_ask_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_account_ask, user, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BYTES, keeper_account_ask, pin, APP_PASSWORD_PIN_LEN),
};
static const struct cbor_schema account_ask =
    CBOR_SCHEMA(account_ask_fields, struct keeper_account_ask);

static const struct cbor_field app_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_app, id, APP_PASSWORD_ID_LEN),
    FIELD(2, CBOR_BYTES, keeper_app, verifier, APP_PASSWORD_VERIFIER_MAX),
    MAYBE(3, CBOR_BYTES, keeper_app, pin, APP_PASSWORD_PIN_LEN),
};
static const struct cbor_schema app = CBOR_SCHEMA(app_fields, struct keeper_app);

static const struct cbor_field account_answer_fields[] = {
    MAYBE(1, CBOR_BOOL, keeper_account_answer, found, 0),
    MAYBE(2, CBOR_BOOL, keeper_account_answer, disabled, 0),
    MAYBE(3, CBOR_TEXT, keeper_account_answer, account, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_BYTES, keeper_account_answer, verifier, AUTH_VERIFIER_MAX),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct keeper_account_answer, apps, APP_PASSWORDS_MAX, &app),
    MAYBE(6, CBOR_BYTES, keeper_account_answer, salt, AUTH_SALT_LEN),
    MAYBE(7, CBOR_TEXT, keeper_account_answer, like, LETTER_ADDRESS_MAX),
    MAYBE(8, CBOR_BYTES, keeper_account_answer, like_verifier, AUTH_VERIFIER_MAX),
    CBOR_SUB_OPTIONAL(10, CBOR_STRUCT, struct keeper_account_answer, second, 0,
                      &auth_second_schema),
    MAYBE(11, CBOR_TEXT, keeper_account_answer, directory, 32),
    MAYBE(12, CBOR_BYTES, keeper_account_answer, directory_key, 64),
};
static const struct cbor_schema account_answer =
    CBOR_SCHEMA(account_answer_fields, struct keeper_account_answer);

static const struct cbor_field verifier_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_verifier_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_BYTES, keeper_verifier_ask, was, AUTH_VERIFIER_MAX),
    FIELD(3, CBOR_BYTES, keeper_verifier_ask, now, AUTH_VERIFIER_MAX),
};
static const struct cbor_schema verifier_ask =
    CBOR_SCHEMA(verifier_fields, struct keeper_verifier_ask);

static const struct cbor_field session_ask_fields[] = {
    FIELD(1, CBOR_TEXT, keeper_session_ask, account, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, keeper_session_ask, client, 64),
    FIELD(3, CBOR_TEXT, keeper_session_ask, mechanism, 32),
    MAYBE(4, CBOR_BOOL, keeper_session_ask, desk, 0),
    MAYBE(5, CBOR_TEXT, keeper_session_ask, app, APP_PASSWORD_ID_LEN),
    CBOR_SUB_OPTIONAL(10, CBOR_STRUCT, struct keeper_session_ask, proof, 0, &auth_proof_schema),
    MAYBE(11, CBOR_TEXT, keeper_session_ask, provider, OIDC_NAME_MAX),
    MAYBE(12, CBOR_UINT, keeper_session_ask, until, 0),
    MAYBE(13, CBOR_BOOL, keeper_session_ask, factor, 0),
    MAYBE(14, CBOR_TEXT, keeper_session_ask, device, DEVICE_NAME_MAX),
};
static const struct cbor_schema session_ask =
    CBOR_SCHEMA(session_ask_fields, struct keeper_session_ask);

static const struct cbor_field session_answer_fields[] = {
    MAYBE(1, CBOR_BYTES, keeper_session_answer, session, AUTH_SESSION_LEN),
    MAYBE(2, CBOR_TEXT, keeper_session_answer, refused, 200),
};
static const struct cbor_schema session_answer =
    CBOR_SCHEMA(session_answer_fields, struct keeper_session_answer);

static const struct cbor_field session_end_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_session_end_ask, sessions, KEEPER_ENDINGS_MAX *AUTH_SESSION_LEN),
};
static const struct cbor_schema session_end_ask =
    CBOR_SCHEMA(session_end_fields, struct keeper_session_end_ask);

static const struct cbor_field job_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, keeper_job_ask, route, 512),
    MAYBE(2, CBOR_UINT, keeper_job_ask, wait_ms, 60000),
};
static const struct cbor_schema job_ask = CBOR_SCHEMA(job_ask_fields, struct keeper_job_ask);

static const struct cbor_field job_fields[] = {
    MAYBE(1, CBOR_UINT, keeper_job, job, 0),
    MAYBE(2, CBOR_BYTES, keeper_job, letter, LETTER_ID_LEN),
    MAYBE(3, CBOR_UINT, keeper_job, attempt, 0),
    MAYBE(4, CBOR_TEXT, keeper_job, domain, 255),
    MAYBE(5, CBOR_TEXT, keeper_job, route, 261),
    MAYBE(6, CBOR_BOOL, keeper_job, smarthost, 0),
    MAYBE(7, CBOR_UINT, keeper_job, level, LEVEL_AUTHENTICATED),
    MAYBE(8, CBOR_TEXT, keeper_job, reverse_path, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(9, CBOR_LIST, struct keeper_job, recipients, LETTER_RECIPIENTS_MAX,
                      &recipient_schema),
    MAYBE(10, CBOR_BOOL, keeper_job, smtputf8, 0),
    MAYBE(11, CBOR_BOOL, keeper_job, has_8bit, 0),
    MAYBE(12, CBOR_TEXT, keeper_job, envelope_id, 100),
    MAYBE(13, CBOR_UINT, keeper_job, dsn_return, RETURN_FULL),
    MAYBE(14, CBOR_UINT, keeper_job, size, 2 * (uint64_t)LETTER_BYTES_MAX),
    MAYBE(16, CBOR_BOOL, keeper_job, require_tls, 0),
    MAYBE(17, CBOR_BOOL, keeper_job, unproven, 0),
    MAYBE(18, CBOR_BOOL, keeper_job, unpinned, 0),
};
static const struct cbor_schema job = CBOR_SCHEMA(job_fields, struct keeper_job);

static const struct cbor_field begin_fields[] = {
    FIELD(1, CBOR_UINT, keeper_begin_ask, job, 0),
    FIELD(2, CBOR_TEXT, keeper_begin_ask, host, 255),
    FIELD(3, CBOR_TEXT, keeper_begin_ask, address, 64),
};
static const struct cbor_schema begin_ask = CBOR_SCHEMA(begin_fields, struct keeper_begin_ask);

static const struct cbor_field done_fields[] = {
    FIELD(1, CBOR_UINT, keeper_done_ask, job, 0),
    CBOR_SUB(2, CBOR_STRUCT, struct keeper_done_ask, evidence, 0, &evidence_schema),
    CBOR_SUB(3, CBOR_LIST, struct keeper_done_ask, recipients, LETTER_RECIPIENTS_MAX,
             &recipient_outcome_schema),
    MAYBE(4, CBOR_BOOL, keeper_done_ask, busy, 0),
    MAYBE(5, CBOR_BOOL, keeper_done_ask, tls_broken, 0),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct keeper_done_ask, tls, TLS_RESULTS_MAX,
                      &tls_result_schema),
};
static const struct cbor_schema done_ask = CBOR_SCHEMA(done_fields, struct keeper_done_ask);

const struct ipc_message keeper_submit = {1, "keeper_submit", &submit_ask, &submit_answer,
                                          .ask_fd = IPC_FD_SEALED};
const struct ipc_message keeper_assert = {46, "keeper_assert", &submit_ask, &submit_answer,
                                          .ask_fd = IPC_FD_SEALED};
const struct ipc_message keeper_account = {2, "keeper_account", &account_ask, &account_answer};
const struct ipc_message keeper_verifier = {46, "keeper_verifier", &verifier_ask, NULL};
const struct ipc_message keeper_session = {3, "keeper_session", &session_ask, &session_answer};
const struct ipc_message keeper_session_end = {4, "keeper_session_end", &session_end_ask, NULL};
const struct ipc_message keeper_sign_in_failed = {5, "keeper_sign_in_failed", &sign_in_schema,
                                                  NULL};
const struct ipc_message keeper_job_next = {6, "keeper_job_next", &job_ask, &job,
                                            .answer_fd = IPC_FD_SEALED_OPTIONAL};
const struct ipc_message keeper_job_begin = {7, "keeper_job_begin", &begin_ask, NULL};
const struct ipc_message keeper_job_done = {8, "keeper_job_done", &done_ask, NULL};
const struct ipc_message keeper_reading = {9, "keeper_reading", &act_schema, NULL};
static const struct cbor_field import_letter_fields[] = {
    MAYBE(1, CBOR_UINT, import_letter, start, IMPORT_BYTES_MAX),
    FIELD(2, CBOR_UINT, import_letter, len, LETTER_BYTES_MAX),
    CBOR_SUB_OPTIONAL(3, CBOR_STRUCT, struct import_letter, source, 0, &source_schema),
    MAYBE(4, CBOR_TEXT, import_letter, reverse_path, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct import_letter, recipients, LETTER_RECIPIENTS_MAX,
                      &recipient_schema),
};
const struct cbor_schema import_letter_schema =
    CBOR_SCHEMA(import_letter_fields, struct import_letter);

static const struct cbor_field import_ask_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_import_ask, ticket, IMPORT_TICKET_LEN),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct keeper_import_ask, letters, IMPORT_LETTERS_MAX,
                      &import_letter_schema),
    CBOR_SUB_OPTIONAL(3, CBOR_LIST, struct keeper_import_ask, failures, IMPORT_FAILURES_MAX,
                      &import_failure_schema),
    MAYBE(4, CBOR_UINT, keeper_import_ask, next, 0),
};
static const struct cbor_schema import_ask =
    CBOR_SCHEMA(import_ask_fields, struct keeper_import_ask);

static const struct cbor_field import_counts_fields[] = {
    MAYBE(1, CBOR_UINT, import_counts, taken, 0),
    MAYBE(2, CBOR_UINT, import_counts, known, 0),
    MAYBE(3, CBOR_UINT, import_counts, failed, 0),
};
const struct cbor_schema import_counts_schema =
    CBOR_SCHEMA(import_counts_fields, struct import_counts);

const struct ipc_message keeper_import = {40,
                                          "keeper_import",
                                          &import_ask,
                                          &import_counts_schema,
                                          .ask_fd = IPC_FD_SEALED_OPTIONAL,
                                          .secret = true};
const struct ipc_message keeper_settle = {10, "keeper_settle", NULL, NULL};
const struct ipc_message keeper_index_suspect = {41, "keeper_index_suspect", NULL, NULL};
