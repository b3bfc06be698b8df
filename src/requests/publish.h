/* requests/publish - put our own domains' records into the DNS by dynamic update, over the control socket of the keeper. */
#pragma once

#include "ipc/ipc.h"

#define OWN_PUBLISH_MAX  256 /* records of one domain */
#define OWN_PUBLISH_TEXT 2048

enum own_publish_mark {
    OWN_PUBLISH_SAME = 1, /* it is there */
    OWN_PUBLISH_PUT,      /* it was not there, and is put there */
    OWN_PUBLISH_CHANGED,  /* one that we had put there is replaced */
    OWN_PUBLISH_REMOVED,  /* one that we had put there is taken away */
    OWN_PUBLISH_KEPT,     /* somebody else's record does as well */
    OWN_PUBLISH_BLOCKED,  /* somebody else's record stands in the way, and stays */
    OWN_PUBLISH_LEFT,     /* the settings leave it to a person */
    OWN_PUBLISH_FAILED,
};

/* own_publish: of one domain. */
struct own_publish_ask {
    struct slice domain;
    bool dry_run; /* say what would be done */
    struct slice reason;
};

struct own_publish_row {
    struct slice name; /* without the last dot */
    struct slice type; /* "TXT" */
    uint64_t mark;     /* enum own_publish_mark */
    struct slice what; /* sentences for a person; may be empty */
    struct slice mend;
};

struct own_publish_answer {
    struct cbor_list rows; /* struct own_publish_row */
};

extern const struct ipc_message own_publish;
