#include "keeper/recipient_merge.h"
#include "tests/test.h"

static struct recipient_key key(const char *fingerprint, uint64_t source, bool vouched)
{
    return (struct recipient_key){.kind = RECIPIENT_SMIME,
                                  .bytes = SLICE("one"),
                                  .fingerprint = slice_text(fingerprint),
                                  .source = source,
                                  .vouched = vouched};
}

static void a_place_has_each_once(void **unused)
{
    struct recipient_key now[] = {key("aa", RECIPIENT_SMIMEA, false),
                                  key("bb", RECIPIENT_SMIMEA, false),
                                  key("aa", RECIPIENT_SMIMEA, true)};
    (void)unused;

    assert_int_equal(recipient_merge_unique(now, 3), 2);
    assert_slice(now[0].fingerprint, "aa");
    assert_true(now[0].vouched);
    assert_slice(now[1].fingerprint, "bb");
    assert_false(now[1].vouched);
    assert_int_equal(recipient_merge_unique(now, 0), 0);
}

static void what_a_letter_brought_is_not_lost(void **unused)
{
    struct recipient_key old = key("aa", RECIPIENT_HARVESTED, false);
    struct recipient_keys row = {
        .keys = {&old, 1}
    };
    struct recipient_key plain = key("aa", RECIPIENT_SMIMEA, false);
    struct recipient_key sure = key("aa", RECIPIENT_SMIMEA, true);
    struct recipient_key other = key("bb", RECIPIENT_SMIMEA, false);
    (void)unused;

    old.bytes = SLICE("one and its chain");
    old.reads = RECIPIENT_READS_GCM;
    assert_false(recipient_merge(&row, &plain));
    assert_true(recipient_merge(&row, &other));
    assert_slice(other.bytes, "one");
    assert_true(recipient_merge(&row, &sure));
    assert_slice(sure.bytes, "one and its chain");
    assert_int_equal(sure.reads, RECIPIENT_READS_GCM);
    assert_int_equal(sure.source, RECIPIENT_SMIMEA);
}

static void a_directory_vouches_for_nothing(void **unused)
{
    static const struct {
        uint64_t was, is;
        bool was_vouched, vouched, gives_way;
    } rows[] = {
        {RECIPIENT_LDAP,      RECIPIENT_LDAP,   false, false, true },
        {RECIPIENT_UPLOADED,  RECIPIENT_LDAP,   false, false, false},
        {RECIPIENT_UPLOADED,  RECIPIENT_LDAP,   true,  false, false},
        {RECIPIENT_HARVESTED, RECIPIENT_LDAP,   false, false, false},
        {RECIPIENT_SMIMEA,    RECIPIENT_LDAP,   true,  false, false},
        {RECIPIENT_SMIMEA,    RECIPIENT_LDAP,   false, false, true },
        {RECIPIENT_LDAP,      RECIPIENT_SMIMEA, false, true,  true },
        {RECIPIENT_LDAP,      RECIPIENT_SMIMEA, false, false, false},
    };

    (void)unused;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recipient_key old = key("aa", rows[i].was, rows[i].was_vouched);
        const struct recipient_keys row = {
            .keys = {&old, 1}
        };
        struct recipient_key now = key("aa", rows[i].is, rows[i].vouched);
        assert_int_equal(recipient_merge(&row, &now), rows[i].gives_way);
    }
}

static void what_a_person_did_stays(void **unused)
{
    struct recipient_key old = key("aa", RECIPIENT_UPLOADED, false);
    struct slice gone = SLICE("bb");
    struct recipient_keys row = {
        .keys = {&old,  1},
          .refused = {&gone, 1}
    };
    struct recipient_key given = key("aa", RECIPIENT_SMIMEA, true);
    struct recipient_key taken = key("bb", RECIPIENT_SMIMEA, true);
    (void)unused;

    assert_false(recipient_merge(&row, &given));
    assert_false(recipient_merge(&row, &taken));
    old.source = RECIPIENT_SMIMEA; /* it is vouched for from now on */
    given = key("aa", RECIPIENT_SMIMEA, true);
    assert_true(recipient_merge(&row, &given));
    old.own = SLICE("ours");
    assert_false(recipient_merge(&row, &given));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_has_each_once),
        cmocka_unit_test(what_a_letter_brought_is_not_lost),
        cmocka_unit_test(a_directory_vouches_for_nothing),
        cmocka_unit_test(what_a_person_did_stays),
    };
    return cmocka_run_group_tests_name("keeper/recipient_merge", tests, NULL, NULL);
}
