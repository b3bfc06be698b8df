/* However many segments are damaged, each is known: none stalls what is in others. */
#include "keeper/erase.h"
#include "tests/test.h"

#define MANY 1000

static void each_damaged_segment_is_known_once(void **unused)
{
    struct erase_damaged d = {0};

    (void)unused;
    for (uint32_t i = 1; i <= MANY; i++) {
        assert_true(erase_damaged_add(&d, i));
        assert_false(erase_damaged_add(&d, i));
        assert_false(erase_damaged_add(&d, 1));
    }
    assert_int_equal(d.n, MANY);
    erase_damaged_forget(&d);
    assert_int_equal(d.n, 0);
    assert_true(erase_damaged_add(&d, 1));
    erase_damaged_forget(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_damaged_segment_is_known_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
