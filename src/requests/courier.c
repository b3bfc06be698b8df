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
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct courier_ask);

static const struct cbor_field answer_fields[] = {
    FIELD(1, CBOR_UINT, courier_answer, status, 999),
    MAYBE(2, CBOR_TEXT, courier_answer, type, 255),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct courier_answer);

const struct ipc_message courier_fetch = {1,
                                          "courier_fetch",
                                          &ask,
                                          &answer,
                                          .ask_fd = IPC_FD_SEALED_OPTIONAL,
                                          .answer_fd = IPC_FD_SEALED};
