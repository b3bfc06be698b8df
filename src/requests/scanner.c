#include "requests/scanner.h"

#include "letter/records.h"

#define TEXT_MAX 1024

static const struct cbor_field ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct scanner_ask, from, LETTER_ADDRESS_MAX),
    CBOR_SUB(2, CBOR_TEXTS, struct scanner_ask, recipients, LETTER_RECIPIENTS_MAX, NULL),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct scanner_ask, user, TEXT_MAX),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct scanner_ask, client, TEXT_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct scanner_ask, helo, TEXT_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct scanner_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct scanner_answer, scans, SCANS_MAX, &scan_schema),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct scanner_answer);

const struct ipc_message scanner_scan = {290, "scanner_scan", &ask, &answer,
                                         .ask_fd = IPC_FD_SEALED};

static const struct cbor_field locate_ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct scanner_locate_ask, address, 64),
};
static const struct cbor_schema locate_ask =
    CBOR_SCHEMA(locate_ask_fields, struct scanner_locate_ask);

static const struct cbor_field locate_answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXT, struct scanner_locate_answer, country, 2),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct scanner_locate_answer, located, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct scanner_locate_answer, latitude, 180000),
    CBOR_OPTIONAL(4, CBOR_UINT, struct scanner_locate_answer, longitude, 360000),
};
static const struct cbor_schema locate_answer =
    CBOR_SCHEMA(locate_answer_fields, struct scanner_locate_answer);

const struct ipc_message scanner_locate = {291, "scanner_locate", &locate_ask, &locate_answer};
