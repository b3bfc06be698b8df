/* requests/factors - app passwords and second factors, over the control socket of the keeper. */
#pragma once

#include "letter/app_password.h"
#include "requests/approvals.h"
#include "requests/auth_factors.h"

/* app_password_add: whoever signed in gets one for himself; of the struct app_password name, scopes, addresses, networks,
 * domains and expires_at count. */
struct app_password_added {
    struct slice id;
    struct slice password; /* shown once */
};

extern const struct ipc_message app_password_add;

/* app_password_list: an account's; without verifiers. Another one's is for who runs the system. */
struct app_password_list_ask {
    struct slice account; /* empty: the caller's own */
};

struct app_password_list_answer {
    struct slice account;
    struct cbor_list apps; /* struct app_password */
};

extern const struct ipc_message app_password_list;

/* app_password_revoke: end one, and the sessions that it opened, at once. */
struct app_password_revoke_ask {
    struct slice account; /* empty: the caller's own */
    struct slice which;   /* name or id */
    struct slice reason;
};

extern const struct ipc_message app_password_revoke;
