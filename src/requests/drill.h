/* requests/drill - an attack is played against an account that is made for it, and what happened is asked.
 *
 * The attack itself is no request: whoever plays it signs in and sends as everybody does. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"

#define DRILL_ALARMS_MAX 16
#define DRILL_WHY_MAX    3000

/* drill_begin: make an account that is good for half an hour, and whose letters never leave. One at a time. */
struct drill_begin_ask {
    struct slice reason;
    bool decoy; /* put a decoy into its own contacts */
};

struct drill_begin_answer {
    struct slice account;
    struct slice password;
    struct slice decoy; /* its address; empty: none was asked for */
    uint64_t until;
};

extern const struct ipc_message drill_begin;

struct drill_account_ask {
    struct slice account;
};

/* What became of one way in which an alarm is told. */
enum drill_way {
    DRILL_NOT_SET = 0, /* the setting names nobody to tell */
    DRILL_WAITS = 1,
    DRILL_TOLD = 2, /* the program ended with 0; the other side answered 2xx */
    DRILL_FAILED = 3,
};

struct drill_alarm {
    struct slice event;
    uint64_t at;
    uint64_t command; /* enum drill_way */
    uint64_t webhook;
};

/* drill_look: what happened up to now. */
struct drill_look_answer {
    uint64_t letters;      /* that were taken */
    uint64_t reached;      /* different addresses outside that they were to */
    uint64_t suspended_at; /* 0: it is not */
    uint64_t points;
    struct slice why;
    struct cbor_list alarms; /* struct drill_alarm */
};

extern const struct ipc_message drill_look;

/* drill_end: record that, and close the account; answered with what drill_look says. */
extern const struct ipc_message drill_end;
