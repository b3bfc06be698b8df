/* processes/auth_end_point - by which of our certificates a client may have come: what it proves with the channel
 * binding tls-server-end-point is compared with what auth itself has of them, not with what the submission process
 * says.
 *
 * A certificate that was replaced counts as long as connections may stand that began with it: the last END_POINTS
 * of this process' life. Thread-safe. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

#define END_POINTS 4

struct end_points;

/* Make one that knows none. */
struct end_points *end_points_new(void) __attribute__((returns_nonnull));

/* NULL is fine. */
void end_points_free(struct end_points *p);

/* Clients are shown this certificate (PEM) from now on. One that has no such binding is said in the log. */
void end_points_note(struct end_points *p, struct slice certificate);

/* Whether a binding is that of a certificate that was noted. */
bool end_points_know(struct end_points *p, struct slice binding);

OWN_BY(end_points, struct end_points, end_points_free)
