/* Sign-ins that are under way. */
#include "processes/auth_exchange.h"
#include "tests/test.h"

static void what_was_begun_and_never_ended_is_freed(void **unused)
{
    (void)unused;
    uint8_t connection[EXCHANGE_ID_LEN] = {0};
    OWN(exchanges) struct exchanges *t = exchanges_new();

    for (uint8_t i = 0; i < 20; i++) {
        connection[1] = i;
        exchanges_put(t, exchange_new(connection, 1000), 1000);
    }
    assert_int_equal(exchanges_count(t), 20);
    exchanges_tidy(t, 1000 + EXCHANGE_LASTS_MS - 1);
    assert_int_equal(exchanges_count(t), 20);
    exchanges_tidy(t, 2000 + EXCHANGE_LASTS_MS);
    assert_int_equal(exchanges_count(t), 0);
    exchanges_put(t, exchange_new(connection, 5), 5);
    connection[1]++;
    exchanges_put(t, exchange_new(connection, 100000), 100000);
    assert_int_equal(exchanges_count(t), 1); /* the other one's time was over */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_begun_and_never_ended_is_freed),
    };
    return cmocka_run_group_tests_name("processes/auth_exchange", tests, NULL, NULL);
}
