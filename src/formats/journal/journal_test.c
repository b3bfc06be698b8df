#include "formats/journal/journal.h"
#include "tests/test.h"

#define HEAD                                                                                       \
    "From: journal@company.test\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"                  \
    "Content-Type: multipart/mixed;\r\n boundary=\"_b1_\"\r\n\r\npreamble\r\n--_b1_\r\n"           \
    "Content-Type: text/plain; charset=\"us-ascii\"\r\n"
#define LETTER "From: anna@company.test\r\nTo: all@company.test\r\n\r\n--_b2_\r\nbody\r\n"
#define SECOND "\r\n--_b1_\r\nContent-Type: message/rfc822\r\n\r\n" LETTER "\r\n--_b1_--\r\n"
#define LISTING                                                                                    \
    "Sender: anna@company.test\r\nSubject: x\r\nMessage-Id: <1@x>\r\n"                             \
    "To: bob@company.test, Expanded: all@company.test\r\nBcc: secret@other.test\r\n"               \
    "Recipient: BOB@company.test\r\n"

static struct arena arena = {.max = 1 << 20};

static const char *read_report(const char *report, struct journal *j)
{
    arena_reset(&arena);
    return journal_read(slice_text(report), &arena, j);
}

static void a_report_has_envelope_and_letter(void **unused)
{
    (void)unused;
    struct journal j;

    assert_null(read_report(HEAD "\r\n" LISTING SECOND, &j));
    assert_slice(j.sender, "anna@company.test");
    assert_int_equal(j.n_recipients, 2);
    assert_slice(j.recipients[0], "bob@company.test");
    assert_slice(j.recipients[1], "secret@other.test");
    assert_slice(j.letter, LETTER);
}

static void the_envelope_may_be_quoted_printable(void **unused)
{
    (void)unused;
    struct journal j;

    assert_null(read_report(HEAD "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                 "Sender: <>\r\nRecipient: bo=\r\nb=40company.test\r\n" SECOND,
                            &j));
    assert_slice(j.sender, "");
    assert_int_equal(j.n_recipients, 1);
    assert_slice(j.recipients[0], "bob@company.test");
}

/* Each of them would be a letter; which one was sent nobody knows. */
static void two_letters_are_no_report(void **unused)
{
    (void)unused;
    struct journal j;

    assert_non_null(read_report(
        HEAD "\r\n" LISTING "\r\n--_b1_\r\nContent-Type: message/rfc822\r\n\r\n" LETTER SECOND,
        &j));
    assert_non_null(read_report(HEAD "\r\n" LISTING
                                     "\r\n--_b1_\r\nContent-Type: message/rfc822\r\n\r\n" LETTER
                                     "\r\n--_b1_\r\n\r\nmore\r\n--_b1_--\r\n",
                                &j));
}

static void what_is_no_report_is_refused(void **unused)
{
    (void)unused;
    struct journal j;

    assert_non_null(read_report("", &j));
    assert_non_null(read_report(LETTER, &j));
    assert_non_null(read_report(HEAD "\r\nSender: a@b\r\n" SECOND, &j));
    assert_non_null(read_report(HEAD "\r\nTo: nobody\r\n" SECOND, &j));
    assert_non_null(read_report(HEAD "\r\n" LISTING "\r\n--_b1_--\r\n", &j));
    assert_non_null(
        read_report(HEAD "Content-Transfer-Encoding: base64\r\n\r\nU2VuZGVyOg==\r\n" SECOND, &j));
    assert_non_null(read_report("X-MS-Journal-Report:\r\nContent-Type: text/plain\r\n\r\nx", &j));
}

static int done(void **unused)
{
    (void)unused;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_envelope_and_letter),
        cmocka_unit_test(the_envelope_may_be_quoted_printable),
        cmocka_unit_test(two_letters_are_no_report),
        cmocka_unit_test(what_is_no_report_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
