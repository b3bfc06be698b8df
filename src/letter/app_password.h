/* letter/app_password - a password for one program or device: made by Postern, never chosen. Or a device that has none, and
 * signs in by the key of its certificate.
 *
 * It signs in where an account's main password would, within limits of its own. The verifier is auth's: it made it, it
 * alone opens it. Plain values; the rows stand in the state (state/factors). */
#pragma once

#include "formats/cbor/cbor.h"

#define APP_PASSWORDS_MAX         32 /* of an account */
#define APP_PASSWORD_ID_LEN       8  /* letters */
#define APP_PASSWORD_NAME_MAX     64
#define APP_PASSWORD_ITEMS        16 /* addresses, networks or domains */
#define APP_PASSWORD_VERIFIER_MAX 512
#define APP_PASSWORD_PIN_LEN      32 /* SHA-256 */

/* Limits of its own: windows (hour, day) and what is counted (letters, recipients, addresses, first-time recipients, bytes), as
 * stages/limits has them. */
#define APP_LIMIT_WINDOWS  2
#define APP_LIMIT_MEASURES 5

/* What it is good for: bits. */
#define APP_SCOPE_SEND 1U
#define APP_SCOPE_READ 2U

struct app_password {
    struct slice id;            /* letters, never used twice within an account but by chance */
    struct slice name;          /* "phone": what its holder calls it; unique within the account */
    struct slice verifier;      /* sealed by auth; empty where it is only shown */
    uint64_t scopes;            /* APP_SCOPE_... */
    struct cbor_list addresses; /* texts: it sends as these alone; none: as the account does */
    struct cbor_list networks;  /* texts: it signs in from these alone; none: from anywhere */
    struct cbor_list domains;   /* texts: it sends to recipients in these alone; none: to anybody */
    uint64_t created_at;
    uint64_t expires_at; /* 0: never */
    uint64_t used_at;    /* to within ten minutes: the ledger has each sign-in; 0: never */
    struct slice used_from;
    struct slice
        pin; /* of a device: SHA-256 of its certificate's SubjectPublicKeyInfo; empty: it is a password */
    uint64_t most[APP_LIMIT_WINDOWS]
                 [APP_LIMIT_MEASURES]; /* beside the account's; 0: none of its own */
};

/* 1 to APP_PASSWORD_NAME_MAX of a-z, A-Z, 0-9, blank, dot, dash and underscore, no blank at either end. */
bool app_password_name_is_good(struct slice name);

/* Whether it is over at this moment of the wall clock. */
bool app_password_is_over(const struct app_password *p, uint64_t now_ms);
