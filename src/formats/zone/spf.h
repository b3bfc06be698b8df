/* formats/zone/spf - may this address send for that domain? RFC 7208, with the caller's questions to the DNS.
 *
 * Bounded: ten lookups, two of them void, ten levels (section 4.6.4). Macros are not expanded: a record whose verdict depends
 * on one is SPF_UNKNOWN. Pure. */
#pragma once

#include "formats/zone/lookup.h"

enum spf_result {
    SPF_NONE,
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR,
    SPF_PERMERROR,
    SPF_UNKNOWN,
};

/**
 * Judge one address as check_host() of section 4 does.
 *
 * @param ip   4 or 16 bytes
 * @param why  set to a sentence for a person, in the arena or static: what matched or what is wrong
 */
enum spf_result spf_check(const struct zone_lookup *lookup, struct slice domain, struct slice ip,
                          struct arena *arena, struct slice *why);

/* Whether a TXT record is an SPF record (section 4.5). */
bool spf_is(struct slice text);
