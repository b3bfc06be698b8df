/* requests/guard - what accounts may send, and what is known about what they sent. */
#pragma once

#include "ipc/ipc.h"
#include "letter/account_role.h"
#include "letter/app_password.h"
#include "letter/passkey.h"
#include "letter/records.h"
#include "requests/admin.h"

#define GUARD_WINDOWS  2 /* hour, day */
#define GUARD_MEASURES 5 /* letters, recipients, addresses, first-time, bytes */

/* An account's own limits, also as the state holds them. Of the figures 0 is: as the settings say. */
struct account_limits {
    struct slice account;
    uint64_t most[GUARD_WINDOWS][GUARD_MEASURES];
    uint64_t until; /* wall milliseconds; 0: none of its own */
    struct slice reason;
    struct slice by;
    uint64_t since;
};

extern const struct cbor_schema account_limits_schema;

/* account_limits_set: give an account limits of its own; an `until` that is over takes them away. */
extern const struct ipc_message account_limits_set;

struct account_name_ask {
    struct slice account;
};

/* account_show: what an account may send, and has sent. */
struct account_show_answer {
    struct account_limits own;
    uint64_t allowed[GUARD_WINDOWS][GUARD_MEASURES]; /* as it counts now; 0: no limit */
    uint64_t sent[GUARD_WINDOWS][GUARD_MEASURES];
    uint64_t role;
    bool disabled;
    uint64_t sessions; /* open ones that send */
    uint64_t points;   /* of signs that it is stolen, now */
    struct slice signs;
    uint64_t suspend_score; /* the points that suspend it; 0: none do */
    uint64_t suspended_at;  /* 0: it is not */
    struct slice suspended_by;
    struct slice suspended_why;
};

extern const struct ipc_message account_show;

/* account_suspend: have an account send no more. */
struct account_suspend_ask {
    struct slice account;
    struct slice reason;
};

extern const struct ipc_message account_suspend;

/* account_release: let it send again; not by itself. */
struct account_release_ask {
    struct slice account;
    struct slice reason;
    uint64_t letters; /* that were held: 0 they stay so, 1 go on their way, 2 are cancelled */
};

#define ACCOUNT_ADDED_MAX (APP_PASSWORDS_MAX + PASSKEYS_MAX + 1)

/* With what it can sign in only since shortly before it was suspended: whoever stole it may have left it there. */
struct account_added {
    struct slice what; /* "app password", "device", "passkey", "authenticator app" */
    struct slice name; /* as its holder calls it; empty: it has none */
    uint64_t at;       /* wall milliseconds */
};

struct account_release_answer {
    struct admin_done letters;
    struct cbor_list added; /* struct account_added */
    uint64_t since;         /* from when on they are listed */
};

extern const struct ipc_message account_release;
