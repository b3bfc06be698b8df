#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "host/memfd.h"
#include "ipc/budget.h"
#include "ipc/ipc.h"
#include "tests/hostile.h"
#include "tests/test.h"

struct sum_ask {
    uint64_t a;
    uint64_t b;
    struct slice pad;
};

struct sum_answer {
    uint64_t sum;
    struct slice pad;
};

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct sum_ask, a, 1000),
    CBOR_FIELD(2, CBOR_UINT, struct sum_ask, b, 1000),
    CBOR_OPTIONAL(3, CBOR_BYTES, struct sum_ask, pad, IPC_BODY_MAX),
};
static const struct cbor_schema ask_schema = CBOR_SCHEMA(ask_fields, struct sum_ask);
static const struct cbor_field answer_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct sum_answer, sum, 2000),
    CBOR_OPTIONAL(2, CBOR_BYTES, struct sum_answer, pad, IPC_BODY_MAX),
};
static const struct cbor_schema answer_schema = CBOR_SCHEMA(answer_fields, struct sum_answer);

static const struct ipc_message sum = {1, "sum", &ask_schema, &answer_schema};
static const struct ipc_message letter = {2, "letter", .ask_fd = IPC_FD_SEALED};
static const struct ipc_message rare = {3, "rare"};

static bool do_sum(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct sum_ask *ask = r->ask;
    struct sum_answer *answer = r->answer;

    if (ask->a == 13) {
        return error_set(e, ERROR_CONFIG, "no thirteen here");
    }
    *(unsigned *)ctx += 1;
    answer->sum = ask->a + ask->b;
    answer->pad = ask->pad;
    return true;
}

static bool do_nothing(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)r;
    (void)e;
    *(unsigned *)ctx += 1;
    return true;
}

static const struct ipc_row rows[] = {
    {&sum,    0, do_sum    },
    {&letter, 0, do_nothing},
    {&rare,   2, do_nothing}
};
static const struct ipc_table table = IPC_TABLE("tester", rows);

/* A server on one end of a pair, which the test drives request by request from the other. */
struct bench {
    int client;
    unsigned calls;
    struct ipc_server server;
    struct ipc_channel channel;
    struct arena arena;
    struct error e;
};

static void bench_init(struct bench *b)
{
    int ends[2];

    *b = (struct bench){.arena = {.max = IPC_ARENA_MAX}};
    assert_ok(packet_pair(ends, &b->e), b->e);
    b->client = ends[0];
    ipc_channel_init(&b->channel, ends[1]);
    ipc_server_init(&b->server, &table, &b->calls);
}

static void bench_done(struct bench *b)
{
    own_fd(&b->client);
    ipc_channel_done(&b->channel);
    arena_done(&b->arena);
}

OWN_VALUE(bench, struct bench, bench_done)

static size_t open_fds(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }
    return n;
}

static struct ipc_packet send_and_serve(struct bench *b, struct ipc_packet question)
{
    struct ipc_packet got = {.fd = -1};

    assert_ok(packet_send(b->client, &question, &b->e), b->e);
    assert_int_equal(ipc_serve_one(&b->server, &b->channel, &b->e), IPC_SERVED);
    assert_int_equal(packet_receive(b->client, &b->arena, &got, &b->e), PACKET_RECEIVED);
    return got;
}

static struct ipc_packet sum_question(struct buf *body, uint64_t a, struct slice pad)
{
    struct sum_ask ask = {a, 2, pad};
    body->max = IPC_BODY_MAX;
    buf_reset(body);
    cbor_write(body, &ask_schema, &ask);
    return (struct ipc_packet){.verb = sum.id, .body = buf_slice(body), .fd = -1};
}

