#include "keeper/parcel.h"
#include "tests/test.h"

#define FACTS ((size_t)1 << 20)
#define MANY  (2 * PARCEL_CACHE_MAX / FACTS)

/* A backlog of any length keeps no more than the budget in memory, and gives back what it keeps. */
static void all_parcels_share_a_budget(void **unused)
{
    (void)unused;
    struct parcel *parcels[MANY];

    for (int round = 0; round < 2; round++) {
        size_t kept = 0;
        for (size_t i = 0; i < MANY; i++) {
            parcels[i] = parcel_new();
            assert_non_null(buf_room(&parcels[i]->facts_body, FACTS));
            parcel_keep_facts(parcels[i]);
            kept += parcels[i]->facts_body.capacity;
        }
        assert_int_equal(kept, PARCEL_CACHE_MAX);
        for (size_t i = 0; i < MANY; i++) {
            parcel_forget(parcels[i]);
            parcel_drop(parcels[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_parcels_share_a_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
