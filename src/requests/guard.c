#include "requests/guard.h"

#define MOST(key, type, w, m) CBOR_OPTIONAL(key, CBOR_UINT, struct type, w[m], 0)

static const struct cbor_field limits_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account_limits, account, LETTER_ADDRESS_MAX),
    MOST(2, account_limits, most[0], 0),
    MOST(3, account_limits, most[0], 1),
    MOST(4, account_limits, most[0], 2),
    MOST(5, account_limits, most[0], 3),
    MOST(6, account_limits, most[0], 4),
    MOST(7, account_limits, most[1], 0),
    MOST(8, account_limits, most[1], 1),
    MOST(9, account_limits, most[1], 2),
    MOST(10, account_limits, most[1], 3),
    MOST(11, account_limits, most[1], 4),
    CBOR_OPTIONAL(12, CBOR_UINT, struct account_limits, until, INT64_MAX),
    CBOR_OPTIONAL(13, CBOR_TEXT, struct account_limits, reason, 1000),
    CBOR_OPTIONAL(14, CBOR_TEXT, struct account_limits, by, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(15, CBOR_UINT, struct account_limits, since, 0),
};
const struct cbor_schema account_limits_schema = CBOR_SCHEMA(limits_fields, struct account_limits);

static const struct cbor_field name_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account_name_ask, account, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema name_ask = CBOR_SCHEMA(name_fields, struct account_name_ask);

static const struct cbor_field show_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct account_show_answer, own, 0, &account_limits_schema),
    MOST(2, account_show_answer, allowed[0], 0),
    MOST(3, account_show_answer, allowed[0], 1),
    MOST(4, account_show_answer, allowed[0], 2),
    MOST(5, account_show_answer, allowed[0], 3),
    MOST(6, account_show_answer, allowed[0], 4),
    MOST(7, account_show_answer, allowed[1], 0),
    MOST(8, account_show_answer, allowed[1], 1),
    MOST(9, account_show_answer, allowed[1], 2),
    MOST(10, account_show_answer, allowed[1], 3),
    MOST(11, account_show_answer, allowed[1], 4),
    MOST(12, account_show_answer, sent[0], 0),
    MOST(13, account_show_answer, sent[0], 1),
    MOST(14, account_show_answer, sent[0], 2),
    MOST(15, account_show_answer, sent[0], 3),
    MOST(16, account_show_answer, sent[0], 4),
    MOST(17, account_show_answer, sent[1], 0),
    MOST(18, account_show_answer, sent[1], 1),
    MOST(19, account_show_answer, sent[1], 2),
    MOST(20, account_show_answer, sent[1], 3),
    MOST(21, account_show_answer, sent[1], 4),
    CBOR_OPTIONAL(22, CBOR_UINT, struct account_show_answer, role, ACCOUNT_ADMINISTRATOR),
    CBOR_OPTIONAL(23, CBOR_BOOL, struct account_show_answer, disabled, 0),
    CBOR_OPTIONAL(24, CBOR_UINT, struct account_show_answer, sessions, 0),
    CBOR_OPTIONAL(25, CBOR_UINT, struct account_show_answer, points, 0),
    CBOR_OPTIONAL(26, CBOR_TEXT, struct account_show_answer, signs, 4000),
    CBOR_OPTIONAL(27, CBOR_UINT, struct account_show_answer, suspended_at, 0),
    CBOR_OPTIONAL(28, CBOR_TEXT, struct account_show_answer, suspended_by, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(29, CBOR_TEXT, struct account_show_answer, suspended_why, 4000),
    CBOR_OPTIONAL(30, CBOR_UINT, struct account_show_answer, suspend_score, 0),
};
static const struct cbor_schema show_answer = CBOR_SCHEMA(show_fields, struct account_show_answer);

static const struct cbor_field suspend_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account_suspend_ask, account, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct account_suspend_ask, reason, 1000),
};
static const struct cbor_schema suspend_ask =
    CBOR_SCHEMA(suspend_fields, struct account_suspend_ask);

static const struct cbor_field release_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account_release_ask, account, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct account_release_ask, reason, 1000),
    CBOR_OPTIONAL(3, CBOR_UINT, struct account_release_ask, letters, 2),
};
static const struct cbor_schema release_ask =
    CBOR_SCHEMA(release_fields, struct account_release_ask);

static const struct cbor_field added_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account_added, what, 32),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct account_added, name, APP_PASSWORD_NAME_MAX),
    CBOR_FIELD(3, CBOR_UINT, struct account_added, at, 0),
};
static const struct cbor_schema added = CBOR_SCHEMA(added_fields, struct account_added);

static const struct cbor_field released_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct account_release_answer, letters.count, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct account_release_answer, letters.later, 0),
    CBOR_SUB_OPTIONAL(3, CBOR_LIST, struct account_release_answer, added, ACCOUNT_ADDED_MAX,
                      &added),
    CBOR_OPTIONAL(4, CBOR_UINT, struct account_release_answer, since, 0),
};
static const struct cbor_schema released =
    CBOR_SCHEMA(released_fields, struct account_release_answer);

const struct ipc_message account_suspend = {232, "account_suspend", &suspend_ask, NULL};
const struct ipc_message account_release = {233, "account_release", &release_ask, &released};
const struct ipc_message account_limits_set = {230, "account_limits", &account_limits_schema, NULL};
const struct ipc_message account_show = {231, "account_show", &name_ask, &show_answer};
