/* letter/internal - rows of the records' tables, and the sizes that several of them share. A file
 * defines THIS as the struct whose rows follow. */
#pragma once

#include "letter/records.h"

#define ID(type)                      CBOR_FIELD(1, CBOR_BYTES, struct type, id, LETTER_ID_LEN)
#define ROW(key, kind, member, max)   CBOR_FIELD(key, kind, struct THIS, member, max)
#define MAYBE(key, kind, member, max) CBOR_OPTIONAL(key, kind, struct THIS, member, max)
#define SCHEMA(type)                                                                               \
    const struct cbor_schema type##_schema = CBOR_SCHEMA(type##_fields, struct type)

#define DIGEST_LEN 32
#define DOMAIN_MAX 255
#define NAME_LEN   255
#define TLS_NAME   64
#define REASON_MAX 1000
