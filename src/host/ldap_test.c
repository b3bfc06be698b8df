/* What host/ldap says of names without a server; the conversation itself is proven against slapd (tests/system). */
#include "host/ldap.h"
#include "tests/test.h"

static bool is_range(const char *attribute, const char *asked)
{
    return dirlink_is_range(slice_text(attribute), slice_text(asked));
}

static void a_part_of_an_attribute_is_known(void **unused)
{
    (void)unused;
    assert_true(is_range("member;range=0-1499", "member"));
    assert_true(is_range("Member;Range=0-*", "member"));
    assert_true(is_range("member;binary;range=0-1", "member"));
    assert_false(is_range("member", "member"));
    assert_false(is_range("member;", "member"));
    assert_false(is_range("member;lang-en", "member"));
    assert_false(is_range("member;lang-range=", "member"));
    assert_false(is_range("memberOf;range=0-1499", "member"));
    assert_false(is_range("mem", "member"));
    assert_false(is_range("", "member"));
}

static void a_name_has_one_spelling(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};

    assert_slice(dirlink_dn(SLICE("CN=Anna , OU=People,DC=x"), &arena), "cn=anna,ou=people,dc=x");
    assert_int_equal(dirlink_dn(SLICE("anna"), &arena).len, 0);
    assert_int_equal(dirlink_dn(SLICE_NONE, &arena).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_an_attribute_is_known),
        cmocka_unit_test(a_name_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
