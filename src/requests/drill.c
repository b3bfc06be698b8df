#include "requests/drill.h"

static const struct cbor_field begin_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct drill_begin_ask, reason, 1000),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct drill_begin_ask, decoy, 0),
};
static const struct cbor_schema begin_ask = CBOR_SCHEMA(begin_fields, struct drill_begin_ask);

static const struct cbor_field begun_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct drill_begin_answer, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct drill_begin_answer, password, 100),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct drill_begin_answer, decoy, LETTER_ADDRESS_MAX),
    CBOR_FIELD(4, CBOR_UINT, struct drill_begin_answer, until, INT64_MAX),
};
static const struct cbor_schema begin_answer = CBOR_SCHEMA(begun_fields, struct drill_begin_answer);

static const struct cbor_field account_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct drill_account_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema account_ask = CBOR_SCHEMA(account_fields, struct drill_account_ask);

static const struct cbor_field alarm_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct drill_alarm, event, 64),
    CBOR_FIELD(2, CBOR_UINT, struct drill_alarm, at, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct drill_alarm, command, DRILL_FAILED),
    CBOR_OPTIONAL(4, CBOR_UINT, struct drill_alarm, webhook, DRILL_FAILED),
};
static const struct cbor_schema alarm_schema = CBOR_SCHEMA(alarm_fields, struct drill_alarm);

static const struct cbor_field look_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct drill_look_answer, letters, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct drill_look_answer, reached, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct drill_look_answer, suspended_at, 0),
    CBOR_OPTIONAL(4, CBOR_UINT, struct drill_look_answer, points, 0),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct drill_look_answer, why, DRILL_WHY_MAX),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct drill_look_answer, alarms, DRILL_ALARMS_MAX,
                      &alarm_schema),
};
static const struct cbor_schema look_answer = CBOR_SCHEMA(look_fields, struct drill_look_answer);

const struct ipc_message drill_begin = {300, "drill_begin", &begin_ask, &begin_answer,
                                        .secret = true};
const struct ipc_message drill_look = {301, "drill_look", &account_ask, &look_answer};
const struct ipc_message drill_end = {302, "drill_end", &account_ask, &look_answer};
