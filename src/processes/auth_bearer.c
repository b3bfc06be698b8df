#include "processes/auth_bearer.h"

#include "base/clock.h"
#include "base/log.h"

#include "formats/jose/provider.h"
#include "formats/sasl/bearer.h"
#include "formats/smtp/server.h"

#define ANSWER_TEXT_MAX SMTP_CHALLENGE_MAX

_Static_assert(BEARER_MESSAGE_MAX <= AUTH_SASL_MAX, "what a client may say can be asked");

static bool is_xoauth2(struct slice mechanism)
{
    return slice_equal(mechanism, SLICE("XOAUTH2"));
}

bool bearer_is_mechanism(struct slice mechanism)
{
    return is_xoauth2(mechanism) || slice_equal(mechanism, SLICE("OAUTHBEARER"));
}

/* What the client may read of it. */
static struct slice error_text(const struct settings *s, bool xoauth2, bool scope,
                               struct arena *arena)
{
    const struct oidc_settings *o = settings_oidc_mail(s);
    OWN(buf) struct buf text = {.max = 4096};
    struct bearer_error error = {
        .status = xoauth2 ? (scope ? SLICE("403") : SLICE("401"))
                          : (scope ? SLICE("insufficient_scope") : SLICE("invalid_token")),
        .scope = o ? o->scope : SLICE_NONE,
        .schemes = xoauth2};

    if (o && !xoauth2) {
        bool slash = o->issuer.ptr[o->issuer.len - 1] == '/';
        error.document = arena_printf(arena, "%.*s" JOSE_WELL_KNOWN,
                                      SLICE_ARG(slice_head(o->issuer, o->issuer.len - slash)));
    }
    bearer_write_error(&error, &text);
    if (text.len > ANSWER_TEXT_MAX) { /* then without what the client knows anyhow */
        error.document = error.scope = SLICE_NONE;
        buf_reset(&text);
        bearer_write_error(&error, &text);
    }
    return arena_copy(arena, buf_slice(&text));
}

/* It is refused and recorded at once; the client is told so when it has answered to the error. */
static void tell(struct auth *a, struct login *l, bool scope, struct ipc_request *r)
{
    const struct auth_sasl_begin_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct exchange *x = exchange_new(ask->connection.ptr, l->now_ms);

    auth_refuse(a, l, r);
    x->refused = true;
    answer->verdict = LOGIN_CONTINUES;
    answer->exchange = arena_copy(r->arena, SLICE_ARRAY(x->id));
    answer->message = error_text(a->options.settings(a->options.context),
                                 is_xoauth2(ask->mechanism), scope, r->arena);
    exchanges_put(a->exchanges, x, l->now_ms);
}

/* Whom the client says to be, if anybody, must be whom the token names. */
static bool is_named(const struct login *l, struct slice named, struct arena *arena)
{
    return named.len == 0 || slice_equal(auth_lower(named, arena), l->user);
}

static bool judge_account(struct auth *a, struct login *l, struct slice named,
                          struct ipc_request *r, bool *good, struct error *e)
{
    *good = false;
    if (!auth_look_up(a, l, r->arena, e)) {
        return false;
    }
    if (!is_named(l, named, r->arena)) {
        l->reason = "the token is of another account than the client says";
        l->account.found = false; /* whose it is the client has not shown */
        return true;
    }
    if (!l->account.found || l->account.disabled) {
        l->reason = l->account.found ? "closed account" : "unknown account";
        return true;
    }
    *good = auth_prove(a, l, r->arena) == LOGIN_ACCEPTED;
    return true;
}

/* Nobody can say. Who has the provider asked for what it does not answer is counted by the place that he comes from, not by
 * the name that he says: each such question may take as long as the provider pleases. */
static void put_off(struct auth *a, const struct login *l, bool asked, struct ipc_request *r)
{
    struct slice place = arena_printf(r->arena, "bearer %.*s", SLICE_ARG(l->ask->client));
    bool blocked = false;

    if (asked) {
        (void)auth_throttle_failed(a->throttle, auth_settings_of(a), place, l->ask->client,
                                   l->now_ms, &blocked);
    }
    log_event(LOG_WARNING, "auth.provider_silent", LOG_TEXT("reason", l->reason),
              LOG_NUMBER("blocked", blocked));
    ((struct auth_login_answer *)r->answer)->verdict = LOGIN_BUSY;
}

static bool judge(struct auth *a, struct login *l, const struct bearer_message *message,
                  struct ipc_request *r, struct error *e)
{
    const struct settings *settings = a->options.settings(a->options.context);
    const struct oidc_judge with = {a->providers, a->tokens, settings};
    struct slice named = slice_of(message->user, message->user_len);
    bool good = false;

    l->reason = "the client showed no token";
    enum token_verdict verdict =
        message->token.len ? oidc_access(&with, message->token, r->arena, &l->identity, &l->reason)
                           : TOKEN_BAD;
    if (verdict == TOKEN_LATER || verdict == TOKEN_UNSAID) {
        put_off(a, l, verdict == TOKEN_UNSAID, r);
        return true;
    }
    if (verdict != TOKEN_GOOD) {
        l->identity = (struct token_identity){.provider = l->identity.provider};
        tell(a, l, verdict == TOKEN_SCOPE, r);
        return true;
    }
    l->user = auth_lower(l->identity.account, r->arena);
    if (!judge_account(a, l, named, r, &good, e)) {
        return false;
    }
    if (!good) {
        tell(a, l, false, r);
        return true;
    }
    return auth_accept(a, l, r, e);
}

bool bearer_begin(struct auth *a, struct ipc_request *r, const struct timespec *span,
                  struct error *e)
{
    const struct auth_sasl_begin_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct auth_login_ask who = {
        .client = ask->client, .mechanism = ask->mechanism, .device = ask->device};
    struct login l = {.ask = &who, .now_ms = clock_steady_ms(), .span = span};
    struct bearer_message message;
    bool read = is_xoauth2(ask->mechanism) ? bearer_read_xoauth2(ask->message, &message)
                                           : bearer_read(ask->message, &message);

    answer->verdict = LOGIN_UNREADABLE;
    if (ask->connection.len != EXCHANGE_ID_LEN || !read ||
        !settings_oidc_mail(a->options.settings(a->options.context))) {
        return true;
    }
    /* Who says no name is counted by the place that he comes from. */
    who.user = message.user_len ? slice_of(message.user, message.user_len)
                                : arena_printf(r->arena, "bearer %.*s", SLICE_ARG(ask->client));
    l.user = auth_lower(who.user, r->arena);
    return !auth_admits(a, &l, answer) || judge(a, &l, &message, r, e);
}
