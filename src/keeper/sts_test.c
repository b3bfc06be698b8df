/* Policies as they are looked up, kept and lost; courier is a thread that answers what the test says. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "host/memfd.h"
#include "host/resolver.h"
#include "host/thread.h"
#include "ipc/packet.h"
#include "keeper/internal.h"
#include "keeper/levels.h"
#include "keeper/sts.h"
#include "keeper/sts_transport.h"
#include "keyring/keyring.h"
#include "requests/courier.h"
#include "requests/sts.h"
#include "tests/test.h"

#define DOMAIN "partner.test"
#define ENFORCE(age)                                                                               \
    "version: STSv1\nmode: enforce\nmx: mx.partner.test\nmx: *.mail.test\nmax_age: " age "\n"

static struct {
    struct ipc_pool *pool;
    struct ipc_server server;
    pthread_t thread;
    int end;
    /* what it answers */
    enum dns_status dns;
    const char *text;
    enum error_kind failure, away; /* away: it does not come to asking */
    bool dns_alone;                /* likewise for the file */
    unsigned status;
    const char *type;
    const char *body;
    /* and was asked */
    atomic_int lookups, fetches;
    char name[300];
    char url[300];
    uint64_t redirects;
    uint64_t room;
} courier;

static struct keeper keeper;
static struct secret *key;
static char folder[64];
static char path[96];

static bool on_dns(void *ctx, struct ipc_request *r, struct error *e)
{
    static uint8_t rdata[256];
    struct courier_dns_answer *answer = r->answer;
    const struct courier_dns_ask *ask = r->ask;
    struct courier_dns_record *record = arena_alloc(r->arena, sizeof(*record));

    (void)ctx;
    courier.lookups++;
    if (courier.away) {
        return error_set(e, courier.away, "the test says so");
    }
    assert_int_equal(ask->type, DNS_TXT);
    (void)snprintf(courier.name, sizeof(courier.name), "%.*s", SLICE_ARG(ask->name));
    rdata[0] = (uint8_t)strlen(courier.text);
    (void)memcpy(rdata + 1, courier.text, rdata[0]);
    *record = (struct courier_dns_record){slice_of(rdata, (size_t)rdata[0] + 1)};
    *answer = (struct courier_dns_answer){
        .status = courier.dns, .records = {record, courier.dns == DNS_FOUND}
    };
    return true;
}

static bool on_fetch(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct courier_ask *ask = r->ask;

    (void)ctx;
    courier.fetches++;
    (void)snprintf(courier.url, sizeof(courier.url), "%.*s", SLICE_ARG(ask->url));
    courier.redirects = ask->redirects;
    courier.room = ask->answer_max;
    if (courier.dns_alone) {
        return error_set(e, ERROR_BUSY, "the test says so");
    }
    if (courier.failure) {
        assert_true(ask->told);
        *(struct courier_answer *)r->answer =
            (struct courier_answer){.failed = courier.failure, .why = SLICE("the test says so")};
        return memfd_from("fetched", SLICE_NONE, &r->answer_fd, e);
    }
    *(struct courier_answer *)r->answer =
        (struct courier_answer){courier.status, slice_text(courier.type)};
    return memfd_from("fetched", slice_text(courier.body), &r->answer_fd, e);
}

static const struct ipc_row rows[] = {
    {&courier_dns,   0, on_dns  },
    {&courier_fetch, 0, on_fetch},
};
static const struct ipc_table table = IPC_TABLE("keeper", rows);

static void serve(void *unused)
{
    struct error e;

    (void)unused;
    assert_ok(ipc_serve(&courier.server, courier.end, &e), e);
    (void)close(courier.end);
}

static void say(const char *id, const char *body)
{
    courier.dns = DNS_FOUND;
    courier.text = id;
    courier.failure = courier.away = ERROR_NONE;
    courier.dns_alone = false;
    courier.status = 200;
    courier.type = "text/plain";
    courier.body = body;
}

static int begin(void **unused)
{
    int ends[2];
    struct error e;

    (void)unused;
    (void)snprintf(folder, sizeof(folder), "/tmp/sts-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/state.db", folder);
    key = keyring_random();
    courier.pool = ipc_pool_new("courier");
    ipc_server_init(&courier.server, &table, NULL);
    assert_ok(packet_pair(ends, &e), e);
    ipc_pool_add(courier.pool, ends[0]);
    courier.end = ends[1];
    assert_ok(
        thread_start_joinable("courier", THREAD_STACK_LARGE, serve, NULL, &courier.thread, &e), e);
    keeper.options.courier = courier.pool;
    assert_ok(state_open(path, key, &keeper.state, &e), e);
    assert_ok(sts_open(&keeper, &e), e);
    say("v=STSv1; id=1;", ENFORCE("604800"));
    courier.lookups = courier.fetches = 0;
    return 0;
}

