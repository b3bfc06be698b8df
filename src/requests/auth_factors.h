/* requests/auth_factors - what the keeper asks of auth about app passwords, TOTP and recovery codes: auth makes the
 * secrets, seals what is kept of them and alone opens it. */
#pragma once

#include "ipc/ipc.h"
#include "letter/app_password.h"

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
 * none. */
struct auth_factor_renew_ask {
    struct slice account;
    struct slice label;
    struct slice sealed;
};

struct auth_sealed_answer {
    struct slice sealed;
};

extern const struct ipc_message auth_factor_renew;
