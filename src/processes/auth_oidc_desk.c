/* Signing in at the desk by an OpenID provider: authorization code with PKCE (RFC 6749, 7636), brought back by a browser to
 * the person's own machine (RFC 8252); or a code that the person types on the provider's page, at any machine (RFC 8628).
 *
 * The command line gets a page to open and an id; what makes the code good for nobody else (verifier, nonce, state) stays here.
 * The code is exchanged by courier, which alone has the client's secret, and the ID token that comes back is verified
 * here. An attempt is good for one code. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#include "formats/jose/form.h"
#include "processes/auth_oidc_grant.h"
#include "processes/auth_parts.h"
#include "processes/auth_passkeys.h"
#include "requests/oidc.h"

/* ── the beginning ── */

static struct slice redirect_of(const struct attempt *x, struct arena *arena)
{
    return arena_printf(arena, "http://127.0.0.1:%u/postern", x->port);
}

static void write_url(const struct oidc_settings *o, const struct jose_provider *p,
                      const struct attempt *x, struct arena *arena, struct buf *url)
{
    buf_add(url, p->authorization);
    if (slice_find(p->authorization, '?') == p->authorization.len) {
        buf_add_byte(url, '?');
    }
    form_add(url, "response_type", SLICE("code"));
    form_add(url, "client_id", o->client_id);
    form_add(url, "redirect_uri", redirect_of(x, arena));
    form_add(url, "scope", o->login_scope);
    form_add(url, "state", SLICE_ARRAY(x->state));
    form_add(url, "nonce", SLICE_ARRAY(x->nonce));
    grant_add_challenge(x, url);
    form_add(url, "prompt", SLICE("login")); /* who is at the browser, not who was */
}

/* A page that a browser of this machine is to open. */
static bool begin_here(struct auth *a, const struct oidc_settings *o, const struct attempt *x,
                       struct ipc_request *r, struct error *e)
{
    struct oidc_begin_answer *answer = r->answer;
    OWN(buf) struct buf url = {.max = OIDC_URL_MAX};
    struct jose_provider p;

    if (!providers_document(a->providers, o, r->arena, &p, e)) {
        return false;
    }
    write_url(o, &p, x, r->arena, &url);
    if (p.authorization.len == 0 || url.full) {
        return error_set(e, ERROR_CONFIG, "the provider's document names no page to sign in at");
    }
    answer->url = arena_copy(r->arena, buf_slice(&url));
    return true;
}

static bool begin_elsewhere(struct auth *a, const struct oidc_settings *o, struct attempt *x,
                            struct ipc_request *r, struct error *e)
{
    struct oidc_begin_answer *answer = r->answer;
    struct grant_page page;

    if (!grant_begin_device(a->providers, o, x, clock_steady_ms(), r->arena, &page, e)) {
        return false;
    }
    answer->url = page.url;
    answer->user_code = page.user_code;
    answer->wait_ms = (uint64_t)x->pause_ms;
    return true;
}

bool auth_on_oidc_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_oidc_begin_ask *ask = r->ask;
    struct oidc_begin_answer *answer = r->answer;
    const struct oidc_settings *o =
        settings_oidc(a->options.settings(a->options.context), ask->begin.provider);
    int64_t now_ms = clock_steady_ms();
    OWN(attempt) struct attempt *x = attempt_new(now_ms);

    if (!o || (ask->begin.port == 0) != ask->begin.device) {
        return error_set(e, ERROR_INPUT, "the settings have no [oidc %.*s]",
                         SLICE_ARG(ask->begin.provider));
    }
    x->port = (uint16_t)ask->begin.port;
    x->provider_len = o->name.len;
    (void)memcpy(x->provider, o->name.ptr, o->name.len);
    x->client_len = ask->client.len;
    (void)memcpy(x->client, ask->client.ptr, ask->client.len);
    if (ask->begin.device ? !begin_elsewhere(a, o, x, r, e) : !begin_here(a, o, x, r, e)) {
        return false;
    }
    answer->id = arena_copy(r->arena, SLICE_ARRAY(x->id));
    attempts_put(a->attempts, TAKE(x, NULL), now_ms);
    return true;
}

