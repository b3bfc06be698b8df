#include <stdio.h>
#include <string.h>

#include "host/thread.h"
#include "ipc/packet.h"
#include "keyring/keyring.h"
#include "letter/records.h"
#include "processes/auth_login.h"
#include "processes/auth_memory.h"
#include "processes/auth_slots.h"
#include "processes/auth_throttle.h"
#include "processes/auth_verifier.h"
#include "requests/keeper.h"
#include "tests/test.h"

#define ANNA   SLICE("anna@example.test")
#define BERT   SLICE("bert@example.test")
#define RIGHT  SLICE("correct horse battery staple")
#define WRONG  SLICE("correct horse battery stapler")
#define OFFICE SLICE("192.0.2.7")
#define CAFE   SLICE("198.51.100.9")
#define MINUTE INT64_C(60000)
#define WITHIN 20000

static struct settings settings = {
    .auth = {.parallel = 2,
             .failures_limit = 3,
             .failures_window_ms = 10 * MINUTE,
             .block_ms = 15 * MINUTE,
             .failure_delay_ms = 1000,
             .remember_ms = 5 * MINUTE},
};

/* ── verifiers ── */

static void a_verifier_opens_with_its_password_and_account_alone(void **unused)
{
    (void)unused;
    struct error e;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(secret) struct secret *other_seal = keyring_random();
    OWN(verifiers) struct verifiers *v = verifiers_new(seal, &e);
    OWN(verifiers) struct verifiers *other = verifiers_new(other_seal, &e);
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    assert_ok(verifier_make(v, ANNA, RIGHT, &sealed, &e), e);
    struct slice s = buf_slice(&sealed);
    assert_int_equal(verifier_check(v, ANNA, s, RIGHT), VERIFIER_RIGHT);
    assert_int_equal(verifier_check(v, ANNA, s, WRONG), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, ANNA, s, SLICE_NONE), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, ANNA, SLICE_NONE, RIGHT), VERIFIER_WRONG);
    assert_int_equal(verifier_check(v, BERT, s, RIGHT), VERIFIER_UNREADABLE);
    assert_int_equal(verifier_check(other, ANNA, s, RIGHT), VERIFIER_UNREADABLE);
    assert_null(memmem(s.ptr, s.len, "argon2", 6)); /* sealed, so nothing to guess against */
}

static void passwords_may_hold_any_byte_but_not_be_empty(void **unused)
{
    (void)unused;
    struct error e;
    static const uint8_t odd[] = {'a', 0, 0xff, '\n', 'b'};
    uint8_t cut[sizeof(odd)];
    uint8_t long_one[AUTH_PASSWORD_MAX + 1] = {1};
    OWN(secret) struct secret *seal = keyring_random();
    OWN(verifiers) struct verifiers *v = verifiers_new(seal, &e);
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    assert_ok(verifier_make(v, ANNA, SLICE_ARRAY(odd), &sealed, &e), e);
    memcpy(cut, odd, sizeof(odd));
    cut[4] = 'c'; /* behind the NUL */
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&sealed), SLICE_ARRAY(odd)), VERIFIER_RIGHT);
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&sealed), SLICE_ARRAY(cut)), VERIFIER_WRONG);
    assert_false(verifier_make(v, ANNA, SLICE_NONE, &sealed, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(verifier_make(v, ANNA, SLICE_ARRAY(long_one), &sealed, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

/* ── memory ── */

static void what_was_right_is_known_for_its_time(void **unused)
{
    (void)unused;
    OWN(auth_memory) struct auth_memory *m = auth_memory_new();
    OWN(auth_memory) struct auth_memory *other = auth_memory_new();
    struct slice v1 = SLICE("verifier 1");

    assert_false(auth_memory_knows(m, ANNA, v1, RIGHT, 0));
    auth_memory_add(m, ANNA, v1, RIGHT, 0, 5 * MINUTE);
    assert_true(auth_memory_knows(m, ANNA, v1, RIGHT, 5 * MINUTE - 1));
    assert_false(auth_memory_knows(m, ANNA, v1, RIGHT, 5 * MINUTE));
    assert_false(auth_memory_knows(m, ANNA, v1, WRONG, 1));
    assert_false(auth_memory_knows(m, BERT, v1, RIGHT, 1));
    assert_false(auth_memory_knows(m, ANNA, SLICE("verifier 2"), RIGHT, 1)); /* changed */
    assert_false(auth_memory_knows(other, ANNA, v1, RIGHT, 1));
    auth_memory_add(m, BERT, v1, RIGHT, 0, 0); /* `auth-remember = 0s` */
    assert_false(auth_memory_knows(m, BERT, v1, RIGHT, 0));
}

static void memory_is_bounded_and_recent_ones_stay(void **unused)
{
    (void)unused;
    OWN(auth_memory) struct auth_memory *m = auth_memory_new();
    char name[32];
    size_t known = 0;

    for (int i = 0; i < 40000; i++) {
        int n = snprintf(name, sizeof(name), "user%d", i);
        auth_memory_add(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, i, i + 5 * MINUTE);
        assert_true(auth_memory_knows(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, i));
    }
    for (int i = 0; i < 40000; i++) {
        int n = snprintf(name, sizeof(name), "user%d", i);
        known += auth_memory_knows(m, slice_of(name, (size_t)n), SLICE("v"), RIGHT, 1) ? 1 : 0;
    }
    assert_in_range(known, 7000, 8192);
}

/* ── throttle ── */

static int64_t fail_at(struct auth_throttle *t, struct slice who, struct slice from, int64_t at)
{
    bool blocked = false;
    return auth_throttle_failed(t, &settings.auth, who, from, at, &blocked);
}

static void failures_delay_then_block_then_are_forgotten(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    bool blocked = true;

    assert_int_equal(fail_at(t, ANNA, OFFICE, 0), 1000);
    assert_int_equal(fail_at(t, ANNA, OFFICE, 1), 2000);
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_int_equal(auth_throttle_failed(t, &settings.auth, ANNA, OFFICE, 2, &blocked), 4000);
    assert_true(blocked);
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 3));
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 3));   /* the account */
    assert_false(auth_throttle_allows(t, BERT, OFFICE, 3)); /* the address */
    assert_true(auth_throttle_allows(t, BERT, CAFE, 3));
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 15 * MINUTE));
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 15 * MINUTE + 2));
    assert_int_equal(fail_at(t, ANNA, OFFICE, 15 * MINUTE + 3), 1000); /* begins anew */
}

