#include "requests/zone_update.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)
#define RECORDS(key, type, member)                                                                 \
    CBOR_SUB_OPTIONAL(key, CBOR_LIST, struct type, member, ZONE_UPDATE_RECORDS_MAX, &rdata)

#define NAME_MAX_OCTETS 253
#define WHY_MAX         1000

static const struct cbor_field rdata_fields[] = {
    FIELD(1, CBOR_BYTES, zone_rdata, rdata, ZONE_UPDATE_RDATA_MAX),
};
static const struct cbor_schema rdata = CBOR_SCHEMA(rdata_fields, struct zone_rdata);

static const struct cbor_field read_ask_fields[] = {
    FIELD(1, CBOR_TEXT, zone_read_ask, zone, NAME_MAX_OCTETS),
    FIELD(2, CBOR_TEXT, zone_read_ask, name, NAME_MAX_OCTETS),
    FIELD(3, CBOR_UINT, zone_read_ask, type, UINT16_MAX),
    FIELD(4, CBOR_UINT, zone_read_ask, timeout_ms, ZONE_UPDATE_MS_MAX),
};
static const struct cbor_schema read_ask = CBOR_SCHEMA(read_ask_fields, struct zone_read_ask);

static const struct cbor_field read_answer_fields[] = {
    FIELD(1, CBOR_UINT, zone_read_answer, state, ZONE_UPDATE_NAME),
    MAYBE(2, CBOR_BOOL, zone_read_answer, alias, 0),
    RECORDS(3, zone_read_answer, records),
    MAYBE(4, CBOR_TEXT, zone_read_answer, why, WHY_MAX),
};
static const struct cbor_schema read_answer =
    CBOR_SCHEMA(read_answer_fields, struct zone_read_answer);

static const struct cbor_field write_ask_fields[] = {
    FIELD(1, CBOR_TEXT, zone_write_ask, zone, NAME_MAX_OCTETS),
    FIELD(2, CBOR_TEXT, zone_write_ask, name, NAME_MAX_OCTETS),
    FIELD(3, CBOR_UINT, zone_write_ask, type, UINT16_MAX),
    FIELD(4, CBOR_UINT, zone_write_ask, ttl_s, 86400),
    RECORDS(5, zone_write_ask, was),
    RECORDS(6, zone_write_ask, remove),
    RECORDS(7, zone_write_ask, add),
    FIELD(8, CBOR_UINT, zone_write_ask, timeout_ms, ZONE_UPDATE_MS_MAX),
};
static const struct cbor_schema write_ask = CBOR_SCHEMA(write_ask_fields, struct zone_write_ask);

static const struct cbor_field write_answer_fields[] = {
    FIELD(1, CBOR_UINT, zone_write_answer, state, ZONE_UPDATE_NAME),
    MAYBE(2, CBOR_TEXT, zone_write_answer, why, WHY_MAX),
};
static const struct cbor_schema write_answer =
    CBOR_SCHEMA(write_answer_fields, struct zone_write_answer);

const struct ipc_message zone_read = {410, "zone_read", &read_ask, &read_answer};
const struct ipc_message zone_write = {411, "zone_write", &write_ask, &write_answer};
