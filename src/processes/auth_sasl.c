/* SCRAM (RFC 5802) as auth answers it: two messages of the client, between which nothing but an exchange is kept.
 *
 * What the client learns before it has proved itself is a salt and a number of iterations. The salt follows from
 * the account's name and a key of the keeper's, whether there is such an account or not; the number is that of the
 * account's keys, or of another account's. At the client's last message the account is looked up again, so that what was
 * changed meanwhile counts. Answers before a success leave at the end of a fixed span, which hides how
 * long it took to look for an account that there is not; a refusal is counted and recorded behind it. */
#include "base/clock.h"

#include "formats/smtp/base64.h"
#include "keyring/keyring.h"
#include "processes/auth_bearer.h"
#include "processes/auth_factor.h"
#include "processes/auth_parts.h"

#define NONCE_LEN       18 /* bytes: 24 characters */
#define SERVER_TEXT_MAX 512

_Static_assert(SCRAM_MESSAGE_MAX <= AUTH_SASL_MAX && EXCHANGE_ID_LEN == AUTH_EXCHANGE_LEN &&
                   SCRAM_SALT_LEN == AUTH_SALT_LEN,
               "what formats and requests say of it agree");

/* ── the first message ── */

/* What the client says of channel binding must fit the mechanism, and what we can do (RFC 5802 section 6). Every connection
 * has a binding, so that PLUS is always offered: who thinks that it is not was told so by somebody else. */
enum bound { BOUND_WELL, BOUND_NEVER, BOUND_TAKEN_AWAY };

static enum bound judge_binding(const struct auth_sasl_begin_ask *ask,
                                const struct scram_client_first *first)
{
    bool plus = slice_equal(ask->mechanism, SLICE("SCRAM-SHA-256-PLUS"));

    if (first->flag == SCRAM_UNSEEN) {
        return plus ? BOUND_NEVER : BOUND_TAKEN_AWAY;
    }
    if (!plus) {
        return slice_equal(ask->mechanism, SLICE("SCRAM-SHA-256")) && first->flag == SCRAM_UNABLE
                   ? BOUND_WELL
                   : BOUND_NEVER;
    }
    bool exporter = ask->exporter.len == AUTH_EXPORTER_LEN &&
                    slice_equal(first->binding, SLICE("tls-exporter"));
    return exporter || slice_equal(first->binding, SLICE("tls-server-end-point")) ? BOUND_WELL
                                                                                  : BOUND_NEVER;
}

/* What the client must repeat. Of our certificate we know ourselves; of the connection submission alone. */
static void bind_exchange(struct exchange *x, const struct scram_client_first *first,
                          const struct auth_sasl_begin_ask *ask)
{
    bool exporter = slice_equal(first->binding, SLICE("tls-exporter"));
    uint8_t *both = arena_alloc(&x->arena, first->header.len + AUTH_EXPORTER_LEN);

    x->end_point = first->flag == SCRAM_BOUND && !exporter;
    (void)memcpy(both, first->header.ptr, first->header.len);
    if (exporter) {
        (void)memcpy(both + first->header.len, ask->exporter.ptr, AUTH_EXPORTER_LEN);
    }
    x->binding = slice_of(both, first->header.len + (exporter ? AUTH_EXPORTER_LEN : 0));
}

/* Whom the client wants to be. False when it is nobody that it may be. */
static bool name_user(const struct scram_client_first *first, struct arena *arena,
                      struct slice *user)
{
    uint8_t name[SCRAM_NAME_MAX];
    uint8_t authorize[SCRAM_NAME_MAX];
    size_t name_len = 0;
    size_t authorize_len = 0;

    if (!scram_name(first->user, name, &name_len) ||
        !scram_name(first->authorize, authorize, &authorize_len)) {
        return false;
    }
    *user = arena_copy(arena, slice_of(name, name_len));
    return authorize_len == 0 || slice_equal(*user, slice_of(authorize, authorize_len));
}

/* The keys of an account that can be used; those of nobody otherwise. */
static bool keys_of(struct auth *a, const struct login *l, struct scram_keys *keys)
{
    const struct keeper_account_answer *account = &l->account;
    bool usable = account->found && !account->disabled;

    return verifier_scram(a->verifiers, account->account, usable ? account->verifier : SLICE_NONE,
                          keys) &&
           slice_equal(SLICE_ARRAY(keys->salt), account->salt);
}

/* The number of the keys of an account that somebody has, for a name that is nobody's. */
static uint64_t iterations_like(struct auth *a, const struct login *l)
{
    struct scram_keys keys;

    bool has = verifier_scram(a->verifiers, l->account.like, l->account.like_verifier, &keys);
    uint64_t iterations = has ? keys.iterations : auth_settings_of(a)->scram_iterations;
    explicit_bzero(&keys, sizeof(keys));
    return iterations;
}

/* What the client is told is the number of what is kept, whatever is set now: that of the app passwords, or of the main
 * password. Who has no keys, or is nobody, is told what another account would be. */
