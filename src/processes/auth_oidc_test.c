/* Tokens that a provider is asked about, and how many may wait for it; courier is a thread that answers what the test says. */
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"

#include "host/memfd.h"
#include "host/thread.h"
#include "ipc/packet.h"
#include "processes/auth_oidc.h"
#include "processes/auth_scene_test.h"
#include "requests/oidc.h"

#define CHANNELS (PROVIDER_MAIL_MAX + PROVIDER_DESK_MAX)
#define OURS                                                                                       \
    "\"client_id\":\"thunderbird\",\"scope\":\"mail.send\",\"email\":\"anna@example.test\","       \
    "\"email_verified\":true,\"active\":true"
#define FOR_US "\"aud\":\"https://mail.example.test\""
#define BEARER "\"token_type\":\"Bearer\""

static struct slice audience = SLICE_INIT("https://mail.example.test");
static struct slice client = SLICE_INIT("thunderbird");
static struct oidc_settings vault = {
    .name = SLICE_INIT("vault"),
    .issuer = SLICE_INIT("https://id.example.test"),
    .client_id = SLICE_INIT("postern"),
    .claim = SLICE_INIT("email"),
    .clients = {&client, 1},
    .scope = SLICE_INIT("mail.send"),
    .introspection = true
};

static struct {
    struct ipc_pool *pool;
    struct ipc_server server;
    pthread_t threads[CHANNELS];
    int ends[CHANNELS];
    struct slice body;
    atomic_int asked;
    atomic_bool held; /* nobody is answered */
} courier;

static bool on_identity(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)ctx;
    courier.asked++;
    while (courier.held) {
        (void)usleep(1000);
    }
    ((struct provider_answer *)r->answer)->status = 200;
    return memfd_from("identity", courier.body, &r->answer_fd, e);
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

static struct oidc_judge judge;

static int begin(void **unused)
{
    struct error e;

    vault.audiences = (struct config_list){&audience, 1};
    scene_settings.oidcs = (struct config_list){&vault, 1};
    courier.pool = ipc_pool_new("courier");
    courier.asked = 0;
    ipc_server_init(&courier.server, &courier_table, NULL);
    for (size_t i = 0; i < CHANNELS; i++) {
        int ends[2];
        assert_ok(packet_pair(ends, &e), e);
        ipc_pool_add(courier.pool, ends[0]);
        courier.ends[i] = ends[1];
        assert_ok(thread_start_joinable("courier", THREAD_STACK_LARGE, serve, &courier.ends[i],
                                        &courier.threads[i], &e),
                  e);
    }
    judge = (struct oidc_judge){providers_new(courier.pool), auth_tokens_new(), &scene_settings};
    return scene_begin(unused); /* its auth has no courier */
}

static int finish(void **unused)
{
    ipc_pool_free(courier.pool);
    for (size_t i = 0; i < CHANNELS; i++) {
        thread_join(courier.threads[i]);
    }
    providers_free(judge.providers);
    auth_tokens_free((struct auth_tokens *)judge.tokens);
    scene_settings.oidcs = (struct config_list){NULL, 0};
    return scene_finish(unused);
}

/* What a token is worth of which the provider says this. */
static enum token_verdict verdict_of(const char *said)
{
    static unsigned nth;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct token_identity who;
    const char *why = "";

    courier.body = slice_text(said);
    return oidc_access(&judge, arena_printf(&arena, "opaque-%u", nth++), &arena, &who, &why);
}

static void what_the_provider_does_not_call_an_access_token_is_none(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "{" OURS "," FOR_US "}", /* a refresh token, as oidc-provider has it */
        "{" OURS "," FOR_US ",\"token_type\":\"DPoP\"}",
        "{" OURS "," FOR_US ",\"token_type\":\"refresh_token\"}",
        "{" OURS "," FOR_US "," BEARER ",\"typ\":\"Refresh\"}",
        "{" OURS "," FOR_US "," BEARER ",\"typ\":\"Offline\"}",
        "{" OURS "," FOR_US "," BEARER ",\"typ\":\"ID\"}",
        "{" OURS "," FOR_US "," BEARER ",\"token_use\":\"refresh_token\"}",
        "{" OURS "," FOR_US "," BEARER
        ",\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}}",
        "{" OURS "," FOR_US "," BEARER
        ",\"cnf\":{\"x5t#S256\":\"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2\"}}",
        "{" OURS "," FOR_US "," BEARER ",\"cnf\":null}",
        "{" OURS "," BEARER "}", /* for no audience */
        "{" OURS "," BEARER ",\"aud\":[]}",
        "{" OURS "," BEARER ",\"aud\":\"https://files.example.test\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(verdict_of(bad[i]), TOKEN_BAD);
    }
    assert_int_equal(verdict_of("{" OURS "," BEARER ",\"aud\":[1]}"), TOKEN_UNSAID);
    assert_int_equal(verdict_of("{" OURS "," FOR_US "," BEARER "}"), TOKEN_GOOD);
    assert_int_equal(verdict_of("{" OURS "," FOR_US ",\"token_type\":\"bearer\",\"typ\":\"Bearer\","
                                "\"token_use\":\"access_token\"}"),
                     TOKEN_GOOD);
}

