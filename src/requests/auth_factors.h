/* requests/auth_factors - what the keeper asks of auth about app passwords, TOTP and recovery codes: auth makes the
 * secrets, seals what is kept of them and alone opens it. */
#pragma once

#include "ipc/ipc.h"
#include "letter/app_password.h"
#include "letter/passkey.h"

#define AUTH_APP_TEXT_MAX 64   /* of an app password as it is shown */
#define AUTH_SEALED_MAX   1024 /* bytes of anything that auth sealed */
#define AUTH_LABEL_MAX    32

/* auth_app_new: make an app password. */
struct auth_app_ask {
    struct slice account;
    struct slice id;
    struct slice salt; /* of the account's SCRAM keys: as in auth_verifier_ask */
};

struct auth_app_answer {
    struct slice password; /* as it is shown, once */
    struct slice verifier;
};

extern const struct ipc_message auth_app_new;

/* auth_factor_renew: after a rotation of the master key. Seal anew what auth sealed for an account under this label
 * ("app/ID", "totp", "recovery"); the answer is empty when it is under the present key. ERROR_CORRUPT when it opens under
 * none; ERROR_BUSY as of auth_renew. */
struct auth_factor_renew_ask {
    struct slice account;
    struct slice label;
    struct slice sealed;
    uint64_t generation;
};

struct auth_sealed_answer {
    struct slice sealed;
};

extern const struct ipc_message auth_factor_renew;

/* auth_totp_new: make the secret of an authenticator app. */
struct auth_account_ask {
    struct slice account;
};

struct auth_totp_answer {
    struct slice secret; /* in base32, shown once */
    struct slice sealed;
};

extern const struct ipc_message auth_totp_new;

/* auth_recovery_new: make recovery codes. */
#define AUTH_RECOVERY_CODES 10
#define AUTH_CODE_MAX       64 /* of what somebody types */

struct auth_recovery_answer {
    struct cbor_list codes; /* texts, shown once */
    struct slice sealed;
};

extern const struct ipc_message auth_recovery_new;

/* What an account has besides its password, as the keeper keeps it. */
struct auth_second {
    struct slice totp;         /* sealed; empty: there is none */
    uint64_t step;             /* the last one that was used */
    struct slice recovery;     /* sealed; empty: there are no recovery codes */
    uint64_t recovery_spent;   /* bits */
    struct cbor_list passkeys; /* struct auth_passkey */
};

struct auth_passkey {
    struct slice id;
    struct slice credential;
    struct slice sealed;
};

extern const struct cbor_schema auth_second_schema;

/* Whether there is a second factor: then the main password alone opens nothing. */
static inline bool auth_second_is_on(const struct auth_second *s)
{
    return s->totp.len > 0 || s->passkeys.count > 0;
}

/* What a passkey signed (WebAuthn section 5.2.2). */
struct auth_assertion {
    struct slice credential; /* its id; empty: there is none */
    struct slice client_data;
    struct slice data; /* of the authenticator */
    struct slice signature;
};

extern const struct cbor_schema auth_assertion_schema;

/* What a code proved to be. Whoever is told so sees to it that it is never good again, durably, before it counts. */
struct auth_proof {
    uint64_t step;        /* of TOTP; 0: it was none */
    uint64_t recovery;    /* 1 to AUTH_RECOVERY_CODES; 0: it was none */
    struct slice of;      /* SHA-256 of what it was checked against, sealed: `totp` or `recovery` */
    struct slice passkey; /* its id; empty: it was none */
    uint64_t counter;     /* that the passkey showed */
};

extern const struct cbor_schema auth_proof_schema;

/* auth_code: is this a code of the account? Wrong ones count as failed sign-ins, from `client`. */
struct auth_code_ask {
    struct slice account;
    struct slice client;
    struct slice code;
    struct auth_second second;
};

struct auth_code_answer {
    uint64_t verdict; /* enum login_verdict */
    uint64_t delay_ms;
    struct auth_proof proof;
};

extern const struct cbor_schema auth_code_answer_schema;
extern const struct ipc_message auth_code;
