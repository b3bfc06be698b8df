#include "requests/inspector.h"

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct inspector_ask, sender, INSPECTOR_SENDER_LEN),
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
