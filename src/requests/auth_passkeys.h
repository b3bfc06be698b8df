/* requests/auth_passkeys - what the keeper asks of auth about passkeys (WebAuthn): auth makes the challenges and takes each
 * back once, verifies what a browser or security key says, seals new keys and alone opens them. */
#pragma once

#include "ipc/ipc.h"
#include "letter/passkey.h"
#include "requests/auth_factors.h"

#define AUTH_CHALLENGE_LEN   32
#define AUTH_CLIENT_DATA_MAX 4096  /* bytes of clientDataJSON */
#define AUTH_ATTESTATION_MAX 16384 /* of an attestation object */

/* What a challenge is good for: for nothing else. */
enum passkey_purpose {
    PASSKEY_ADD = 1,    /* a new passkey */
    PASSKEY_PROVE = 2,  /* an open desk proves anew who sits there */
    PASSKEY_SECOND = 3, /* signing in, after the password */
    PASSKEY_ALONE = 4,  /* signing in without one */
};

/* auth_passkey_begin: a fresh challenge for an account, whether there is such an account or not. It lasts a minute. */
struct auth_passkey_begin_ask {
    struct slice account;
    uint64_t purpose; /* enum passkey_purpose */
};

struct auth_passkey_begin_answer {
    struct slice challenge; /* AUTH_CHALLENGE_LEN bytes */
};

extern const struct ipc_message auth_passkey_begin;

/* auth_passkey_new: verify a new one and seal its key. ERROR_INPUT, with a sentence, when it is none for this account. */
struct auth_passkey_new_ask {
    struct slice account;
    struct slice id; /* that it will have */
    struct slice client_data;
    struct slice attestation;
};

struct auth_passkey_new_answer {
    struct slice sealed;
    struct slice credential;
    uint64_t counter;
    bool verifies;
};

extern const struct ipc_message auth_passkey_new;

/* auth_again: is whoever sits at an open desk the account's holder? With the main password, or with a passkey; wrong ones
 * count as failed sign-ins, from `client`. Answered with struct auth_code_answer. */
struct auth_again_ask {
    struct slice account;
    struct slice client;
    struct slice password;
    struct auth_assertion passkey; /* for a challenge of PASSKEY_PROVE */
};

extern const struct ipc_message auth_again;
