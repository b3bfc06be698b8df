#include "base/clock.h"
#include "base/own.h"

#include "host/dial.h"
#include "tests/test.h"

static struct address local(int fd)
{
    struct sockaddr_storage s;
    socklen_t len = sizeof(s);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&s, &len), 0);
    return address_from_socket(&s, len);
}

static void reaches_a_listener(const char *text)
{
    struct error e;
    struct address at;
    OWN(fd) int listener = -1;
    OWN(fd) int client = -1;
    assert_ok(address_parse(slice_text(text), 0, &at, &e), e);
    assert_ok(dial_listen(&at, 5, &listener, &e), e);
    at = local(listener);
    assert_ok(dial_tcp(&at, NULL, clock_steady_ms() + 1000, &client, &e), e);

    OWN(fd) int server = accept(listener, NULL, NULL);
    assert_true(server >= 0);
    assert_int_equal(write(client, "x", 1), 1);
    char byte = 0;
    assert_int_equal(read(server, &byte, 1), 1);
    assert_int_equal(byte, 'x');
}

static void both_families(void **unused)
{
    (void)unused;
    reaches_a_listener("127.0.0.1:0");
    reaches_a_listener("[::1]:0");
}

static void refused_is_busy(void **unused)
{
    (void)unused;
    struct error e;
    struct address at;
    int fd = -1;
    assert_ok(address_parse(SLICE("127.0.0.1:0"), 0, &at, &e), e);
    OWN(fd) int taken = -1;
    assert_ok(dial_listen(&at, 5, &taken, &e), e);
    at = local(taken);
    assert_false(dial_listen(&at, 5, &fd, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_int_equal(close(TAKE(taken, -1)), 0);
    assert_false(dial_tcp(&at, NULL, clock_steady_ms() + 1000, &fd, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_equal(fd, -1);
}

/* A listener whose backlog is full drops the SYN: nothing answers, the deadline must. */
static void silence_ends_at_the_deadline(void **unused)
{
    (void)unused;
    struct error e;
    struct address at;
    OWN(fd) int listener = -1;
    assert_ok(address_parse(SLICE("127.0.0.1:0"), 0, &at, &e), e);
    assert_ok(dial_listen(&at, 0, &listener, &e), e);
    at = local(listener);
    OWN(fd) int first = -1;
    assert_ok(dial_tcp(&at, NULL, clock_steady_ms() + 1000, &first, &e), e);

    int64_t began = clock_steady_ms();
    int second = -1;
    assert_false(dial_tcp(&at, NULL, began + 150, &second, &e));
    assert_true(clock_steady_ms() - began >= 150 && clock_steady_ms() - began < 5000);
    assert_int_equal(second, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families),
        cmocka_unit_test(refused_is_busy),
        cmocka_unit_test(silence_ends_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
