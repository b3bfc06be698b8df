/* keeper/publish_plan - what is to be done with the records of one name and type, by what is there, what we want and what we put
 * there. Pure.
 *
 * Records are equal when their RDATA is, octet by octet. Only ours are removed, and none is put beside somebody else's where there
 * may be one alone. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include "letter/published.h"

enum publish_act {
    PUBLISH_NOTHING, /* all is there as it should be */
    PUBLISH_PUT,
    PUBLISH_CHANGE,
    PUBLISH_REMOVE,
    PUBLISH_BLOCKED, /* somebody else's record, or an alias, is in the way */
};

enum publish_company {
    PUBLISH_ALONE, /* one record at this name: DKIM, DMARC, reporting, MTA-STS, SRV */
    PUBLISH_ONE_SPF, /* TXT of a domain itself: others may be there, but one SPF record (RFC 7208 section 4.5) */
    PUBLISH_TOGETHER, /* TLSA: others' stay beside ours */
};

struct publish_facts {
    struct slice name;
    uint64_t type;
    enum publish_company company;
    bool alias; /* a CNAME stands there */
    const struct slice *there;
    size_t n_there;
    const struct slice *wanted; /* none: ours go */
    size_t n_wanted;
    const struct published *ours; /* of the domain, all names */
};

struct publish_plan {
    enum publish_act act;
    struct slice *remove;
    size_t n_remove;
    struct slice *add;
    size_t n_add;
};

/* Decide. The plan's arrays are in the arena. */
void publish_plan(const struct publish_facts *facts, struct arena *arena, struct publish_plan *out);

/* The row of a record among ours, or NULL. */
struct published_row *publish_find(const struct published *ours, struct slice name, uint64_t type,
                                   struct slice rdata);
