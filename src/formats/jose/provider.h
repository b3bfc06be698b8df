/* formats/jose/provider - what an OpenID provider says of itself (OpenID Connect Discovery 1.0 section 3; RFC 8628 section 4).
 *
 * The issuer must be the one that was asked, letter by letter (section 4.3), and every endpoint an https URL without
 * user name or fragment. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define JOSE_URL_MAX 1024

/* Where its document lies, behind the issuer. */
#define JOSE_WELL_KNOWN "/.well-known/openid-configuration"

struct jose_provider {
    struct slice authorization; /* endpoints; empty when there is none that counts */
    struct slice token;
    struct slice introspection;
    struct slice device;   /* RFC 8628 section 4 */
    struct slice userinfo; /* OpenID Connect Core section 5.3 */
    struct slice keys;
    bool posts_secret; /* clients say their secret in the form, and not otherwise */
};

/* Whether a text is a URL as endpoints are. */
bool jose_is_endpoint(struct slice url);

/* Read a provider's document. False when it is none, or another issuer's. */
bool jose_provider_read(struct slice text, struct slice issuer, struct arena *arena,
                        struct jose_provider *out) __attribute__((warn_unused_result));