static uint64_t iterations_of(struct auth *a, const struct login *l)
{
    const struct keeper_account_answer *account = &l->account;
    bool usable = account->found && !account->disabled;
    uint64_t apps = usable ? auth_app_iterations(a, account) : 0;
    uint64_t like = iterations_like(a, l);
    struct scram_keys keys;

    bool has = keys_of(a, l, &keys);
    uint64_t iterations = apps ? apps : has ? keys.iterations : like;
    explicit_bzero(&keys, sizeof(keys));
    return iterations;
}

static void answer_first(struct auth *a, const struct login *l,
                         const struct scram_client_first *first,
                         const struct auth_sasl_begin_ask *ask, struct ipc_request *r)
{
    struct exchange *x = exchange_new(ask->connection.ptr, l->now_ms);
    struct auth_login_answer *answer = r->answer;
    OWN(buf) struct buf nonce = {.max = SCRAM_NONCE_MAX + NONCE_LEN * 2};
    OWN(buf) struct buf text = {.max = SERVER_TEXT_MAX};
    OWN(buf) struct buf said = {.max = SCRAM_MESSAGE_MAX + SERVER_TEXT_MAX + 1};
    uint8_t ours[NONCE_LEN];

    keyring_random_bytes(ours, sizeof(ours));
    buf_add(&nonce, first->nonce);
    scram_write_base64(&nonce, SLICE_ARRAY(ours));
    x->iterations = iterations_of(a, l);
    (void)memcpy(x->salt, l->account.salt.ptr, sizeof(x->salt));
    scram_write_first(&text, buf_slice(&nonce), SLICE_ARRAY(x->salt), x->iterations);
    buf_add(&said, first->bare);
    buf_add_byte(&said, ',');
    buf_add(&said, buf_slice(&text));
    x->user = arena_copy(&x->arena, l->user);
    x->mechanism = arena_copy(&x->arena, ask->mechanism);
    x->nonce = arena_copy(&x->arena, buf_slice(&nonce));
    x->said = arena_copy(&x->arena, buf_slice(&said));
    bind_exchange(x, first, ask);
    answer->verdict = LOGIN_CONTINUES;
    answer->exchange = arena_copy(r->arena, SLICE_ARRAY(x->id));
    answer->message = arena_copy(r->arena, buf_slice(&text));
    exchanges_put(a->exchanges, x, l->now_ms);
}

static bool begin(struct auth *a, struct ipc_request *r, const struct timespec *span,
                  struct error *e)
{
    const struct auth_sasl_begin_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct auth_login_ask who = {
        .client = ask->client, .mechanism = ask->mechanism, .device = ask->device};
    struct login l = {.ask = &who, .now_ms = clock_steady_ms(), .span = span};
    struct scram_client_first first;

    answer->verdict = LOGIN_UNREADABLE;
    if (ask->connection.len != EXCHANGE_ID_LEN || !auth_settings_of(a)->scram ||
        !scram_read_first(ask->message, &first) || !name_user(&first, r->arena, &who.user)) {
        return true;
    }
    enum bound bound = judge_binding(ask, &first);
    if (bound == BOUND_NEVER) {
        return true;
    }
    l.user = auth_lower(who.user, r->arena);
    if (auth_admitted(a, &l) == ADMITTED_NOT) {
        auth_turn_away(a, &l, answer);
        return true;
    }
    if (!auth_look_up(a, &l, r->arena, e)) {
        return false;
    }
    if (bound == BOUND_TAKEN_AWAY) {
        l.reason = "somebody between client and server hid channel binding from the client";
        auth_refuse(a, &l, r);
        return true;
    }
    if (l.account.salt.len != SCRAM_SALT_LEN) {
        return error_set(e, ERROR_CORRUPT, "the keeper gave no salt");
    }
    answer_first(a, &l, &first, ask, r);
    return true;
}

bool auth_on_sasl_begin(void *auth, struct ipc_request *r, struct error *e)
{
    const struct auth_sasl_begin_ask *ask = r->ask;
    struct timespec end = auth_span_begin();
    bool done = bearer_is_mechanism(ask->mechanism) ? bearer_begin(auth, r, &end, e)
                                                    : begin(auth, r, &end, e);

    auth_span_end(&end);
    return done;
}

/* ── the last message ── */

static const char *why_not(const struct login *l)
{
    return !l->account.found     ? "unknown account"
           : l->account.disabled ? "closed account"
                                 : "wrong password, or none that SCRAM can use";
}

/* Whether the client's last message answers what it was told, over this connection. */
static bool fits(struct auth *a, const struct exchange *x, const struct scram_client_final *last)
{
    uint8_t binding[SCRAM_MESSAGE_MAX];
    size_t len = 0;

    if (!slice_equal(last->nonce, x->nonce) ||
        !smtp_base64_decode(last->binding, binding, sizeof(binding), &len)) {
        return false;
    }
    struct slice said = slice_of(binding, len);
    if (!x->end_point) {
        return slice_equal(said, x->binding);
    }
    return slice_starts(said, x->binding) &&
           end_points_know(a->end_points, slice_from(said, x->binding.len));
}