static int finish(void **unused)
{
    (void)unused;
    sts_close(&keeper);
    state_close(keeper.state);
    ipc_pool_free(courier.pool);
    thread_join(courier.thread);
    secret_free(key);
    (void)unlink(path);
    (void)snprintf(path + strlen(path), 16, "-journal");
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* As after a restart: what is remembered is what the state holds. */
static void restart(void)
{
    struct error e;

    sts_close(&keeper);
    state_close(keeper.state);
    assert_ok(state_open(path, key, &keeper.state, &e), e);
    assert_ok(sts_open(&keeper, &e), e);
}

static int alarms;

static void on_alert(void *context, const char *event, const char *sentence)
{
    (void)context, (void)sentence;
    assert_string_equal(event, "sts-withdrawn");
    alarms++;
}

static struct arena memory = {.max = 1 << 20};

static struct sts_known find(enum sts_wish wish)
{
    struct sts_known known;

    arena_reset(&memory);
    sts_find(&keeper, SLICE(DOMAIN), wish, &memory, &known);
    return known;
}

static void a_policy_is_fetched_once_and_kept(void **unused)
{
    (void)unused;
    struct sts_known k = find(STS_KNOWN);
    assert_false(k.looked);
    assert_int_equal(courier.lookups, 0);
    k = find(STS_CURRENT);
    assert_int_equal(k.policy.mode, STS_ENFORCE);
    assert_slice(k.id, "1");
    assert_int_equal(k.policy.n_mx, 2);
    assert_slice(k.policy.mx[1], "*.mail.test");
    assert_string_equal(courier.name, "_mta-sts." DOMAIN);
    assert_string_equal(courier.url, "https://mta-sts." DOMAIN "/.well-known/mta-sts.txt");
    assert_int_equal(courier.redirects, 0);
    assert_int_equal(courier.room, STS_POLICY_MAX);
    (void)find(STS_CURRENT);
    assert_int_equal(courier.lookups, 1);
    assert_int_equal(courier.fetches, 1);
    restart();
    courier.dns = DNS_FAILED; /* whoever is in the way */
    k = find(STS_CURRENT);
    assert_int_equal(k.policy.mode, STS_ENFORCE);
    assert_int_equal(courier.lookups, 2);
    assert_int_equal(courier.fetches, 1);
}

static void another_id_brings_another_policy(void **unused)
{
    (void)unused;
    (void)find(STS_CURRENT);
    restart();
    say("v=STSv1; id=2;", "version: STSv1\nmode: testing\nmx: other.test\nmax_age: 604800\n");
    struct sts_known k = find(STS_CURRENT);
    assert_int_equal(k.policy.mode, STS_TESTING);
    assert_slice(k.id, "2");
    restart();
    say("v=STSv1; id=3;", "version: STSv1\nmode: none\nmax_age: 604800\n");
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_NONE);
    restart();
    assert_int_equal(find(STS_KNOWN).policy.mode, STS_NONE);
}

static void what_fails_to_come_leaves_the_old_one_in_force(void **unused)
{
    (void)unused;
    (void)find(STS_CURRENT);
    restart();
    say("v=STSv1; id=2;", "Not here");
    struct sts_known k = find(STS_CURRENT);
    assert_int_equal(courier.fetches, 2);
    assert_string_equal(k.problem, "sts-policy-invalid");
    assert_int_equal(k.policy.mode, STS_ENFORCE);
    assert_slice(k.id, "1");
    restart();
    courier.dns = DNS_NO_NAME; /* the record is taken away: RFC 8461 section 2 */
    k = find(STS_CURRENT);
    assert_int_equal(k.policy.mode, STS_ENFORCE);
    assert_int_equal(courier.fetches, 2);
}

static void only_the_right_answer_becomes_a_policy(void **unused)
{
    static const struct {
        enum error_kind failure;
        unsigned status;
        const char *type;
        const char *body;
        const char *problem;
    } wrong[] = {
        {ERROR_DENIED, 200, "text/plain", ENFORCE("9"), "sts-webpki-invalid"    },
        {ERROR_LIMIT,  200, "text/plain", ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_BUSY,   200, "text/plain", ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_NONE,   301, "text/plain", ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_NONE,   404, "text/plain", ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_NONE,   200, "text/html",  ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_NONE,   200, "",           ENFORCE("9"), "sts-policy-fetch-error"},
        {ERROR_NONE,   200, "text/plain", "<html>",     "sts-policy-invalid"    },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        restart();
        say("v=STSv1; id=1;", wrong[i].body);
        courier.failure = wrong[i].failure;
        courier.status = wrong[i].status;
        courier.type = wrong[i].type;
        struct sts_known k = find(STS_CURRENT);
        assert_int_equal(k.policy.mode, STS_NO_MODE);
        assert_string_equal(k.problem, wrong[i].problem);
        assert_true(k.why.len > 0);
        int fetches = courier.fetches;
        (void)find(STS_CURRENT); /* not at once again */
        assert_int_equal(courier.fetches, fetches);
    }
    restart();
    say("v=STSv1; id=1;", ENFORCE("9"));
    courier.type = "Text/Plain; charset=utf-8";
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_ENFORCE);
}

