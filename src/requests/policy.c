#include "requests/policy.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field test_ask_fields[] = {
    FIELD(1, CBOR_TEXT, policy_test_ask, from, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXTS, policy_test_ask, recipients, LETTER_RECIPIENTS_MAX),
    MAYBE(3, CBOR_TEXT, policy_test_ask, reason, TEXT_MAX),
};
static const struct cbor_schema test_ask = CBOR_SCHEMA(test_ask_fields, struct policy_test_ask);

static const struct cbor_field test_answer_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct policy_test_answer, decision, 0, &decision_schema),
    MAYBE(2, CBOR_TEXT, policy_test_answer, subject, LETTER_HEADER_TEXT),
    MAYBE(3, CBOR_BOOL, policy_test_answer, no_account, 0),
};
static const struct cbor_schema test_answer =
    CBOR_SCHEMA(test_answer_fields, struct policy_test_answer);

static const struct cbor_field show_fields[] = {
    MAYBE(1, CBOR_UINT, policy_show_answer, version, 0),
    MAYBE(2, CBOR_UINT, policy_show_answer, since, 0),
    MAYBE(3, CBOR_BYTES, policy_show_answer, digest, 32),
    MAYBE(4, CBOR_TEXT, policy_show_answer, text, POLICY_TEXT_MAX),
};
static const struct cbor_schema show = CBOR_SCHEMA(show_fields, struct policy_show_answer);

const struct ipc_message policy_test = {320, "policy_test", &test_ask, &test_answer,
                                        .ask_fd = IPC_FD_SEALED};
const struct ipc_message policy_show = {321, "policy_show", NULL, &show};