static void failures_far_apart_do_not_add_up(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(fail_at(t, ANNA, OFFICE, i * 11 * MINUTE), 1000);
        assert_true(auth_throttle_allows(t, ANNA, OFFICE, i * 11 * MINUTE + 1));
    }
}

static void the_delay_has_an_end(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    int64_t delay = 0;

    for (int i = 0; i < 100; i++) {
        delay = fail_at(t, ANNA, OFFICE, 1);
    }
    assert_int_equal(delay, AUTH_THROTTLE_DELAY_MAX_MS);
}

static void a_neighbour_in_the_same_64_shares_the_block(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, i ? SLICE("2001:db8:0:1::5") : SLICE("2001:db8:0:1:ffff::"), 0);
    }
    assert_false(auth_throttle_allows(t, BERT, SLICE("2001:db8:0:1::77"), 1));
    assert_true(auth_throttle_allows(t, BERT, SLICE("2001:db8:0:2::5"), 1));
    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, SLICE("nobody"), SLICE("::ffff:203.0.113.5"), 0);
    }
    assert_false(auth_throttle_allows(t, BERT, SLICE("203.0.113.5"), 1));
    assert_true(auth_throttle_allows(t, BERT, SLICE("203.0.113.6"), 1));
}

static void a_stranger_locks_nobody_out_of_his_desk(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    auth_throttle_succeeded(t, ANNA, OFFICE, 0);
    for (int i = 0; i < 50; i++) {
        (void)fail_at(t, ANNA, CAFE, 1);   /* a stranger tries her name */
        (void)fail_at(t, BERT, OFFICE, 1); /* a colleague's telephone */
    }
    assert_true(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 2));
    assert_false(auth_throttle_allows(t, BERT, OFFICE, 2));
    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, OFFICE, 3); /* but there is no guessing from there either */
    }
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 4));
}

static void success_elsewhere_washes_nobody_clean(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();

    (void)fail_at(t, ANNA, CAFE, 0);
    (void)fail_at(t, ANNA, CAFE, 0);
    auth_throttle_succeeded(t, ANNA, OFFICE, 1); /* the holder at work */
    auth_throttle_succeeded(t, BERT, CAFE, 1);   /* the attacker's own account */
    (void)fail_at(t, ANNA, CAFE, 2);
    assert_false(auth_throttle_allows(t, ANNA, CAFE, 3));
}

