/* letter/passkey - a key that a person holds, in a security key, telephone or computer, and signs in with (WebAuthn).
 *
 * What is kept of it is public but for the seal around it: auth verified the key when it was made, sealed it under its own
 * key and alone takes it for one. Plain values; the rows stand in the state (state/factors). */
#pragma once

#include "formats/cbor/cbor.h"

#define PASSKEYS_MAX           20 /* of an account */
#define PASSKEY_ID_LEN         8  /* letters */
#define PASSKEY_NAME_MAX       64
#define PASSKEY_CREDENTIAL_MAX 1023
#define PASSKEY_SEALED_MAX     512

struct passkey {
    struct slice id;         /* letters, never used twice within an account but by chance */
    struct slice name;       /* "blue key": what its holder calls it; unique within the account */
    struct slice credential; /* what the key calls itself; unique in the company */
    struct slice sealed;     /* the public key, by auth; empty where it is only shown */
    uint64_t counter;        /* of its last use, as it counts; 0: it does not count */
    bool verifies;           /* it knew its holder by PIN, finger or face when it was made */
    uint64_t created_at;
    uint64_t used_at; /* 0: never */
};
