#include "letter/consent.h"

#include "letter/internal.h"

#define THIS consent_need
static const struct cbor_field consent_need_fields[] = {
    ROW(1, CBOR_TEXT, rule, 64),
    ROW(2, CBOR_BYTES, digest, DIGEST_LEN),
    MAYBE(3, CBOR_TEXT, text, CONSENT_TEXT_MAX),
    ROW(4, CBOR_TEXT, why, REASON_MAX),
    ROW(5, CBOR_TEXTS, approvers, CONSENT_APPROVERS_MAX),
    ROW(6, CBOR_UINT, until, 0),
};
SCHEMA(consent_need);
#undef THIS

#define THIS consent_record
static const struct cbor_field consent_record_fields[] = {
    ID(consent_record),
    ROW(2, CBOR_UINT, state, CONSENT_TIMED_OUT),
    ROW(3, CBOR_TEXT, rule, 64),
    ROW(4, CBOR_BYTES, digest, DIGEST_LEN),
    MAYBE(5, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, at, NAME_LEN),
    MAYBE(7, CBOR_UINT, role, 0),
    MAYBE(8, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(9, CBOR_TEXTS, told, CONSENT_APPROVERS_MAX),
    MAYBE(10, CBOR_BYTES, notices, CONSENT_NOTICES_MAX *LETTER_ID_LEN),
};
SCHEMA(consent_record);
#undef THIS

const char *consent_state_name(uint64_t state)
{
    static const char *const names[] = {"?", "told", "approved", "refused", "timed out"};

    return names[state <= CONSENT_TIMED_OUT ? state : 0];
}
