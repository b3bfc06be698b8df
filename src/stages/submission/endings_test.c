#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "requests/keeper.h"
#include "stages/submission/endings.h"
#include "tests/test.h"

#define HANDLES ((size_t)2 * KEEPER_ENDINGS_MAX + 10)

/* What the keeper's end heard. */
struct heard {
    struct ipc_server server;
    pthread_t thread;
    int fd;
    atomic_size_t times[HANDLES]; /* how often each handle was ended, by its first two bytes */
    atomic_size_t questions;
};

static bool on_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct heard *h = ctx;
    const struct keeper_session_end_ask *ask = r->ask;

    (void)e;
    assert_int_equal(ask->sessions.len % AUTH_SESSION_LEN, 0);
    for (struct slice rest = ask->sessions; rest.len; rest = slice_from(rest, AUTH_SESSION_LEN)) {
        size_t which = (size_t)(rest.ptr[0] << 8 | rest.ptr[1]);
        assert_true(which < HANDLES);
        (void)atomic_fetch_add(&h->times[which], 1);
    }
    (void)atomic_fetch_add(&h->questions, 1);
    return true;
}

static const struct ipc_row rows[] = {
    {&keeper_session_end, 0, on_end},
};
static const struct ipc_table table = IPC_TABLE("submission", rows);

static void *serve(void *argument)
{
    struct heard *h = argument;
    struct error e;

    assert_ok(ipc_serve(&h->server, h->fd, &e), e);
    (void)close(h->fd);
    return NULL;
}

static void listen_to(struct heard *h, struct ipc_pool *pool)
{
    int ends[2];
    struct error e;

    ipc_server_init(&h->server, &table, h);
    assert_ok(packet_pair(ends, &e), e);
    h->fd = ends[1];
    assert_int_equal(pthread_create(&h->thread, NULL, serve, h), 0);
    ipc_pool_add(pool, ends[0]);
}

static void add(struct endings *x, size_t which)
{
    const uint8_t handle[AUTH_SESSION_LEN] = {(uint8_t)(which >> 8), (uint8_t)which};

    endings_add(x, handle);
}

/* More than one question holds: each is ended once, and in fewer questions than there are. */
static void each_once(void **state)
{
    (void)state;
    static struct heard h;
    struct ipc_pool *pool = ipc_pool_new("keeper");
    listen_to(&h, pool);
    struct endings *x = endings_new(pool);
    for (size_t i = 0; i < HANDLES; i++) {
        add(x, i);
    }
    endings_settle(x);
    for (size_t i = 0; i < HANDLES; i++) {
        assert_int_equal(atomic_load(&h.times[i]), 1);
    }
    assert_true(atomic_load(&h.questions) < HANDLES);

    endings_settle(x); /* nothing to wait for */
    add(x, 7);
    endings_free(x); /* what is left is asked for */
    assert_int_equal(atomic_load(&h.times[7]), 2);
    endings_free(NULL);
    ipc_pool_free(pool);
    assert_int_equal(pthread_join(h.thread, NULL), 0);
}

/* A keeper that is gone keeps nobody waiting: it knows no session any more. */
static void without_a_keeper(void **state)
{
    (void)state;
    struct ipc_pool *pool = ipc_pool_new("keeper");
    ipc_pool_complete(pool);
    struct endings *x = endings_new(pool);
    add(x, 1);
    endings_settle(x);
    endings_free(x);
    ipc_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once),
        cmocka_unit_test(without_a_keeper),
    };
    return cmocka_run_group_tests_name("stages/submission/endings", tests, NULL, NULL);
}
