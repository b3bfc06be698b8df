/* requests/sessions - who is signed in, over the control socket of the keeper: looked at and ended from afar. */
#pragma once

#include "requests/approvals.h"

#define SESSION_ID_LEN     8
#define SESSIONS_SHOWN_MAX 1000

struct session_row {
    struct slice id;
    struct slice account;
    struct slice mechanism;
    struct slice app;    /* name of the app password that opened it; empty: the main password did */
    struct slice client; /* IP address, or "uid 1000" at the desk; empty: not known any more */
    uint64_t since;      /* wall clock; 0: before the daemon was started */
    uint64_t ends_at;
    struct slice
        device; /* what the client's machine calls itself, or of the desk the passkey that was used */
};

/* session_list: the open ones of an account, or everybody's for who runs the system; the newest first. */
struct session_list_ask {
    struct slice account; /* empty: the caller's own */
    bool all;             /* everybody's */
};

struct session_list_answer {
    struct cbor_list sessions; /* struct session_row */
    uint64_t count;            /* how many there are */
};

extern const struct ipc_message session_list;

/* session_end: end one, or all of an account, at once. Who knows the password signs in again. */
struct session_end_ask {
    struct slice account; /* empty: the caller's own */
    struct slice id;      /* empty: all of them */
    struct slice reason;
};

extern const struct ipc_message session_end;
