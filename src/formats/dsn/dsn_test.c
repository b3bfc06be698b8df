#include <stdio.h>
#include <stdlib.h>

#include "formats/dsn/dsn.h"
#include "formats/dsn/internal.h"
#include "tests/test.h"

#define ARRIVED 1795505400000 /* Tue, 24 Nov 2026 07:30:00 */

static const struct slice header = SLICE_INIT("From: Ann <ann@example.test>\r\n"
                                              "To: joe@partner.test\r\n"
                                              "Subject: Invoice 17\r\n");

static struct dsn_report plain_report(const struct dsn_recipient *recipients, size_t n)
{
    return (struct dsn_report){
        .reporting_mta = SLICE("gate.example.test"),
        .from = SLICE("postmaster@example.test"),
        .to = SLICE("ann@example.test"),
        .envelope_id = SLICE("QQ314159"),
        .subject = SLICE("Invoice 17"),
        .arrived_ms = ARRIVED,
        .now_ms = ARRIVED + 60000,
        .random = {0xab, 0xcd},
        .recipients = recipients,
        .n_recipients = n,
        .original = header,
    };
}

/* With DSN_OUT set each report is kept in that folder, for the test that reads them elsewhere. */
static void keep(const char *name, const struct buf *letter)
{
    const char *folder = getenv("DSN_OUT");
    char path[512];

    if (folder) {
        (void)snprintf(path, sizeof(path), "%s/%s.eml", folder, name);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(letter->ptr, 1, letter->len, f), letter->len);
        assert_int_equal(fclose(f), 0);
    }
}

static void write_report(struct buf *out, const char *name, const struct dsn_report *report)
{
    dsn_write(out, report);
    assert_false(out->full);
    keep(name, out);
    buf_add_byte(out, '\0'); /* for strstr */
}

#define assert_has(buf_, text_)                                                                    \
    do {                                                                                           \
        if (!strstr((const char *)(buf_).ptr, text_)) {                                            \
            fail_msg("no \"%s\" in:\n%s", text_, (const char *)(buf_).ptr);                        \
        }                                                                                          \
    } while (0)
#define assert_lacks(buf_, text_) assert_null(strstr((const char *)(buf_).ptr, text_))

static const char failure[] =
    "From: Mail gateway <postmaster@example.test>\r\n"
    "To: <ann@example.test>\r\n"
    "Subject: Not delivered: Invoice 17\r\n"
    "Date: Tue, 24 Nov 2026 07:31:00 +0000\r\n"
    "Message-ID: <abcd0000000000000000000000000000@gate.example.test>\r\n"
    "Auto-Submitted: auto-replied\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
    "\tboundary=\"abcd0000000000000000000000000000\"\r\n"
    "\r\n"
    "--abcd0000000000000000000000000000\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "This is the mail gateway gate.example.test. It has news of your letter\r\n"
    "of Tue, 24 Nov 2026 07:30:00 +0000:\r\n"
    "\r\n"
    "  Invoice 17\r\n"
    "\r\n"
    "It could not be delivered to:\r\n"
    "\r\n"
    "  joe@partner.test\r\n"
    "      There is no such mailbox at the recipient's domain. (5.1.1)\r\n"
    "      mx.partner.test said: 550 5.1.1 No such user here\r\n"
    "\r\n"
    "It is not tried again for them. When the reason is gone, please send it\r\n"
    "once more.\r\n"
    "\r\n"
    "Details for programs and the letter's own lines are attached.\r\n"
    "\r\n"
    "--abcd0000000000000000000000000000\r\n"
    "Content-Type: message/delivery-status\r\n"
    "\r\n"
    "Reporting-MTA: dns; gate.example.test\r\n"
    "Original-Envelope-Id: QQ314159\r\n"
    "Arrival-Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
    "\r\n"
    "Original-Recipient: rfc822; joe+x@partner.test\r\n"
    "Final-Recipient: rfc822; joe@partner.test\r\n"
    "Action: failed\r\n"
    "Status: 5.1.1\r\n"
    "Remote-MTA: dns; mx.partner.test\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
    "Last-Attempt-Date: Tue, 24 Nov 2026 07:30:30 +0000\r\n"
    "\r\n"
    "--abcd0000000000000000000000000000\r\n"
    "Content-Type: text/rfc822-headers\r\n"
    "\r\n"
    "From: Ann <ann@example.test>\r\n"
    "To: joe@partner.test\r\n"
    "Subject: Invoice 17\r\n"
    "\r\n"
    "--abcd0000000000000000000000000000--\r\n";

