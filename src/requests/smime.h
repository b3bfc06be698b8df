/* requests/smime - what is asked of the inspector and the signer to protect a letter by S/MIME, and how a sender gets
 * a certificate. The inspector has no key, the signer sees no letter: the keeper writes itself what is to be signed, asks the
 * signer to sign it, and then the inspector for the letter. */
#pragma once

#include "ipc/ipc.h"
#include "letter/recipient_key.h"
#include "requests/inspector.h"
#include "requests/signer.h"

#define SMIME_COPY_RECIPIENTS_MAX 250 /* with whose certificates one copy is encrypted */
#define SMIME_COPY_ATTRIBUTES_MAX 1024
#define SMIME_CRLS_BYTES_MAX                                                                       \
    ((size_t)2 << 20) /* of all lists that one certificate is held against */
#define SMIME_LISTS_MAX  4
#define SMIME_ASK_MAX    256                /* bytes of a question to a responder */
#define SMIME_ANSWER_MAX ((size_t)32 << 10) /* and of its answer */
#define SMIME_NAME_MAX   64                 /* of an authority of our own */

/* inspector_smime_seal: make the protected letter, which comes back as a sealed memory file. ERROR_INPUT when a certificate
 * cannot be used or the signature is not this letter's. */
struct smime_copy_recipient {
    struct slice chain;
    uint64_t reads; /* enum recipient_reads */
};

struct smime_seal_ask {
    struct slice sender;
    struct slice signer; /* empty: it is not signed; so are the next two */
    struct slice attributes;
    struct slice signature;
    bool encrypt;
    struct cbor_list recipients; /* struct smime_copy_recipient */
    bool modern;                 /* policy: all of them read AES-GCM and RSA-OAEP */
};

struct smime_seal_answer {
    bool gcm;
    uint64_t n_oaep;
    uint64_t n_rsa;
    uint64_t n_ecdh;
    struct slice outer; /* what stays outside */
};

extern const struct ipc_message inspector_smime_seal;

/* inspector_smime_judge: is a certificate, which comes as a sealed memory file with those that issued it, one that letters may
 * be encrypted with? */
struct smime_list {
    struct slice bytes; /* DER */
};

struct smime_ask_of { /* a question to a responder (OCSP), by HTTP */
    struct slice url;
    struct slice request; /* DER */
};

struct smime_until {
    uint64_t at_s; /* 0: the answer is of no use */
};

struct smime_judge_ask {
    struct slice sender;
    struct slice anchors; /* PEM */
    struct slice address; /* that it must name; empty: any */
    uint64_t now_s;
    bool vouched;
    bool signing;
    struct cbor_list crls; /* struct smime_list, up to SMIME_LISTS_MAX */
    bool must_know;        /* a list or an answer must speak of each of them */
    struct cbor_list
        answers; /* struct smime_list, one for each question, empty where there is none */
};

struct smime_judge_answer {
    uint64_t worth;   /* 0: good */
    struct slice why; /* in either case */
    struct cbor_list
        lists; /* texts: URLs of the lists in which it would be, HTTP alone; when it is good */
    struct cbor_list questions; /* struct smime_ask_of; when it is good */
    struct cbor_list until;     /* struct smime_until, one for each answer */
};

extern const struct ipc_message inspector_smime_judge;

/* inspector_smime_harvest: whose certificate does this letter offer, which comes as a sealed memory file? */
struct smime_harvest_ask {
    struct slice sender;
    struct slice anchors; /* PEM */
    uint64_t now_s;
};

struct smime_harvest_answer {
    struct slice from;        /* the address; empty: none is offered, and there is no key */
    struct recipient_key key; /* its own members alone */
    struct slice why;
};

extern const struct ipc_message inspector_smime_harvest;

/* smime_add: over the control socket. A certificate for one of our own, whose private key the signer keeps. A file with the
 * certificates comes along when a key is imported, and nothing otherwise. */
enum smime_add_kind { SMIME_ADD_IMPORT = 1, SMIME_ADD_AUTHORITY = 2, SMIME_ADD_ISSUE = 3 };

struct smime_add_ask {
    uint64_t kind;
    struct slice address; /* or a domain; of an authority: its name */
    struct slice key;     /* imported: PKCS #8 */
    uint64_t days;        /* how long what is made here holds */
    struct slice reason;
    bool other; /* the certificate may name another address */
};

extern const struct ipc_message smime_add; /* answered with struct recipient_key */

/* signer_smime_key: from keeper. Keep a private key, or make one with a certificate. */
struct signer_smime_key_ask {
    struct slice key;        /* PKCS #8; empty: make one, EC P-256, with a certificate as follows */
    struct slice address;    /* for whom; empty: an authority */
    struct slice name;       /* of an authority */
    struct slice issuer;     /* name of the issuing authority; empty: this one issues itself */
    struct slice issuer_key; /* the name of its key */
    uint64_t not_before_s;
    uint64_t not_after_s;
};

struct signer_smime_key_answer {
    struct slice name;        /* of the key */
    struct slice certificate; /* DER; empty when the key was imported */
};

extern const struct ipc_message signer_smime_key;

/* signer_smime_sign: from keeper. Sign the digest of a letter's signed attributes: RSA by PKCS #1 v1.5, ECDSA. */
struct signer_smime_sign_ask {
    struct slice key;
    struct slice digest; /* 32 bytes */
};

extern const struct ipc_message signer_smime_sign; /* answered with struct signer_signature */
