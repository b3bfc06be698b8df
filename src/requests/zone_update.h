/* requests/zone_update - what a [dns-update] server has of a name, and its change. From keeper to courier, which alone has the key.
 *
 * Names the zone of the section, so that nothing can be sent to anybody else. What comes back was proven by the key, as far as courier is
 * to be believed. */
#pragma once

#include "ipc/ipc.h"

#define ZONE_UPDATE_RECORDS_MAX 64
#define ZONE_UPDATE_RDATA_MAX   4096
#define ZONE_UPDATE_MS_MAX      60000

enum zone_update_state {
    ZONE_UPDATE_DONE = 1, /* it is as asked */
    ZONE_UPDATE_MOVED,    /* nothing was done: what is there has changed meanwhile */
    ZONE_UPDATE_REFUSED,  /* the server says no, and why */
    ZONE_UPDATE_FAILED,   /* it is not known whether anything was done */
    ZONE_UPDATE_NAME,     /* nothing was done, which says nothing about other names */
};

struct zone_rdata {
    struct slice rdata; /* wire form */
};

/* zone_read: the records of a name and type. */
struct zone_read_ask {
    struct slice zone; /* of the section */
    struct slice name;
    uint64_t type;
    uint64_t timeout_ms;
};

struct zone_read_answer {
    uint64_t state;           /* enum zone_update_state */
    bool alias;               /* a CNAME stands there */
    struct cbor_list records; /* struct zone_rdata */
    struct slice why;
};

extern const struct ipc_message zone_read;

/* zone_write: the records of a name and type from `was` to what `remove` and `add` make of it; nothing when anything else than `was` is
 * there. */
struct zone_write_ask {
    struct slice zone;
    struct slice name;
    uint64_t type;
    uint64_t ttl_s;
    struct cbor_list was;    /* struct zone_rdata; none: nothing may be there */
    struct cbor_list remove; /* likewise */
    struct cbor_list add;    /* likewise */
    uint64_t timeout_ms;
};

struct zone_write_answer {
    uint64_t state; /* enum zone_update_state */
    struct slice why;
};

extern const struct ipc_message zone_write;