static void without_a_record_nothing_is_fetched(void **unused)
{
    static const enum dns_status statuses[] = {DNS_NO_DATA, DNS_NO_NAME, DNS_FAILED, DNS_BOGUS};

    (void)unused;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        restart();
        courier.dns = statuses[i];
        assert_int_equal(find(STS_CURRENT).policy.mode, STS_NO_MODE);
    }
    restart();
    say("v=STSv1; id=a-b;", ENFORCE("9"));
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_NO_MODE);
    assert_int_equal(courier.fetches, 0);
}

static void a_policy_ends_when_it_says(void **unused)
{
    (void)unused;
    say("v=STSv1; id=1;", ENFORCE("1"));
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_ENFORCE);
    (void)usleep(1100000);
    assert_int_equal(find(STS_KNOWN).policy.mode, STS_NO_MODE);
    restart();
    courier.dns = DNS_NO_DATA;
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_NO_MODE);
}

static void one_that_ends_soon_is_fetched_anew(void **unused)
{
    (void)unused;
    say("v=STSv1; id=1;", ENFORCE("2"));
    (void)find(STS_CURRENT);
    assert_false(sts_keep_fresh(&keeper));
    (void)usleep(1100000);
    restart(); /* what failed or came a moment ago is not asked for again */
    say("v=STSv1; id=1;", ENFORCE("604800"));
    assert_true(sts_keep_fresh(&keeper));
    assert_false(sts_keep_fresh(&keeper));
    (void)usleep(1000000);
    struct sts_known k = find(STS_KNOWN);
    assert_int_equal(k.policy.mode, STS_ENFORCE);
    assert_int_equal(k.policy.max_age_s, 604800);
    assert_int_equal(courier.fetches, 2);
}

static void letters_that_fail_have_it_fetched_whatever_its_id(void **unused)
{
    (void)unused;
    (void)find(STS_CURRENT);
    restart();
    say("v=STSv1; id=1;", "version: STSv1\nmode: enforce\nmx: new.test\nmax_age: 604800\n");
    (void)find(STS_CURRENT);
    assert_int_equal(courier.fetches, 1);
    restart();
    struct sts_known k = find(STS_RENEW);
    assert_int_equal(courier.fetches, 2);
    assert_slice(k.policy.mx[0], "new.test");
    (void)find(STS_RENEW); /* not again and again */
    assert_int_equal(courier.fetches, 2);
}

static void a_name_that_can_have_none_is_not_asked_for(void **unused)
{
    static const char *const names[] = {"",     "[192.0.2.1]", "*.test",
                                        "a..b", "a_b.test",    "x/y.test"};
    struct sts_known k;

    (void)unused;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sts_find(&keeper, slice_text(names[i]), STS_CURRENT, &memory, &k);
        assert_int_equal(k.policy.mode, STS_NO_MODE);
    }
    assert_int_equal(courier.lookups, 0);
}

/* RFC 8461 section 10.2: a record that is gone may be an attack. */
static void without_a_record_what_is_known_is_fetched_anew(void **unused)
{
    (void)unused;
    say("v=STSv1; id=1;", ENFORCE("3"));
    (void)find(STS_CURRENT);
    restart();
    courier.dns = DNS_NO_NAME;
    courier.body = ENFORCE("604800");
    (void)usleep(1050000); /* half way to its end */
    struct sts_known k = find(STS_CURRENT);
    assert_int_equal(courier.fetches, 2);
    assert_int_equal(k.policy.max_age_s, 604800);
    assert_slice(k.id, "1");
}

static bool delivery_asks(struct error *e)
{
    struct keeper_courier asking = {.keeper = &keeper};
    const struct keeper_sts_ask ask = {SLICE(DOMAIN), false};
    struct keeper_sts_answer answer = {0};
    struct ipc_request r = {.ask = &ask, .answer = &answer, .arena = &memory};

    arena_reset(&memory);
    return keeper_on_sts(&asking, &r, e);
}

