#include "requests/publish.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field ask_fields[] = {
    FIELD(1, CBOR_TEXT, own_publish_ask, domain, 255),
    MAYBE(2, CBOR_BOOL, own_publish_ask, dry_run, 0),
    MAYBE(3, CBOR_TEXT, own_publish_ask, reason, 1000),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct own_publish_ask);

static const struct cbor_field row_fields[] = {
    FIELD(1, CBOR_TEXT, own_publish_row, name, 511),
    FIELD(2, CBOR_TEXT, own_publish_row, type, 8),
    FIELD(3, CBOR_UINT, own_publish_row, mark, OWN_PUBLISH_FAILED),
    MAYBE(4, CBOR_TEXT, own_publish_row, what, OWN_PUBLISH_TEXT),
    MAYBE(5, CBOR_TEXT, own_publish_row, mend, OWN_PUBLISH_TEXT),
};
static const struct cbor_schema row = CBOR_SCHEMA(row_fields, struct own_publish_row);

static const struct cbor_field answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct own_publish_answer, rows, OWN_PUBLISH_MAX, &row),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct own_publish_answer);

const struct ipc_message own_publish = {412, "own_publish", &ask, &answer};
