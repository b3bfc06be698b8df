/* Sign-ins by a provider that are under way. */
#include "processes/auth_attempts.h"
#include "tests/test.h"

#define NOON INT64_C(1790000000000)

static void put(struct attempts *t, int64_t now_ms, uint8_t id[static ATTEMPT_ID_LEN])
{
    struct attempt *x = attempt_new(now_ms);

    (void)memcpy(id, x->id, ATTEMPT_ID_LEN);
    attempts_put(t, x, now_ms);
}

static bool takes(struct attempts *t, const uint8_t id[static ATTEMPT_ID_LEN], int64_t now_ms)
{
    OWN(attempt) struct attempt *x = attempts_take(t, slice_of(id, ATTEMPT_ID_LEN), now_ms);

    return x != NULL;
}

static void each_is_taken_once_and_in_time(void **unused)
{
    (void)unused;
    OWN(attempts) struct attempts *t = attempts_new();
    uint8_t one[ATTEMPT_ID_LEN];
    uint8_t two[ATTEMPT_ID_LEN];
    static const uint8_t none[ATTEMPT_ID_LEN];

    put(t, NOON, one);
    put(t, NOON, two);
    assert_memory_not_equal(one, two, ATTEMPT_ID_LEN);
    assert_false(takes(t, none, NOON));
    assert_null(attempts_take(t, slice_of(one, ATTEMPT_ID_LEN - 1), NOON));
    assert_true(takes(t, one, NOON + ATTEMPT_LASTS_MS - 1));
    assert_false(takes(t, one, NOON));
    assert_false(takes(t, two, NOON + ATTEMPT_LASTS_MS));
}

static void no_two_share_a_random_number(void **unused)
{
    (void)unused;
    OWN(attempt) struct attempt *a = attempt_new(NOON);
    OWN(attempt) struct attempt *b = attempt_new(NOON);

    assert_memory_not_equal(a->state, b->state, sizeof(a->state));
    assert_memory_not_equal(a->nonce, b->nonce, sizeof(a->nonce));
    assert_memory_not_equal(a->verifier, b->verifier, sizeof(a->verifier));
    assert_memory_not_equal(a->state, a->nonce, sizeof(a->state));
    assert_memory_not_equal(a->nonce, a->verifier, sizeof(a->nonce));
}

static void the_oldest_gives_way(void **unused)
{
    (void)unused;
    OWN(attempts) struct attempts *t = attempts_new();
    uint8_t first[ATTEMPT_ID_LEN];
    uint8_t second[ATTEMPT_ID_LEN];
    uint8_t last[ATTEMPT_ID_LEN];

    put(t, NOON, first);
    put(t, NOON + 1, second);
    for (int i = 0; i < ATTEMPTS_MAX - 1; i++) {
        put(t, NOON + 2 + i, last);
    }
    assert_false(takes(t, first, NOON + ATTEMPTS_MAX));
    assert_true(takes(t, second, NOON + ATTEMPTS_MAX));
    assert_true(takes(t, last, NOON + ATTEMPTS_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_taken_once_and_in_time),
        cmocka_unit_test(no_two_share_a_random_number),
        cmocka_unit_test(the_oldest_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