static void where_nobody_could_be_asked_nothing_is_known(void **unused)
{
    struct error e = {0};

    (void)unused;
    courier.away = ERROR_LIMIT; /* asked too often */
    assert_false(delivery_asks(&e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_true(find(STS_KNOWN).unasked);
    struct recipient_state r = {.transport = TRANSPORT_NONE};
    sts_transport(&keeper, SLICE(DOMAIN), &memory, &r);
    assert_int_equal(r.transport, TRANSPORT_UNKNOWN);
    restart();
    courier.away = ERROR_NONE;
    courier.dns_alone = true;
    assert_false(delivery_asks(&e));
    restart();
    courier.failure = ERROR_BUSY; /* its server was asked and does not answer: then it has none */
    courier.dns_alone = false;
    assert_ok(delivery_asks(&e), e);
    courier.away = ERROR_BUSY; /* what it said counts while nobody can be asked again */
    assert_true(!find(STS_RENEW).unasked && delivery_asks(&e));
    restart();
    courier.failure = courier.away = ERROR_NONE;
    assert_ok(delivery_asks(&e), e);
    restart();
    courier.away = ERROR_BUSY; /* one that is known holds */
    assert_ok(delivery_asks(&e), e);
    assert_int_equal(find(STS_CURRENT).policy.mode, STS_ENFORCE);
}

/* Letters of a domain that withdraws its policy itself need not wait for ever. */
static void who_withdraws_mta_sts_is_not_held_to_it(void **unused)
{
    struct evidence by_sts = {.level = LEVEL_AUTHENTICATED, .proof = SLICE("MTA-STS 1")};
    struct evidence by_dane = {.level = LEVEL_AUTHENTICATED, .proof = SLICE("DANE 3 1 1")};
    struct error e;
    uint64_t level = 0;

    (void)unused;
    keeper.options.alert = on_alert;
    alarms = 0;
    for (int i = 0; i < 3; i++) { /* `none`, `testing`, and `none` of whom DANE has shown too */
        bool dane = i == 2;
        assert_ok(keeper_level_learn(&keeper, SLICE(DOMAIN), &by_sts, 2, &e), e);
        assert_ok(!dane || keeper_level_learn(&keeper, SLICE(DOMAIN), &by_dane, 4, &e), e);
        restart();
        say("v=STSv1; id=1;", ENFORCE("604800"));
        (void)find(STS_RENEW);
        assert_ok(state_level_get(keeper.state, SLICE(DOMAIN), &level, &e), e);
        assert_int_equal(level, LEVEL_AUTHENTICATED);
        restart();
        say("v=STSv1; id=2;", i == 1 ? "version: STSv1\nmode: testing\nmx: *.x.test\nmax_age: 9\n"
                                     : "version: STSv1\nmode: none\nmax_age: 9\n");
        (void)find(STS_CURRENT);
        assert_ok(state_level_get(keeper.state, SLICE(DOMAIN), &level, &e), e);
        assert_int_equal(level, dane ? LEVEL_AUTHENTICATED : LEVEL_VERIFIED);
        assert_int_equal(alarms, i == 0 ? 1 : 2);
    }
}

static void an_enforced_policy_is_what_a_letter_may_count_on(void **unused)
{
    struct recipient_state r = {.transport = TRANSPORT_DANE};

    (void)unused;
    sts_transport(&keeper, SLICE(DOMAIN), &memory, &r); /* DANE counts before it */
    assert_int_equal(r.transport, TRANSPORT_DANE);
    assert_int_equal(courier.lookups, 0);
    r.transport = TRANSPORT_NONE;
    sts_transport(&keeper, SLICE(DOMAIN), &memory, &r);
    assert_int_equal(r.transport, TRANSPORT_MTA_STS);
    assert_slice(r.transport_why, "its MTA-STS policy 1 is enforced");
    restart();
    say("v=STSv1; id=2;", "version: STSv1\nmode: testing\nmx: x.test\nmax_age: 9\n");
    r = (struct recipient_state){.transport = TRANSPORT_NONE};
    sts_transport(&keeper, SLICE(DOMAIN), &memory, &r);
    assert_int_equal(r.transport, TRANSPORT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_policy_is_fetched_once_and_kept, begin, finish),
        cmocka_unit_test_setup_teardown(another_id_brings_another_policy, begin, finish),
        cmocka_unit_test_setup_teardown(what_fails_to_come_leaves_the_old_one_in_force, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(only_the_right_answer_becomes_a_policy, begin, finish),
        cmocka_unit_test_setup_teardown(without_a_record_nothing_is_fetched, begin, finish),
        cmocka_unit_test_setup_teardown(a_policy_ends_when_it_says, begin, finish),
        cmocka_unit_test_setup_teardown(one_that_ends_soon_is_fetched_anew, begin, finish),
        cmocka_unit_test_setup_teardown(letters_that_fail_have_it_fetched_whatever_its_id, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(an_enforced_policy_is_what_a_letter_may_count_on, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(without_a_record_what_is_known_is_fetched_anew, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(where_nobody_could_be_asked_nothing_is_known, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(who_withdraws_mta_sts_is_not_held_to_it, begin, finish),
        cmocka_unit_test_setup_teardown(a_name_that_can_have_none_is_not_asked_for, begin, finish),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&memory);
    return failed;
}
