/* keeper/own_domain - what our own domains should say in the DNS, and what they do say, which courier looks up.
 *
 * courier may lie: what comes of an answer is a sentence for a person, and when a new DKIM key is used. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/zone/zone.h"

struct keeper;

/* A domain of ours, and how long questions about it may take. */
struct own_domain {
    struct keeper *keeper;
    struct slice domain;
    int64_t deadline_ms; /* steady clock */
    struct zone_facts facts;
};

/**
 * Gather what is known of a domain: settings, keys, and from the DNS its MX and our addresses.
 *
 * @param out  lives in the arena
 * @return     false when the signer does not say which keys there are
 */
bool own_domain_gather(struct keeper *k, struct slice domain, int64_t deadline_ms,
                       struct arena *arena, struct own_domain *out, struct error *e) MUST_CHECK;

/* How to ask about it: for zone_judge(). The context is the struct own_domain. */
struct zone_lookup own_domain_lookup(struct own_domain *own);
