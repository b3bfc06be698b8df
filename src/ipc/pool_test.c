#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#include "ipc/pool.h"
#include "tests/test.h"

struct number {
    uint64_t n;
};

static const struct cbor_field fields[] = {CBOR_FIELD(1, CBOR_UINT, struct number, n, 1000000)};
static const struct cbor_schema schema = CBOR_SCHEMA(fields, struct number);

static const struct ipc_message twice = {1, "twice", &schema, &schema};
static const struct ipc_message pause_ms = {2, "pause", &schema, &schema};

static bool do_twice(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)ctx;
    (void)e;
    ((struct number *)r->answer)->n = 2 * ((const struct number *)r->ask)->n;
    return true;
}

static bool do_pause(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)usleep((useconds_t)((const struct number *)r->ask)->n * 1000);
    return do_twice(ctx, r, e);
}

static const struct ipc_row rows[] = {
    {&twice,    0, do_twice},
    {&pause_ms, 0, do_pause}
};
static const struct ipc_table table = IPC_TABLE("tester", rows);
static struct ipc_server server;

struct side {
    pthread_t thread;
    int fd;
};

static void *serve(void *argument)
{
    struct error e;
    assert_ok(ipc_serve(&server, ((struct side *)argument)->fd, &e), e);
    (void)close(((struct side *)argument)->fd);
    return NULL;
}

static void start(struct ipc_pool *p, struct side *s)
{
    int ends[2];
    struct error e;

    assert_ok(packet_pair(ends, &e), e);
    s->fd = ends[1];
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    ipc_pool_add(p, ends[0]);
}

static bool call(struct ipc_pool *p, const struct ipc_message *m, uint64_t n, int64_t within,
                 uint64_t *out, struct error *e)
{
    OWN(arena) struct arena a = {.max = 8192};
    struct number ask = {n};
    struct number answer = {0};

    if (!ipc_call(p, m, &ask, -1, &answer, NULL, &a, within, e)) {
        return false;
    }
    *out = answer.n;
    return true;
}

static void *caller(void *argument)
{
    for (uint64_t i = 0; i < 500; i++) {
        struct error e;
        uint64_t got = 0;
        assert_ok(call(argument, &twice, i, 60000, &got, &e), e);
        assert_int_equal(got, 2 * i);
    }
    return NULL;
}

static void many_callers_share_few_channels(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    struct side sides[3];
    pthread_t callers[8];

    ipc_server_init(&server, &table, NULL);
    for (int i = 0; i < 3; i++) {
        start(p, &sides[i]);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, caller, p), 0);
    }
    for (int i = 0; i < 8; i++) {
        (void)pthread_join(callers[i], NULL);
    }
    ipc_pool_free(p);
    for (int i = 0; i < 3; i++) {
        (void)pthread_join(sides[i].thread, NULL);
    }
}

