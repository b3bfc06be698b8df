/* What a provider gives at the desk, and what it is worth: courier is a thread that answers what the test says. */
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#include "formats/jose/form.h"
#include "host/memfd.h"
#include "host/thread.h"
#include "ipc/packet.h"
#include "processes/auth_oidc_grant.h"
#include "requests/oidc.h"
#include "tests/test.h"

#define NOON     INT64_C(5000000)
#define WAYS     (IDENTITY_LAST + 1)
#define ISSUER   "https://id.example.test"
#define DOCUMENT "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER "/token\""
#define WHOLE                                                                                      \
    DOCUMENT ",\"device_authorization_endpoint\":\"" ISSUER                                        \
             "/device\",\"userinfo_endpoint\":\"" ISSUER "/me\"}"
#define CODES                                                                                      \
    "\"device_code\":\"dc\",\"user_code\":\"ABCD-EFGH\",\"verification_uri\":\"" ISSUER "/go\""

static struct {
    struct ipc_pool *pool;
    struct ipc_server server;
    pthread_t thread;
    int end;

    struct reply {
        uint64_t status; /* 0: there is nobody */
        struct slice body;
        int asked;
    } replies[WAYS];

    uint8_t form[OIDC_FORM_MAX]; /* the last one */
    size_t form_len;
} courier;

static struct oidc_settings office = {
    .name = SLICE_INIT("office"),
    .issuer = SLICE_INIT(ISSUER),
    .client_id = SLICE_INIT("postern"),
    .claim = SLICE_INIT("email"),
    .login_scope = SLICE_INIT("openid email"),
    .device_login = true,
};
static int algorithm = 3; /* EdDSA */
static struct oidc_judge judge;
static EVP_PKEY *key;
static const char *why;

static bool on_identity(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct provider_ask *ask = r->ask;
    struct reply *reply = &courier.replies[ask->kind];

    (void)ctx;
    reply->asked++;
    courier.form_len = ask->form.len;
    if (ask->form.len) {
        (void)memcpy(courier.form, ask->form.ptr, ask->form.len);
    }
    if (!reply->status) {
        return error_set(e, ERROR_BUSY, "nobody is there");
    }
    ((struct provider_answer *)r->answer)->status = reply->status;
    return memfd_from("identity", reply->body, &r->answer_fd, e);
}

static const struct ipc_row courier_rows[] = {
    {&courier_identity, 0, on_identity},
};
static const struct ipc_table courier_table = IPC_TABLE("auth", courier_rows);

static void serve(void *end)
{
    struct error e;

    assert_ok(ipc_serve(&courier.server, *(int *)end, &e), e);
    (void)close(*(int *)end);
}

static void says(enum identity_kind kind, uint64_t status, const char *body)
{
    courier.replies[kind].status = status;
    courier.replies[kind].body = slice_text(body);
}

static int begin(void **unused)
{
    (void)unused;
    struct error e;
    int ends[2];

    office.algorithms = (struct config_list){&algorithm, 1};
    office.device_login = true;
    (void)memset(courier.replies, 0, sizeof(courier.replies));
    courier.pool = ipc_pool_new("courier");
    ipc_server_init(&courier.server, &courier_table, NULL);
    assert_ok(packet_pair(ends, &e), e);
    ipc_pool_add(courier.pool, ends[0]);
    courier.end = ends[1];
    assert_ok(thread_start_joinable("courier", THREAD_STACK_LARGE, serve, &courier.end,
                                    &courier.thread, &e),
              e);
    judge = (struct oidc_judge){providers_new(courier.pool), NULL, NULL};
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key);
    says(IDENTITY_DOCUMENT, 200, WHOLE);
    return 0;
}

static int finish(void **unused)
{
    (void)unused;
    ipc_pool_free(courier.pool);
    thread_join(courier.thread);
    providers_free(judge.providers);
    EVP_PKEY_free(key);
    return 0;
}

