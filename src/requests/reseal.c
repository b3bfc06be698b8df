#include "requests/reseal.h"

static const struct cbor_field ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct admin_reseal_ask, before, INT64_MAX),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct admin_reseal_ask, all, 0),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct admin_reseal_ask);

const struct ipc_message admin_reseal = {141, "admin_reseal", &ask, NULL};
