#include "requests/courier.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field ask_fields[] = {
    FIELD(1, CBOR_UINT, courier_ask, method, 5),
    FIELD(2, CBOR_TEXT, courier_ask, url, COURIER_URL_MAX),
    CBOR_SUB_OPTIONAL(3, CBOR_TEXTS, struct courier_ask, headers, COURIER_HEADERS_MAX, NULL),
    FIELD(4, CBOR_UINT, courier_ask, answer_max, COURIER_BODY_MAX),
    FIELD(5, CBOR_UINT, courier_ask, timeout_ms, COURIER_TIMEOUT_MAX),
    MAYBE(6, CBOR_UINT, courier_ask, redirects, 10),
    MAYBE(7, CBOR_BOOL, courier_ask, told, 0),
    MAYBE(8, CBOR_BOOL, courier_ask, public_only, 0),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct courier_ask);

static const struct cbor_field answer_fields[] = {
    FIELD(1, CBOR_UINT, courier_answer, status, 999),
    MAYBE(2, CBOR_TEXT, courier_answer, type, 255),
    MAYBE(3, CBOR_UINT, courier_answer, failed, ERROR_DENIED),
    MAYBE(4, CBOR_TEXT, courier_answer, why, ERROR_TEXT_MAX),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct courier_answer);

const struct ipc_message courier_fetch = {1,
                                          "courier_fetch",
                                          &ask,
                                          &answer,
                                          .ask_fd = IPC_FD_SEALED_OPTIONAL,
                                          .answer_fd = IPC_FD_SEALED};

static const struct cbor_field dns_ask_fields[] = {
    FIELD(1, CBOR_TEXT, courier_dns_ask, name, 255),
    FIELD(2, CBOR_UINT, courier_dns_ask, type, UINT16_MAX),
    FIELD(3, CBOR_UINT, courier_dns_ask, timeout_ms, COURIER_DNS_MS_MAX),
};
static const struct cbor_schema dns_ask = CBOR_SCHEMA(dns_ask_fields, struct courier_dns_ask);

static const struct cbor_field record_fields[] = {
    FIELD(1, CBOR_BYTES, courier_dns_record, rdata, COURIER_RDATA_MAX),
};
static const struct cbor_schema record = CBOR_SCHEMA(record_fields, struct courier_dns_record);

static const struct cbor_field dns_answer_fields[] = {
    FIELD(1, CBOR_UINT, courier_dns_answer, status, UINT8_MAX),
    MAYBE(2, CBOR_BOOL, courier_dns_answer, secure, 0),
    MAYBE(3, CBOR_UINT, courier_dns_answer, ttl_s, UINT32_MAX),
    CBOR_SUB_OPTIONAL(4, CBOR_LIST, struct courier_dns_answer, records, COURIER_DNS_RECORDS,
                      &record),
    MAYBE(5, CBOR_TEXT, courier_dns_answer, why, 1000),
};
static const struct cbor_schema dns_answer =
    CBOR_SCHEMA(dns_answer_fields, struct courier_dns_answer);

const struct ipc_message courier_dns = {390, "courier_dns", &dns_ask, &dns_answer};
