/* requests/sts - what the keeper knows of a recipient domain's MTA-STS policy (RFC 8461), and of the domain at large. */
#pragma once

#include "formats/sts/sts.h"
#include "ipc/ipc.h"

/* keeper_sts: from delivery. The policy that is in force for a domain. It takes as long as looking it up does. */
struct keeper_sts_ask {
    struct slice domain; /* lower case, A-labels */
    bool renew;          /* letters fail by the one that is known: is there a newer one? */
};

struct keeper_sts_answer {
    uint64_t mode; /* enum sts_mode; STS_NO_MODE: no policy */
    struct slice id;
    struct cbor_list mx; /* texts: patterns */
    uint64_t max_age_s;
};

extern const struct ipc_message keeper_sts;
