#include "processes/auth_oidc_grant.h"

#include <string.h>

#include "formats/jose/form.h"
#include "formats/jose/json.h"
#include "keyring/digest.h"
#include "requests/oidc.h"

#define HTTP_OK 200

void grant_add_challenge(const struct attempt *x, struct buf *form)
{
    uint8_t digest[DIGEST_LEN];
    uint8_t challenge[BASE64URL_LEN(DIGEST_LEN)];

    digest_of(SLICE_ARRAY(x->verifier), SLICE_NONE, digest);
    (void)base64url_encode(SLICE_ARRAY(digest), challenge);
    form_add(form, "code_challenge", SLICE_ARRAY(challenge));
    form_add(form, "code_challenge_method", SLICE("S256"));
}

/* Post a form, which is wiped. False when nobody can say. A client with a secret is named by courier. */
static bool post(struct providers *p, const struct oidc_settings *o, uint64_t kind,
                 struct buf *form, struct arena *arena, struct slice *body, uint64_t *status,
                 struct error *e)
{
    if (o->client_secret_file.len == 0) {
        form_add(form, "client_id", o->client_id);
    }
    const struct provider_question q = {PROVIDER_DESK, kind, buf_slice(form)};
    bool asked = form->full ? error_set(e, ERROR_LIMIT, "the form is too long")
                            : providers_ask(p, o, &q, arena, body, status, e);
    if (form->ptr) {
        explicit_bzero(form->ptr, form->len);
    }
    return asked &&
           (!providers_in_trouble(*status) || error_set(e, ERROR_BUSY, "the provider is not well"));
}

/* The tokens of an answer; an access token of another kind than Bearer (RFC 6750) is shown to nobody. */
static bool read_tokens(const json_t *json, struct arena *arena, struct oidc_grant *out)
{
    out->id_token = arena_copy(arena, jose_json_text(json, "id_token"));
    out->access_token = SLICE_NONE;
    if (slice_equal_nocase(jose_json_text(json, "token_type"), SLICE("Bearer"))) {
        out->access_token = arena_copy(arena, jose_json_text(json, "access_token"));
    }
    return out->id_token.len > 0;
}

enum token_verdict grant_by_code(struct providers *p, const struct oidc_settings *provider,
                                 const struct attempt *x, struct slice code, struct slice redirect,
                                 struct arena *arena, struct oidc_grant *out, const char **why)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX};
    struct slice body;
    uint64_t status = 0;
    struct error e;

    form_add(&form, "grant_type", SLICE("authorization_code"));
    form_add(&form, "code", code);
    form_add(&form, "redirect_uri", redirect);
    form_add(&form, "code_verifier", SLICE_ARRAY(x->verifier));
    *why = "the provider was not to be had";
    if (!post(p, provider, IDENTITY_TOKEN, &form, arena, &body, &status, &e)) {
        return TOKEN_LATER;
    }
    OWN(json) json_t *json = status == HTTP_OK ? jose_json_read(body) : NULL;
    *why = "the provider did not take the code";
    return read_tokens(json, arena, out) ? TOKEN_GOOD : TOKEN_BAD;
}

/* ── a code that a person types ── */

/* Of a machine's beginning: what the machine asks with, what the person types and where, and for how long. */
static bool read_device(struct slice body, int64_t now_ms, struct attempt *x, struct arena *arena,
                        struct grant_page *page)
{
    OWN(json) json_t *json = jose_json_read(body);
    struct slice code = jose_json_text(json, "device_code");
    struct slice user_code = jose_json_text(json, "user_code");
    struct slice url = jose_json_text(json, "verification_uri");
    int64_t lasts_s = jose_json_time(json, "expires_in");
    int64_t pause_s = jose_json_time(json, "interval");

