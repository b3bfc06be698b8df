/* requests/own_domain - what our own domains say in the DNS, over the control socket of the keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/dkim_rotation.h"

#define OWN_RECORDS_MAX 1000
#define OWN_DOMAINS_MAX 200
#define OWN_TEXT_MAX    4096
#define OWN_SIGNS_MAX   256

/* own_records: what should be published; with `check`, also what is. */
struct own_records_ask {
    struct slice domain; /* one of ours; empty: all */
    bool check;
};

struct own_record {
    struct slice domain;
    struct slice name; /* without the last dot */
    struct slice type; /* "TXT" */
    struct slice line; /* as it stands in a zone file */
    struct slice note;
    bool optional;
    uint64_t mark; /* enum zone_mark; 0: not looked at */
    struct slice what;
    struct slice mend;
};

/* The policy file of MTA-STS of one domain. */
struct own_policy {
    struct slice domain;
    struct slice file;
};

struct own_records_answer {
    struct cbor_list records;  /* struct own_record */
    struct cbor_list policies; /* struct own_policy */
};

extern const struct ipc_message own_records;

/* own_rotate: make new DKIM keys for a domain of ours; see keeper/rotation. */
struct own_rotate_ask {
    struct slice domain; /* empty: all */
    struct slice reason;
};

extern const struct ipc_message own_rotate;

/* own_rotations: how far that is. */
struct own_rotation {
    struct slice domain;
    struct cbor_list signs; /* texts: selectors of the keys that sign now */
    struct dkim_rotation rotation;
};

struct own_rotations_answer {
    struct cbor_list rotations; /* struct own_rotation */
};

extern const struct ipc_message own_rotations;
