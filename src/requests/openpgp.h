/* requests/openpgp - letters encrypted with OpenPGP, between keeper, inspector and signer; and our own keys, over the
 * control socket of the keeper.
 *
 * A letter is protected in three questions, so that the inspector has no secret and keeps nothing: it shares the letter out,
 * the signer signs the digest that the keeper computed over what came back, and the inspector gets its own work back with the
 * signature. */
#pragma once

#include "ipc/ipc.h"
#include "letter/recipient_key.h"
#include "requests/inspector.h"

#define OPENPGP_KEYS_ASKED                                                                         \
    200 /* recipients of one copy; what does not fit into a request is refused */

/* Whose signature; all zero: nobody's. */
struct openpgp_signer {
    struct slice public; /* 32 bytes: Ed25519 */
    uint64_t created_at; /* seconds since 1970 */
    uint64_t at;         /* time of the signature */
};

extern const struct cbor_schema openpgp_signer_schema;

/* inspector_openpgp_prepare: from keeper. A letter comes as a sealed memory file; the outer header and the payload go back as
 * another. */
struct openpgp_prepare_ask {
    struct slice sender; /* as in struct inspector_ask */
    bool signs_alone;    /* nothing is encrypted */
};

struct openpgp_prepare_answer {
    uint64_t outer_len;   /* bytes of the outer header */
    struct slice outside; /* a sentence: what can be read outside */
};

/* inspector_openpgp_seal: from keeper. What prepare gave back comes as it was; the protected letter goes back. ERROR_INPUT
 * when a key cannot be used. */
struct openpgp_blob {
    struct slice bytes;
};

struct openpgp_seal_ask {
    struct slice sender;
    struct openpgp_signer by;
    uint64_t outer_len;
    struct slice signature; /* of the payload as a document, by `by` */
    struct cbor_list keys;  /* struct openpgp_blob; none when `signs_alone`, and only then */
    bool signs_alone;
};

/* signer_openpgp: from keeper. Sign a SHA-256 digest with an OpenPGP key of ours. */
struct signer_openpgp_ask {
    struct slice domain;
    struct slice name;
    struct slice digest; /* 32 bytes */
};

struct signer_openpgp_answer {
    struct slice signature; /* 64 bytes */
};

extern const struct ipc_message inspector_openpgp_prepare;
extern const struct ipc_message inspector_openpgp_seal;
extern const struct ipc_message signer_openpgp;

/* pgp_new: over the control socket. Make a key that signs for an address of ours; answered with it. */
struct pgp_new_ask {
    struct slice address;
    struct slice name; /* of a person; may be empty */
    struct slice reason;
};

/* pgp_revoke: end one; answered with it as it is to be published. */
struct pgp_revoke_ask {
    struct slice address;
    struct slice fingerprint; /* or its beginning, 8 characters at least */
    struct slice reason;
};

extern const struct ipc_message pgp_new;
extern const struct ipc_message pgp_revoke;
