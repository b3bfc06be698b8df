#include "processes/oidc_errand.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/jose/form.h"
#include "formats/jose/jwt.h"
#include "formats/jose/provider.h"
#include "formats/smtp/base64.h"
#include "host/memfd.h"
#include "keyring/digest.h"
#include "requests/oidc.h"

#define TIMEOUT_MS      5000
#define DOCUMENT_FOR_MS 300000
#define HTTP_OK         200
#define SECRET_MAX      1024

/* Documents that were fetched a moment ago. */
static struct documents {
    pthread_mutex_t lock; /* guards what follows */

    struct document {
        uint8_t issuer[DIGEST_LEN];
        int64_t until_ms; /* 0: empty */
        struct buf bytes;
    } items[SETTINGS_OIDC_MAX];
} documents = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One question on its way. */
struct asking {
    const struct errands *errands;
    const struct settings *settings;
    const struct oidc_settings *provider;
    size_t nth; /* of the sections */
    const struct provider_ask *ask;
    struct arena *arena;
};

static bool fetch_one(const struct asking *a, const struct courier_ask *ask, struct slice body,
                      struct buf *got, unsigned *status, struct error *e)
{
    struct fetch_answer answer;

    if (!errand_run(a->errands, ask, body, a->arena, got, &answer, e)) {
        return false;
    }
    *status = answer.status;
    return true;
}

static bool find_document(const uint8_t issuer[static DIGEST_LEN], struct arena *arena,
                          struct slice *out)
{
    int64_t now = clock_steady_ms();
    bool found = false;

    (void)pthread_mutex_lock(&documents.lock);
    for (size_t i = 0; i < SETTINGS_OIDC_MAX && !found; i++) {
        const struct document *d = &documents.items[i];
        found = d->until_ms > now && memcmp(d->issuer, issuer, DIGEST_LEN) == 0;
        *out = found ? arena_copy(arena, buf_slice(&d->bytes)) : SLICE_NONE;
    }
    (void)pthread_mutex_unlock(&documents.lock);
    return found;
}

/* The oldest gives way. */
static void keep_document(const uint8_t issuer[static DIGEST_LEN], struct slice bytes)
{
    (void)pthread_mutex_lock(&documents.lock);
    struct document *place = &documents.items[0];
    for (size_t i = 0; i < SETTINGS_OIDC_MAX; i++) {
        struct document *d = &documents.items[i];
        if (memcmp(d->issuer, issuer, DIGEST_LEN) == 0) {
            place = d;
            break;
        }
        place = d->until_ms < place->until_ms ? d : place;
    }
    (void)memcpy(place->issuer, issuer, DIGEST_LEN);
    place->until_ms = clock_steady_ms() + DOCUMENT_FOR_MS;
    place->bytes.max = OIDC_BODY_MAX;
    buf_reset(&place->bytes);
    buf_add(&place->bytes, bytes);
    (void)pthread_mutex_unlock(&documents.lock);
}

static bool document_of(const struct asking *a, struct slice *text, struct jose_provider *out,
                        struct error *e)
{
    struct slice issuer = a->provider->issuer;
    size_t slash = issuer.len && issuer.ptr[issuer.len - 1] == '/';
    const struct courier_ask ask = {
        .method = FETCH_GET,
        .url = arena_printf(a->arena, "%.*s" JOSE_WELL_KNOWN,
                            SLICE_ARG(slice_head(issuer, issuer.len - slash))),
        .answer_max = OIDC_BODY_MAX,
        .timeout_ms = TIMEOUT_MS};
    OWN(buf) struct buf got = {.max = OIDC_BODY_MAX};
    uint8_t name[DIGEST_LEN];
    unsigned status = 0;

    digest_of(issuer, SLICE_NONE, name);
    if (find_document(name, a->arena, text) && jose_provider_read(*text, issuer, a->arena, out)) {
        return true;
    }
    if (!fetch_one(a, &ask, SLICE_NONE, &got, &status, e)) {
        return false;
    }
    if (status != HTTP_OK || !jose_provider_read(buf_slice(&got), issuer, a->arena, out)) {
        return error_set(e, ERROR_BUSY, "status %u, and no document of that issuer", status);
    }
    *text = arena_copy(a->arena, buf_slice(&got));
    keep_document(name, *text);
    return true;
}

static struct slice secret_of(const struct asking *a)
{
    struct slice rest;
    struct slice line =
        slice_cut(role_file_of(a->errands->role, a->settings, "oidc-secrets", a->nth), '\n', &rest);

    if (line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return slice_head(line, SECRET_MAX);
}

/* The client's name and secret (RFC 6749 section 2.3.1): in a header, or in the form where the provider wants it so. */
static void add_secret(const struct asking *a, const struct jose_provider *p, struct buf *form,
                       struct buf *header)
{
    OWN(buf) struct buf both = {.max = 4 * (SECRET_MAX + JOSE_URL_MAX)};
    struct slice secret = secret_of(a);

    if (secret.len == 0) { /* a public client: auth has named it in the form */
        return;
    }
    if (p->posts_secret) {
        form_add(form, "client_id", a->provider->client_id);
        form_add(form, "client_secret", secret);
        return;
    }
    form_encode(&both, a->provider->client_id);
    buf_add_byte(&both, ':');
    form_encode(&both, secret);
    buf_add_text(header, "Authorization: Basic ");
    uint8_t *room = buf_room(header, SMTP_BASE64_LEN(both.len));
    if (room) {
        header->len += smtp_base64_encode(buf_slice(&both), room);
    }
    explicit_bzero(both.ptr, both.len);
}

static void wipe(struct buf *b)
{
    if (b->ptr) {
        explicit_bzero(b->ptr, b->capacity);
    }
}

static bool post(const struct asking *a, const struct jose_provider *p, struct slice url,
                 struct buf *got, unsigned *status, struct error *e)
{
    OWN(buf) struct buf form = {.max = OIDC_FORM_MAX + 8 * (size_t)SECRET_MAX};
    OWN(buf) struct buf header = {.max = 8 * (size_t)(SECRET_MAX + JOSE_URL_MAX)};
    struct slice headers[3] = {SLICE("Content-Type: application/x-www-form-urlencoded"),
                               SLICE("Accept: application/json")};

