/* processes/auth_oidc_grant - what a provider's token endpoint gives: for the code that a browser brought (RFC 6749 section
 * 4.1.3), or to a machine for which somebody typed a code elsewhere (RFC 8628).
 *
 * The second way is between two files: here the provider is asked for a code that a person types on its page, and then, no
 * more often than it wants to be asked, whether somebody did. What is given is judged by processes/auth_oidc. Thread-safe
 * but for an attempt, which is whose it is. */
#pragma once

#include "processes/auth_attempts.h"
#include "processes/auth_oidc.h"

#define GRANT_PAUSE_MS                                                                             \
    5000 /* between questions, where the provider does not say: RFC 8628 section 3.2 */
#define GRANT_SLOWER_MS    5000 /* longer, when it says `slow_down`: section 3.5 */
#define GRANT_PAUSE_MAX_MS 60000

/* What a person is shown. */
struct grant_page {
    struct slice url;
    struct slice user_code;
};

/**
 * Have a browser's code exchanged.
 *
 * @param redirect  where the browser brought it to
 * @param out       its tokens are from the arena
 * @return          TOKEN_GOOD, TOKEN_BAD, or TOKEN_LATER; `why` is then a sentence for the record
 */
enum token_verdict grant_by_code(struct providers *p, const struct oidc_settings *provider,
                                 const struct attempt *x, struct slice code, struct slice redirect,
                                 struct arena *arena, struct oidc_grant *out,
                                 const char **why) MUST_CHECK;

/**
 * Begin a sign-in by a code that a person types (RFC 8628 section 3.1): the attempt has then what it is asked for with.
 *
 * @param page  from the arena
 * @return      false with ERROR_CONFIG when the settings or the provider do not have it, ERROR_BUSY or ERROR_LIMIT when the
 *              provider is not to be had
 */
bool grant_begin_device(struct providers *p, const struct oidc_settings *provider,
                        struct attempt *x, int64_t now_ms, struct arena *arena,
                        struct grant_page *page, struct error *e) MUST_CHECK;

/**
 * Ask whether somebody typed it (section 3.4).
 *
 * @return  TOKEN_WAITS when it is too early to ask, nobody did yet, or the provider is away: x->next_ms is when to ask again
 */
enum token_verdict grant_by_device(struct providers *p, const struct oidc_settings *provider,
                                   struct attempt *x, int64_t now_ms, struct arena *arena,
                                   struct oidc_grant *out, const char **why) MUST_CHECK;

/* What goes to the provider for the verifier of an attempt (RFC 7636 section 4.2): a form's two fields. */
void grant_add_challenge(const struct attempt *x, struct buf *form);
