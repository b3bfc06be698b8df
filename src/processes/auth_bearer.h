/* processes/auth_bearer - OAUTHBEARER (RFC 7628) and XOAUTH2 as auth answers them.
 *
 * A token that is not good is answered by the error that the client may read, and by a refusal when it has; the same for
 * whatever was wrong, in the same time, but for one: a right token without the scope for sending says so. Which account it
 * would have been, and whether there is one, nobody learns. */
#pragma once

#include "processes/auth_parts.h"

/* Whether a mechanism is one of these. */
bool bearer_is_mechanism(struct slice mechanism);

/* Answer the first message: struct auth_sasl_begin_ask. A refusal is counted when the span is over. */
bool bearer_begin(struct auth *a, struct ipc_request *r, const struct timespec *span,
                  struct error *e) MUST_CHECK;