bool auth_on_providers(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct config_list *all = &a->options.settings(a->options.context)->oidcs;
    const struct oidc_settings *sections = all->items;
    size_t n = all->count < OIDC_PROVIDERS_MAX ? all->count : OIDC_PROVIDERS_MAX;
    struct provider_count *rows = arena_array(r->arena, n, sizeof(*rows));

    (void)e;
    for (size_t i = 0; i < n; i++) {
        struct provider_record seen;
        providers_look(a->providers, &sections[i], &seen);
        rows[i] = (struct provider_count){.name = arena_copy(r->arena, sections[i].name),
                                          .accepted = seen.counts[PROVIDER_ACCEPTED],
                                          .refused = seen.counts[PROVIDER_REFUSED],
                                          .unanswered = seen.counts[PROVIDER_UNANSWERED],
                                          .keys_at = (uint64_t)seen.keys_at_ms};
    }
    ((struct providers_answer *)r->answer)->providers = (struct cbor_list){rows, n};
    return true;
}

/* ── the end ── */

/* Whether it is the browser that was sent, from the provider that it was sent to (RFC 6749 section 10.12, RFC 9207). */
static bool is_answer(const struct attempt *x, const struct oidc_settings *o,
                      const struct oidc_finish_ask *ask)
{
    return ask->code.len && secret_equal(SLICE_ARRAY(x->state), ask->state) &&
           (ask->issuer.len == 0 || slice_equal(ask->issuer, o->issuer));
}

/* What the provider gives for it. */
static enum token_verdict grant_of(struct auth *a, const struct oidc_settings *o, struct attempt *x,
                                   const struct oidc_finish_ask *ask, struct arena *arena,
                                   struct oidc_grant *out, const char **why)
{
    if (x->device_len) {
        return grant_by_device(a->providers, o, x, clock_steady_ms(), arena, out, why);
    }
    *why = "the browser brought the answer to another question";
    return is_answer(x, o, ask) ? grant_by_code(a->providers, o, x, ask->code,
                                                redirect_of(x, arena), arena, out, why)
                                : TOKEN_BAD;
}

static enum token_verdict who_is_it(struct auth *a, const struct oidc_settings *o,
                                    struct attempt *x, const struct oidc_finish_ask *ask,
                                    struct arena *arena, struct token_identity *out,
                                    const char **why)
{
    const struct oidc_judge with = {a->providers, a->tokens,
                                    a->options.settings(a->options.context)};
    struct oidc_grant grant = {.nonce = SLICE_ARRAY(x->nonce), .device = x->device_len > 0};

    if (x->account_len) { /* it was said before, and the code of ours is here now, or it was blocked */
        *out = (struct token_identity){.provider = o->name,
                                       .account =
                                           arena_copy(arena, slice_of(x->account, x->account_len)),
                                       .factor = x->factor};
        return TOKEN_GOOD;
    }
    enum token_verdict verdict = grant_of(a, o, x, ask, arena, &grant, why);
    if (verdict == TOKEN_GOOD) {
        verdict = oidc_sign_in(&with, o, &grant, arena, out, why);
    }
    out->until_ms = 0; /* an ID token says who came, not for how long */
    return verdict;
}

/* Nobody typed the code yet. */
static void go_on_waiting(struct auth *a, struct attempt **x, int64_t now_ms,
                          struct auth_login_answer *answer)
{
    int64_t left = (*x)->next_ms - now_ms;

    answer->verdict = LOGIN_WAITS;
    answer->delay_ms = (uint64_t)(left < 1 ? 1 : left > OIDC_WAIT_MAX_MS ? OIDC_WAIT_MAX_MS : left);
    attempts_put(a->attempts, TAKE(*x, NULL), now_ms);
}

/* Too many have failed from there. What somebody may be typing at another machine is not lost by that: it is asked for later. */
static void put_off(struct auth *a, struct attempt **x, struct auth_login_answer *answer)
{
    int64_t now_ms = clock_steady_ms();
    int64_t delay_ms = (int64_t)answer->delay_ms;

    if ((*x)->device_len && (!(*x)->account_len || (*x)->blocked)) {
        (*x)->next_ms = now_ms + (delay_ms > (*x)->pause_ms ? delay_ms : (*x)->pause_ms);
        go_on_waiting(a, x, now_ms, answer);
    }
}