/* Every byte of the plain form is as decided. */
static void writes_a_failure(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    struct dsn_recipient joe = {
        .action = DSN_FAILED,
        .address = SLICE("joe@partner.test"),
        .original = SLICE("rfc822;joe+2Bx@partner.test"),
        .status = SLICE("5.1.1"),
        .remote_mta = SLICE("mx.partner.test"),
        .diagnostic = SLICE("550 5.1.1 No such user here"),
        .last_attempt_ms = ARRIVED + 30000,
    };
    struct dsn_report report = plain_report(&joe, 1);

    write_report(&out, "failure", &report);
    assert_string_equal((const char *)out.ptr, failure);
}

static void names_the_gravest_and_lists_every_action(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    struct dsn_recipient all[] = {
        {.action = DSN_DELIVERED,            .address = SLICE("a@partner.test"), .status = SLICE("2.1.5")},
        {.action = DSN_RELAYED,              .address = SLICE("b@partner.test")},
        {.action = DSN_DELAYED,
         .address = SLICE("c@partner.test"),
         .reason = SLICE("no server of partner.test answers"),
         .retry_until_ms = ARRIVED + 432000000},
        {.action = DSN_FAILED,               .address = SLICE("d@partner.test"), .status = SLICE("no status")                                                           },
    };
    all[1].remote_mta = SLICE("192.0.2.1");
    all[2].remote_mta = SLICE("2001:db8::1");
    struct dsn_report report = plain_report(all, 4);

    write_report(&out, "mixed", &report);
    assert_has(out, "Subject: Not delivered: Invoice 17\r\n");
    assert_has(out, "b@partner.test\r\nAction: relayed\r\nStatus: 2.0.0\r\n");
    assert_has(out, "c@partner.test\r\nAction: delayed\r\nStatus: 4.0.0\r\n"
                    "Remote-MTA: dns; [IPv6:2001:db8::1]\r\n"
                    "Will-Retry-Until: Sun, 29 Nov 2026 07:30:00 +0000\r\n");
    assert_has(out, "d@partner.test\r\nAction: failed\r\nStatus: 5.0.0\r\n");
    assert_has(out, "      no server of partner.test answers\r\n");
    assert_has(out, "      It is tried until Sun, 29 Nov 2026 07:30:00 +0000.\r\n");
    assert_lacks(out, "Diagnostic-Code");
    assert_has(out, "Remote-MTA: dns; [192.0.2.1]\r\n");
    assert_has(out, "Remote-MTA: dns; [IPv6:2001:db8::1]\r\n");
    report = plain_report(all, 2);
    buf_reset(&out);
    write_report(&out, "success", &report);
    assert_has(out, "Subject: Handed on: Invoice 17\r\n");
}

/* A remote server, or who chose an address or ENVID, must not be able to write our report. */
static void cleans_what_others_said(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    struct dsn_recipient joe = {
        .action = DSN_FAILED,
        .address = SLICE("joe\r\nX-Evil: 1@partner.test"),
        .original = SLICE("rfc822;joe+0D+0AX-Evil:+201"),
        .status = SLICE("5.1.1\r\nX-Evil: 1"),
        .remote_mta = SLICE("mx\r\n\r\nX-Evil: 1"),
        .diagnostic = SLICE("550-\x1b[31m\r\n\r\n--abcd0000000000000000000000000000--\r\n"
                            "550 \xff\xe2\x80\xae"
                            "gnp\tX-Evil: 1\r\nX-Evil: 2"),
    };
    struct dsn_report report = plain_report(&joe, 1);

    report.envelope_id = SLICE("a\r\nX-Evil: 1");
    report.subject = SLICE("b\r\n\r\nX-Evil: 1");
    write_report(&out, "hostile", &report);
    assert_lacks(out, "\nX-Evil");
    assert_lacks(out, "\x1b");
    assert_has(out, "Status: 5.0.0\r\n");
    assert_has(out, "Diagnostic-Code: smtp; 550-?[31m --abcd0000000000000000000000000000--\r\n"
                    " 550 ??gnp X-Evil: 1 X-Evil: 2\r\n");
    assert_has(out, "Original-Recipient: rfc822; joe  X-Evil: 1\r\n");
    assert_has(out, "      550 ??gnp X-Evil: 1 X-Evil: 2\r\n");
}

