/* keeper/status_oidc - how it is going with each OpenID provider: what auth has counted since it started. Any thread. */
#pragma once

#include "base/buf.h"

#include "requests/admin.h"
#include "requests/oidc.h"

struct keeper;

#define STATUS_OIDC_EACH 4 /* facts of a provider */
#define STATUS_OIDC_MAX  (STATUS_OIDC_EACH * OIDC_PROVIDERS_MAX)

/* Write them as facts, of which there is room for STATUS_OIDC_MAX; how many they are. None while auth is away. */
size_t status_oidc_facts(struct keeper *k, struct arena *arena, struct admin_fact *facts);

/* Append them in Prometheus' text format, a label for each provider. */
void status_oidc_metrics(struct keeper *k, struct buf *out);
