#include "requests/store.h"

static const struct cbor_field ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct store_ask, name, 100),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct store_ask);

const struct ipc_message object_put = {20, "object_put", &ask, NULL, .ask_fd = IPC_FD_SEALED};
const struct ipc_message object_get = {21, "object_get", &ask, NULL, .answer_fd = IPC_FD_SEALED};
const struct ipc_message object_list = {22, "object_list", &ask, NULL, .answer_fd = IPC_FD_SEALED};
const struct ipc_message object_remove = {23, "object_remove", &ask, NULL};
const struct ipc_message object_renew = {24, "object_renew", &ask, NULL};
