/* requests/factors - app passwords and second factors, over the control socket of the keeper. */
#pragma once

#include "letter/app_password.h"
#include "requests/approvals.h"
#include "requests/auth_factors.h"
#include "requests/passkeys.h"

/* app_password_add: whoever signed in gets one for himself; of the struct app_password name, scopes, addresses, networks,
 * domains and expires_at count. */
struct app_password_add_ask {
    struct app_password app;
    struct desk_proof proof;
};

struct app_password_added {
    struct slice id;
    struct slice password; /* shown once */
};

extern const struct ipc_message app_password_add;

/* device_add: a device that signs in by the key of its certificate; of the struct app_password what counts above, and its pin. One's own, or by
 * who runs the system with a reason for another account that has no office. Listed and revoked as app passwords are. */
struct device_add_ask {
    struct slice account; /* empty: the caller's own */
    struct slice reason;
    struct app_password device;
    struct desk_proof proof; /* for one's own */
};

struct device_added {
    struct slice account;
    struct slice id;
};

extern const struct ipc_message device_add;

/* app_password_list: an account's; without verifiers. Another one's is for who runs the system. */
struct app_password_list_ask {
    struct slice account; /* empty: the caller's own */
};

struct app_password_list_answer {
    struct slice account;
    struct cbor_list apps; /* struct app_password */
};

extern const struct ipc_message app_password_list;

/* device_list_all: the devices of all accounts, by account; for who runs the system. A page of them. */
#define DEVICES_PAGE 500 /* a page ends behind the account with which it has so many */

struct device_list_all_ask {
    struct slice after; /* the last account of the page before; empty: from the first */
};

struct device_of {
    struct slice account;
    struct app_password device;
};

struct device_list_all_answer {
    struct cbor_list devices; /* struct device_of */
    struct slice next;        /* ask again behind this one; empty: that was all */
};

extern const struct ipc_message device_list_all;

/* app_password_set: change one. Its holder widens it when he proves anew who he is; narrower it becomes without, and by who runs the
 * system. Sessions that it opened are ended. */
#define APP_SET_NAME     1U
#define APP_SET_EXPIRES  2U
#define APP_SET_NETWORKS 4U
#define APP_SET_NO_LIMITS                                                                          \
    8U /* limits of its own are taken away before those that are given count */
#define APP_SET_ALL 15U

struct app_password_set_ask {
    struct slice account; /* empty: the caller's own */
    struct slice which;   /* name or id */
    struct slice reason;
    uint64_t change; /* APP_SET_... */
    struct app_password
        app; /* what it becomes in what changes; limits count where they are not 0 */
    struct desk_proof proof;
};

extern const struct ipc_message app_password_set;

/* app_password_revoke: end one, and the sessions that it opened, at once. */
struct app_password_revoke_ask {
    struct slice account; /* empty: the caller's own */
    struct slice which;   /* name or id */
    struct slice reason;
};

extern const struct ipc_message app_password_revoke;

/* totp_begin: whoever signed in, and proved anew who he is, gets a new secret for an authenticator app, which counts for nothing before a code of
 * it was shown. */
struct factors_totp_ask {
    struct desk_proof proof;
};

struct factors_totp_secret {
    struct slice account;
    struct slice secret; /* in base32, shown once */
};

extern const struct ipc_message totp_begin;

/* totp_confirm: the first code. From then on a code is asked for at the desk, the main password sends nothing, and
 * every session of the account is ended. totp_codes: other recovery codes, for a code. */
struct factors_code_ask {
    struct slice code;
};

struct factors_codes {
    struct cbor_list codes; /* texts: recovery codes, shown once */
};

extern const struct ipc_message totp_confirm;
extern const struct ipc_message totp_codes;

/* totp_off: for a code or passkey, or by who runs the system with a reason; of an account that has an office this takes two
 * persons. Answered with struct admin_asked. */
struct factors_off_ask {
    struct slice account; /* empty: the caller's own */
    struct slice code;
    struct slice reason;
    struct auth_assertion passkey; /* instead of a code; for a challenge of PASSKEY_PROVE */
};

extern const struct ipc_message totp_off;
