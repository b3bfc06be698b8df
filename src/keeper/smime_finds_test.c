#include "keeper/smime_finds.h"
#include "tests/test.h"

static bool is_known(enum smime_place place, struct slice address, struct arena *arena)
{
    struct smime_found found;

    return smime_asked_recall(smime_asked_of(place, SLICE("there"), address, arena), &found);
}

static void remember(enum smime_place place, struct slice address, struct arena *arena)
{
    const struct smime_found found = {.state = SMIME_FIND_KNOWN};

    smime_asked_remember(smime_asked_of(place, SLICE("there"), address, arena), found, 3600);
}

static void a_place_is_asked_again_for_an_address_whose_certificate_went(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice anna = SLICE("anna@example.test");
    struct slice bert = SLICE("bert@example.test");

    remember(SMIME_PLACE_DNS, anna, &arena);
    remember(SMIME_PLACE_DIRECTORY, anna, &arena);
    remember(SMIME_PLACE_DIRECTORY, bert, &arena);
    smime_asked_anew(SMIME_PLACE_DIRECTORY, anna);
    assert_true(is_known(SMIME_PLACE_DNS, anna, &arena));
    assert_false(is_known(SMIME_PLACE_DIRECTORY, anna, &arena));
    assert_true(is_known(SMIME_PLACE_DIRECTORY, bert, &arena));
    remember(SMIME_PLACE_DIRECTORY, anna, &arena);
    assert_true(is_known(SMIME_PLACE_DIRECTORY, anna, &arena));
    smime_find_anew(SLICE("Anna@Example.test"), &arena);
    assert_false(is_known(SMIME_PLACE_DNS, anna, &arena));
    assert_false(is_known(SMIME_PLACE_DIRECTORY, anna, &arena));
    assert_true(is_known(SMIME_PLACE_DIRECTORY, bert, &arena));
}

static void another_place_of_the_settings_is_another_question(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice anna = SLICE("anna@example.test");

    assert_int_not_equal(smime_asked_of(SMIME_PLACE_DIRECTORY, SLICE("a"), anna, &arena),
                         smime_asked_of(SMIME_PLACE_DIRECTORY, SLICE("b"), anna, &arena));
    assert_int_not_equal(smime_asked_of(SMIME_PLACE_DIRECTORY, SLICE("a"), anna, &arena),
                         smime_asked_of(SMIME_PLACE_DNS, SLICE("a"), anna, &arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_asked_again_for_an_address_whose_certificate_went),
        cmocka_unit_test(another_place_of_the_settings_is_another_question),
    };
    return cmocka_run_group_tests_name("keeper/smime_finds", tests, NULL, NULL);
}
