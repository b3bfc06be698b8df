#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "keeper/repeats.h"
#include "tests/test.h"

#define DAY_MS ((uint64_t)86400000)

static const uint8_t key[CATALOG_REPEAT_LEN] = {1, 2, 3};

static bool is(const struct letter_id *a, const struct letter_id *b)
{
    return memcmp(a->bytes, b->bytes, LETTER_ID_LEN) == 0;
}

static void a_day_long(void **unused)
{
    (void)unused;
    struct repeats *r = repeats_new();
    struct letter_id a = letter_id_new();
    struct letter_id b = letter_id_new();
    struct letter_id first;

    assert_true(repeats_claim(r, key, &a, 5 * DAY_MS, &first));
    repeats_settle(r, key, &a, true);
    assert_false(repeats_claim(r, key, &b, 6 * DAY_MS, &first));
    assert_true(is(&first, &a));
    assert_true(repeats_claim(r, key, &b, 6 * DAY_MS + 1, &first));
    repeats_free(r); /* an open claim is no leak */
}

static void a_refused_letter_is_no_first(void **unused)
{
    (void)unused;
    struct repeats *r = repeats_new();
    struct letter_id a = letter_id_new();
    struct letter_id b = letter_id_new();
    struct letter_id first;

    assert_true(repeats_claim(r, key, &a, DAY_MS, &first));
    repeats_settle(r, key, &a, false);
    repeats_settle(r, key, &a, true); /* without a claim: nothing */
    assert_true(repeats_claim(r, key, &b, DAY_MS, &first));
    repeats_settle(r, key, &b, true);
    assert_false(repeats_claim(r, key, &a, DAY_MS, &first));
    assert_true(is(&first, &b));
    repeats_free(r);
}

/* Several that claim the same key at once. */
struct rush {
    struct repeats *repeats;
    atomic_uint refusals; /* how many of the claims are to fail */
    atomic_uint recorded;
    atomic_uint at_once;
};

static void *submit(void *argument)
{
    struct rush *rush = argument;
    struct letter_id id = letter_id_new();
    struct letter_id first;

    if (repeats_claim(rush->repeats, key, &id, DAY_MS, &first)) {
        assert_int_equal(atomic_fetch_add(&rush->at_once, 1), 0);
        bool recorded = atomic_load(&rush->refusals) == 0;
        (void)atomic_fetch_sub(&rush->refusals, recorded ? 0 : 1);
        (void)atomic_fetch_add(&rush->recorded, recorded);
        (void)atomic_fetch_sub(&rush->at_once, 1);
        repeats_settle(rush->repeats, key, &id, recorded);
    }
    return NULL;
}

static void one_of_many_at_once_is_recorded(void **unused)
{
    (void)unused;
    struct rush rush = {.repeats = repeats_new(), .refusals = 3};
    pthread_t threads[16];

    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, submit, &rush), 0);
    }
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&rush.refusals), 0);
    assert_int_equal(atomic_load(&rush.recorded), 1);
    repeats_free(rush.repeats);
}

/* One that claims what another one holds. */
struct second {
    struct repeats *repeats;
    struct letter_id first;
    bool claimed;
};

static void *claim_again(void *argument)
{
    struct second *second = argument;
    struct letter_id id = letter_id_new();

    second->claimed = repeats_claim(second->repeats, key, &id, DAY_MS, &second->first);
    return NULL;
}

static void a_claim_waits_until_the_first_is_settled(void **unused)
{
    (void)unused;
    struct second second = {.repeats = repeats_new()};
    struct letter_id a = letter_id_new();
    struct letter_id first;
    struct timespec soon;
    pthread_t thread;

    assert_true(repeats_claim(second.repeats, key, &a, DAY_MS, &first));
    assert_int_equal(pthread_create(&thread, NULL, claim_again, &second), 0);
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += 1; /* long enough for one that does not wait to be found out */
    assert_int_equal(pthread_timedjoin_np(thread, NULL, &soon), ETIMEDOUT);
    repeats_settle(second.repeats, key, &a, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(second.claimed);
    assert_true(is(&second.first, &a));
    repeats_free(second.repeats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_long),
        cmocka_unit_test(a_refused_letter_is_no_first),
        cmocka_unit_test(a_claim_waits_until_the_first_is_settled),
        cmocka_unit_test(one_of_many_at_once_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
