#include "requests/keys.h"

static const struct cbor_field status_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct keys_status_answer, generation, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct keys_status_answer, accounts, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct keys_status_answer, left, 0),
    CBOR_OPTIONAL(4, CBOR_BOOL, struct keys_status_answer, unfinished, 0),
    CBOR_OPTIONAL(5, CBOR_UINT, struct keys_status_answer, waiting, 0),
};
static const struct cbor_schema status = CBOR_SCHEMA(status_fields, struct keys_status_answer);

const struct ipc_message keys_status = {140, "keys_status", NULL, &status};
