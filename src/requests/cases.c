#include "requests/cases.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field act_fields[] = {
    MAYBE(1, CBOR_BOOL, case_act_answer, hold, 0),
};
static const struct cbor_schema act = CBOR_SCHEMA(act_fields, struct case_act_answer);

static const struct cbor_field close_fields[] = {
    FIELD(1, CBOR_TEXT, case_close_ask, name, HOLD_NAME_MAX),
    FIELD(2, CBOR_TEXT, case_close_ask, reason, TEXT_MAX),
};
static const struct cbor_schema close_ask = CBOR_SCHEMA(close_fields, struct case_close_ask);

static const struct cbor_field cases_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, reader_cases_ask, name, HOLD_NAME_MAX),
    MAYBE(2, CBOR_UINT, reader_cases_ask, from, 0),
    MAYBE(3, CBOR_TEXT, reader_cases_ask, reason, TEXT_MAX),
};
static const struct cbor_schema cases_ask = CBOR_SCHEMA(cases_ask_fields, struct reader_cases_ask);

static const struct cbor_field record_fields[] = {
    FIELD(1, CBOR_UINT, reader_record, seq, 0),
    FIELD(2, CBOR_UINT, reader_record, type, UINT16_MAX),
    FIELD(3, CBOR_UINT, reader_record, time, 0),
    FIELD(4, CBOR_BYTES, reader_record, body, 65536),
};
static const struct cbor_schema record = CBOR_SCHEMA(record_fields, struct reader_record);

static const struct cbor_field cases_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_cases_answer, records, READER_RECORDS_MAX,
                      &record),
    MAYBE(2, CBOR_BOOL, reader_cases_answer, more, 0),
    MAYBE(3, CBOR_UINT, reader_cases_answer, letters, 0),
    MAYBE(4, CBOR_UINT, reader_cases_answer, indexed, 0),
    MAYBE(5, CBOR_UINT, reader_cases_answer, archived, 0),
    MAYBE(6, CBOR_BOOL, reader_cases_answer, not_counted, 0),
};
static const struct cbor_schema cases = CBOR_SCHEMA(cases_fields, struct reader_cases_answer);

const struct ipc_message case_act = {160, "case_act", &case_record_schema, &act};
const struct ipc_message case_close = {161, "case_close", &close_ask, &admin_asked_schema};
const struct ipc_message reader_cases = {63, "reader_cases", &cases_ask, &cases};
