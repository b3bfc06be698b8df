#include "host/memfd.h"
#include "stages/submission/collect.h"
#include "tests/test.h"

/* Whatever the runs, the file holds just them and the budget is what it was. */
static void runs_test(void **state)
{
    static const size_t sizes[] = {1, 100, 16384, COLLECT_BUFFER, COLLECT_BUFFER + 1, 200000};

    (void)state;
    struct ipc_budget budget;
    struct collect c;
    struct error e;
    OWN(buf) struct buf want = {.max = (size_t)8 << 20};
    ipc_budget_init(&budget, (size_t)8 << 20);
    collect_init(&c, &budget);
    for (size_t letter = 0; letter < 2; letter++) {
        OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
        for (size_t i = 0; i < 18; i++) {
            struct slice run = {0};
            size_t from = want.len;
            for (size_t n = 0; n < sizes[(i + letter) % 6]; n++) {
                buf_add_byte(&want, (uint8_t)(n * 31 + i));
            }
            run = slice_from(buf_slice(&want), from);
            assert_ok(collect_add(&c, run, &e), e);
        }
        int fd = collect_seal(&c, &e);
        assert_ok(memfd_map(fd, want.len, &map, &e), e);
        assert_true(slice_equal(map.bytes, buf_slice(&want)));
        assert_true(ipc_budget_used(&budget) >= want.len);
        collect_drop(&c);
        assert_int_equal(ipc_budget_used(&budget), 0);
        buf_reset(&want);
    }
    buf_done(&want);
}

static void empty_letter_test(void **state)
{
    (void)state;
    struct ipc_budget budget;
    struct collect c;
    struct error e;
    ipc_budget_init(&budget, COLLECT_STEP);
    collect_init(&c, &budget);
    int fd = collect_seal(&c, &e);
    assert_true(memfd_is_sealed(fd));
    collect_drop(&c);
}

static void budget_test(void **state)
{
    static uint8_t many[COLLECT_STEP];

    (void)state;
    struct ipc_budget budget;
    struct collect first;
    struct collect second;
    struct error e;
    ipc_budget_init(&budget, 2 * COLLECT_STEP);
    collect_init(&first, &budget);
    collect_init(&second, &budget);
    assert_ok(collect_add(&first, SLICE("a"), &e), e);
    assert_ok(collect_add(&second, SLICE_ARRAY(many), &e), e);
    assert_false(collect_add(&second, SLICE("b"), &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    collect_drop(&first);
    assert_ok(collect_add(&second, SLICE("b"), &e), e);
    collect_drop(&second);
    assert_int_equal(ipc_budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_test),
        cmocka_unit_test(empty_letter_test),
        cmocka_unit_test(budget_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
