#include "requests/signer.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

static const struct cbor_field tls_fields[] = {
    FIELD(1, CBOR_TEXT, signer_tls_ask, key, SIGNER_NAME_MAX),
    FIELD(2, CBOR_UINT, signer_tls_ask, scheme, SCHEME_ED25519),
    MAYBE(3, CBOR_TEXT, signer_tls_ask, hash, 32),
    FIELD(4, CBOR_BYTES, signer_tls_ask, data, SIGNER_DATA_MAX),
};
static const struct cbor_schema tls_ask = CBOR_SCHEMA(tls_fields, struct signer_tls_ask);

static const struct cbor_field wish_fields[] = {
    FIELD(1, CBOR_TEXT, signer_dkim_wish, domain, SIGNER_NAME_MAX),
    FIELD(2, CBOR_TEXT, signer_dkim_wish, selector, SIGNER_NAME_MAX),
    FIELD(3, CBOR_BYTES, signer_dkim_wish, digest, 32),
};
static const struct cbor_schema wish = CBOR_SCHEMA(wish_fields, struct signer_dkim_wish);

static const struct cbor_field dkim_fields[] = {
    CBOR_SUB(1, CBOR_LIST, struct signer_dkim_ask, wishes, SIGNER_WISHES_MAX, &wish),
};
static const struct cbor_schema dkim_ask = CBOR_SCHEMA(dkim_fields, struct signer_dkim_ask);

static const struct cbor_field note_fields[] = {
    FIELD(1, CBOR_TEXT, signer_note_ask, text, SIGNER_DATA_MAX),
};
static const struct cbor_schema note_ask = CBOR_SCHEMA(note_fields, struct signer_note_ask);

static const struct cbor_field signature_fields[] = {
    FIELD(1, CBOR_BYTES, signer_signature, signature, SIGNER_SIGNATURE_MAX),
    MAYBE(2, CBOR_BYTES, signer_signature, public, SIGNER_PUBLIC_MAX),
};
const struct cbor_schema signer_signature_schema =
    CBOR_SCHEMA(signature_fields, struct signer_signature);

static const struct cbor_field signatures_fields[] = {
    CBOR_SUB(1, CBOR_LIST, struct signer_dkim_answer, signatures, SIGNER_WISHES_MAX,
             &signer_signature_schema),
};
static const struct cbor_schema signatures =
    CBOR_SCHEMA(signatures_fields, struct signer_dkim_answer);

static const struct cbor_field key_fields[] = {
    FIELD(1, CBOR_UINT, signer_key, kind, KEY_OPENPGP),
    MAYBE(2, CBOR_TEXT, signer_key, domain, SIGNER_NAME_MAX),
    FIELD(3, CBOR_TEXT, signer_key, name, SIGNER_NAME_MAX),
    FIELD(4, CBOR_BYTES, signer_key, public, SIGNER_PUBLIC_MAX),
    FIELD(5, CBOR_UINT, signer_key, created_at, 0),
};
const struct cbor_schema signer_key_schema = CBOR_SCHEMA(key_fields, struct signer_key);

static const struct cbor_field new_fields[] = {
    FIELD(1, CBOR_UINT, signer_new_ask, kind, KEY_OPENPGP),
    MAYBE(2, CBOR_TEXT, signer_new_ask, domain, SIGNER_NAME_MAX),
    FIELD(3, CBOR_TEXT, signer_new_ask, name, SIGNER_NAME_MAX),
    MAYBE(4, CBOR_UINT, signer_new_ask, bits, 4096),
};
const struct cbor_schema signer_new_schema = CBOR_SCHEMA(new_fields, struct signer_new_ask);

static const struct cbor_field keys_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct signer_keys, keys, SIGNER_KEYS_MAX, &signer_key_schema),
};
const struct cbor_schema signer_keys_schema = CBOR_SCHEMA(keys_fields, struct signer_keys);

static const struct cbor_field file_fields[] = {
    FIELD(1, CBOR_TEXT, signer_file, name, SIGNER_NAME_MAX),
    FIELD(2, CBOR_BYTES, signer_file, bytes, 64 << 10),
};
static const struct cbor_schema file_schema = CBOR_SCHEMA(file_fields, struct signer_file);

static const struct cbor_field files_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct signer_files, files, SIGNER_KEYS_MAX, &file_schema),
};
const struct cbor_schema signer_files_schema = CBOR_SCHEMA(files_fields, struct signer_files);

const struct ipc_message signer_tls = {1, "signer_tls", &tls_ask, &signer_signature_schema};
const struct ipc_message signer_dkim = {2, "signer_dkim", &dkim_ask, &signatures};
const struct ipc_message signer_note = {3, "signer_note", &note_ask, &signer_signature_schema};
const struct ipc_message signer_new_key = {4, "signer_new_key", &signer_new_schema,
                                           &signer_key_schema};
const struct ipc_message signer_drop_key = {392, "signer_drop_key", &signer_new_schema, NULL};
const struct ipc_message signer_list = {5, "signer_list", NULL, &signer_keys_schema};
const struct ipc_message signer_files = {6, "signer_files", NULL, NULL, .answer_fd = IPC_FD_SEALED};