static void keeps_lines_short(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    uint8_t word[4000];
    struct dsn_recipient joe = {.action = DSN_FAILED,
                                .address = slice_of(word, sizeof(word)),
                                .original = slice_of(word, sizeof(word)),
                                .remote_mta = slice_of(word, sizeof(word)),
                                .reason = slice_of(word, sizeof(word)),
                                .diagnostic = slice_of(word, sizeof(word))};
    struct dsn_report report = plain_report(&joe, 1);

    for (size_t i = 0; i < sizeof(word); i++) {
        word[i] = i % 3 ? 0xe4 : 'w';
    }
    report.subject = report.envelope_id = slice_of(word, sizeof(word));
    dsn_write(&out, &report);
    assert_false(out.full);
    for (struct slice rest = buf_slice(&out); rest.len;) {
        assert_true(slice_cut(rest, '\n', &rest).len < 998);
    }
}

static void speaks_utf8_where_it_must(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    struct dsn_recipient joe = {.action = DSN_FAILED,
                                .address = SLICE("j\xc3\xb6@partner.test"),
                                .original = SLICE("utf-8;j\\x{F6}@partner.test"),
                                .remote_mta = SLICE("mx.partner.test"),
                                .diagnostic = SLICE("550 kein \xc3\xb6")};
    struct dsn_report report = plain_report(&joe, 1);

    assert_true(dsn_needs_utf8(&report));
    report.original = SLICE("Subject: \xc3\xa4\r\n");
    report.subject =
        SLICE("\xc3\xa4 and a subject so long that it takes more than one encoded word, "
              "really: \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
    write_report(&out, "utf8", &report);
    assert_has(out, "Content-Type: message/global-delivery-status\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n");
    assert_has(out, "Final-Recipient: utf-8; j\xc3\xb6@partner.test\r\n");
    assert_has(out, "Original-Recipient: utf-8; j\\x{F6}@partner.test\r\n");
    assert_has(out, "Diagnostic-Code: smtp; 550 kein \xc3\xb6\r\n");
    assert_has(out, "Content-Type: message/global-headers\r\n");
    assert_has(out, "      mx.partner.test said: 550 kein =C3=B6\r\n");
    assert_has(out, "Subject: =?utf-8?q?Not=20delivered=3A=20=C3=A4=20and=20a=20subject=20");
}

static void returns_the_whole_letter(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 65536};
    struct dsn_recipient joe = {.action = DSN_FAILED, .address = SLICE("joe@partner.test")};
    struct dsn_report report = plain_report(&joe, 1);

    report.original = SLICE("Subject: x\r\n\r\nGr\xfc\xdf"
                            "e, no end of line");
    report.original_whole = true;
    assert_false(dsn_needs_utf8(&report));
    write_report(&out, "whole", &report);
    assert_has(out, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                    "Subject: x\r\n\r\nGr\xfc\xdf"
                    "e, no end of line\r\n"
                    "--abcd0000000000000000000000000000--\r\n");
    assert_has(out, "boundary=\"abcd0000000000000000000000000000\"\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n");
    out.max = out.len - 2;
    buf_reset(&out);
    dsn_write(&out, &report);
    assert_true(out.full);
}

static void explains_every_status(void **unused)
{
    (void)unused;

    assert_string_equal(dsn_status_sentence(SLICE("5.2.2")), "The recipient's mailbox is full.");
    assert_string_equal(dsn_status_sentence(SLICE("4.2.2")), "The recipient's mailbox is full.");
    assert_string_equal(
        dsn_status_sentence(SLICE("5.7.99")),
        "The receiving server refuses the letter for reasons of security or policy.");
    assert_string_equal(dsn_status_sentence(SLICE("2.1.5")),
                        "The receiving server took the letter.");
    assert_string_equal(dsn_status_sentence(SLICE("5.1.10")),
                        "The recipient's domain declares that it receives no mail.");
    assert_string_equal(dsn_status_sentence(SLICE("4.9.9")),
                        "The receiving server could not take the letter yet.");
    assert_string_equal(dsn_status_sentence(SLICE_NONE),
                        "The receiving server did not take the letter.");
}

static void writes_quoted_printable(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1000};

    dsn_add_quoted_printable(&out, SLICE("a=b \r\n\xc3\xa4 "));
    assert_slice(buf_slice(&out), "a=3Db=20\r\n=C3=A4=20");
    buf_reset(&out);
    dsn_add_quoted_printable(
        &out,
        SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    assert_slice(buf_slice(&out),
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                 "xxxxxxxx=\r\nxxx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_failure),
        cmocka_unit_test(names_the_gravest_and_lists_every_action),
        cmocka_unit_test(cleans_what_others_said),
        cmocka_unit_test(keeps_lines_short),
        cmocka_unit_test(speaks_utf8_where_it_must),
        cmocka_unit_test(returns_the_whole_letter),
        cmocka_unit_test(explains_every_status),
        cmocka_unit_test(writes_quoted_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