/* The value of a field of the form that was posted last. */
static bool posted(const char *name, const char *value)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice got;

    return form_value(slice_of(courier.form, courier.form_len), name, &arena, &got) &&
           slice_equal(got, slice_text(value));
}

/* ── a code that a person types ── */

static enum error_kind begins(uint64_t status, const char *body)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(attempt) struct attempt *x = attempt_new(NOON);
    struct grant_page page;
    struct error e = {.kind = ERROR_NONE};

    says(IDENTITY_DEVICE, status, body);
    bool begun = grant_begin_device(judge.providers, &office, x, NOON, &arena, &page, &e);
    assert_true(begun || (x->device_len == 0 && e.kind != ERROR_NONE));
    return begun ? ERROR_NONE : e.kind;
}

static void what_a_provider_says_of_a_page_is_read_strictly(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "",
        "[]",
        "{" CODES "}",
        "{" CODES ",\"expires_in\":0}",
        "{" CODES ",\"expires_in\":-1}",
        "{\"user_code\":\"A\",\"verification_uri\":\"" ISSUER "/go\",\"expires_in\":600}",
        "{\"device_code\":\"dc\",\"verification_uri\":\"" ISSUER "/go\",\"expires_in\":600}",
        "{\"device_code\":\"dc\",\"user_code\":\"A\",\"expires_in\":600}",
        "{\"device_code\":\"dc\",\"user_code\":\"A\",\"verification_uri\":\"http://id.example.test/"
        "go\","
        "\"expires_in\":600}",
        "{\"device_code\":\"dc\",\"user_code\":\"A\",\"verification_uri\":\"https://"
        "id.example.test/g o\","
        "\"expires_in\":600}",
        "{\"device_code\":[\"dc\"],\"user_code\":\"A\",\"verification_uri\":\"" ISSUER
        "/go\",\"expires_in\":600}",
    };
    char longer[ATTEMPT_DEVICE_MAX + 200];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(begins(200, bad[i]), ERROR_CONFIG);
    }
    (void)snprintf(longer, sizeof(longer),
                   "{\"device_code\":\"%0*d\",\"user_code\":\"A\",\"verification_uri\":\"" ISSUER
                   "/go\",\"expires_in\":600}",
                   ATTEMPT_DEVICE_MAX + 1, 7);
    assert_int_equal(begins(200, longer), ERROR_CONFIG);
    assert_int_equal(begins(400, "{" CODES ",\"expires_in\":600}"), ERROR_CONFIG);
    assert_int_equal(begins(503, "{" CODES ",\"expires_in\":600}"), ERROR_BUSY);
    assert_int_equal(begins(0, ""), ERROR_BUSY);
    assert_int_equal(begins(200, "{" CODES ",\"expires_in\":600}"), ERROR_NONE);
    assert_true(posted("client_id", "postern") && posted("scope", "openid email") &&
                posted("prompt", "login") && posted("code_challenge_method", "S256"));
}

static void without_the_setting_or_the_endpoint_nobody_is_asked(void **unused)
{
    (void)unused;

    office.device_login = false;
    assert_int_equal(begins(200, "{" CODES ",\"expires_in\":600}"), ERROR_CONFIG);
    office.device_login = true;
    says(IDENTITY_DOCUMENT, 200, DOCUMENT "}");
    assert_int_equal(begins(200, "{" CODES ",\"expires_in\":600}"), ERROR_CONFIG);
    assert_int_equal(courier.replies[IDENTITY_DEVICE].asked, 0);
}

static struct attempt *device_begun(const char *more)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(attempt) struct attempt *x = attempt_new(NOON);
    struct grant_page page;
    char body[512];
    struct error e;

    (void)snprintf(body, sizeof(body), "{" CODES "%s}", more);
    says(IDENTITY_DEVICE, 200, body);
    assert_ok(grant_begin_device(judge.providers, &office, x, NOON, &arena, &page, &e), e);
    assert_slice(page.url, ISSUER "/go");
    assert_slice(page.user_code, "ABCD-EFGH");
    return TAKE(x, NULL);
}

