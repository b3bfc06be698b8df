#include "requests/own_domain.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field ask_fields[] = {
    MAYBE(1, CBOR_TEXT, own_records_ask, domain, 255),
    MAYBE(2, CBOR_BOOL, own_records_ask, check, 0),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct own_records_ask);

static const struct cbor_field record_fields[] = {
    FIELD(1, CBOR_TEXT, own_record, domain, 255),
    FIELD(2, CBOR_TEXT, own_record, name, 511),
    FIELD(3, CBOR_TEXT, own_record, type, 8),
    FIELD(4, CBOR_TEXT, own_record, line, OWN_TEXT_MAX),
    MAYBE(5, CBOR_TEXT, own_record, note, OWN_TEXT_MAX),
    MAYBE(6, CBOR_BOOL, own_record, optional, 0),
    MAYBE(7, CBOR_UINT, own_record, mark, UINT8_MAX),
    MAYBE(8, CBOR_TEXT, own_record, what, OWN_TEXT_MAX),
    MAYBE(9, CBOR_TEXT, own_record, mend, OWN_TEXT_MAX),
};
static const struct cbor_schema record = CBOR_SCHEMA(record_fields, struct own_record);

static const struct cbor_field policy_fields[] = {
    FIELD(1, CBOR_TEXT, own_policy, domain, 255),
    FIELD(2, CBOR_TEXT, own_policy, file, 65536),
};
static const struct cbor_schema policy = CBOR_SCHEMA(policy_fields, struct own_policy);

static const struct cbor_field answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct own_records_answer, records, OWN_RECORDS_MAX, &record),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct own_records_answer, policies, OWN_DOMAINS_MAX, &policy),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct own_records_answer);

static const struct cbor_field rotate_fields[] = {
    MAYBE(1, CBOR_TEXT, own_rotate_ask, domain, 255),
    MAYBE(2, CBOR_TEXT, own_rotate_ask, reason, 1000),
};
static const struct cbor_schema rotate = CBOR_SCHEMA(rotate_fields, struct own_rotate_ask);

static const struct cbor_field rotation_fields[] = {
    FIELD(1, CBOR_TEXT, own_rotation, domain, 255),
    MAYBE(2, CBOR_TEXTS, own_rotation, signs, OWN_SIGNS_MAX),
    CBOR_SUB(3, CBOR_STRUCT, struct own_rotation, rotation, 0, &dkim_rotation_schema),
};
static const struct cbor_schema rotation = CBOR_SCHEMA(rotation_fields, struct own_rotation);

static const struct cbor_field rotations_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct own_rotations_answer, rotations, OWN_DOMAINS_MAX,
                      &rotation),
};
static const struct cbor_schema rotations =
    CBOR_SCHEMA(rotations_fields, struct own_rotations_answer);

const struct ipc_message own_rotate = {393, "own_rotate", &rotate, NULL};
const struct ipc_message own_rotations = {394, "own_rotations", NULL, &rotations};
const struct ipc_message own_records = {391, "own_records", &ask, &answer};
