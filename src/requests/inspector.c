#include "requests/inspector.h"

#include "letter/records.h"

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct inspector_ask, sender, INSPECTOR_SENDER_LEN),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct inspector_ask, shallow, 0),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct inspector_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct inspector_answer, findings, 0, &findings_schema),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct inspector_answer);

const struct ipc_message inspector_inspect = {1,
                                              "inspector_inspect",
                                              &ask,
                                              &answer,
                                              .ask_fd = IPC_FD_SEALED,
                                              .answer_fd = IPC_FD_SEALED,
                                              .relayed = true};

#define TRUST_MAX ((size_t)1 << 20) /* as formats/stamp bounds it */

static const struct cbor_field stamp_ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct inspector_stamp_ask, sender, INSPECTOR_SENDER_LEN),
    CBOR_FIELD(2, CBOR_BYTES, struct inspector_stamp_ask, digest, 32),
    CBOR_FIELD(3, CBOR_BYTES, struct inspector_stamp_ask, trust, TRUST_MAX),
};
static const struct cbor_schema stamp_ask =
    CBOR_SCHEMA(stamp_ask_fields, struct inspector_stamp_ask);

static const struct cbor_field stamp_answer_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct inspector_stamp_answer, time, 0),
    CBOR_FIELD(2, CBOR_BYTES, struct inspector_stamp_answer, token, ANCHOR_TOKEN_MAX),
};
static const struct cbor_schema stamp_answer =
    CBOR_SCHEMA(stamp_answer_fields, struct inspector_stamp_answer);

const struct ipc_message inspector_stamp = {
    2, "inspector_stamp", &stamp_ask, &stamp_answer, .ask_fd = IPC_FD_SEALED, .relayed = true};
