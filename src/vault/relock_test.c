/* What is locked for longer, and where a round goes on that was cut off. */
#include <unistd.h>

#include "vault/relock.h"
#include "vault/vault_scene_test.h"

#define EVER INT64_MAX

static void names_of(struct scene *s, struct buf *names)
{
    assert_ok(vault_names_of(&s->vault, 0, names, &s->e), s->e);
    assert_int_equal(names->len, 4 * VAULT_NAME_LEN); /* three pieces, the state */
}

/* Each is renewed once in a round, wherever it begins and however often it is cut off. */
static void test_rounds(void **state)
{
    struct scene *s = *state;
    OWN(buf) struct buf names = {.max = 1 << 16};

    scene_back_up(s, 1000);
    names_of(s, &names);
    for (unsigned begin = 0; begin <= 4; begin++) {
        for (unsigned cut = 0; cut <= 6; cut++) {
            struct vault_round r = {.wrapped = false};
            s->renewed = 0;
            s->renewals_left = begin + 1;
            bool whole = vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e);
            assert_int_equal(whole, begin == 4); /* there is no fifth */
            assert_int_equal(s->renewed, begin);
            vault_round_begin(&r); /* of the next backup */
            s->renewed = 0;
            s->renewals_left = cut;
            whole = vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e);
            s->renewals_left = 0;
            assert_true(whole || s->e.kind == ERROR_BUSY);
            assert_int_equal(whole, cut == 0 || cut > 4);
            assert_ok(vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e), s->e);
            assert_true(r.done);
            assert_int_equal(s->renewed, 4);
        }
    }
}

/* The time is up: nothing is lost of it. */
static void test_time(void **state)
{
    struct scene *s = *state;
    OWN(buf) struct buf names = {.max = 1 << 16};
    struct vault_round r = {.wrapped = false};

    scene_back_up(s, 1000);
    names_of(s, &names);
    assert_ok(vault_relock(&s->vault, buf_slice(&names), &r, 0, &s->e), s->e);
    assert_false(r.done);
    assert_int_equal(s->renewed, 0);
    assert_ok(vault_relock(&s->vault, SLICE_NONE, &r, EVER, &s->e), s->e);
    assert_true(r.done);
}

/* Names from end to end, of which others are there when it goes on. */
static void test_other_names(void **state)
{
    struct scene *s = *state;
    uint8_t some[3 * VAULT_NAME_LEN];
    struct vault_round r = {.wrapped = false};

    (void)memset(some, 0, VAULT_NAME_LEN);
    (void)memset(some + VAULT_NAME_LEN, 0x80, VAULT_NAME_LEN);
    (void)memset(some + 2 * (size_t)VAULT_NAME_LEN, 0xff, VAULT_NAME_LEN);
    s->renewals_left = 3;
    assert_false(vault_relock(&s->vault, SLICE_ARRAY(some), &r, EVER, &s->e));
    assert_int_equal(s->renewed, 2);
    vault_round_begin(&r);
    assert_ok(vault_relock(&s->vault, SLICE_ARRAY(some), &r, EVER, &s->e), s->e);
    assert_true(r.done);
    assert_int_equal(s->renewed, 5);
    vault_round_begin(&r);
    s->renewals_left = 0;
    assert_ok(vault_relock(&s->vault, slice_of(some, VAULT_NAME_LEN), &r, EVER, &s->e), s->e);
    assert_true(r.done);
    assert_int_equal(s->renewed, 6);
}

/* One that is refused is stored again as it is; one that is not there stops nothing. */
static void test_refused(void **state)
{
    struct scene *s = *state;
    OWN(buf) struct buf names = {.max = 1 << 16};
    struct vault_round r = {.wrapped = false};
    struct vault_listing l = {0};

    scene_back_up(s, 1000);
    names_of(s, &names);
    s->no_renewal = true;
    s->puts_left = 4;
    assert_ok(vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e), s->e);
    assert_true(r.done);
    assert_int_equal(s->puts_left, 0);
    scene_compare(s, 0);
    vault_round_begin(&r);
    s->puts_left = 4;
    s->gets_wrong =
        4; /* it gives something else: that is not stored in the place of what is there */
    assert_ok(vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e), s->e);
    assert_int_equal(s->puts_left, 4);
    scene_compare(s, 0);
    s->puts_left = 0;
    vault_round_begin(&r);
    assert_false(vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e)); /* full */
    assert_false(r.done);
    assert_ok(vault_list(&s->vault, "d-", &l, &s->e), s->e);
    for (size_t i = 0; i < l.count; i++) {
        assert_int_equal(unlinkat(s->store, l.items[i].name, 0), 0);
    }
    vault_listing_done(&l);
    assert_ok(vault_relock(&s->vault, buf_slice(&names), &r, EVER, &s->e), s->e);
    assert_true(r.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(rounds),
        SCENE_TEST(time),
        SCENE_TEST(other_names),
        SCENE_TEST(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
