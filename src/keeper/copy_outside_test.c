#include "keeper/copy_outside.h"
#include "tests/test.h"

#define FIELDS                                                                                     \
    "Date: Mon, 30 Nov 2026 10:00:00 +0000\r\nFrom: Anna <anna@example.test>\r\n"                  \
    "Sender: desk@example.test\r\nTo: paula@partner.test\r\nSubject: the plan\r\n"                 \
    "X-Ours: yes\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static bool is_of(const char *copy)
{
    struct arena arena = {.max = 1 << 20};
    struct mail_header letter;
    struct mail_header made;

    mail_header_read(SLICE(FIELDS "\r\nhello\r\n"), &limits, false, &arena, &letter);
    mail_header_read(slice_text(copy), &limits, false, &arena, &made);
    assert_int_equal(letter.defect, MAIL_SOUND);
    bool same = copy_outside_is_of(&letter, &made);
    arena_done(&arena);
    return same;
}

static void a_copy_shows_what_its_letter_shows(void **unused)
{
    (void)unused;
    assert_true(is_of(FIELDS "\r\nhello\r\n"));
    assert_true(is_of("From: Anna <anna@example.test>\r\nSender: desk@example.test\r\n"
                      "Subject: [...]\r\nContent-Type: application/pkcs7-mime\r\n\r\nMII\r\n"));
}

static void nobody_else_is_named_in_it(void **unused)
{
    static const char *const others[] = {
        "From: Boss <boss@example.test>\r\nSender: desk@example.test\r\n\r\n",
        "From: Anna <anna@example.test>\r\n\r\n", /* without the Sender */
        "Sender: desk@example.test\r\n\r\n",
        "From: Anna <anna@example.test>\r\nSender: desk@example.test\r\nReply-To: "
        "eve@evil.test\r\n\r\n",
        "From: Anna <anna@example.test>\r\nSender: desk@example.test\r\nTo: eve@evil.test\r\n\r\n",
        "From: Anna <anna@example.test>\r\nSender: desk@example.test\r\nSubject: pay now\r\n\r\n",
        "From: Anna <anna@example.test>\r\nFrom: Anna <anna@example.test>\r\n"
        "Sender: desk@example.test\r\n\r\n",
        FIELDS "Subject: [...]\r\n\r\n",
        FIELDS "Date: Tue, 1 Dec 2026 10:00:00 +0000\r\n\r\n",
        "\r\n",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(is_of(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_shows_what_its_letter_shows),
        cmocka_unit_test(nobody_else_is_named_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
