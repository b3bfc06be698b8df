/* keeper/transport - how well a recipient domain proves its servers now: recipients_transport() of keeper/recipients.h.
 *
 * A pin is in the settings; DANE is asked of courier, which looks and connects to nobody; MTA-STS of keeper/sts. What was found is remembered for
 * some minutes, what could not be found out for less; while the DNS is slow nobody waits for it, and the answer is that it is
 * not known. Thread-safe. */
#pragma once

#include "keeper/recipients.h"

struct transport_cache;

/* An empty memory. Never NULL. */
struct transport_cache *transport_new(void) __attribute__((returns_nonnull));

/* NULL is fine. */
void transport_free(struct transport_cache *c);