static void a_page_is_open_as_long_as_both_want(void **unused)
{
    (void)unused;
    OWN(attempt) struct attempt *brief = device_begun(",\"expires_in\":60");
    OWN(attempt) struct attempt *longer = device_begun(",\"expires_in\":999999,\"interval\":7");
    OWN(attempt) struct attempt *lazy = device_begun(",\"expires_in\":600,\"interval\":99999");

    assert_int_equal(brief->until_ms, NOON + 60000);
    assert_int_equal(brief->pause_ms, GRANT_PAUSE_MS);
    assert_int_equal(longer->until_ms, NOON + ATTEMPT_DEVICE_LASTS_MS);
    assert_int_equal(longer->next_ms, NOON + 7000);
    assert_int_equal(lazy->pause_ms, GRANT_PAUSE_MAX_MS);
}

static enum token_verdict polls(struct attempt *x, int64_t now_ms, uint64_t status,
                                const char *body)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct oidc_grant grant = {.nonce = SLICE_NONE};

    why = "";
    says(IDENTITY_TOKEN, status, body);
    return grant_by_device(judge.providers, &office, x, now_ms, &arena, &grant, &why);
}

static void it_is_asked_no_more_often_than_the_provider_wants(void **unused)
{
    (void)unused;
    OWN(attempt) struct attempt *x = device_begun(",\"expires_in\":600");
    const int *asked = &courier.replies[IDENTITY_TOKEN].asked;
    int64_t now = NOON + GRANT_PAUSE_MS;

    assert_int_equal(polls(x, now - 1, 200, "{\"id_token\":\"a\"}"), TOKEN_WAITS);
    assert_int_equal(*asked, 0);
    assert_int_equal(polls(x, now, 400, "{\"error\":\"authorization_pending\"}"), TOKEN_WAITS);
    assert_true(posted("grant_type", "urn:ietf:params:oauth:grant-type:device_code") &&
                posted("device_code", "dc") && posted("client_id", "postern"));
    assert_int_equal(x->next_ms, now + GRANT_PAUSE_MS);
    now = x->next_ms;
    assert_int_equal(polls(x, now, 400, "{\"error\":\"slow_down\"}"), TOKEN_WAITS);
    assert_int_equal(x->next_ms, now + GRANT_PAUSE_MS + GRANT_SLOWER_MS);
    now = x->next_ms;
    assert_int_equal(polls(x, now, 503, "{\"id_token\":\"a\"}"), TOKEN_WAITS); /* is not well */
    assert_int_equal(x->pause_ms, 2 * (GRANT_PAUSE_MS + GRANT_SLOWER_MS));
    now = x->next_ms;
    assert_int_equal(polls(x, now, 0, ""), TOKEN_WAITS); /* nobody is there */
    now = x->next_ms;
    assert_int_equal(polls(x, now, 0, ""), TOKEN_WAITS);
    assert_int_equal(x->pause_ms, GRANT_PAUSE_MAX_MS);
    assert_int_equal(*asked, 5);
    assert_int_equal(polls(x, x->next_ms, 200, "{\"id_token\":\"a\"}"), TOKEN_GOOD);
}

static void what_is_no_yes_is_a_no(void **unused)
{
    (void)unused;

    static const struct {
        uint64_t status;
        const char *body;
        const char *why;
    } no[] = {
        {400, "{\"error\":\"access_denied\"}",         "the person said no at the provider"},
        {400, "{\"error\":\"expired_token\"}",         "nobody typed the code in time"     },
        {400, "{\"error\":\"invalid_grant\"}",         "the provider did not take the code"},
        {400, "",                                      "the provider did not take the code"},
        {400, "{\"id_token\":\"a\"}",                  "the provider did not take the code"},
        {302, "{\"id_token\":\"a\"}",                  "the provider did not take the code"},
        {200, "",                                      "the provider gave no ID token"     },
        {200, "{\"access_token\":\"a\"}",              "the provider gave no ID token"     },
        {200, "{\"error\":\"authorization_pending\"}", "the provider gave no ID token"     },
    };

    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        OWN(attempt) struct attempt *x = device_begun(",\"expires_in\":600");
        assert_int_equal(polls(x, NOON + GRANT_PAUSE_MS, no[i].status, no[i].body), TOKEN_BAD);
        assert_string_equal(why, no[i].why);
    }
}

