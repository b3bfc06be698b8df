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