static void answers_by_table(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    OWN(buf) struct buf body = {0};
    bench_init(&b);

    struct ipc_packet got = send_and_serve(&b, sum_question(&body, 1, SLICE_NONE));
    struct sum_answer answer;
    assert_int_equal(got.status, ERROR_NONE);
    assert_ok(cbor_read(got.body, &answer_schema, &b.arena, &answer, &b.e), b.e);
    assert_int_equal(answer.sum, 3);

    got = send_and_serve(&b, sum_question(&body, 13, SLICE_NONE));
    assert_int_equal(got.status, ERROR_CONFIG);
    assert_slice(got.body, "no thirteen here");

    got = send_and_serve(&b, sum_question(&body, 1001, SLICE_NONE)); /* beyond its schema */
    assert_int_equal(got.status, ERROR_INPUT);
    assert_int_equal(b.calls, 1);
}

static void long_bodies_travel_as_files(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    OWN(buf) struct buf body = {0};
    size_t len = (size_t)3 << 20;
    uint8_t *pad = calloc(1, len);
    size_t before = 0;
    bench_init(&b);
    before = open_fds();

    pad[0] = 'a';
    pad[len - 1] = 'z';
    struct ipc_packet got = send_and_serve(&b, sum_question(&body, 1, slice_of(pad, len)));
    struct sum_answer answer;
    assert_ok(cbor_read(got.body, &answer_schema, &b.arena, &answer, &b.e), b.e);
    assert_true(slice_equal(answer.pad, slice_of(pad, len)));
    assert_int_equal(open_fds(), before);

    struct ipc_packet huge = {.body = slice_of(pad, IPC_BODY_MAX + 1), .fd = -1};
    assert_false(packet_send(b.client, &huge, &b.e));
    assert_int_equal(b.e.kind, ERROR_LIMIT);
    free(pad);
}

static void rates_are_held(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    struct ipc_packet question = {.verb = rare.id, .fd = -1};
    unsigned refused = 0;
    bench_init(&b);

    for (int i = 0; i < 6; i++) { /* a minute may change between: then 4 are answered */
        refused += send_and_serve(&b, question).status == ERROR_LIMIT;
    }
    assert_true(refused == 4 || refused == 2);
    assert_int_equal(b.calls, 6 - refused);
}

static void only_sealed_files_pass(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    OWN(fd) int sealed = -1;
    OWN(fd) int open_file = -1;
    size_t before = 0;
    bench_init(&b);
    assert_ok(memfd_from("test", SLICE("letter"), &sealed, &b.e), b.e);
    assert_ok(memfd_open("test", &open_file, &b.e), b.e);
    before = open_fds();

    struct ipc_packet question = {.verb = letter.id, .fd = sealed};
    assert_int_equal(send_and_serve(&b, question).status, ERROR_NONE);
    question.fd = open_file;
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    assert_int_equal(ipc_serve_one(&b.server, &b.channel, &b.e), IPC_BREACH);
    question.fd = -1;
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    assert_int_equal(ipc_serve_one(&b.server, &b.channel, &b.e), IPC_BREACH);
    assert_int_equal(b.calls, 1);
    assert_int_equal(open_fds(), before);
}

static void breaches_end_the_channel(void **unused)
{
    (void)unused;
    OWN(fd) int sealed = -1;
    struct error e;
    assert_ok(memfd_from("test", SLICE("letter"), &sealed, &e), e);
    const int fds[] = {sealed, 2, 2, 2};

    const struct {
        const char *bytes;
        size_t len, n_fds;
    } cases[] = {
        {"\x63\0\0\0\0\0\0\0",     8, 0}, /* no such verb                    */
        {"\x01\0\0",               3, 0}, /* shorter than a header           */
        {"\x01\0\x01\0\0\0\0\0",   8, 0}, /* a question with a status        */
        {"\x03\0\x07\0\0\0\0\0",   8, 0}, /* no such status                  */
        {"\x03\0\0\x04\0\0\0\0",   8, 0}, /* no such flag                    */
        {"\x03\0\0\0\x01\0\0\0",   8, 0}, /* a body that did not come        */
        {"\x03\0\0\0\0\0\0\0x",    9, 0}, /* a body that was not announced   */
        {"\x02\0\0\x02\0\0\0\0",   8, 0}, /* a payload that did not come     */
        {"\x03\0\0\0\0\0\0\0",     8, 1}, /* one that was not announced      */
        {"\x03\0\0\x02\0\0\0\0",   8, 1}, /* one that does not belong        */
        {"\x02\0\0\x02\0\0\0\0",   8, 2}, /* two instead of one              */
        {"\x02\0\0\x02\0\0\0\0",   8, 4}, /* more than are ever taken        */
        {"\x01\0\0\x01\0\0\0\x01", 8, 1}, /* a file of 16 MiB                */
        {"\x01\0\0\x01\x06\0\0\0", 8, 1}, /* a file though it would fit      */
        {"\x01\0\0\x01\0\0\x02\0", 8, 1}, /* a file shorter than announced   */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(bench) struct bench b;
        bench_init(&b);
        size_t before = open_fds();
        assert_true(
            hostile_send(b.client, slice_of(cases[i].bytes, cases[i].len), fds, cases[i].n_fds));
        assert_int_equal(ipc_serve_one(&b.server, &b.channel, &b.e), IPC_BREACH);
        assert_int_equal(b.e.kind, ERROR_DENIED);
        assert_int_equal(b.calls, 0);
        assert_int_equal(open_fds(), before);
    }
}

