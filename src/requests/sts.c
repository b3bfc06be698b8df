#include "requests/sts.h"

static const struct cbor_field sts_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct keeper_sts_ask, domain, 255),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct keeper_sts_ask, renew, 0),
};
static const struct cbor_schema sts_ask = CBOR_SCHEMA(sts_fields, struct keeper_sts_ask);

static const struct cbor_field sts_answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct keeper_sts_answer, mode, STS_ENFORCE),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct keeper_sts_answer, id, STS_ID_MAX),
    CBOR_OPTIONAL(3, CBOR_TEXTS, struct keeper_sts_answer, mx, STS_MX_MAX),
    CBOR_OPTIONAL(4, CBOR_UINT, struct keeper_sts_answer, max_age_s, STS_MAX_AGE_MAX),
};
static const struct cbor_schema sts_answer =
    CBOR_SCHEMA(sts_answer_fields, struct keeper_sts_answer);

const struct ipc_message keeper_sts = {350, "keeper_sts", &sts_ask, &sts_answer};
