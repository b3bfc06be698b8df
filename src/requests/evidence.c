#include "requests/evidence.h"

#include "letter/records.h"

#define TEXT_MAX 1000

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct suspension_evidence_ask, account, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(2, CBOR_UINT, struct suspension_evidence_ask, suspension, INT64_MAX),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct suspension_evidence_ask, note, 4096),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct suspension_evidence_ask, reason, TEXT_MAX),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct suspension_evidence_ask, digest, 32),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct suspension_evidence_ask);

const struct ipc_message suspension_evidence = {451, "suspension_evidence", &ask, NULL,
                                                .answer_fd = IPC_FD_SEALED};