static void an_access_token_of_another_kind_is_shown_to_nobody(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(attempt) struct attempt *x = attempt_new(NOON);
    struct oidc_grant grant = {.nonce = SLICE_NONE};

    says(IDENTITY_TOKEN, 200,
         "{\"id_token\":\"i\",\"access_token\":\"a\",\"token_type\":\"DPoP\"}");
    assert_int_equal(
        grant_by_code(judge.providers, &office, x, SLICE("c"), SLICE("r"), &arena, &grant, &why),
        TOKEN_GOOD);
    assert_slice(grant.access_token, "");
    says(IDENTITY_TOKEN, 200,
         "{\"id_token\":\"i\",\"access_token\":\"a\",\"token_type\":\"bearer\"}");
    assert_int_equal(
        grant_by_code(judge.providers, &office, x, SLICE("c"), SLICE("r"), &arena, &grant, &why),
        TOKEN_GOOD);
    assert_slice(grant.access_token, "a");
    assert_true(posted("code", "c") && posted("redirect_uri", "r") &&
                posted("grant_type", "authorization_code"));
}

/* ── ID tokens ── */

static void encode(struct buf *out, struct slice bytes)
{
    uint8_t text[2048];

    assert_true(BASE64URL_LEN(bytes.len) <= sizeof(text));
    buf_add(out, slice_of(text, base64url_encode(bytes, text)));
}

/* An ID token of this moment, signed as the provider would. */
static struct slice id_token(const char *claims, struct arena *arena)
{
    OWN(buf) struct buf out = {.max = 1 << 16};
    uint8_t signature[64];
    size_t len = sizeof(signature);
    long long now = clock_wall_ms() / 1000;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    encode(&out, SLICE("{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\"}"));
    buf_add_byte(&out, '.');
    encode(&out, arena_printf(arena,
                              "{\"iss\":\"" ISSUER "\",\"aud\":\"postern\",\"sub\":\"anna\","
                              "\"iat\":%lld,\"exp\":%lld%s}",
                              now, now + 60, claims));
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, out.ptr, out.len), 1);
    EVP_MD_CTX_free(ctx);
    buf_add_byte(&out, '.');
    encode(&out, slice_of(signature, len));
    return arena_copy(arena, buf_slice(&out));
}

/* What a sign-in comes to whose ID token has these claims and whose nonce was "n". */
static enum token_verdict signs_in(const char *claims, bool device, const char *access,
                                   struct arena *arena, struct token_identity *who)
{
    uint8_t public[32];
    size_t len = sizeof(public);
    OWN(buf) struct buf keys = {.max = 1024};

    assert_int_equal(EVP_PKEY_get_raw_public_key(key, public, &len), 1);
    buf_add_text(&keys, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"");
    encode(&keys, slice_of(public, len));
    buf_add_text(&keys, "\"}]}");
    says(IDENTITY_KEYS, 200, arena_text(arena, buf_slice(&keys)));
    const struct oidc_grant grant = {id_token(claims, arena), slice_text(access), SLICE("n"),
                                     device};
    why = "";
    return oidc_sign_in(&judge, &office, &grant, arena, who, &why);
}

static enum token_verdict verdict_of(const char *claims, bool device, const char *access)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct token_identity who;

    return signs_in(claims, device, access, &arena, &who);
}

#define ANNA ",\"email\":\"anna@example.test\",\"email_verified\":true"

