#include "stages/protect/blind.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static bool is_blind(const char *fields, const char *address)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct slice letter =
        arena_printf(&a, "From: anna@example.test\r\n%s\r\nBody, to bcc@x.test\r\n", fields);
    struct mail_header h;
    struct blind_named named;

    mail_header_read(letter, &limits, true, &a, &h);
    blind_read(&h, true, &a, &named);
    return blind_is(&named, slice_text(address), true, &a);
}

static void who_is_named_is_no_bcc(void **unused)
{
    (void)unused;

    assert_false(is_blind("To: bob@x.test\r\n", "bob@x.test"));
    assert_false(is_blind("To: Bob <bob@x.test>, \"C, D\" <cd@y.test>\r\n", "cd@y.test"));
    assert_false(is_blind("Cc: Bob <bob@x.test>\r\nTo: a@x.test\r\n", "bob@x.test"));
    assert_false(is_blind("To: Bob\r\n\t<bob@x.test>\r\n", "bob@x.test"));
    assert_false(is_blind("to: bob@X.Test\r\n", "bob@x.TEST"));
    assert_false(is_blind("To: friends: bob@x.test, carol@x.test;\r\n", "carol@x.test"));
    assert_false(is_blind("To: \"bob\"@x.test\r\n", "bob@x.test"));
    assert_false(is_blind("To: =?utf-8?q?B=C3=B6b?= <bob@x.test>\r\n", "bob@x.test"));
    assert_false(is_blind("To: b\xc3\xb6"
                          "b@x.test\r\n",
                          "b\xc3\xb6"
                          "b@x.test"));
    assert_false(is_blind("To: bob+tag@x.test\r\n", "bob+tag@x.test"));
}

static void who_is_named_nowhere_is_one(void **unused)
{
    (void)unused;

    assert_true(is_blind("", "bcc@x.test"));
    assert_true(is_blind("To: undisclosed-recipients:;\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test\r\nBcc: bcc@x.test\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test\r\nReply-To: bcc@x.test\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test\r\nSubject: bcc@x.test\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test.example\r\n", "bob@x.test"));
}

/* An own copy is never wrong, being shown is. */
static void who_is_in_doubt_is_one(void **unused)
{
    (void)unused;

    assert_true(is_blind("To: Bob@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob+tag@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob@x.test\r\n", "bob+tag@x.test"));
    assert_true(is_blind("To: \"bcc@x.test\" <bob@x.test>\r\n", "bcc@x.test"));
    assert_true(is_blind("To: =?utf-8?q?bcc=40x.test?= <bob@x.test>\r\n", "bcc@x.test"));
    assert_true(is_blind("To: bob@x.test (bcc@x.test)\r\n", "bcc@x.test"));
    assert_true(is_blind("To: =?utf-8?q?bcc=40x.test?=\r\n", "bcc@x.test"));
    assert_true(is_blind("To: <@relay.test:bob@x.test>\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob@x.test, <broken\r\n", "bob@x.test"));
    assert_true(is_blind("To: a@x.test\r\nTo: bob@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob@x.test\r\nCc : c@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("Resent-To: bob@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob@b\xc3\xbc"
                         "cher.test\r\n",
                         "bob@xn--bcher-kva.test"));
    assert_true(is_blind("To: bob@x.test\r\n", "bob@x.test,c@x.test"));
    assert_true(is_blind("To: bob@x.test\r\n", ""));
}

/* One list that cannot be read takes nothing from the other. */
static void the_other_list_still_counts(void **unused)
{
    (void)unused;

    assert_false(is_blind("To: <broken\r\nCc: bob@x.test\r\n", "bob@x.test"));
    assert_true(is_blind("To: bob@x.test, <broken\r\nCc: carol@x.test\r\n", "bob@x.test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_named_is_no_bcc),
        cmocka_unit_test(who_is_named_nowhere_is_one),
        cmocka_unit_test(who_is_in_doubt_is_one),
        cmocka_unit_test(the_other_list_still_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
