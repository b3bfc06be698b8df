#include "requests/smime.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX    1000
#define DIGEST_SIZE 32
#define ANCHORS_MAX ((size_t)1 << 20)
#define OUTER_MAX   2000
#define PKCS8_MAX   4096
#define URL_MAX     1000
#define DAYS_MAX    36500

static const struct cbor_field recipient_fields[] = {
    FIELD(1, CBOR_BYTES, smime_copy_recipient, chain, RECIPIENT_KEY_BYTES_MAX),
    MAYBE(2, CBOR_UINT, smime_copy_recipient, reads, 0),
};
static const struct cbor_schema recipient =
    CBOR_SCHEMA(recipient_fields, struct smime_copy_recipient);

static const struct cbor_field seal_fields[] = {
    FIELD(1, CBOR_BYTES, smime_seal_ask, sender, INSPECTOR_SENDER_LEN),
    MAYBE(2, CBOR_BYTES, smime_seal_ask, signer, RECIPIENT_KEY_BYTES_MAX),
    MAYBE(3, CBOR_BYTES, smime_seal_ask, attributes, SMIME_COPY_ATTRIBUTES_MAX),
    MAYBE(4, CBOR_BYTES, smime_seal_ask, signature, SIGNER_SIGNATURE_MAX),
    MAYBE(5, CBOR_BOOL, smime_seal_ask, encrypt, 0),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct smime_seal_ask, recipients, SMIME_COPY_RECIPIENTS_MAX,
                      &recipient),
    MAYBE(7, CBOR_BOOL, smime_seal_ask, modern, 0),
};
static const struct cbor_schema seal_ask = CBOR_SCHEMA(seal_fields, struct smime_seal_ask);

static const struct cbor_field sealed_fields[] = {
    MAYBE(1, CBOR_BOOL, smime_seal_answer, gcm, 0),
    MAYBE(2, CBOR_UINT, smime_seal_answer, n_oaep, 0),
    MAYBE(3, CBOR_UINT, smime_seal_answer, n_rsa, 0),
    MAYBE(4, CBOR_UINT, smime_seal_answer, n_ecdh, 0),
    MAYBE(5, CBOR_TEXT, smime_seal_answer, outer, OUTER_MAX),
};
static const struct cbor_schema sealed = CBOR_SCHEMA(sealed_fields, struct smime_seal_answer);

static const struct cbor_field list_fields[] = {
    FIELD(1, CBOR_BYTES, smime_list, bytes, SMIME_CRLS_BYTES_MAX),
};
static const struct cbor_schema list = CBOR_SCHEMA(list_fields, struct smime_list);

static const struct cbor_field answer_fields[] = {
    FIELD(1, CBOR_BYTES, smime_list, bytes, SMIME_ANSWER_MAX),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct smime_list);

static const struct cbor_field ask_of_fields[] = {
    FIELD(1, CBOR_TEXT, smime_ask_of, url, URL_MAX),
    FIELD(2, CBOR_BYTES, smime_ask_of, request, SMIME_ASK_MAX),
};
static const struct cbor_schema ask_of = CBOR_SCHEMA(ask_of_fields, struct smime_ask_of);

static const struct cbor_field until_fields[] = {
    FIELD(1, CBOR_UINT, smime_until, at_s, 0),
};
static const struct cbor_schema until = CBOR_SCHEMA(until_fields, struct smime_until);

static const struct cbor_field judge_fields[] = {
    FIELD(1, CBOR_BYTES, smime_judge_ask, sender, INSPECTOR_SENDER_LEN),
    MAYBE(2, CBOR_BYTES, smime_judge_ask, anchors, ANCHORS_MAX),
    MAYBE(3, CBOR_TEXT, smime_judge_ask, address, LETTER_ADDRESS_MAX),
    FIELD(4, CBOR_UINT, smime_judge_ask, now_s, 0),
    MAYBE(5, CBOR_BOOL, smime_judge_ask, vouched, 0),
    MAYBE(6, CBOR_BOOL, smime_judge_ask, signing, 0),
    CBOR_SUB_OPTIONAL(7, CBOR_LIST, struct smime_judge_ask, crls, SMIME_LISTS_MAX, &list),
    MAYBE(8, CBOR_BOOL, smime_judge_ask, must_know, 0),
    CBOR_SUB_OPTIONAL(9, CBOR_LIST, struct smime_judge_ask, answers, SMIME_LISTS_MAX, &answer),
};
static const struct cbor_schema judge_ask = CBOR_SCHEMA(judge_fields, struct smime_judge_ask);

