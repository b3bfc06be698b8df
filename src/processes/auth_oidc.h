/* processes/auth_oidc - what an OpenID provider's tokens are worth: the access token of a mail client, the ID token of somebody
 * who signed in.
 *
 * The one never passes as the other. An access token is typed `at+jwt` (RFC 9068) or, where the settings allow it, `JWT`
 * without anything that an ID token alone has; it is made out for one of our audiences, for a client that we know, and has
 * the scope; one that is not signed is what the provider says that it is, and an access token only if it says so (a refresh
 * token is active as well). An ID token is made out for our client and repeats the nonce of this sign-in (OpenID Connect Core section
 * 3.1.3.7). Thread-safe. */
#pragma once

#include "config/settings.h"
#include "processes/auth_provider.h"
#include "processes/auth_tokens.h"

#define TOKEN_SKEW_S 60 /* by which the provider's clock may be ahead of ours */

enum token_verdict {
    TOKEN_GOOD,
    TOKEN_BAD,
    TOKEN_SCOPE,  /* right, and not for sending */
    TOKEN_LATER,  /* nobody can say: the provider's keys were not to be had, or too many wait */
    TOKEN_UNSAID, /* likewise, and the provider was asked about this one token */
    TOKEN_WAITS,  /* there is none yet: nobody has signed in at the provider */
};

/* What a provider gave for one sign-in. */
struct oidc_grant {
    struct slice id_token;
    struct slice access_token; /* for its userinfo endpoint; may be empty */
    struct slice nonce;        /* what the ID token must repeat, ... */
    bool
        device; /* ... or, of a code that was typed, leave out: no page carried it, so nobody can have put in another one */
};

struct oidc_judge {
    struct providers *providers;
    struct auth_tokens *tokens;
    const struct settings *settings;
};

/**
 * Judge an access token.
 *
 * @param out  who it says that somebody is, when it is good, in the arena; otherwise its `provider` alone counts: whose it is
 *             or says to be, if any section's
 * @param why  a sentence for the record, otherwise
 */
enum token_verdict oidc_access(const struct oidc_judge *j, struct slice token, struct arena *arena,
                               struct token_identity *out, const char **why) MUST_CHECK;

/**
 * Judge an ID token that a provider gave for a sign-in. Where it does not name the account the provider is asked with the
 * access token who it was (OpenID Connect Core section 5.3), and must say it of the same person.
 */
enum token_verdict oidc_sign_in(const struct oidc_judge *j, const struct oidc_settings *provider,
                                const struct oidc_grant *grant, struct arena *arena,
                                struct token_identity *out, const char **why) MUST_CHECK;