static void a_late_answer_is_not_the_next_one(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    struct side side;
    struct error e;
    uint64_t got = 0;

    ipc_server_init(&server, &table, NULL);
    start(p, &side);
    assert_false(call(p, &pause_ms, 300, 20, &got, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_false(call(p, &twice, 4, 20, &got, &e)); /* its only channel still owes an answer */
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_ok(call(p, &twice, 5, 10000, &got, &e), e);
    assert_int_equal(got, 10);
    assert_int_equal(ipc_pool_size(p), 1);
    ipc_pool_free(p);
    (void)pthread_join(side.thread, NULL);
}

static void *ask_too_long(void *pool)
{
    struct error e;
    uint64_t got = 0;

    assert_false(call(pool, &pause_ms, 300, 150, &got, &e));
    return NULL;
}

/* One that waits already when the channel comes to owe an answer. */
static void a_late_answer_frees_the_channel(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    struct side side;
    struct error e;
    uint64_t got = 0;
    pthread_t asker;

    ipc_server_init(&server, &table, NULL);
    start(p, &side);
    int64_t before = clock_steady_ms();
    assert_int_equal(pthread_create(&asker, NULL, ask_too_long, p), 0);
    (void)usleep(50000); /* so that the other one asks first; else this test shows nothing */
    assert_ok(call(p, &twice, 5, 60000, &got, &e), e);
    assert_int_equal(got, 10);
    assert_true(clock_steady_ms() - before < 30000);
    (void)pthread_join(asker, NULL);
    ipc_pool_free(p);
    (void)pthread_join(side.thread, NULL);
}

static void *add_later(void *argument)
{
    static struct side side;
    (void)usleep(50000);
    start(argument, &side);
    return &side;
}

static void dead_channels_go_and_new_ones_come(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    int ends[2];
    struct error e;
    uint64_t got = 0;
    pthread_t adder;
    void *side = NULL;

    ipc_server_init(&server, &table, NULL);
    for (int i = 0; i < 3; i++) {
        assert_ok(packet_pair(ends, &e), e);
        ipc_pool_add(p, ends[0]);
        (void)close(ends[1]);
    }
    int64_t before = clock_steady_ms();
    assert_false(call(p, &twice, 1, 30, &got, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_true(clock_steady_ms() - before >= 29);
    assert_int_equal(ipc_pool_size(p), 0);

    assert_int_equal(pthread_create(&adder, NULL, add_later, p), 0);
    assert_ok(call(p, &twice, 21, 60000, &got, &e), e);
    assert_int_equal(got, 42);
    (void)pthread_join(adder, &side);
    ipc_pool_free(p);
    (void)pthread_join(((struct side *)side)->thread, NULL);
}

/* Of a peer that gets no new channels nobody waits for one, however patient the call is. */
static void a_complete_pool_waits_for_nobody(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    struct side side;
    struct error e;
    uint64_t got = 0;

    ipc_server_init(&server, &table, NULL);
    start(p, &side);
    ipc_pool_complete(p);
    assert_ok(call(p, &twice, 21, 60000, &got, &e), e);
    assert_int_equal(shutdown(side.fd, SHUT_RDWR), 0);
    (void)pthread_join(side.thread, NULL);
    int64_t before = clock_steady_ms();
    assert_false(call(p, &twice, 21, 60000, &got, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_string_equal(e.text, "server: the process is gone");
    assert_true(clock_steady_ms() - before < 20000);
    ipc_pool_free(p);
}

/* A peer that is started again and again while nobody asks: its dead channels leave room. */
static void the_dead_make_room(void **unused)
{
    (void)unused;
    struct ipc_pool *p = ipc_pool_new("server");
    struct side side;
    struct error e;
    uint64_t got = 0;

    ipc_server_init(&server, &table, NULL);
    for (int i = 0; i < IPC_POOL_MAX; i++) {
        int ends[2];
        assert_ok(packet_pair(ends, &e), e);
        (void)close(ends[1]);
        ipc_pool_add(p, ends[0]);
    }
    start(p, &side);
    assert_int_equal(ipc_pool_size(p), 1);
    assert_ok(call(p, &twice, 21, 5000, &got, &e), e);
    assert_int_equal(got, 42);
    ipc_pool_free(p);
    (void)pthread_join(side.thread, NULL);
}

/* A server that was taken over: whatever it sends, the caller gets an error and not its lie. */
static void lies_cost_the_channel(void **unused)
{
    (void)unused;

    const struct {
        struct ipc_packet answer;
        enum error_kind kind;
    } lies[] = {
        {{2, 0, SLICE_INIT("\xa1\x01\x05"), -1}, ERROR_CORRUPT}, /* to another question     */
        {{1, 0, SLICE_INIT("\xa1\x01"), -1},     ERROR_CORRUPT}, /* malformed               */
        {{1, 0, SLICE_INIT("\xa1\x01\x05"), 2},  ERROR_CORRUPT}, /* an unwanted descriptor  */
        {{1, 77, SLICE_INIT("?"), -1},           ERROR_DENIED }, /* no such kind of failure */
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct ipc_pool *p = ipc_pool_new("server");
        int ends[2];
        struct error e;
        uint64_t got = 0;
        assert_ok(packet_pair(ends, &e), e);
        ipc_pool_add(p, ends[0]);
        assert_ok(packet_send(ends[1], &lies[i].answer, &e), e);
        assert_false(call(p, &twice, 1, 1000, &got, &e));
        assert_int_equal(e.kind, lies[i].kind);
        assert_int_equal(ipc_pool_size(p), 0);
        ipc_pool_free(p);
        (void)close(ends[1]);
    }
}

/* Where the peer passes on what others answer, a lie in it costs the one who told it, not everybody
 * else who is answered through that peer. */
static void passed_on_lies_cost_the_answer_alone(void **unused)
{
    (void)unused;
    static const struct ipc_message relayed = {1, "relayed", &schema, &schema, .relayed = true};
    const struct ipc_packet lies[] = {
        {1, 0, SLICE_INIT("\xa1\x01"),     -1}, /* malformed               */
        {1, 0, SLICE_INIT("\xa1\x01\x05"), 2 }, /* an unwanted descriptor  */
        {2, 0, SLICE_INIT("\xa1\x01\x05"), -1}, /* to another question: the peer itself lies */
    };
    struct ipc_pool *p = ipc_pool_new("server");
    int ends[2];
    struct error e;
    uint64_t got = 0;

    assert_ok(packet_pair(ends, &e), e);
    ipc_pool_add(p, ends[0]);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        assert_int_equal(ipc_pool_size(p), 1);
        assert_ok(packet_send(ends[1], &lies[i], &e), e);
        assert_false(call(p, &relayed, 1, 1000, &got, &e));
        assert_int_equal(e.kind, ERROR_CORRUPT);
    }
    assert_int_equal(ipc_pool_size(p), 0);
    ipc_pool_free(p);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_callers_share_few_channels),
        cmocka_unit_test(a_late_answer_is_not_the_next_one),
        cmocka_unit_test(a_late_answer_frees_the_channel),
        cmocka_unit_test(dead_channels_go_and_new_ones_come),
        cmocka_unit_test(the_dead_make_room),
        cmocka_unit_test(a_complete_pool_waits_for_nobody),
        cmocka_unit_test(lies_cost_the_channel),
        cmocka_unit_test(passed_on_lies_cost_the_answer_alone),
    };
    return cmocka_run_group_tests_name("ipc/pool", tests, NULL, NULL);
}
