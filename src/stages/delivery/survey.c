#include "stages/delivery/survey.h"

#include "stages/delivery/dane.h"

#define HOSTS_MAX                                                                                  \
    4 /* of a domain that are looked at: a letter would be gone long before the fifth */

/* One host's answer on top of the others': one that is proven is enough, and one that is not known may be. */
static enum survey_state look_at(const struct lookup *l, const struct route_host *host,
                                 enum survey_state state, struct arena *arena, struct slice *why)
{
    struct lookup_addresses found;
    struct dane dane = {.state = DANE_NONE};

    lookup_addresses(l, host, arena, &found);
    if (found.n > 0) {
        dane_look_up(l, host, &found, arena, &dane);
    } else if (found.failed) {
        dane = (struct dane){.state = DANE_UNKNOWN, .note = found.why};
    }
    switch (dane.state) {
    case DANE_USABLE:
        *why = arena_printf(arena, "DANE: %.*s", SLICE_ARG(dane.note));
        return SURVEY_DANE;
    case DANE_UNKNOWN:
        *why = dane.note;
        return SURVEY_UNKNOWN;
    case DANE_UNUSABLE:
        *why = state == SURVEY_NONE ? dane.note : *why;
        break;
    case DANE_NONE:
        break;
    }
    return state;
}

enum survey_state survey_domain(const struct lookup *l, struct slice domain, struct slice route,
                                struct arena *arena, struct slice *why)
{
    struct lookup_trust trust;
    enum survey_state state = SURVEY_NONE;
    struct route hosts = lookup_route(l, domain, route, arena, &trust);

    *why = SLICE("it has no TLSA records that DNSSEC proves");
    if (hosts.verdict != ROUTE_FOUND) {
        *why = hosts.why;
        return hosts.verdict == ROUTE_LATER ? SURVEY_UNKNOWN : SURVEY_NONE;
    }
    if (!trust.secure && !trust.set) {
        return SURVEY_NONE;
    }
    for (size_t i = 0; i < hosts.n_hosts && i < HOSTS_MAX && state != SURVEY_DANE; i++) {
        state = look_at(l, &hosts.hosts[i], state, arena, why);
    }
    return state;
}
