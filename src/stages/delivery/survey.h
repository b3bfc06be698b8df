/* stages/delivery/survey - could a letter to a domain leave for a server that DANE proves?
 *
 * What reach.h would find, asked beforehand and without a connection: for who decides how a letter is protected. Thread-safe;
 * what it returns lives in the caller's arena. */
#pragma once

#include "requests/transport.h"
#include "stages/delivery/lookup.h"

/**
 * Look at the first servers of a domain.
 *
 * @param route  "host:port" of a fixed route; empty: by MX
 * @param why    set to a sentence in either case, without a full stop
 */
enum survey_state survey_domain(const struct lookup *l, struct slice domain, struct slice route,
                                struct arena *arena, struct slice *why);
