#include "requests/consent.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_BYTES, letter_waiting_row, id, LETTER_ID_LEN),
    FIELD(2, CBOR_TEXT, letter_waiting_row, rule, 64),
    MAYBE(3, CBOR_TEXT, letter_waiting_row, account, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_TEXT, letter_waiting_row, subject, TEXT_MAX),
    MAYBE(5, CBOR_UINT, letter_waiting_row, recipients, LETTER_RECIPIENTS_MAX),
    MAYBE(6, CBOR_UINT, letter_waiting_row, size, 0),
    MAYBE(7, CBOR_UINT, letter_waiting_row, received_at, 0),
    MAYBE(8, CBOR_UINT, letter_waiting_row, until, 0),
    MAYBE(9, CBOR_BOOL, letter_waiting_row, may, 0),
    MAYBE(10, CBOR_TEXT, letter_waiting_row, who, TEXT_MAX),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct letter_waiting_row);

static const struct cbor_field waiting_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct letter_waiting_answer, rows, CONSENTS_LISTED_MAX, &row),
};
static const struct cbor_schema waiting = CBOR_SCHEMA(waiting_fields, struct letter_waiting_answer);

static const struct cbor_field verdict_fields[] = {
    FIELD(1, CBOR_BYTES, letter_verdict_ask, id, LETTER_ID_LEN),
    FIELD(2, CBOR_UINT, letter_verdict_ask, state, CONSENT_REFUSED),
    MAYBE(3, CBOR_TEXT, letter_verdict_ask, reason, TEXT_MAX),
};
static const struct cbor_schema verdict = CBOR_SCHEMA(verdict_fields, struct letter_verdict_ask);

static const struct cbor_field done_fields[] = {
    MAYBE(1, CBOR_BOOL, letter_verdict_answer, held, 0),
};
static const struct cbor_schema done = CBOR_SCHEMA(done_fields, struct letter_verdict_answer);

static const struct cbor_field may_ask_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_consent_ask, id, LETTER_ID_LEN),
    FIELD(2, CBOR_TEXT, keeper_consent_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema may_ask = CBOR_SCHEMA(may_ask_fields, struct keeper_consent_ask);

static const struct cbor_field may_fields[] = {
    MAYBE(1, CBOR_BOOL, keeper_consent_answer, may, 0),
    MAYBE(2, CBOR_BYTES, keeper_consent_answer, digest, 32),
};
static const struct cbor_schema may = CBOR_SCHEMA(may_fields, struct keeper_consent_answer);

static const struct cbor_field show_ask_fields[] = {
    FIELD(1, CBOR_BYTES, reader_waiting_ask, id, LETTER_ID_LEN),
    MAYBE(2, CBOR_UINT, reader_waiting_ask, copy, LETTER_RECIPIENTS_MAX),
};
static const struct cbor_schema show_ask = CBOR_SCHEMA(show_ask_fields, struct reader_waiting_ask);

static const struct cbor_field record_fields[] = {
    FIELD(1, CBOR_UINT, reader_record, seq, 0),
    FIELD(2, CBOR_UINT, reader_record, type, UINT16_MAX),
    FIELD(3, CBOR_UINT, reader_record, time, 0),
    FIELD(4, CBOR_BYTES, reader_record, body, IPC_BODY_MAX),
};
static const struct cbor_schema record = CBOR_SCHEMA(record_fields, struct reader_record);

static const struct cbor_field show_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_waiting_answer, records, READER_WAITING_MAX,
                      &record),
    FIELD(2, CBOR_UINT, reader_waiting_answer, size, 0),
    MAYBE(3, CBOR_BOOL, reader_waiting_answer, cut, 0),
    MAYBE(4, CBOR_BOOL, reader_waiting_answer, submitted, 0),
};
static const struct cbor_schema show = CBOR_SCHEMA(show_fields, struct reader_waiting_answer);

const struct ipc_message letter_waiting = {280, "letter_waiting", NULL, &waiting};
const struct ipc_message letter_verdict = {281, "letter_verdict", &verdict, &done};
const struct ipc_message keeper_consent = {282, "keeper_consent", &may_ask, &may};
const struct ipc_message reader_waiting = {283, "reader_waiting", &show_ask, &show,
                                           .answer_fd = IPC_FD_SEALED};