static const struct cbor_field judged_fields[] = {
    MAYBE(1, CBOR_UINT, smime_judge_answer, worth, 0),
    FIELD(2, CBOR_TEXT, smime_judge_answer, why, TEXT_MAX),
    MAYBE(3, CBOR_TEXTS, smime_judge_answer, lists, SMIME_LISTS_MAX),
    CBOR_SUB_OPTIONAL(4, CBOR_LIST, struct smime_judge_answer, questions, SMIME_LISTS_MAX, &ask_of),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct smime_judge_answer, until, SMIME_LISTS_MAX, &until),
};
static const struct cbor_schema judged = CBOR_SCHEMA(judged_fields, struct smime_judge_answer);

static const struct cbor_field harvest_fields[] = {
    FIELD(1, CBOR_BYTES, smime_harvest_ask, sender, INSPECTOR_SENDER_LEN),
    MAYBE(2, CBOR_BYTES, smime_harvest_ask, anchors, ANCHORS_MAX),
    FIELD(3, CBOR_UINT, smime_harvest_ask, now_s, 0),
};
static const struct cbor_schema harvest_ask = CBOR_SCHEMA(harvest_fields, struct smime_harvest_ask);

static const struct cbor_field harvested_fields[] = {
    MAYBE(1, CBOR_TEXT, smime_harvest_answer, from, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(2, CBOR_STRUCT, struct smime_harvest_answer, key, 0, &recipient_key_schema),
    FIELD(3, CBOR_TEXT, smime_harvest_answer, why, TEXT_MAX),
};
static const struct cbor_schema harvested =
    CBOR_SCHEMA(harvested_fields, struct smime_harvest_answer);

static const struct cbor_field add_fields[] = {
    FIELD(1, CBOR_UINT, smime_add_ask, kind, SMIME_ADD_ISSUE),
    FIELD(2, CBOR_TEXT, smime_add_ask, address, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_BYTES, smime_add_ask, key, PKCS8_MAX),
    MAYBE(4, CBOR_UINT, smime_add_ask, days, DAYS_MAX),
    MAYBE(5, CBOR_TEXT, smime_add_ask, reason, TEXT_MAX),
    MAYBE(6, CBOR_BOOL, smime_add_ask, other, 0),
};
static const struct cbor_schema add_ask = CBOR_SCHEMA(add_fields, struct smime_add_ask);

static const struct cbor_field key_fields[] = {
    MAYBE(1, CBOR_BYTES, signer_smime_key_ask, key, PKCS8_MAX),
    MAYBE(2, CBOR_TEXT, signer_smime_key_ask, address, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_TEXT, signer_smime_key_ask, name, SMIME_NAME_MAX),
    MAYBE(4, CBOR_TEXT, signer_smime_key_ask, issuer, SMIME_NAME_MAX),
    MAYBE(5, CBOR_TEXT, signer_smime_key_ask, issuer_key, SIGNER_NAME_MAX),
    MAYBE(6, CBOR_UINT, signer_smime_key_ask, not_before_s, 0),
    MAYBE(7, CBOR_UINT, signer_smime_key_ask, not_after_s, 0),
};
static const struct cbor_schema key_ask = CBOR_SCHEMA(key_fields, struct signer_smime_key_ask);

static const struct cbor_field keyed_fields[] = {
    FIELD(1, CBOR_TEXT, signer_smime_key_answer, name, SIGNER_NAME_MAX),
    MAYBE(2, CBOR_BYTES, signer_smime_key_answer, certificate, RECIPIENT_KEY_BYTES_MAX),
};
static const struct cbor_schema keyed = CBOR_SCHEMA(keyed_fields, struct signer_smime_key_answer);

static const struct cbor_field sign_fields[] = {
    FIELD(1, CBOR_TEXT, signer_smime_sign_ask, key, SIGNER_NAME_MAX),
    FIELD(2, CBOR_BYTES, signer_smime_sign_ask, digest, DIGEST_SIZE),
};
static const struct cbor_schema sign_ask = CBOR_SCHEMA(sign_fields, struct signer_smime_sign_ask);

const struct ipc_message inspector_smime_seal = {365,
                                                 "inspector_smime_seal",
                                                 &seal_ask,
                                                 &sealed,
                                                 .ask_fd = IPC_FD_SEALED,
                                                 .answer_fd = IPC_FD_SEALED,
                                                 .relayed = true};
const struct ipc_message inspector_smime_judge = {
    366, "inspector_smime_judge", &judge_ask, &judged, .ask_fd = IPC_FD_SEALED, .relayed = true};
const struct ipc_message inspector_smime_harvest = {
    367,        "inspector_smime_harvest", &harvest_ask,
    &harvested, .ask_fd = IPC_FD_SEALED,   .relayed = true};
const struct ipc_message smime_add = {
    367,           "smime_add", &add_ask, &recipient_key_schema, .ask_fd = IPC_FD_SEALED_OPTIONAL,
    .secret = true};
const struct ipc_message signer_smime_key = {368, "signer_smime_key", &key_ask, &keyed,
                                             .secret = true};
const struct ipc_message signer_smime_sign = {369, "signer_smime_sign", &sign_ask,
                                              &signer_signature_schema};
