#include "formats/ldap/entry.h"
#include "tests/test.h"

#define NOW_MS INT64_C(1796000000000) /* November 2026 */

static void is_read_as(const char *value, enum entry_address kind, const char *address)
{
    OWN(arena) struct arena arena = {.max = 1 << 12};
    struct slice got = SLICE_NONE;

    assert_int_equal(entry_address(slice_text(value), &arena, &got), kind);
    assert_true(slice_equal(got, slice_text(address)));
}

static void addresses_come_in_three_forms(void **unused)
{
    (void)unused;
    is_read_as("Anna@Example.test", ENTRY_ADDRESS, "anna@example.test");
    is_read_as("SMTP:Anna@Example.test", ENTRY_PRIMARY, "anna@example.test");
    is_read_as("smtp:a.b@example.test", ENTRY_ADDRESS, "a.b@example.test");
    is_read_as("Smtp:a.b@example.test", ENTRY_ADDRESS, "a.b@example.test");
    is_read_as(" anna@example.test ", ENTRY_ADDRESS, "anna@example.test");
    is_read_as("j\xc3\xb6rg@example.test", ENTRY_ADDRESS, "j\xc3\xb6rg@example.test");
}

static void other_values_are_no_address(void **unused)
{
    (void)unused;
    is_read_as("", ENTRY_NO_ADDRESS, "");
    is_read_as("anna", ENTRY_NO_ADDRESS, "");
    is_read_as("@example.test", ENTRY_NO_ADDRESS, "");
    is_read_as("anna@", ENTRY_NO_ADDRESS, "");
    is_read_as("SMTP:", ENTRY_NO_ADDRESS, "");
    is_read_as("sip:anna@example.test", ENTRY_NO_ADDRESS, "");
    is_read_as("x500:/o=Example/cn=anna@example.test", ENTRY_NO_ADDRESS, "");
    is_read_as("smtp:sip:anna@example.test", ENTRY_ADDRESS,
               "sip:anna@example.test"); /* no scheme */
    is_read_as("anna@example.test, bob@example.test", ENTRY_NO_ADDRESS, "");
    is_read_as("anna\n@example.test", ENTRY_NO_ADDRESS, "");
    is_read_as("anna\xff@example.test", ENTRY_NO_ADDRESS, "");
}

static bool locks(const char *name, const char *value)
{
    for (size_t i = 0; entry_locks[i]; i++) {
        if (slice_equal(slice_text(entry_locks[i]), slice_text(name))) {
            return entry_is_locked(i, slice_text(value), NOW_MS);
        }
    }
    fail_msg("no such lock: %s", name);
    return false;
}

static void who_is_locked_there_is_locked_here(void **unused)
{
    (void)unused;
    assert_false(locks("userAccountControl", "512"));
    assert_false(locks("userAccountControl", "66048")); /* the password does not end */
    assert_true(locks("userAccountControl", "514"));
    assert_true(locks("userAccountControl", "528"));
    assert_false(locks("userAccountControl", "-2147483136")); /* 512 and the highest bit */
    assert_true(locks("userAccountControl", "-2147483134"));
    assert_true(locks("userAccountControl", "five hundred"));
    assert_true(locks("userAccountControl", ""));
    assert_false(locks("accountExpires", "0"));
    assert_false(locks("accountExpires", "9223372036854775807"));
    assert_true(locks("accountExpires", "133000000000000000"));  /* 2022 */
    assert_false(locks("accountExpires", "150000000000000000")); /* 2076 */
    assert_true(locks("accountExpires", "never"));
    assert_true(locks("nsAccountLock", "TRUE"));
    assert_false(locks("nsAccountLock", "false"));
    assert_true(locks("pwdAccountLockedTime", "000001010000Z"));
    assert_false(locks("pwdAccountLockedTime", "20261101000000Z"));
    assert_true(entry_is_locked(99, SLICE("x"), NOW_MS));
}

static void a_value_in_a_filter_is_nothing_but_itself(void **unused)
{
    (void)unused;
    static const uint8_t guid[] = {0x00, 0x28, 'A', 0xff};
    OWN(buf) struct buf out = {.max = 200};

    entry_filter_value(SLICE("*)(uid=*"), &out);
    assert_true(slice_equal(buf_slice(&out), SLICE("\\2a\\29\\28uid\\3d\\2a")));
    buf_reset(&out);
    entry_filter_value(SLICE_ARRAY(guid), &out);
    assert_true(slice_equal(buf_slice(&out), SLICE("\\00\\28A\\ff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_in_three_forms),
        cmocka_unit_test(other_values_are_no_address),
        cmocka_unit_test(who_is_locked_there_is_locked_here),
        cmocka_unit_test(a_value_in_a_filter_is_nothing_but_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
