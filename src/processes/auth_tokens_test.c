/* What is remembered of access tokens, and what forgets it. */
#include <stdio.h>

#include "processes/auth_tokens.h"
#include "tests/test.h"

#define NOON INT64_C(1790000000000)

static const struct token_identity anna = {
    .provider = SLICE_INIT("vault"),
    .account = SLICE_INIT("anna@example.test"),
    .until_ms = NOON + 3600000,
    .factor = true,
};

static bool knows(struct auth_tokens *t, const char *token, const struct token_ground *ground,
                  int64_t now_ms)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct token_identity who = {.factor = false};

    bool found = auth_tokens_find(t, slice_text(token), ground, now_ms, &arena, &who);
    if (found) {
        assert_slice(who.provider, "vault");
        assert_slice(who.account, "anna@example.test");
        assert_true(who.factor && who.until_ms == anna.until_ms);
    }
    return found;
}

static void it_is_known_for_its_time_on_its_ground(void **unused)
{
    (void)unused;
    OWN(auth_tokens) struct auth_tokens *t = auth_tokens_new();
    OWN(auth_tokens) struct auth_tokens *other = auth_tokens_new();
    int settings[2];
    const struct token_ground ground = {&settings[0], 7};
    const struct token_ground newer = {&settings[0], 8};
    const struct token_ground changed = {&settings[1], 7};

    auth_tokens_add(t, SLICE("one"), &ground, &anna, NOON, NOON + 1000);
    assert_true(knows(t, "one", &ground, NOON));
    assert_true(knows(t, "one", &ground, NOON + 999));
    assert_false(knows(t, "one", &ground, NOON + 1000));
    assert_false(knows(t, "One", &ground, NOON));
    assert_false(knows(t, "one", &newer, NOON));
    assert_false(knows(t, "one", &changed, NOON));
    assert_false(knows(other, "one", &ground, NOON));
}

static void what_is_over_or_does_not_fit_is_not_remembered(void **unused)
{
    (void)unused;
    static const uint8_t many[TOKEN_ACCOUNT_MAX + 1] = {'a'};
    OWN(auth_tokens) struct auth_tokens *t = auth_tokens_new();
    const struct token_ground ground = {NULL, 1};
    struct token_identity bad = anna;

    auth_tokens_add(t, SLICE("one"), &ground, &anna, NOON, NOON);
    bad.account = SLICE_ARRAY(many);
    auth_tokens_add(t, SLICE("two"), &ground, &bad, NOON, NOON + 1000);
    bad.account = SLICE_NONE;
    auth_tokens_add(t, SLICE("three"), &ground, &bad, NOON, NOON + 1000);
    bad = anna;
    bad.provider = slice_of(many, TOKEN_PROVIDER_MAX + 1);
    auth_tokens_add(t, SLICE("four"), &ground, &bad, NOON, NOON + 1000);
    assert_false(knows(t, "one", &ground, NOON - 1));
    assert_false(knows(t, "two", &ground, NOON));
    assert_false(knows(t, "three", &ground, NOON));
    assert_false(knows(t, "four", &ground, NOON));
}

/* However many come, the newest is there and the table does not grow. */
static void the_one_that_ends_first_gives_way(void **unused)
{
    (void)unused;
    OWN(auth_tokens) struct auth_tokens *t = auth_tokens_new();
    const struct token_ground ground = {NULL, 1};
    unsigned kept = 0;

    for (unsigned i = 0; i < 10000; i++) {
        char token[16];
        (void)snprintf(token, sizeof(token), "token-%u", i);
        auth_tokens_add(t, slice_text(token), &ground, &anna, NOON, NOON + 1000 + i);
        assert_true(knows(t, token, &ground, NOON));
    }
    for (unsigned i = 0; i < 10000; i++) {
        char token[16];
        (void)snprintf(token, sizeof(token), "token-%u", i);
        kept += knows(t, token, &ground, NOON);
    }
    assert_in_range(kept, 1000, 2048);
    assert_true(knows(t, "token-9999", &ground, NOON));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_known_for_its_time_on_its_ground),
        cmocka_unit_test(what_is_over_or_does_not_fit_is_not_remembered),
        cmocka_unit_test(the_one_that_ends_first_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
