#include "processes/directory_parts.h"
#include "tests/test.h"

static void a_dead_server_leaves_time_for_the_others(void **unused)
{
    (void)unused;
    assert_int_equal(visit_share(1000, 6000, 2), 3500);
    assert_int_equal(visit_share(3500, 6000, 1), 6000);
    assert_int_equal(visit_share(1100, 6000, 3), 1100 + 4900 / 3); /* the first was dead at once */
    assert_int_equal(visit_share(6000, 6000, 2), 6000);
    assert_int_equal(visit_share(7000, 6000, 2), 6000); /* over is over */
}

static void the_next_visit_begins_behind_the_one_that_failed(void **unused)
{
    (void)unused;
    const struct config_list servers = {NULL, 3};
    atomic_size_t first = 0;
    struct visit v = {
        .door = {.servers = &servers, .first = &first},
          .number = 1
    };

    visit_failed(&v);
    assert_int_equal(atomic_load(&first), 2);
    v.number = 2;
    visit_failed(&v);
    assert_int_equal(atomic_load(&first), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_server_leaves_time_for_the_others),
        cmocka_unit_test(the_next_visit_begins_behind_the_one_that_failed),
    };
    return cmocka_run_group_tests_name("processes/directory_link", tests, NULL, NULL);
}
