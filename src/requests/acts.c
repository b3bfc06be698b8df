#include "requests/acts.h"

#include "letter/records.h"

#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field acts_ask_fields[] = {
    MAYBE(1, CBOR_UINT, reader_acts_ask, before, 0),
    MAYBE(2, CBOR_UINT, reader_acts_ask, stretch, READER_ACTS_STRETCH),
    MAYBE(3, CBOR_TEXT, reader_acts_ask, reason, READER_REASON_MAX),
};
static const struct cbor_schema acts_ask = CBOR_SCHEMA(acts_ask_fields, struct reader_acts_ask);

static const struct cbor_field acts_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct reader_acts_answer, acts, READER_ACTS_MAX,
                      &reader_record_schema),
    MAYBE(2, CBOR_UINT, reader_acts_answer, next, 0),
};
static const struct cbor_schema acts = CBOR_SCHEMA(acts_fields, struct reader_acts_answer);

const struct ipc_message reader_acts = {60, "reader_acts", &acts_ask, &acts};

static const struct cbor_field sign_ins_fields[] = {
    MAYBE(1, CBOR_TEXT, reader_sign_ins_ask, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BOOL, reader_sign_ins_ask, all, 0),
    MAYBE(3, CBOR_UINT, reader_sign_ins_ask, since, 0),
    MAYBE(4, CBOR_UINT, reader_sign_ins_ask, before, 0),
    MAYBE(5, CBOR_UINT, reader_sign_ins_ask, stretch, READER_SIGN_INS_STRETCH),
    MAYBE(6, CBOR_TEXT, reader_sign_ins_ask, reason, READER_REASON_MAX),
};
static const struct cbor_schema sign_ins_ask =
    CBOR_SCHEMA(sign_ins_fields, struct reader_sign_ins_ask);

const struct ipc_message reader_sign_ins = {57, "reader_sign_ins", &sign_ins_ask, &acts};