/* Whether the proof is one of these keys; then *signature answers it. */
static bool proves(const struct exchange *x, const struct scram_keys *keys, struct slice message,
                   const struct scram_client_final *last, uint8_t signature[static SCRAM_KEY_LEN])
{
    bool told =
        keys->iterations == x->iterations && memcmp(keys->salt, x->salt, sizeof(keys->salt)) == 0;

    if (!scram_proves(keys, message, last->proof) || !told) {
        return false;
    }
    scram_signature(keys, message, signature);
    return true;
}

/* The same by one of the account's app passwords, each of which has the account's salt. */
static bool app_proves(struct auth *a, struct login *l, const struct exchange *x,
                       struct slice message, const struct scram_client_final *last,
                       uint8_t signature[static SCRAM_KEY_LEN])
{
    const struct keeper_account_answer *account = &l->account;
    const struct keeper_app *apps = account->apps.items;
    size_t count = account->found && !account->disabled ? account->apps.count : 0;
    struct scram_keys keys;

    for (size_t i = 0; i < count * AUTH_APP_FORMS && l->app.len == 0; i++) {
        const struct keeper_app *app = &apps[i / AUTH_APP_FORMS];
        if (auth_app_scram(a->options.seal, account->account, app->id, app->verifier,
                           i % AUTH_APP_FORMS, &keys) &&
            proves(x, &keys, message, last, signature)) {
            l->app = app->id;
        }
    }
    explicit_bzero(&keys, sizeof(keys));
    return l->app.len > 0;
}

/* Judge the proof. How long it takes depends on how many app passwords there are; what a client sees of it ends with the
 * span. */
static bool is_proved(struct auth *a, struct login *l, const struct exchange *x,
                      const struct scram_client_final *last, struct arena *arena,
                      uint8_t signature[static SCRAM_KEY_LEN])
{
    struct scram_keys keys;
    struct slice message =
        arena_printf(arena, "%.*s,%.*s", SLICE_ARG(x->said), SLICE_ARG(last->proven));

    bool has = keys_of(a, l, &keys);
    bool main = proves(x, &keys, message, last, signature) && has;
    explicit_bzero(&keys, sizeof(keys));
    if (!fits(a, x, last)) {
        l->reason = "the client answered another exchange, or over another connection";
        return false;
    }
    l->reason = why_not(l);
    return main || app_proves(a, l, x, message, last, signature);
}

static bool finish(struct auth *a, const struct exchange *x, struct ipc_request *r,
                   const struct timespec *span, struct error *e)
{
    const struct auth_sasl_next_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    const struct auth_login_ask who = {
        .user = x->user, .client = ask->client, .mechanism = x->mechanism, .device = ask->device};
    struct login l = {.ask = &who, .user = x->user, .now_ms = clock_steady_ms(), .span = span};
    OWN(buf) struct buf text = {.max = SERVER_TEXT_MAX};
    struct scram_client_final last;
    uint8_t signature[SCRAM_KEY_LEN];

    if (!scram_read_final(ask->message, &last)) {
        answer->verdict = LOGIN_UNREADABLE;
        return true;
    }
    enum admitted admitted = auth_admitted(a, &l);
    if (admitted == ADMITTED_NOT) {
        auth_turn_away(a, &l, answer);
        return true;
    }
    if (!auth_look_up(a, &l, r->arena, e)) {
        return false;
    }
    bool proved = is_proved(a, &l, x, &last, r->arena, signature);
    if (admitted == ADMITTED_APP && !(proved && l.app.len)) {
        auth_turn_away(a, &l, answer);
        return true;
    }
    if (!proved || auth_prove(a, &l, r->arena) != LOGIN_ACCEPTED) {
        auth_refuse(a, &l, r);
        return true;
    }
    scram_write_final(&text, signature);
    answer->message = arena_copy(r->arena, buf_slice(&text));
    return auth_accept(a, &l, r, e);
}

bool auth_on_sasl_next(void *auth, struct ipc_request *r, struct error *e)
{
    struct auth *a = auth;
    const struct auth_sasl_next_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct timespec end = auth_span_begin();
    OWN(exchange) struct exchange *x = NULL;

    if (ask->connection.len == EXCHANGE_ID_LEN) {
        x = exchanges_take(a->exchanges, ask->connection.ptr, ask->exchange, clock_steady_ms());
    }
    answer->verdict = LOGIN_UNREADABLE; /* too late, or never begun */
    if (x && x->refused) {
        answer->verdict = LOGIN_REFUSED;
        return true;
    }
    bool done = !x || finish(a, x, r, &end, e);
    if (answer->verdict != LOGIN_ACCEPTED) {
        answer->message = SLICE_NONE;
        auth_span_end(&end);
    }
    return done;
}
