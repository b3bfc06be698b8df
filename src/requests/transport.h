/* requests/transport - what a recipient domain's DNS says of its servers. From the keeper, which decides by it. */
#pragma once

#include "ipc/ipc.h"

#define TRANSPORT_WHY_MAX        500
#define TRANSPORT_TIMEOUT_MS_MAX (60 * 1000)

/* Could a letter leave for a server that DANE proves? */
enum survey_state {
    SURVEY_NONE,    /* no server has TLSA records that can be used */
    SURVEY_DANE,    /* one at least has */
    SURVEY_UNKNOWN, /* the DNS did not say now */
};

/* courier_survey: could a letter leave for a server that DANE proves? */
struct courier_survey_ask {
    struct slice domain; /* lower case, A-labels */
    struct slice route;  /* "host:port" of a fixed route; empty: by MX */
    uint64_t timeout_ms; /* of one question to the DNS */
};

struct courier_survey_answer {
    uint64_t state;   /* enum survey_state */
    struct slice why; /* a sentence in any case */
};

extern const struct ipc_message courier_survey;