static void peeking_takes_nothing(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    OWN(buf) struct buf body = {0};
    const struct ipc_message *message = NULL;
    const void *ask = NULL;
    bench_init(&b);

    struct ipc_packet question = sum_question(&body, 7, SLICE_NONE);
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ipc_peek(&b.server, &b.channel, &message, &ask, &b.e), IPC_SERVED);
        assert_ptr_equal(message, &sum);
        assert_int_equal(((const struct sum_ask *)ask)->a, 7);
    }
    assert_int_equal(b.calls, 0);
    assert_int_equal(ipc_serve_one(&b.server, &b.channel, &b.e), IPC_SERVED);
    assert_int_equal(b.calls, 1);

    question = sum_question(&body, 2000, SLICE_NONE);
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    assert_int_equal(ipc_peek(&b.server, &b.channel, &message, &ask, &b.e), IPC_SERVED);
    assert_null(message);
}

static void small_arenas_are_respected(void **unused)
{
    (void)unused;
    OWN(bench) struct bench b;
    OWN(arena) struct arena small = {.max = 8192};
    OWN(buf) struct buf body = {0};
    uint8_t pad[10000] = {0};
    struct ipc_packet got;
    bench_init(&b);

    struct ipc_packet question = sum_question(&body, 1, SLICE_ARRAY(pad));
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    assert_int_equal(packet_receive(b.channel.fd, &small, &got, &b.e), PACKET_BROKEN);
    assert_int_equal(b.e.kind, ERROR_LIMIT);
    question = sum_question(&body, 1, SLICE_NONE); /* the long one is gone, the next is whole */
    assert_ok(packet_send(b.client, &question, &b.e), b.e);
    assert_int_equal(packet_receive(b.channel.fd, &small, &got, &b.e), PACKET_RECEIVED);
    assert_true(slice_equal(got.body, question.body));
}

static void *spend(void *argument)
{
    struct ipc_budget *b = argument;
    for (int i = 0; i < 20000; i++) {
        if (ipc_budget_acquire(b, 30)) {
            assert_true(ipc_budget_used(b) <= 100);
            ipc_budget_release(b, 30);
        }
    }
    return NULL;
}

static void the_budget_is_never_passed(void **unused)
{
    (void)unused;
    struct ipc_budget b;
    pthread_t threads[4];

    ipc_budget_init(&b, 100);
    assert_true(ipc_budget_acquire(&b, 100));
    assert_false(ipc_budget_acquire(&b, 1));
    ipc_budget_release(&b, 100);
    assert_false(ipc_budget_acquire(&b, SIZE_MAX));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, spend, &b), 0);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(ipc_budget_used(&b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_table),
        cmocka_unit_test(long_bodies_travel_as_files),
        cmocka_unit_test(rates_are_held),
        cmocka_unit_test(only_sealed_files_pass),
        cmocka_unit_test(breaches_end_the_channel),
        cmocka_unit_test(peeking_takes_nothing),
        cmocka_unit_test(small_arenas_are_respected),
        cmocka_unit_test(the_budget_is_never_passed),
    };
    return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