static void a_flood_of_names_does_not_push_out_a_block(void **unused)
{
    (void)unused;
    OWN(auth_throttle) struct auth_throttle *t = auth_throttle_new();
    char name[32];
    char from[32];

    for (int i = 0; i < 3; i++) {
        (void)fail_at(t, ANNA, CAFE, 0);
    }
    for (int i = 0; i < 60000; i++) {
        int n = snprintf(name, sizeof(name), "n%d", i);
        int f = snprintf(from, sizeof(from), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        (void)fail_at(t, slice_of(name, (size_t)n), slice_of(from, (size_t)f), 1);
    }
    assert_false(auth_throttle_allows(t, ANNA, OFFICE, 2));
    assert_false(auth_throttle_allows(t, BERT, CAFE, 2));
}

/* ── slots ── */

static void slots_are_counted_and_the_queue_is_bounded(void **unused)
{
    (void)unused;
    struct auth_slots s;

    auth_slots_init(&s, 1, 0);
    assert_true(auth_slots_take(&s, 0));
    assert_false(auth_slots_take(&s, WITHIN)); /* at once: nobody may wait */
    auth_slots_give(&s);
    assert_true(auth_slots_take(&s, 0));
    auth_slots_init(&s, 0, 1);
    assert_false(auth_slots_take(&s, 20)); /* the time is over */
    assert_int_equal(s.waiting, 0);
}

/* ── the whole, with a keeper that knows Anna ── */

struct scene {
    struct secret *seal;
    struct auth *auth;
    struct ipc_pool *keeper;     /* asked by auth */
    struct ipc_pool *submission; /* asks auth as submission does */
    struct ipc_pool *admin;      /* asks auth as the keeper does */
    struct slice verifier;
    bool disabled;
    struct sign_in last_failure;
    char last_reason[128];
    bool last_had_account;
    int failures;
    int sessions;
};

static struct scene scene;
static uint8_t verifier_bytes[AUTH_VERIFIER_MAX];

static bool on_account(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_account_ask *ask = r->ask;
    struct keeper_account_answer *answer = r->answer;

    (void)ctx;
    (void)e;
    if (slice_equal(ask->user, ANNA)) {
        *answer = (struct keeper_account_answer){true, scene.disabled, ANNA, scene.verifier};
    }
    return true;
}

static bool on_session(void *ctx, struct ipc_request *r, struct error *e)
{
    static const uint8_t handle[AUTH_SESSION_LEN] = {7};

    (void)ctx;
    (void)e;
    scene.sessions++;
    ((struct keeper_session_answer *)r->answer)->session = SLICE_ARRAY(handle);
    return true;
}

static bool on_failure(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct sign_in *s = r->ask;

    (void)ctx;
    (void)e;
    scene.failures++;
    scene.last_had_account = s->account.len > 0;
    (void)snprintf(scene.last_reason, sizeof(scene.last_reason), "%.*s", SLICE_ARG(s->reason));
    return true;
}

static const struct ipc_row keeper_rows[] = {
    {&keeper_account,        0, on_account},
    {&keeper_session,        0, on_session},
    {&keeper_sign_in_failed, 0, on_failure},
};
static const struct ipc_table keeper_table = IPC_TABLE("auth", keeper_rows);

static atomic_int breaches; /* of the rules, seen by a serving end */

struct serving {
    struct ipc_server *server;
    int fd;
    pthread_t thread;
};

static struct serving servings[3];

static void serve(void *argument)
{
    struct serving *s = argument;
    struct error e;
    if (!ipc_serve(s->server, s->fd, &e)) {
        breaches++;
    }
    (void)close(s->fd);
}

static void join(struct ipc_pool *asker, struct ipc_server *server, struct serving *s)
{
    int ends[2];
    struct error e;

    assert_ok(packet_pair(ends, &e), e);
    ipc_pool_add(asker, ends[0]);
    *s = (struct serving){.server = server, .fd = ends[1]};
    assert_ok(thread_start_joinable("serve", THREAD_STACK_LARGE, serve, s, &s->thread, &e), e);
}

static const struct settings *settings_now(void *unused)
{
    (void)unused;
    return &settings;
}

static int begin(void **unused)
{
    static struct ipc_server servers[3];
    struct error e;

    (void)unused;
    scene = (struct scene){.seal = keyring_random()};
    scene.keeper = ipc_pool_new("keeper");
    scene.submission = ipc_pool_new("auth");
    scene.admin = ipc_pool_new("auth");
    struct auth_options options = {settings_now, NULL, scene.seal, scene.keeper};
    scene.auth = auth_new(&options, &e);
    assert_non_null(scene.auth);
    ipc_server_init(&servers[0], &keeper_table, NULL);
    ipc_server_init(&servers[1], &auth_submission_table, scene.auth);
    ipc_server_init(&servers[2], &auth_keeper_table, scene.auth);
    join(scene.keeper, &servers[0], &servings[0]);
    join(scene.submission, &servers[1], &servings[1]);
    join(scene.admin, &servers[2], &servings[2]);
    return 0;
}

static int finish(void **unused)
{
    (void)unused;
    ipc_pool_free(scene.submission);
    ipc_pool_free(scene.admin);
    thread_join(servings[1].thread); /* the serving threads see it; they may still ask the keeper */
    thread_join(servings[2].thread);
    ipc_pool_free(scene.keeper);
    thread_join(servings[0].thread);
    auth_free(scene.auth);
    secret_free(scene.seal);
    return 0;
}

static void set_password(struct slice password)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_verifier_ask ask = {ANNA, password};
    struct auth_verifier_answer answer;
    struct error e;

    assert_ok(ipc_call(scene.admin, &auth_verifier, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
              e);
    memcpy(verifier_bytes, answer.verifier.ptr, answer.verifier.len);
    scene.verifier = slice_of(verifier_bytes, answer.verifier.len);
}

static uint64_t sign_in(struct slice user, struct slice password, struct slice from,
                        uint64_t *delay_ms)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_login_ask ask = {user, password, from, SLICE("PLAIN")};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(ipc_call(scene.submission, &auth_login, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
              e);
    assert_int_equal(answer.session.len, answer.verdict == LOGIN_ACCEPTED ? AUTH_SESSION_LEN : 0);
    *delay_ms = answer.delay_ms;
    return answer.verdict;
}

static void the_right_password_opens_a_session(void **unused)
{
    (void)unused;
    uint64_t delay = 1;

    set_password(RIGHT);
    assert_int_equal(sign_in(SLICE("Anna@Example.TEST"), RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(delay, 0);
    assert_int_equal(sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED); /* remembered */
    assert_int_equal(scene.sessions, 2);
    set_password(SLICE("another one"));
    assert_int_equal(sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_REFUSED); /* forgotten */
    assert_int_equal(sign_in(ANNA, SLICE("another one"), OFFICE, &delay), LOGIN_ACCEPTED);
    scene.disabled = true;
    assert_int_equal(sign_in(ANNA, SLICE("another one"), OFFICE, &delay), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "closed account");
}

static void refusals_look_alike_and_end_in_a_block(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    set_password(RIGHT);
    assert_int_equal(sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 1000);
    assert_true(scene.last_had_account);
    assert_int_equal(sign_in(SLICE("my-password!"), WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 1000);
    assert_false(scene.last_had_account); /* a mistyped user name may be a password */
    assert_int_equal(sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 2000);
    assert_int_equal(sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    assert_int_equal(sign_in(ANNA, RIGHT, CAFE, &delay), LOGIN_BLOCKED);
    assert_int_equal(scene.failures, 4);
    assert_int_equal(scene.sessions, 0);
}

static void a_channel_may_ask_only_its_own_questions(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_verifier_ask ask = {ANNA, RIGHT};
    struct auth_verifier_answer answer;
    struct error e;

    assert_false(
        ipc_call(scene.submission, &auth_verifier, &ask, -1, &answer, NULL, &arena, WITHIN, &e));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_opens_with_its_password_and_account_alone),
        cmocka_unit_test(passwords_may_hold_any_byte_but_not_be_empty),
        cmocka_unit_test(what_was_right_is_known_for_its_time),
        cmocka_unit_test(memory_is_bounded_and_recent_ones_stay),
        cmocka_unit_test(failures_delay_then_block_then_are_forgotten),
        cmocka_unit_test(failures_far_apart_do_not_add_up),
        cmocka_unit_test(the_delay_has_an_end),
        cmocka_unit_test(a_neighbour_in_the_same_64_shares_the_block),
        cmocka_unit_test(a_stranger_locks_nobody_out_of_his_desk),
        cmocka_unit_test(success_elsewhere_washes_nobody_clean),
        cmocka_unit_test(a_flood_of_names_does_not_push_out_a_block),
        cmocka_unit_test(slots_are_counted_and_the_queue_is_bounded),
        SCENE(the_right_password_opens_a_session),
        SCENE(refusals_look_alike_and_end_in_a_block),
        SCENE(a_channel_may_ask_only_its_own_questions),
    };
    return cmocka_run_group_tests_name("processes/auth", tests, NULL, NULL);
}