    if (url.len == 0) { /* as Google's has it, from before the RFC */
        url = jose_json_text(json, "verification_url");
    }
    if (code.len == 0 || code.len > ATTEMPT_DEVICE_MAX || user_code.len == 0 ||
        user_code.len > OIDC_USER_CODE_MAX || !slice_is_utf8(user_code) || !jose_is_endpoint(url) ||
        lasts_s <= 0) {
        return false;
    }
    (void)memcpy(x->device, code.ptr, code.len);
    x->device_len = code.len;
    x->pause_ms = pause_s > 0 && pause_s < GRANT_PAUSE_MAX_MS / 1000 ? pause_s * 1000
                  : pause_s > 0                                      ? GRANT_PAUSE_MAX_MS
                                                                     : GRANT_PAUSE_MS;
    x->next_ms = now_ms + x->pause_ms;
    x->until_ms = now_ms + (lasts_s < ATTEMPT_DEVICE_LASTS_MS / 1000 ? lasts_s * 1000
                                                                     : ATTEMPT_DEVICE_LASTS_MS);
    *page = (struct grant_page){arena_copy(arena, url), arena_copy(arena, user_code)};
    return true;
}

bool grant_begin_device(struct providers *p, const struct oidc_settings *provider,
                        struct attempt *x, int64_t now_ms, struct arena *arena,
                        struct grant_page *page, struct error *e)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX};
    struct jose_provider document;
    struct slice body;
    uint64_t status = 0;

    if (!provider->device_login) {
        return error_set(e, ERROR_CONFIG,
                         "[oidc %.*s] does not allow --device: `device-login = yes` does",
                         SLICE_ARG(provider->name));
    }
    if (!providers_document(p, provider, arena, &document, e)) {
        return false;
    }
    if (document.device.len == 0) {
        return error_set(e, ERROR_CONFIG,
                         "the provider's document names no device_authorization_endpoint");
    }
    form_add(&form, "scope", provider->login_scope);
    form_add(&form, "nonce", SLICE_ARRAY(x->nonce));
    form_add(&form, "prompt", SLICE("login")); /* who is at the browser, not who was */
    grant_add_challenge(x, &form);
    return post(p, provider, IDENTITY_DEVICE, &form, arena, &body, &status, e) &&
           ((status == HTTP_OK && read_device(body, now_ms, x, arena, page)) ||
            error_set(e, ERROR_CONFIG,
                      "the provider gave no code: its client must be allowed the device flow"));
}

static enum token_verdict wait_on(struct attempt *x, int64_t now_ms, int64_t longer_ms)
{
    x->pause_ms += longer_ms;
    if (x->pause_ms > GRANT_PAUSE_MAX_MS) {
        x->pause_ms = GRANT_PAUSE_MAX_MS;
    }
    x->next_ms = now_ms + x->pause_ms;
    return TOKEN_WAITS;
}

/* Section 3.5. */
static enum token_verdict refused(const json_t *json, struct attempt *x, int64_t now_ms,
                                  const char **why)
{
    struct slice error = jose_json_text(json, "error");

    if (slice_equal(error, SLICE("authorization_pending"))) {
        return wait_on(x, now_ms, 0);
    }
    if (slice_equal(error, SLICE("slow_down"))) {
        return wait_on(x, now_ms, GRANT_SLOWER_MS);
    }
    *why = slice_equal(error, SLICE("access_denied"))   ? "the person said no at the provider"
           : slice_equal(error, SLICE("expired_token")) ? "nobody typed the code in time"
                                                        : "the provider did not take the code";
    return TOKEN_BAD;
}

enum token_verdict grant_by_device(struct providers *p, const struct oidc_settings *provider,
                                   struct attempt *x, int64_t now_ms, struct arena *arena,
                                   struct oidc_grant *out, const char **why)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX};
    struct slice body;
    uint64_t status = 0;
    struct error e;

    if (now_ms < x->next_ms) {
        return TOKEN_WAITS;
    }
    form_add(&form, "grant_type", SLICE("urn:ietf:params:oauth:grant-type:device_code"));
    form_add(&form, "device_code", slice_of(x->device, x->device_len));
    form_add(&form, "code_verifier", SLICE_ARRAY(x->verifier));
    if (!post(p, provider, IDENTITY_TOKEN, &form, arena, &body, &status, &e)) {
        return wait_on(x, now_ms, x->pause_ms); /* section 3.5: twice as long */
    }
    OWN(json) json_t *json = jose_json_read(body);
    *why = "the provider gave no ID token";
    if (status != HTTP_OK) {
        return refused(json, x, now_ms, why);
    }
    return read_tokens(json, arena, out) ? TOKEN_GOOD : TOKEN_BAD;
}