    buf_add(&form, a->ask->form);
    add_secret(a, p, &form, &header);
    headers[2] = buf_slice(&header);
    const struct courier_ask ask = {
        .method = FETCH_POST,
        .url = url,
        .headers = {headers, header.len ? 3 : 2},
        .answer_max = OIDC_BODY_MAX,
        .timeout_ms = TIMEOUT_MS
    };
    bool done = form.full || header.full ? error_set(e, ERROR_LIMIT, "the form is too long")
                                         : fetch_one(a, &ask, buf_slice(&form), got, status, e);
    wipe(&form);
    wipe(&header);
    return done;
}

/* Characters of a bearer token (RFC 6750 section 2.1): it becomes part of a header. */
static bool is_bearer(struct slice token)
{
    for (size_t i = 0; i < token.len; i++) {
        uint8_t letter = ascii_lower(token.ptr[i]);
        if (!(letter >= 'a' && letter <= 'z') && !(letter >= '0' && letter <= '9') &&
            !memchr("-._~+/=", letter, 7)) {
            return false;
        }
    }
    return token.len > 0 && token.len <= JOSE_TOKEN_MAX;
}

/* Who the token's person is (OpenID Connect Core section 5.3.1). */
static bool fetch_userinfo(const struct asking *a, struct slice url, struct buf *got,
                           unsigned *status, struct error *e)
{
    OWN(buf) struct buf header = {.max = JOSE_TOKEN_MAX + 64};
    struct slice headers[] = {SLICE("Accept: application/json"), SLICE_NONE};

    if (!is_bearer(a->ask->form)) {
        return error_set(e, ERROR_INPUT, "the access token has characters of no token");
    }
    buf_printf(&header, "Authorization: Bearer %.*s", SLICE_ARG(a->ask->form));
    headers[1] = buf_slice(&header);
    const struct courier_ask ask = {
        .method = FETCH_GET,
        .url = url,
        .headers = {headers, 2},
        .answer_max = OIDC_BODY_MAX,
        .timeout_ms = TIMEOUT_MS
    };
    bool done = fetch_one(a, &ask, SLICE_NONE, got, status, e);
    wipe(&header);
    return done;
}

static struct slice endpoint_of(const struct jose_provider *p, uint64_t kind)
{
    const struct slice all[] = {
        [IDENTITY_DOCUMENT] = SLICE_NONE, [IDENTITY_KEYS] = p->keys,
        [IDENTITY_TOKEN] = p->token,      [IDENTITY_INTROSPECTION] = p->introspection,
        [IDENTITY_DEVICE] = p->device,    [IDENTITY_USERINFO] = p->userinfo,
    };

    return kind <= IDENTITY_LAST ? all[kind] : SLICE_NONE;
}

static bool ask_it(const struct asking *a, struct buf *got, unsigned *status, struct error *e)
{
    struct jose_provider p;
    struct slice text;

    if (!document_of(a, &text, &p, e)) {
        return false;
    }
    if (a->ask->kind == IDENTITY_DOCUMENT) {
        buf_add(got, text);
        *status = HTTP_OK;
        return true;
    }
    struct slice url = endpoint_of(&p, a->ask->kind);
    if (url.len == 0) {
        return error_set(e, ERROR_CONFIG, "the provider's document names no such endpoint");
    }
    if (a->ask->kind == IDENTITY_USERINFO) {
        return fetch_userinfo(a, url, got, status, e);
    }
    const struct courier_ask ask = {
        .method = FETCH_GET, .url = url, .answer_max = OIDC_BODY_MAX, .timeout_ms = TIMEOUT_MS};
    return a->ask->kind == IDENTITY_KEYS ? fetch_one(a, &ask, SLICE_NONE, got, status, e)
                                         : post(a, &p, url, got, status, e);
}

bool oidc_errand_on_ask(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct errands *errands = ctx;
    const struct settings *settings = role_settings(errands->role);
    const struct provider_ask *ask = r->ask;
    const struct oidc_settings *provider = settings_oidc(settings, ask->provider);
    struct provider_answer *answer = r->answer;
    OWN(buf) struct buf got = {.max = OIDC_BODY_MAX};
    unsigned status = 0;

    if (!provider || !slice_equal(provider->issuer, ask->issuer) || ask->kind < IDENTITY_DOCUMENT) {
        return error_set(e, ERROR_BUSY, "the settings are being read anew");
    }
    const struct asking a = {
        .errands = errands,
        .settings = settings,
        .provider = provider,
        .nth = (size_t)(provider - (const struct oidc_settings *)settings->oidcs.items),
        .ask = ask,
        .arena = r->arena};
    bool done = ask_it(&a, &got, &status, e);
    log_event(done ? LOG_DEBUG : LOG_WARNING, "courier.identity", LOG_NUMBER("kind", ask->kind),
              LOG_NUMBER("status", status), LOG_TEXT("reason", done ? "" : e->text));
    done = done && memfd_from("identity", buf_slice(&got), &r->answer_fd, e);
    wipe(&got); /* tokens, perhaps */
    answer->status = status;
    return done;
}
