#include "requests/retention.h"

#define ROWS_MAX 1000

#define THIS retention_set_ask
static const struct cbor_field set_fields[] = {
    CBOR_SUB(1, CBOR_LIST, struct THIS, rules, RETENTION_SET_MAX, &rule_schema),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct THIS, reason, 1000),
};
static const struct cbor_schema set_schema = CBOR_SCHEMA(set_fields, struct THIS);
#undef THIS

#define THIS retention_remove_ask
static const struct cbor_field remove_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct THIS, class, RULE_CLASS_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct THIS, reason, 1000),
};
static const struct cbor_schema remove_schema = CBOR_SCHEMA(remove_fields, struct THIS);
#undef THIS

#define THIS retention_list_ask
static const struct cbor_field list_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct THIS, class, RULE_CLASS_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct THIS, after, RULE_CLASS_MAX),
};
static const struct cbor_schema list_schema = CBOR_SCHEMA(list_fields, struct THIS);
#undef THIS

#define THIS retention_row
static const struct cbor_field row_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct THIS, seq, 0),
    CBOR_FIELD(2, CBOR_UINT, struct THIS, time, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct THIS, letters, 0),
    CBOR_SUB(4, CBOR_STRUCT, struct THIS, rule, 0, &rule_schema),
};
static const struct cbor_schema row_schema = CBOR_SCHEMA(row_fields, struct THIS);
#undef THIS

#define THIS retention_list_answer
static const struct cbor_field listed_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct THIS, rows, ROWS_MAX, &row_schema),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct THIS, more, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct THIS, letters, 0),
    CBOR_OPTIONAL(4, CBOR_UINT, struct THIS, unruled, 0),
    CBOR_OPTIONAL(5, CBOR_UINT, struct THIS, for_ever, 0),
    CBOR_OPTIONAL(6, CBOR_UINT, struct THIS, ended, 0),
    CBOR_OPTIONAL(7, CBOR_UINT, struct THIS, left, 0),
};
static const struct cbor_schema listed_schema = CBOR_SCHEMA(listed_fields, struct THIS);
#undef THIS

#define THIS retention_dates_ask
static const struct cbor_field dates_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct THIS, after, RULE_KEY_MAX),
};
static const struct cbor_schema dates_schema = CBOR_SCHEMA(dates_fields, struct THIS);
#undef THIS

#define THIS retention_dates_answer
static const struct cbor_field dated_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct THIS, dates, ROWS_MAX, &rule_date_schema),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct THIS, more, 0),
};
static const struct cbor_schema dated_schema = CBOR_SCHEMA(dated_fields, struct THIS);
#undef THIS

const struct ipc_message retention_set = {120, "retention_set", &set_schema, NULL};
const struct ipc_message retention_remove = {121, "retention_remove", &remove_schema, NULL};
const struct ipc_message retention_list = {122, "retention_list", &list_schema, &listed_schema};
const struct ipc_message retention_date = {123, "retention_date", &rule_date_schema, NULL};
const struct ipc_message retention_dates = {124, "retention_dates", &dates_schema, &dated_schema};
