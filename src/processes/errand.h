/* processes/errand - what the courier does for one question: names looked up by the validating
 * resolver, the exchange by host/fetch, redirects as far as they were asked for. Thread-safe. */
#pragma once

#include "host/fetch.h"
#include "host/resolver.h"
#include "processes/role.h"
#include "requests/courier.h"

struct errands {
    struct role *role; /* whose settings and file `courier-trust-store` count */
    struct resolver *resolver;
};

/**
 * Fetch what is asked.
 *
 * @param body  what is sent, empty for none
 * @param got   the answer's body; its maximum is at least ask->answer_max
 * @return      false as fetch(); ERROR_BUSY also for a name without address, ERROR_DENIED for a
 *              redirect from https to http
 */
bool errand_run(const struct errands *errands, const struct courier_ask *ask, struct slice body,
                struct arena *arena, struct buf *got, struct fetch_answer *answer,
                struct error *e) MUST_CHECK;

/* Find the addresses of a host, by the validating resolver; an address is its own. `out` has room for
 * FETCH_ADDRESSES_MAX. ERROR_BUSY when it has none. */
bool errand_addresses(const struct errands *errands, struct slice host, uint16_t port,
                      int64_t deadline_ms, struct arena *arena, struct address *out, size_t *count,
                      struct error *e) MUST_CHECK;
