#include "requests/supervisor.h"

#define KEY_LEN 32

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct supervisor_adopt_ask, key, KEY_LEN),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct supervisor_adopt_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct supervisor_adopt_answer, generation, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct supervisor_adopt_answer, took_ms, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct supervisor_adopt_answer, away_ms, 0),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct supervisor_adopt_answer);

const struct ipc_message supervisor_adopt = {310, "supervisor_adopt", &ask, &answer,
                                             .secret = true};
