/* letter/published - which DNS records of a domain of ours Postern put there, or found as it wants them: a value of the state, one for
 * each domain. What is not in it is somebody else's, and stays as it is. */
#pragma once

#include "formats/cbor/cbor.h"

#define PUBLISHED_STATE      "dns-published/" /* name of the value, before the domain in lower case */
#define PUBLISHED_MAX        1000
#define PUBLISHED_DIGEST_LEN 32

struct published_row {
    struct slice name;   /* without the last dot */
    uint64_t type;       /* of the DNS: 16 is TXT */
    struct slice digest; /* SHA-256 of the RDATA in wire form */
    bool retired;        /* a DKIM key that is destroyed: the record is to go */
};

struct published {
    struct cbor_list rows; /* struct published_row */
};

extern const struct cbor_schema published_schema;
