/* Signing in at the desk by an OpenID provider: authorization code with PKCE (RFC 6749, 7636), brought back by a browser to
 * the person's own machine (RFC 8252).
 *
 * The command line gets a page to open and an id; what makes the code good for nobody else (verifier, nonce, state) stays here.
 * The code is exchanged by courier, which alone has the client's secret, and the ID token that comes back is verified
 * here. An attempt is good for one code. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#include "formats/jose/form.h"
#include "formats/jose/json.h"
#include "keyring/digest.h"
#include "processes/auth_attempts.h"
#include "processes/auth_parts.h"
#include "requests/oidc.h"

#define HTTP_OK      200
#define REDIRECT_MAX 64

/* ── the beginning ── */

static struct slice redirect_of(const struct attempt *x, struct arena *arena)
{
    return arena_printf(arena, "http://127.0.0.1:%u/postern", x->port);
}

static void write_url(const struct oidc_settings *o, const struct jose_provider *p,
                      const struct attempt *x, struct arena *arena, struct buf *url)
{
    uint8_t digest[DIGEST_LEN];
    uint8_t challenge[BASE64URL_LEN(DIGEST_LEN)];

    digest_of(SLICE_ARRAY(x->verifier), SLICE_NONE, digest);
    (void)base64url_encode(SLICE_ARRAY(digest), challenge);
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
    form_add(url, "code_challenge", SLICE_ARRAY(challenge));
    form_add(url, "code_challenge_method", SLICE("S256"));
    form_add(url, "prompt", SLICE("login")); /* who is at the browser, not who was */
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
    OWN(buf) struct buf url = {.max = OIDC_URL_MAX};
    struct jose_provider p;

    if (!o || ask->begin.port == 0) {
        return error_set(e, ERROR_INPUT, "the settings have no [oidc %.*s]",
                         SLICE_ARG(ask->begin.provider));
    }
    if (!providers_document(a->providers, o, r->arena, &p, e)) {
        return false;
    }
    x->port = (uint16_t)ask->begin.port;
    x->provider_len = o->name.len;
    (void)memcpy(x->provider, o->name.ptr, o->name.len);
    x->client_len = ask->client.len;
    (void)memcpy(x->client, ask->client.ptr, ask->client.len);
    write_url(o, &p, x, r->arena, &url);
    if (p.authorization.len == 0 || url.full) {
        return error_set(e, ERROR_CONFIG, "the provider's document names no page to sign in at");
    }
    answer->id = arena_copy(r->arena, SLICE_ARRAY(x->id));
    answer->url = arena_copy(r->arena, buf_slice(&url));
    attempts_put(a->attempts, TAKE(x, NULL), now_ms);
    return true;
}

/* ── the end ── */

/* Have the code exchanged for an ID token. */
static enum token_verdict exchange_code(struct auth *a, const struct oidc_settings *o,
                                        const struct attempt *x, struct slice code,
                                        struct arena *arena, struct slice *token, const char **why)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX};
    struct slice body;
    uint64_t status = 0;
    struct error e;

    form_add(&form, "grant_type", SLICE("authorization_code"));
    form_add(&form, "code", code);
    form_add(&form, "redirect_uri", redirect_of(x, arena));
    form_add(&form, "code_verifier", SLICE_ARRAY(x->verifier));
    if (o->client_secret_file.len == 0) {
        form_add(&form, "client_id", o->client_id);
    }
    const struct provider_question q = {PROVIDER_DESK, IDENTITY_TOKEN, buf_slice(&form)};
    bool asked = !form.full && providers_ask(a->providers, o, &q, arena, &body, &status, &e);
    if (form.ptr) {
        explicit_bzero(form.ptr, form.len);
    }
    if (!asked || status >= 500) {
        *why = "the provider was not to be had";
        return TOKEN_LATER;
    }
    OWN(json) json_t *json = status == HTTP_OK ? jose_json_read(body) : NULL;
    *token = arena_copy(arena, jose_json_text(json, "id_token"));
    *why = "the provider did not take the code";
    return token->len ? TOKEN_GOOD : TOKEN_BAD;
}

/* Whether it is the browser that was sent, from the provider that it was sent to (RFC 6749 section 10.12, RFC 9207). */
static bool is_answer(const struct attempt *x, const struct oidc_settings *o,
                      const struct oidc_finish_ask *ask)
{
    return ask->code.len && secret_equal(SLICE_ARRAY(x->state), ask->state) &&
           (ask->issuer.len == 0 || slice_equal(ask->issuer, o->issuer));
}

static enum token_verdict who_is_it(struct auth *a, const struct oidc_settings *o,
                                    struct attempt *x, const struct oidc_finish_ask *ask,
                                    struct arena *arena, struct token_identity *out,
                                    const char **why)
{
    const struct oidc_judge with = {a->providers, a->tokens,
                                    a->options.settings(a->options.context)};
    struct slice token;

    if (x->account_len) { /* it was said before, and the code of ours is here now */
        *out = (struct token_identity){.provider = o->name,
                                       .account =
                                           arena_copy(arena, slice_of(x->account, x->account_len))};
        return TOKEN_GOOD;
    }
    *why = "the browser brought the answer to another question";
    if (!is_answer(x, o, ask)) {
        return TOKEN_BAD;
    }
    enum token_verdict verdict = exchange_code(a, o, x, ask->code, arena, &token, why);
    if (verdict == TOKEN_GOOD) {
        verdict = oidc_sign_in(&with, o, token, SLICE_ARRAY(x->nonce), arena, out, why);
    }
    out->until_ms = 0; /* an ID token says who came, not for how long */
    return verdict;
}

/* The account is right: is it open, and is a code of ours wanted? */
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
                                           arena_printf(r->arena, "OIDC %.*s", SLICE_ARG(name)),
                                       .code = ask->finish.factor};
    struct login l = {.ask = &who,
                      .user = arena_printf(r->arena, "oidc %.*s", SLICE_ARG(ask->client)),
                      .now_ms = clock_steady_ms(),
                      .desk = true};

    if (!o || !auth_admits(a, &l, answer)) {
        return true;
    }
    enum token_verdict verdict =
        who_is_it(a, o, *x, &ask->finish, r->arena, &l.identity, &l.reason);
    if (verdict == TOKEN_LATER) {
        return error_set(e, ERROR_BUSY, "%s: try again", l.reason);
    }
    if (verdict != TOKEN_GOOD) {
        l.identity = (struct token_identity){.factor = false};
        auth_refuse(a, &l, r);
        return true;
    }
    l.user = auth_lower(l.identity.account, r->arena);
    return !auth_admits(a, &l, answer) || judge_account(a, &l, x, r, e);
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
