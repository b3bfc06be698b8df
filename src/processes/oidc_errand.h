/* processes/oidc_errand - what courier does for auth: a provider of the settings is asked for its document, its keys, or by a
 * form, with the client's secret, for what a code or a token is worth.
 *
 * Where to is found from the provider's own document, below the issuer that the settings name: auth says nothing of it, so
 * that who took it over cannot send anything to anybody else. https alone, no redirects. Thread-safe. */
#pragma once

#include "processes/errand.h"

/* Answer courier_identity; the context is the struct errands. */
bool oidc_errand_on_ask(void *errands, struct ipc_request *r, struct error *e);
