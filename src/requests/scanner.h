/* requests/scanner - have a letter looked at by the scanners that are set. From keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/findings.h"

/* The letter comes as a sealed memfd. */
struct scanner_ask {
    struct slice from;           /* reverse-path; empty: the null path */
    struct cbor_list recipients; /* texts */
    struct slice user;           /* account */
    struct slice client;         /* its address */
    struct slice helo;
};

struct scanner_answer {
    struct cbor_list scans; /* struct scan, one for each scanner that is set */
};

extern const struct ipc_message scanner_scan;

/* scanner_locate: where is an address? For who has a database of that. */
struct scanner_locate_ask {
    struct slice address; /* as a text */
};

struct scanner_locate_answer {
    struct slice country; /* two capital letters; empty: not known */
    bool located;         /* the rest is known */
    uint64_t latitude;    /* thousandths of a degree, and 90000 */
    uint64_t longitude;   /* likewise, and 180000 */
};

extern const struct ipc_message scanner_locate;
