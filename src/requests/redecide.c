#include "requests/redecide.h"

#include "letter/records.h"

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct letter_decide_ask, id, LETTER_ID_LEN),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct letter_decide_ask, reason, DECIDE_REASON_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct letter_decide_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct letter_decide_answer, sent, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct letter_decide_answer, held, 0),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct letter_decide_answer, why, 1000),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct letter_decide_answer);

const struct ipc_message letter_decide = {450, "letter_decide", &ask, &answer};
