/* requests/inspector - read one letter for search and policy. From keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/findings.h"

#define INSPECTOR_SENDER_LEN 16

/* The letter comes as a sealed memfd; its search terms go back as another, in the form that
 * stages/inspection describes. */
struct inspector_ask {
    struct slice sender; /* tag of the account: one life of the inspector serves one sender */
    bool shallow;        /* do not open documents and archives: a reader ended over this letter */
};

struct inspector_answer {
    struct findings findings; /* its id is left empty */
};

extern const struct ipc_message inspector_inspect;

/* inspector_stamp: is a time stamp response, which comes as a sealed memfd, what was asked for? One
 * that proves nothing is answered with ERROR_DENIED. */
struct inspector_stamp_ask {
    struct slice sender; /* the request's nonce: a life that read one reads nothing else */
    struct slice digest; /* 32 bytes */
    struct slice trust;  /* PEM of the authorities */
};

struct inspector_stamp_answer {
    uint64_t time;      /* that the authority vouches for, wall milliseconds */
    struct slice token; /* DER */
};

extern const struct ipc_message inspector_stamp;
