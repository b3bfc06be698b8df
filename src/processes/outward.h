/* processes/outward - what the delivery role makes of the settings: how letters go out.
 *
 * An outward is one reading of the settings and files; it is counted, because letters that are on
 * their way were begun with it. The shared part lives as long as the
 * process. */
#pragma once

#include <stdatomic.h>

#include "host/resolver.h"
#include "processes/pins.h"
#include "processes/role.h"
#include "stages/delivery/kept.h"

#define OUTWARD_LISTENERS_MAX 32 /* addresses of ours that letters never go to */

struct outward_shared {
    struct resolver *resolver;
    struct gate *gate;
    struct kept *kept;
};

struct outward {
    struct outward *older; /* the one that this one replaced */
    atomic_uint refs;
    struct reach reach;
    struct arena arena; /* of the pins */
    struct pins pins;
    struct address listeners[OUTWARD_LISTENERS_MAX];
    uint64_t letters_per_connection;
    int64_t idle_ms;
    struct slice user; /* of the smart host; they look into the role's settings and files */
    struct slice password;
    bool smarthost_implicit;
};

/* Make the validating resolver of the settings: for every role that looks up names outside.
 * Its row names the files `root-hints` and `trust-anchor`. ERROR_CONFIG when they are refused. */
bool outward_resolver(struct role *r, struct resolver **out, struct error *e) MUST_CHECK;

/**
 * Find the addresses of a server that the settings name.
 *
 * @param arena  for what the resolver says
 * @param room   for how many addresses there is room
 * @return       false with ERROR_BUSY when there is none
 */
bool outward_find(struct resolver *resolver, const struct config_endpoint *host, bool ipv6,
                  int64_t deadline_ms, struct arena *arena, struct address *addresses, size_t room,
                  size_t *count, struct error *e) MUST_CHECK;

/* The first line of a file of a secret, without its end. */
struct slice outward_first_line(struct slice text);

/* Make what outlives every reload. ERROR_CONFIG when the resolver refuses its settings. */
bool outward_share(struct role *r, struct outward_shared *shared, struct error *e) MUST_CHECK;

/* Make one with one reference of the settings and files in force now; NULL with ERROR_CONFIG. */
struct outward *outward_new(struct role *r, const struct outward_shared *shared,
                            struct error *e) MUST_CHECK;

/* Take a further reference. */
struct outward *outward_ref(struct outward *o);

/* Give a reference up: without any the trust anchors go. The rest stays for sessions that rest, as
 * the settings do that it came from. NULL is fine. */
void outward_drop(struct outward *o);
