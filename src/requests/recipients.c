#include "requests/recipients.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define REASON_MAX 1000

static const struct cbor_field key_fields[] = {
    FIELD(1, CBOR_BYTES, inspector_key_ask, sender, INSPECTOR_SENDER_LEN),
};
static const struct cbor_schema key_ask = CBOR_SCHEMA(key_fields, struct inspector_key_ask);

static const struct cbor_field add_fields[] = {
    FIELD(1, CBOR_TEXT, recipient_key_add_ask, address, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, recipient_key_add_ask, reason, REASON_MAX),
    MAYBE(3, CBOR_BOOL, recipient_key_add_ask, vouched, 0),
    MAYBE(4, CBOR_BOOL, recipient_key_add_ask, other, 0),
};
static const struct cbor_schema add_ask = CBOR_SCHEMA(add_fields, struct recipient_key_add_ask);

static const struct cbor_field added_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct recipient_key_added, key, 0, &recipient_key_schema),
    MAYBE(2, CBOR_TEXTS, recipient_key_added, warnings, RECIPIENT_WARNINGS_MAX),
};
static const struct cbor_schema added = CBOR_SCHEMA(added_fields, struct recipient_key_added);

static const struct cbor_field list_fields[] = {
    MAYBE(1, CBOR_TEXT, recipient_list_ask, part, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, recipient_list_ask, exactly, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_BOOL, recipient_list_ask, own, 0),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_fields, struct recipient_list_ask);

static const struct cbor_field list_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct recipient_list_answer, rows, RECIPIENTS_LISTED_MAX,
                      &recipient_keys_schema),
    MAYBE(2, CBOR_BOOL, recipient_list_answer, more, 0),
    MAYBE(3, CBOR_TEXT, recipient_list_answer, smime, REASON_MAX),
    MAYBE(4, CBOR_TEXT, recipient_list_answer, openpgp, REASON_MAX),
};
static const struct cbor_schema list_answer =
    CBOR_SCHEMA(list_answer_fields, struct recipient_list_answer);

static const struct cbor_field remove_fields[] = {
    FIELD(1, CBOR_TEXT, recipient_key_drop_ask, address, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, recipient_key_drop_ask, fingerprint, RECIPIENT_FINGERPRINT_MAX),
    FIELD(3, CBOR_TEXT, recipient_key_drop_ask, reason, REASON_MAX),
};
static const struct cbor_schema remove_ask =
    CBOR_SCHEMA(remove_fields, struct recipient_key_drop_ask);

const struct ipc_message inspector_key = {360,
                                          "inspector_key",
                                          &key_ask,
                                          &recipient_key_schema,
                                          .ask_fd = IPC_FD_SEALED,
                                          .relayed = true};
const struct ipc_message recipient_key_add = {361, "recipient_key_add", &add_ask, &added,
                                              .ask_fd = IPC_FD_SEALED};
const struct ipc_message recipient_list = {362, "recipient_list", &list_ask, &list_answer};
const struct ipc_message recipient_key_drop = {363, "recipient_key_drop", &remove_ask, NULL};
