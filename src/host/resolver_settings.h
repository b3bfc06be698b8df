/* host/resolver_settings - what struct resolver_settings means to libunbound. For resolver.c alone. */
#pragma once

#include "host/resolver.h"

struct ub_ctx;

/* Put the settings into force and freeze them. ERROR_CONFIG names the value that is wrong. */
bool resolver_configure(struct ub_ctx *ctx, const struct resolver_settings *s,
                        struct error *e) MUST_CHECK;