/* Too many have failed for this account, somebody else perhaps. What a code gave that was typed at another machine is good once: it is kept
 * until the account is not blocked any more, or the attempt ends. */
static void keep_identity(struct attempt *x, const struct token_identity *identity)
{
    if (!x->account_len && identity->account.len <= TOKEN_ACCOUNT_MAX) {
        (void)memcpy(x->account, identity->account.ptr, identity->account.len);
        x->account_len = identity->account.len;
        x->factor = identity->factor;
        x->blocked = true;
    }
}

/* The account is right: is it open, and is a code or passkey of ours wanted? */
static bool judge_account(struct auth *a, struct login *l, struct attempt **x,
                          struct ipc_request *r, struct error *e)
{
    struct auth_login_answer *answer = r->answer;

    if (!auth_look_up(a, l, r->arena, e)) {
        return false;
    }
    if (!l->account.found || l->account.disabled) {
        l->reason = l->account.found ? "closed account" : "unknown account";
        auth_refuse(a, l, r);
        return true;
    }
    enum login_verdict verdict = auth_prove(a, l, r->arena);
    if (verdict == LOGIN_ACCEPTED) {
        return auth_accept(a, l, r, e);
    }
    if (verdict != LOGIN_CODE) {
        auth_refuse(a, l, r);
        return true;
    }
    answer->verdict = LOGIN_CODE;
    answer->account = arena_copy(r->arena, l->user);
    if (l->account.second.passkeys.count) {
        answer->challenge = auth_challenge_for(a, l->user, PASSKEY_SECOND, r->arena);
    }
    (*x)->blocked = false;
    (*x)->factor = false;
    (*x)->account_len = l->user.len < TOKEN_ACCOUNT_MAX ? l->user.len : 0;
    (void)memcpy((*x)->account, l->user.ptr, (*x)->account_len);
    attempts_put(a->attempts, TAKE(*x, NULL), l->now_ms);
    return true;
}

static bool finish(struct auth *a, struct attempt **x, struct ipc_request *r, struct error *e)
{
    const struct auth_oidc_finish_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct slice name = slice_of((*x)->provider, (*x)->provider_len);
    const struct oidc_settings *o = settings_oidc(a->options.settings(a->options.context), name);
    const struct auth_login_ask who = {.client = ask->client,
                                       .mechanism =
                                           arena_printf(r->arena, "OIDC %.*s%s", SLICE_ARG(name),
                                                        (*x)->device_len ? " device" : ""),
                                       .code = ask->finish.factor,
                                       .passkey = ask->finish.passkey};
    struct login l = {.ask = &who,
                      .user = arena_printf(r->arena, "oidc %.*s", SLICE_ARG(ask->client)),
                      .now_ms = clock_steady_ms(),
                      .desk = true};

    if (!o) {
        return true;
    }
    if (!auth_admits(a, &l, answer)) {
        put_off(a, x, answer);
        return true;
    }
    enum token_verdict verdict =
        who_is_it(a, o, *x, &ask->finish, r->arena, &l.identity, &l.reason);
    if (verdict == TOKEN_WAITS) {
        go_on_waiting(a, x, clock_steady_ms(), answer);
        return true;
    }
    if (verdict == TOKEN_LATER) {
        /* What the provider gave is good once, and was given. */
        return error_set(e, ERROR_BUSY, "%s: begin the sign-in again", l.reason);
    }
    if (verdict != TOKEN_GOOD) {
        l.identity = (struct token_identity){.provider = o->name};
        auth_refuse(a, &l, r);
        return true;
    }
    l.user = auth_lower(l.identity.account, r->arena);
    if (!auth_admits(a, &l, answer)) {
        keep_identity(*x, &l.identity);
        put_off(a, x, answer);
        return true;
    }
    return judge_account(a, &l, x, r, e);
}

bool auth_on_oidc_finish(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_oidc_finish_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    OWN(attempt) struct attempt *x = attempts_take(a->attempts, ask->finish.id, clock_steady_ms());

    answer->verdict = LOGIN_UNREADABLE; /* too late, or never begun */
    if (!x || !slice_equal(slice_of(x->client, x->client_len), ask->client)) {
        return true;
    }
    return finish(a, &x, r, e);
}
