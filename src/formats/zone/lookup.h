/* formats/zone/lookup - how the judgements about our own domain ask the DNS: by a function of the caller's. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum zone_type {
    ZONE_A = 1,
    ZONE_MX = 15,
    ZONE_TXT = 16,
    ZONE_AAAA = 28,
    ZONE_SRV = 33,
    ZONE_TLSA = 52
};

enum zone_found {
    ZONE_FOUND,
    ZONE_NOTHING, /* the DNS says that there is nothing */
    ZONE_FAILED,  /* it says nothing that could be used */
};

struct zone_answer {
    enum zone_found found;
    bool secure;         /* proven by DNSSEC */
    struct slice *items; /* TXT: texts; MX: names; A and AAAA: 4 and 16 bytes; otherwise RDATA */
    size_t n_items;
};

/* What is asked lives in the arena. */
struct zone_lookup {
    void (*ask)(void *context, struct slice name, enum zone_type type, struct arena *arena,
                struct zone_answer *answer);
    void *context;
};
