#include "requests/overrides.h"

#include "letter/ruling.h"

#define DOMAIN_MAX 255

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct admin_override_ask, domain, DOMAIN_MAX),
    CBOR_OPTIONAL(2, CBOR_UINT, struct admin_override_ask, level, LEVEL_VERIFIED),
    CBOR_OPTIONAL(3, CBOR_UINT, struct admin_override_ask, until, 0),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct admin_override_ask, reason, OVERRIDE_REASON_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct admin_override_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_BOOL, struct admin_override_answer, found, 0),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct admin_override_answer);

const struct ipc_message admin_override = {341, "admin_override", &ask, &answer};
