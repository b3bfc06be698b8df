/* processes/auth_span - a fixed span of time that an answer takes, so that nobody learns from its time what was looked for
 * and whether it was found. Any thread. */
#pragma once

#include <time.h>

#define AUTH_SPAN_US 3000

/* When a span that begins now is over. */
struct timespec auth_span_begin(void);

/* Wait until then. NULL is fine: no time at all. */
void auth_span_end(const struct timespec *end);
