#include "letter/outcomes.h"

#include "letter/internal.h"

#define THIS intent
static const struct cbor_field intent_fields[] = {
    ID(intent),
    ROW(2, CBOR_UINT, attempt, 0),
    ROW(3, CBOR_TEXT, domain, DOMAIN_MAX),
    ROW(4, CBOR_TEXT, host, DOMAIN_MAX),
    ROW(5, CBOR_TEXT, address, 64),
    ROW(6, CBOR_TEXTS, recipients, LETTER_RECIPIENTS_MAX),
    ROW(7, CBOR_UINT, ruling, LETTER_RECIPIENTS_MAX),
};
SCHEMA(intent);
#undef THIS

#define THIS recipient_outcome
static const struct cbor_field recipient_outcome_fields[] = {
    ROW(1, CBOR_TEXT, address, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_UINT, status, DELIVERY_UNKNOWN),
    MAYBE(3, CBOR_UINT, code, 599),
    MAYBE(4, CBOR_TEXT, enhanced, 16),
    MAYBE(5, CBOR_TEXT, reply, LETTER_REPLY_MAX),
    MAYBE(6, CBOR_UINT, index, LETTER_RECIPIENTS_MAX - 1),
};
SCHEMA(recipient_outcome);
#undef THIS

#define THIS evidence
static const struct cbor_field evidence_fields[] = {
    MAYBE(1, CBOR_TEXT, host, DOMAIN_MAX),
    MAYBE(2, CBOR_TEXT, address, 64),
    MAYBE(3, CBOR_TEXT, helo_name, DOMAIN_MAX),
    MAYBE(4, CBOR_TEXT, tls_version, TLS_NAME),
    MAYBE(5, CBOR_TEXT, tls_cipher, TLS_NAME),
    MAYBE(6, CBOR_BYTES, certificate, DIGEST_LEN),
    MAYBE(7, CBOR_TEXT, verdict, REASON_MAX),
    MAYBE(8, CBOR_UINT, level, LEVEL_AUTHENTICATED),
    MAYBE(9, CBOR_BOOL, dnssec, 0),
    MAYBE(10, CBOR_UINT, started_at, 0),
    MAYBE(11, CBOR_UINT, ended_at, 0),
    MAYBE(12, CBOR_BOOL, dsn, 0),
    MAYBE(13, CBOR_TEXT, proof, TLS_NAME),
    MAYBE(14, CBOR_TEXT, published, DOMAIN_MAX),
};
SCHEMA(evidence);
#undef THIS

#define THIS outcome
static const struct cbor_field outcome_fields[] = {
    ID(outcome),
    MAYBE(2, CBOR_UINT, attempt, 0),
    ROW(3, CBOR_TEXT, domain, DOMAIN_MAX),
    CBOR_SUB(4, CBOR_STRUCT, struct outcome, evidence, 0, &evidence_schema),
    CBOR_SUB(5, CBOR_LIST, struct outcome, recipients, LETTER_RECIPIENTS_MAX,
             &recipient_outcome_schema),
    MAYBE(6, CBOR_UINT, retry_at, 0),
    ROW(7, CBOR_UINT, ruling, LETTER_RECIPIENTS_MAX),
};
SCHEMA(outcome);
#undef THIS

#define THIS notice
static const struct cbor_field notice_fields[] = {
    ID(notice),
    MAYBE(2, CBOR_BYTES, notice, LETTER_ID_LEN),
    ROW(3, CBOR_UINT, kind, NOTICE_SUCCESS),
    ROW(4, CBOR_TEXTS, recipients, LETTER_RECIPIENTS_MAX),
    ROW(5, CBOR_UINT, ruling, LETTER_RECIPIENTS_MAX),
};
SCHEMA(notice);
#undef THIS