static void a_typed_code_may_do_without_a_nonce_and_never_with_another(void **unused)
{
    (void)unused;

    assert_int_equal(verdict_of(ANNA ",\"nonce\":\"n\"", false, ""), TOKEN_GOOD);
    assert_int_equal(verdict_of(ANNA, false, ""), TOKEN_BAD);
    assert_int_equal(verdict_of(ANNA ",\"nonce\":\"m\"", false, ""), TOKEN_BAD);
    assert_int_equal(verdict_of(ANNA ",\"nonce\":\"n\"", true, ""), TOKEN_GOOD);
    assert_int_equal(verdict_of(ANNA, true, ""), TOKEN_GOOD);
    assert_int_equal(verdict_of(ANNA ",\"nonce\":\"m\"", true, ""), TOKEN_BAD);
    assert_string_equal(why, "the ID token is of another sign-in");
    assert_int_equal(courier.replies[IDENTITY_USERINFO].asked, 0);
}

static enum token_verdict told(uint64_t status, const char *body)
{
    says(IDENTITY_USERINFO, status, body);
    return verdict_of(",\"nonce\":\"n\"", false, "access");
}

static void who_it_is_the_provider_says_of_the_same_person(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct token_identity who;

    says(IDENTITY_USERINFO, 200, "{\"sub\":\"anna\"" ANNA "}");
    assert_int_equal(signs_in(",\"nonce\":\"n\"", false, "access", &arena, &who), TOKEN_GOOD);
    assert_slice(who.account, "anna@example.test");
    assert_memory_equal(courier.form, "access", 6);
    assert_int_equal(told(200, "{\"sub\":\"bert\"" ANNA "}"), TOKEN_BAD);
    assert_string_equal(why, "the provider speaks of somebody else than its ID token");
    assert_int_equal(told(200, "{\"email\":\"anna@example.test\",\"email_verified\":true}"),
                     TOKEN_BAD);
    assert_int_equal(told(200, "{\"sub\":\"anna\",\"email\":\"anna@example.test\"}"), TOKEN_BAD);
    assert_string_equal(why, "the provider has not verified the address");
    assert_int_equal(told(200, "{\"sub\":\"anna\"}"), TOKEN_BAD);
    assert_int_equal(told(200, "eyJhbGciOiJub25lIn0.e30."), TOKEN_BAD); /* signed: not read */
    assert_int_equal(told(401, "{\"sub\":\"anna\"" ANNA "}"), TOKEN_BAD);
    assert_int_equal(told(408, ""), TOKEN_LATER);
    assert_int_equal(told(429, "{\"sub\":\"anna\"" ANNA "}"), TOKEN_LATER);
    assert_int_equal(told(500, "{\"sub\":\"anna\"" ANNA "}"), TOKEN_LATER);
    assert_int_equal(told(0, ""), TOKEN_LATER);
}

static void nobody_is_asked_without_need_or_a_token(void **unused)
{
    (void)unused;
    const int *asked = &courier.replies[IDENTITY_USERINFO].asked;

    says(IDENTITY_USERINFO, 200, "{\"sub\":\"anna\"" ANNA "}");
    assert_int_equal(verdict_of(",\"nonce\":\"n\"", false, ""), TOKEN_BAD);
    assert_string_equal(why, "the token names no account");
    assert_int_equal(verdict_of(ANNA ",\"nonce\":\"n\"", false, "access"), TOKEN_GOOD);
    assert_int_equal(verdict_of(",\"nonce\":\"m\"", false, "access"), TOKEN_BAD);
    says(IDENTITY_DOCUMENT, 200, DOCUMENT "}");
    assert_int_equal(verdict_of(",\"nonce\":\"n\"", false, "access"), TOKEN_BAD);
    assert_int_equal(*asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_provider_says_of_a_page_is_read_strictly),
        TEST(without_the_setting_or_the_endpoint_nobody_is_asked),
        TEST(a_page_is_open_as_long_as_both_want),
        TEST(it_is_asked_no_more_often_than_the_provider_wants),
        TEST(what_is_no_yes_is_a_no),
        TEST(an_access_token_of_another_kind_is_shown_to_nobody),
        TEST(a_typed_code_may_do_without_a_nonce_and_never_with_another),
        TEST(who_it_is_the_provider_says_of_the_same_person),
        TEST(nobody_is_asked_without_need_or_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
