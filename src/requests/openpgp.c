#include "requests/openpgp.h"

#include "requests/signer.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define REASON_MAX 1000
#define NAME_BYTES 200
#define DIGEST_LEN 32
#define PUBLIC_LEN 32

static const struct cbor_field by_fields[] = {
    MAYBE(1, CBOR_BYTES, openpgp_signer, public, PUBLIC_LEN),
    MAYBE(2, CBOR_UINT, openpgp_signer, created_at, UINT32_MAX),
    MAYBE(3, CBOR_UINT, openpgp_signer, at, UINT32_MAX),
};
const struct cbor_schema openpgp_signer_schema = CBOR_SCHEMA(by_fields, struct openpgp_signer);

static const struct cbor_field prepare_fields[] = {
    FIELD(1, CBOR_BYTES, openpgp_prepare_ask, sender, INSPECTOR_SENDER_LEN),
    MAYBE(2, CBOR_BOOL, openpgp_prepare_ask, signs_alone, 0),
};
static const struct cbor_schema prepare_ask =
    CBOR_SCHEMA(prepare_fields, struct openpgp_prepare_ask);

static const struct cbor_field prepared_fields[] = {
    MAYBE(1, CBOR_UINT, openpgp_prepare_answer, outer_len, 2 * (uint64_t)LETTER_BYTES_MAX),
    MAYBE(2, CBOR_TEXT, openpgp_prepare_answer, outside, REASON_MAX),
};
static const struct cbor_schema prepared =
    CBOR_SCHEMA(prepared_fields, struct openpgp_prepare_answer);

static const struct cbor_field blob_fields[] = {
    FIELD(1, CBOR_BYTES, openpgp_blob, bytes, RECIPIENT_KEY_BYTES_MAX),
};
static const struct cbor_schema blob = CBOR_SCHEMA(blob_fields, struct openpgp_blob);

static const struct cbor_field seal_fields[] = {
    FIELD(1, CBOR_BYTES, openpgp_seal_ask, sender, INSPECTOR_SENDER_LEN),
    CBOR_SUB_OPTIONAL(2, CBOR_STRUCT, struct openpgp_seal_ask, by, 0, &openpgp_signer_schema),
    MAYBE(3, CBOR_UINT, openpgp_seal_ask, outer_len, 2 * (uint64_t)LETTER_BYTES_MAX),
    MAYBE(4, CBOR_BYTES, openpgp_seal_ask, signature, SIGNER_SIGNATURE_MAX),
    CBOR_SUB_OPTIONAL(5, CBOR_LIST, struct openpgp_seal_ask, keys, OPENPGP_KEYS_ASKED, &blob),
    MAYBE(6, CBOR_BOOL, openpgp_seal_ask, signs_alone, 0),
};
static const struct cbor_schema seal_ask = CBOR_SCHEMA(seal_fields, struct openpgp_seal_ask);

static const struct cbor_field sign_fields[] = {
    FIELD(1, CBOR_TEXT, signer_openpgp_ask, domain, SIGNER_NAME_MAX),
    FIELD(2, CBOR_TEXT, signer_openpgp_ask, name, SIGNER_NAME_MAX),
    FIELD(3, CBOR_BYTES, signer_openpgp_ask, digest, DIGEST_LEN),
};
static const struct cbor_schema sign_ask = CBOR_SCHEMA(sign_fields, struct signer_openpgp_ask);

static const struct cbor_field signed_fields[] = {
    FIELD(1, CBOR_BYTES, signer_openpgp_answer, signature, SIGNER_SIGNATURE_MAX),
};
static const struct cbor_schema signed_schema =
    CBOR_SCHEMA(signed_fields, struct signer_openpgp_answer);

static const struct cbor_field new_fields[] = {
    FIELD(1, CBOR_TEXT, pgp_new_ask, address, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, pgp_new_ask, name, NAME_BYTES),
    MAYBE(3, CBOR_TEXT, pgp_new_ask, reason, REASON_MAX),
};
static const struct cbor_schema new_ask = CBOR_SCHEMA(new_fields, struct pgp_new_ask);

static const struct cbor_field revoke_fields[] = {
    FIELD(1, CBOR_TEXT, pgp_revoke_ask, address, LETTER_ADDRESS_MAX),
    FIELD(2, CBOR_TEXT, pgp_revoke_ask, fingerprint, RECIPIENT_FINGERPRINT_MAX),
    FIELD(3, CBOR_TEXT, pgp_revoke_ask, reason, REASON_MAX),
};
static const struct cbor_schema revoke_ask = CBOR_SCHEMA(revoke_fields, struct pgp_revoke_ask);

const struct ipc_message inspector_openpgp_prepare = {370,
                                                      "inspector_openpgp_prepare",
                                                      &prepare_ask,
                                                      &prepared,
                                                      .ask_fd = IPC_FD_SEALED,
                                                      .answer_fd = IPC_FD_SEALED,
                                                      .relayed = true};
const struct ipc_message inspector_openpgp_seal = {371,
                                                   "inspector_openpgp_seal",
                                                   &seal_ask,
                                                   NULL,
                                                   .ask_fd = IPC_FD_SEALED,
                                                   .answer_fd = IPC_FD_SEALED,
                                                   .relayed = true};
const struct ipc_message pgp_new = {372, "pgp_new", &new_ask, &recipient_key_schema};
const struct ipc_message pgp_revoke = {373, "pgp_revoke", &revoke_ask, &recipient_key_schema};
const struct ipc_message signer_openpgp = {374, "signer_openpgp", &sign_ask, &signed_schema};
