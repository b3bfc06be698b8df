#include "requests/approvals.h"

#include "letter/account_role.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define WHO_MAX  4096
#define TEXT_MAX 1000

static const struct cbor_field asked_fields[] = {
    MAYBE(1, CBOR_BYTES, admin_asked, id, LETTER_ID_LEN),
    MAYBE(2, CBOR_UINT, admin_asked, expires_at, 0),
    MAYBE(3, CBOR_TEXT, admin_asked, who, WHO_MAX),
    MAYBE(4, CBOR_TEXT, admin_asked, object, TEXT_MAX),
    MAYBE(5, CBOR_BOOL, admin_asked, wants_proof, 0),
};
const struct cbor_schema admin_asked_schema = CBOR_SCHEMA(asked_fields, struct admin_asked);

static const struct cbor_field request_fields[] = {
    FIELD(1, CBOR_BYTES, admin_request, id, LETTER_ID_LEN),
    FIELD(2, CBOR_UINT, admin_request, kind, 16),
    FIELD(3, CBOR_TEXT, admin_request, object, TEXT_MAX),
    FIELD(4, CBOR_TEXT, admin_request, by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_UINT, admin_request, role, ACCOUNT_ROLE_LAST),
    FIELD(6, CBOR_TEXT, admin_request, reason, TEXT_MAX),
    FIELD(7, CBOR_UINT, admin_request, asked_at, 0),
    FIELD(8, CBOR_UINT, admin_request, expires_at, 0),
    MAYBE(9, CBOR_TEXT, admin_request, approved_by, LETTER_ADDRESS_MAX),
    MAYBE(10, CBOR_TEXT, admin_request, approved_for, TEXT_MAX),
    MAYBE(11, CBOR_TEXT, admin_request, who, WHO_MAX),
};
static const struct cbor_schema request = CBOR_SCHEMA(request_fields, struct admin_request);

static const struct cbor_field requests_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct admin_requests_answer, requests, APPROVALS_LISTED_MAX,
                      &request),
};
static const struct cbor_schema requests =
    CBOR_SCHEMA(requests_fields, struct admin_requests_answer);

static const struct cbor_field verdict_ask_fields[] = {
    FIELD(1, CBOR_BYTES, admin_verdict_ask, id, LETTER_ID_LEN),
    FIELD(2, CBOR_UINT, admin_verdict_ask, verdict, VERDICT_WITHDRAWN),
    MAYBE(3, CBOR_TEXT, admin_verdict_ask, reason, TEXT_MAX),
};
static const struct cbor_schema verdict_ask =
    CBOR_SCHEMA(verdict_ask_fields, struct admin_verdict_ask);

static const struct cbor_field verdict_answer_fields[] = {
    FIELD(1, CBOR_UINT, admin_verdict_answer, state, VERDICT_FAILED),
    MAYBE(2, CBOR_TEXT, admin_verdict_answer, said, TEXT_MAX),
    MAYBE(3, CBOR_TEXT, admin_verdict_answer, object, TEXT_MAX),
};
static const struct cbor_schema verdict_answer =
    CBOR_SCHEMA(verdict_answer_fields, struct admin_verdict_answer);

const struct ipc_message admin_requests = {130, "admin_requests", NULL, &requests};
const struct ipc_message admin_verdict = {131, "admin_verdict", &verdict_ask, &verdict_answer};
