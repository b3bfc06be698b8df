/* requests/passkeys - passkeys (WebAuthn), over the control socket of the keeper: an account's holder has some, and signs in
 * with them at the desk. Whoever asks has shown the challenge to a browser or security key. */
#pragma once

#include "letter/passkey.h"
#include "requests/approvals.h"
#include "requests/auth_passkeys.h"

#define PASSKEY_USER_LEN   32
#define PASSKEY_ORIGIN_MAX 300

/* What a browser or security key is asked with. */
struct passkey_asked {
    struct slice challenge; /* AUTH_CHALLENGE_LEN bytes; a minute */
    struct slice site;      /* RP ID */
    struct slice origin;    /* that whoever is no browser names */
    struct slice
        user; /* PASSKEY_USER_LEN bytes that stand for the account, whether it is there or not */
    struct cbor_list
        known; /* struct passkey_known: to add, those there are; to sign, those that may */
};

struct passkey_known {
    struct slice credential;
};

extern const struct cbor_schema passkey_asked_schema;

/* An open desk is not enough for this: whoever sits there proves anew that he is the account's holder. One of these. */
struct desk_proof {
    struct slice password;
    struct slice code;             /* of an authenticator app, or a recovery code */
    struct auth_assertion passkey; /* for the challenge of a passkey_begin with PASSKEY_PROVE */
};

extern const struct cbor_schema desk_proof_schema;

/* passkey_begin: a challenge for the account that is signed in. To add one wants a proof. */
struct passkey_begin_ask {
    uint64_t purpose; /* PASSKEY_ADD or PASSKEY_PROVE */
    struct desk_proof proof;
};

extern const struct ipc_message passkey_begin;

/* passkey_add: the browser or security key made one, for the challenge of PASSKEY_ADD. With the first one every session of the
 * account is ended: from then on the main password sends nothing. */
struct passkey_add_ask {
    struct slice name;
    struct slice client_data;
    struct slice attestation;
};

struct passkey_added {
    struct slice id;
    bool verifies; /* it signs in without a password, too */
    bool first;    /* the account had no second factor */
};

extern const struct ipc_message passkey_add;

/* passkey_list: an account's. Another one's is for who runs the system. */
struct passkey_list_ask {
    struct slice account; /* empty: the caller's own */
};

struct passkey_list_answer {
    struct slice account;
    struct cbor_list passkeys; /* struct passkey */
};

extern const struct ipc_message passkey_list;

/* passkey_remove: of one's own for a code or passkey, the one that goes among them; or by who runs the system with a reason.
 * The last factor of an account that has an office takes two persons. Answered with struct admin_asked. */
struct passkey_remove_ask {
    struct slice account; /* empty: the caller's own */
    struct slice which;   /* name or id */
    struct slice reason;
    struct desk_proof proof; /* without password */
};

extern const struct ipc_message passkey_remove;

/* passkey_sign_in: a challenge to sign in with and no password, whether there is such an account or not. What the passkey
 * signs goes with admin_sign_in. */
struct passkey_sign_in_ask {
    struct slice account;
};

extern const struct ipc_message passkey_sign_in;
