#include <stdio.h>
#include <unistd.h>

#include "host/memfd.h"
#include "tests/test.h"

static void what_is_sealed_stays(void **unused)
{
    (void)unused;
    struct error e;
    OWN(fd) int fd = -1;
    assert_ok(memfd_open("test", &fd, &e), e);
    assert_ok(memfd_add(fd, SLICE("hello "), &e), e);
    assert_ok(memfd_add(fd, SLICE("there"), &e), e);

    OWN(memfd_map) struct memfd_map map = {0};
    assert_false(memfd_map(fd, 100, &map, &e)); /* still open to change */
    assert_int_equal(e.kind, ERROR_DENIED);

    assert_ok(memfd_seal(fd, &e), e);
    assert_ok(memfd_map(fd, 11, &map, &e), e);
    assert_slice(map.bytes, "hello there");
    assert_false(memfd_add(fd, SLICE("!"), &e));
    assert_int_equal(ftruncate(fd, 3), -1);
}

static void bounds(void **unused)
{
    (void)unused;
    struct error e;
    OWN(fd) int fd = -1;
    OWN(memfd_map) struct memfd_map map = {0};
    assert_ok(memfd_from("test", SLICE("123"), &fd, &e), e);
    assert_false(memfd_map(fd, 2, &map, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);

    OWN(fd) int empty = -1;
    assert_ok(memfd_from("test", SLICE_NONE, &empty, &e), e);
    assert_ok(memfd_map(empty, 0, &map, &e), e);
    assert_int_equal(map.bytes.len, 0);
}

/* Both ways of looking, the copy and the mapping, show the same. */
static void any_length(void **unused)
{
    static const size_t lengths[] = {1, 4096, 65535, 65536, 65537, 300000};
    static uint8_t bytes[300000];

    (void)unused;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct error e;
        OWN(fd) int fd = -1;
        OWN(memfd_map) struct memfd_map map = {0};
        OWN(memfd_map) struct memfd_map again = {0};
        assert_ok(memfd_from("test", slice_of(bytes, lengths[i]), &fd, &e), e);
        assert_ok(memfd_map(fd, lengths[i], &map, &e), e);
        assert_ok(memfd_map(fd, lengths[i], &again, &e), e);
        assert_true(slice_equal(map.bytes, slice_of(bytes, lengths[i])));
        assert_true(slice_equal(again.bytes, map.bytes));
    }
}

static void other_descriptors_are_denied(void **unused)
{
    (void)unused;
    struct error e;
    OWN(memfd_map) struct memfd_map map = {0};
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    OWN(fd) int in = pipe_ends[0];
    OWN(fd) int out = pipe_ends[1];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_false(memfd_map(in, 100, &map, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(memfd_map(fileno(file), 100, &map, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(memfd_map(-1, 100, &map, &e));
    assert_true(out >= 0);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_stays),
        cmocka_unit_test(bounds),
        cmocka_unit_test(any_length),
        cmocka_unit_test(other_descriptors_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
