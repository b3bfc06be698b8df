#include "requests/metadata.h"

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct inspector_clean_ask, sender, INSPECTOR_SENDER_LEN),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct inspector_clean_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXTS, struct inspector_clean_answer, texts, METADATA_LINES_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct inspector_clean_answer, left, METADATA_LINE_MAX),
    CBOR_OPTIONAL(3, CBOR_BOOL, struct inspector_clean_answer, changed, 0),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct inspector_clean_answer);

const struct ipc_message inspector_clean = {430,
                                            "inspector_clean",
                                            &ask,
                                            &answer,
                                            .ask_fd = IPC_FD_SEALED,
                                            .answer_fd = IPC_FD_SEALED,
                                            .relayed = true};
