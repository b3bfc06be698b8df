#include "requests/secrets.h"

#include "letter/records.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field protect_fields[] = {
    FIELD(1, CBOR_BYTES, inspector_protect_ask, sender, INSPECTOR_SENDER_LEN),
    FIELD(2, CBOR_TEXT, inspector_protect_ask, password, SECRET_LEN_MAX),
    MAYBE(3, CBOR_BOOL, inspector_protect_ask, text_stays, 0),
    MAYBE(4, CBOR_UINT, inspector_protect_ask, language, 16),
    MAYBE(5, CBOR_TEXT, inspector_protect_ask, cover, SECRET_COVER_MAX),
    MAYBE(6, CBOR_BOOL, inspector_protect_ask, scrub, 0),
};
static const struct cbor_schema protect_ask =
    CBOR_SCHEMA(protect_fields, struct inspector_protect_ask);

static const struct cbor_field protected_fields[] = {
    MAYBE(1, CBOR_TEXTS, inspector_protect_answer, texts, SECRET_TEXTS_MAX),
};
static const struct cbor_schema protect_answer =
    CBOR_SCHEMA(protected_fields, struct inspector_protect_answer);

static const struct cbor_field secret_fields[] = {
    FIELD(1, CBOR_TEXT, recipient_secret_ask, address, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_UINT, recipient_secret_ask, act, RECIPIENT_SECRET_REMOVE),
    MAYBE(3, CBOR_TEXT, recipient_secret_ask, password, SECRET_LEN_MAX),
    MAYBE(4, CBOR_TEXT, recipient_secret_ask, reason, SECRET_REASON_MAX),
};
static const struct cbor_schema secret_ask =
    CBOR_SCHEMA(secret_fields, struct recipient_secret_ask);

static const struct cbor_field secret_answer_fields[] = {
    MAYBE(1, CBOR_TEXT, recipient_secret_answer, password, SECRET_LEN_MAX),
    MAYBE(2, CBOR_UINT, recipient_secret_answer, at, 0),
    MAYBE(3, CBOR_TEXT, recipient_secret_answer, by, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_BOOL, recipient_secret_answer, generated, 0),
};
static const struct cbor_schema secret_answer =
    CBOR_SCHEMA(secret_answer_fields, struct recipient_secret_answer);

static const struct cbor_field phone_fields[] = {
    FIELD(1, CBOR_TEXT, recipient_phone_ask, address, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_UINT, recipient_phone_ask, act, RECIPIENT_SECRET_REMOVE),
    MAYBE(3, CBOR_TEXT, recipient_phone_ask, number, SECRET_LEN_MAX),
    MAYBE(4, CBOR_TEXT, recipient_phone_ask, reason, SECRET_REASON_MAX),
};
static const struct cbor_schema phone_ask = CBOR_SCHEMA(phone_fields, struct recipient_phone_ask);

static const struct cbor_field phone_answer_fields[] = {
    MAYBE(1, CBOR_TEXT, recipient_phone_answer, number, SECRET_LEN_MAX),
    MAYBE(2, CBOR_UINT, recipient_phone_answer, at, 0),
    MAYBE(3, CBOR_TEXT, recipient_phone_answer, by, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema phone_answer =
    CBOR_SCHEMA(phone_answer_fields, struct recipient_phone_answer);

static const struct cbor_field letter_fields[] = {
    FIELD(1, CBOR_BYTES, letter_secret_ask, id, LETTER_ID_LEN),
};
static const struct cbor_schema letter_ask = CBOR_SCHEMA(letter_fields, struct letter_secret_ask);

static const struct cbor_field letter_answer_fields[] = {
    FIELD(1, CBOR_TEXT, letter_secret_answer, password, SECRET_LEN_MAX),
    FIELD(2, CBOR_UINT, letter_secret_answer, until, 0),
    MAYBE(3, CBOR_TEXTS, letter_secret_answer, recipients, SECRET_RECIPIENTS_MAX),
};
static const struct cbor_schema letter_answer =
    CBOR_SCHEMA(letter_answer_fields, struct letter_secret_answer);

const struct ipc_message recipient_secret = {381, "recipient_secret", &secret_ask, &secret_answer,
                                             .secret = true};
const struct ipc_message letter_secret = {382, "letter_secret", &letter_ask, &letter_answer,
                                          .secret = true};
const struct ipc_message recipient_phone = {425, "recipient_phone", &phone_ask, &phone_answer,
                                            .secret = true};
const struct ipc_message inspector_protect = {380,
                                              "inspector_protect",
                                              &protect_ask,
                                              &protect_answer,
                                              .ask_fd = IPC_FD_SEALED,
                                              .answer_fd = IPC_FD_SEALED,
                                              .relayed = true,
                                              .secret = true};
