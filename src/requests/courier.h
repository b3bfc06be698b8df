/* requests/courier - have something fetched from outside, or looked up in the DNS. From keeper.
 *
 * The courier may lie about what it fetched: whoever asks verifies the answer by what it says
 * itself (a signature), in a process that holds nothing. */
#pragma once

#include "ipc/ipc.h"

#define COURIER_URL_MAX     2048
#define COURIER_HEADERS_MAX 32
#define COURIER_BODY_MAX    ((size_t)64 << 20)
#define COURIER_TIMEOUT_MAX (600 * 1000)
#define COURIER_DNS_MS_MAX  (60 * 1000)
#define COURIER_DNS_RECORDS 64
#define COURIER_RDATA_MAX   65535

/* The body, if any, comes as a sealed memfd. */
struct courier_ask {
    uint64_t method; /* enum fetch_method */
    struct slice url;
    struct cbor_list headers; /* slices, "Name: value" */
    uint64_t answer_max;      /* bytes of the answer's body */
    uint64_t timeout_ms;      /* for everything */
    uint64_t redirects;       /* that are followed, of GET and HEAD; never from https to http */
    bool told;                /* a fetch that comes to nothing is an answer: `failed` */
    bool
        public_only; /* a stranger chose the URL: no address of this machine, of a link or of a private network */
};

/* The answer's body goes back as a sealed memfd, whatever the status. */
struct courier_answer {
    uint64_t status;
    struct slice type; /* Content-Type */
    uint64_t failed;   /* enum error_kind: there is no status, and the body is empty */
    struct slice why;  /* a sentence for it */
};

extern const struct ipc_message courier_fetch;

/* courier_dns: the records of a name, as host/resolver says them. */
struct courier_dns_ask {
    struct slice name; /* ASCII, without the final dot */
    uint64_t type;     /* enum dns_type */
    uint64_t timeout_ms;
};

struct courier_dns_record {
    struct slice rdata; /* wire form */
};

struct courier_dns_answer {
    uint64_t status; /* enum dns_status */
    bool secure;
    uint64_t ttl_s;
    struct cbor_list records; /* struct courier_dns_record */
    struct slice why;
};

extern const struct ipc_message courier_dns;
