/* processes/links - connections that the supervisor makes for a role that can make none.
 *
 * A role whose row says `links` talks to the servers that the settings name, and to nobody else: it has no call to make or connect
 * a socket. It asks the supervisor, which knows the settings and never looks at what comes over the
 * connection, and gets the descriptor of one to the place it asked for. */
#pragma once

#include "processes/child.h"
#include "processes/role.h"

enum link_place {
    LINK_CLAMD = 1,
    LINK_RSPAMD = 2,
};

/**
 * Get a connection to a place.
 *
 * @param deadline_ms  of the steady clock
 * @param fd           set to a connected stream socket that does not block; the caller's
 * @return             false with ERROR_CONFIG: the place is not set; ERROR_BUSY: nobody is there, or not in time
 */
bool role_link(struct role *r, enum link_place place, int64_t deadline_ms, int *fd,
               struct error *e) MUST_CHECK;

/* The control thread's: a connection came, or why there is none. */
bool role_take_link(struct role *r, struct ipc_packet *p, struct arena *arena,
                    struct error *e) MUST_CHECK;

/* The supervisor's: answer a role that asked. It waits for nobody: the connection may still be on its way. False when the
 * role may not ask, or does not take the answer: it is to be given up. */
bool links_answer(struct child *c, const struct ipc_packet *p, const struct settings *settings,
                  struct arena *arena, struct error *e) MUST_CHECK;
