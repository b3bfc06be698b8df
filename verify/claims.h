/* verify/claims - what clear records say of packs and erasures, and what the files must say too.
 *
 * A pack and the record of it are far apart, so both are noted, and compared when all was read. */
#pragma once

#include "verify/format.h"
#include "verify/report.h"

struct pack_claim {
    uint32_t number;
    uint8_t digest[HASH_LEN];
    uint64_t length, first, records;
    size_t order;
};

struct range {
    uint64_t first, count;
    uint32_t segment; /* of the missing */
};

struct pack_claims {
    struct pack_claim *list;
    size_t n, room;
};

struct ranges {
    struct range *list;
    size_t n, room;
};

struct claims {
    struct pack_claims recorded;
    struct pack_claims coming; /* packs that stand beside one, to take its place */
    struct pack_claims found;
    struct ranges erased;
    struct ranges missing; /* records whose payload is not there */
};

/* Note what a clear record claims; the text says what is wrong with it. */
fault claims_take(struct claims *c, const struct record *r, struct view body);

/* Note a pack that is there. */
void claims_pack(struct claims *c, const struct pack_claim *pack);
void claims_coming(struct claims *c, const struct pack_claim *pack);

/* Note a record whose payload is not there: it must have been erased. */
void claims_missing(struct claims *c, uint32_t segment, uint64_t number);

/* Compare, when all was read. Returns how many records erasures name. */
uint64_t claims_compare(struct claims *c, struct report *r);

/* Free. */
void claims_done(struct claims *c);