static void without_an_audience_client_and_scope_decide(void **unused)
{
    (void)unused;

    vault.audiences = (struct config_list){NULL, 0};
    assert_int_equal(verdict_of("{" OURS "," BEARER "}"), TOKEN_GOOD);
    assert_int_equal(verdict_of("{" OURS "}"), TOKEN_BAD);
    assert_int_equal(verdict_of("{" OURS "," FOR_US "," BEARER "}"), TOKEN_BAD);
}

struct waiter {
    pthread_t thread;
    bool desk;
    bool answered;
};

static void wait_for_provider(void *argument)
{
    struct waiter *w = argument;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct jose_provider document;
    struct token_identity who;
    struct error e;
    const char *why = "";
    struct slice token = arena_printf(&arena, "waiter-%p", argument);

    w->answered = w->desk ? !providers_document(judge.providers, &vault, &arena, &document, &e) &&
                                e.kind == ERROR_BUSY /* it is no document */
                          : oidc_access(&judge, token, &arena, &who, &why) == TOKEN_GOOD;
}

static void a_slow_provider_holds_so_many_and_the_next_is_told_at_once(void **unused)
{
    (void)unused;
    struct waiter waiters[CHANNELS];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct jose_provider document;
    struct error e;

    courier.held = true;
    courier.body = SLICE("{" OURS "," FOR_US "," BEARER "}");
    for (size_t i = 0; i < CHANNELS; i++) {
        waiters[i] = (struct waiter){.desk = i >= PROVIDER_MAIL_MAX};
        assert_ok(thread_start_joinable("waiter", THREAD_STACK_LARGE, wait_for_provider,
                                        &waiters[i], &waiters[i].thread, &e),
                  e);
    }
    while (courier.asked < CHANNELS) {
        (void)usleep(1000);
    }
    int64_t before = clock_steady_ms();
    assert_int_equal(verdict_of("{" OURS "," FOR_US "," BEARER "}"), TOKEN_LATER);
    assert_false(providers_document(judge.providers, &vault, &arena, &document, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    assert_in_range(clock_steady_ms() - before, 0, 5000);
    assert_int_equal(courier.asked, CHANNELS);
    courier.held = false;
    for (size_t i = 0; i < CHANNELS; i++) {
        thread_join(waiters[i].thread);
        assert_true(waiters[i].answered);
    }
    assert_int_equal(verdict_of("{" OURS "," FOR_US "," BEARER "}"), TOKEN_GOOD);
}

static uint64_t shows(const char *token, struct slice user)
{
    static const uint8_t here[AUTH_EXCHANGE_LEN] = {1};
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_sasl_begin_ask ask = {
        SLICE_ARRAY(here), OFFICE, SLICE("XOAUTH2"),
        arena_printf(&arena, "user=%.*s\1auth=Bearer %s\1\1", SLICE_ARG(user), token), SLICE_NONE};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_sasl_begin, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
        e);
    return answer.verdict;
}

/* Each question may take long; the names that come with them are as good as any. */
static void who_asks_about_tokens_in_vain_is_blocked_by_his_address(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    scene_settings.auth.failures_limit = 3;
    scene_password(RIGHT);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(shows("one", ANNA), LOGIN_BUSY);
    assert_int_equal(shows("two", BERT), LOGIN_BUSY);
    assert_int_equal(shows("three", SLICE("carl@example.test")), LOGIN_BUSY);
    assert_int_equal(shows("four", SLICE("dora@example.test")), LOGIN_BLOCKED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay),
                     LOGIN_ACCEPTED); /* is known there */
    assert_int_equal(scene.failures, 0);
}

#define TOKENS(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOKENS(what_the_provider_does_not_call_an_access_token_is_none),
        TOKENS(without_an_audience_client_and_scope_decide),
        TOKENS(a_slow_provider_holds_so_many_and_the_next_is_told_at_once),
        TOKENS(who_asks_about_tokens_in_vain_is_blocked_by_his_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
