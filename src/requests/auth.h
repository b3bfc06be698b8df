/* requests/auth - what may be asked of the process that knows the passwords' verifiers. */
#pragma once

#include "ipc/ipc.h"
#include "requests/auth_factors.h"

#define AUTH_PASSWORD_MAX   1024 /* bytes, as typed */
#define AUTH_VERIFIER_MAX   512
#define AUTH_SESSION_LEN    32
#define AUTH_EXCHANGE_LEN   16
#define AUTH_SALT_LEN       16
#define AUTH_EXPORTER_LEN   32
#define AUTH_SASL_MAX       9000            /* bytes of one message */
#define AUTH_DESK_MECHANISM "postern login" /* in records of sign-ins at the command line */
#define AUTH_DESK_SECOND    AUTH_DESK_MECHANISM " + passkey" /* after the password */
#define AUTH_DESK_ALONE     AUTH_DESK_MECHANISM " --passkey" /* without one         */

enum login_verdict {
    LOGIN_ACCEPTED = 1,
    LOGIN_REFUSED = 2,    /* wrong or unknown: the client never learns which */
    LOGIN_BLOCKED = 3,    /* too many failures from there: try again later   */
    LOGIN_BUSY = 4,       /* more logins than can be checked now             */
    LOGIN_CONTINUES = 5,  /* the client has something to answer              */
    LOGIN_UNREADABLE = 6, /* what it said is no message of the mechanism     */
    LOGIN_CODE =
        7, /* at the desk: the password is right, and a code of the second factor is wanted too */
    LOGIN_WAITS =
        8, /* at the desk: nobody has signed in at the provider yet; ask again after `delay_ms` */
};

/* auth_login: from submission. Prove that somebody is an account's holder. */
struct auth_login_ask {
    struct slice user;
    struct slice password;
    struct slice client;           /* IP address */
    struct slice mechanism;        /* "PLAIN" */
    struct slice device;           /* what the client's machine calls itself: letter/device.h */
    struct slice code;             /* of the second factor, at the desk */
    struct auth_assertion passkey; /* likewise; without a password: it stands alone */
};

struct auth_login_answer {
    uint64_t verdict;
    struct slice session; /* AUTH_SESSION_LEN bytes when accepted: goes with every submit */
    struct slice account;
    uint64_t delay_ms;     /* wait this long before telling the client */
    uint64_t closed_ms;    /* for so long nobody may sign in from there: take no connection */
    struct slice exchange; /* LOGIN_CONTINUES: goes with the client's answer */
    struct slice message;  /* of the mechanism, for the client; may come with LOGIN_ACCEPTED, too */
    struct slice challenge; /* LOGIN_CODE: for a passkey of the account; empty: it has none */
};

extern const struct cbor_schema auth_login_answer_schema; /* struct auth_login_answer */
extern const struct ipc_message auth_login;

/* auth_sasl_begin: from submission. The client's first message of a mechanism with more than one (SCRAM), which
 * submission passes on as it came. */
struct auth_sasl_begin_ask {
    struct slice connection; /* AUTH_EXCHANGE_LEN random bytes that name it */
    struct slice client;     /* IP address */
    struct slice mechanism;  /* "SCRAM-SHA-256" */
    struct slice message;
    struct slice
        exporter; /* AUTH_EXPORTER_LEN bytes: what binds to this TLS connection; empty before TLS 1.3 */
    struct slice device; /* as above, here and below */
};

extern const struct ipc_message auth_sasl_begin;

/* auth_sasl_next: from submission. Its next one, of the same connection. */
struct auth_sasl_next_ask {
    struct slice connection;
    struct slice client;
    struct slice exchange;
    struct slice message;
    struct slice device;
};

extern const struct ipc_message auth_sasl_next;

/* auth_external: from submission. A client signs in by the certificate that it showed, and proved to have the key of, in the
 * handshake of this connection. */
#define AUTH_CHAIN_MAX 16384

struct auth_external_ask {
    struct slice client;       /* IP address */
    struct slice as;           /* whom it wants to be (authzid); empty: whose the certificate is */
    struct slice certificates; /* DER, one behind the other, its own first */
    struct slice device;
};

extern const struct ipc_message auth_external;

/* auth_desk: from keeper. The same for a person at the command line: the session opens the desk and
 * sends nothing. */
extern const struct ipc_message auth_desk;

/* auth_verifier: from keeper. Turn a new password into a verifier sealed by auth. ERROR_INPUT, with a
 * sentence for whoever chose it, when it is not good enough (passwords/standard). */
struct auth_verifier_ask {
    struct slice account;
    struct slice password;
    struct slice salt; /* of its SCRAM keys: AUTH_SALT_LEN bytes, always the same for an account */
    struct slice display;       /* of the account: the password must not be made of that */
    struct cbor_list addresses; /* texts, likewise */
    bool second_factor;         /* the account has one: shorter passwords will do */
};

struct auth_verifier_answer {
    struct slice verifier;
    bool beside; /* the password would not do without a second factor */
};

extern const struct ipc_message auth_verifier;

/* auth_judge: from keeper. Only say whether that password would do; struct auth_verifier_ask. */
struct auth_judge_answer {
    bool good;
    struct slice sentence; /* why not, and what would do */
};

extern const struct cbor_schema auth_judge_schema; /* struct auth_judge_answer */
extern const struct ipc_message auth_judge;

/* auth_renew: from keeper, after a rotation of the master key. Seal a verifier under the present key; the answer is
 * empty when it is. ERROR_BUSY when another generation than the keeper's is present to auth: then it says nothing. */
struct auth_renew_ask {
    struct slice account;
    struct slice verifier;
    uint64_t generation; /* of the master key that the keeper works with */
};

extern const struct ipc_message auth_renew;
