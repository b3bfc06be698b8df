#include <unistd.h>

#include "base/clock.h"

#include "stages/submission/scene_test.h"
#include "stages/submission/submission.h"

#define LETTER "From: ada@example.test\r\nSubject: hello\r\n\r\nOne.\r\n"

/* A letter over implicit TLS arrives at the keeper octet by octet, its envelope with it. */
static void letter_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    visitor_ask(&v, "MAIL FROM:<ada@example.test> BODY=8BITMIME RET=HDRS ENVID=a+2Bb SIZE=50",
                "250");
    visitor_ask(&v, "RCPT TO:<bob@partner.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b+40x", "250");
    visitor_ask(&v, "RCPT TO:<bob@partner.test>", "250");
    visitor_ask(&v, "RCPT TO:<postmaster>", "250");
    visitor_ask(&v, "DATA", "354");
    visitor_ask(&v, LETTER "..dot\r\n.", "250 2.0.0 Recorded as 0123");
    visitor_ask(&v, "QUIT", "221");
    visitor_expect_end(&v);
    visitor_leave(&v);
    assert_int_equal(submission_wait(s.submission, clock_steady_ms() + 5000), 0);
    assert_slice(buf_slice(&s.letter), LETTER ".dot\r\n");
    assert_string_equal(s.reverse_path, "ada@example.test");
    assert_string_equal(s.recipients, "bob@partner.test notify=12 orcpt=rfc822;b+40x;"
                                      "postmaster@example.test notify=0 orcpt=");
    assert_string_equal(s.envelope_id, "a+b");
    assert_string_equal(s.client, "127.0.0.1");
    assert_string_equal(s.helo, "laptop.example.test");
    assert_string_equal(s.tls_version, "TLSv1.3");
    assert_int_equal(s.dsn_return, RETURN_HEADERS);
    assert_true(s.body_8bit);
    assert_false(s.smtputf8);
    assert_int_equal(s.ends, 1);
    scene_end(&s);
}

/* The envelope of a refused or abandoned letter never touches the next one. */
static void second_letter_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    atomic_store(&s.code, 550);
    atomic_store(&s.text, "5.7.1 You may not send as carol@example.test");
    visitor_begin_letter(&v);
    visitor_ask(&v, LETTER ".", "550 5.7.1 You may not send as carol@example.test");
    visitor_ask(&v, "MAIL FROM:<x@example.test> ENVID=old", "250");
    visitor_ask(&v, "RCPT TO:<old@partner.test>", "250");
    visitor_ask(&v, "RSET", "250");
    atomic_store(&s.code, 250);
    atomic_store(&s.text, "2.0.0 Recorded");
    visitor_send(&v, "MAIL FROM:<ada@example.test>\r\nRCPT TO:<new@partner.test>\r\nDATA\r\n");
    visitor_expect(&v, "250");
    visitor_expect(&v, "250");
    visitor_expect(&v, "354");
    visitor_ask(&v, LETTER ".", "250 2.0.0");
    assert_string_equal(s.recipients, "new@partner.test notify=0 orcpt=");
    assert_string_equal(s.envelope_id, "");
    assert_int_equal(s.letters, 2);
    visitor_leave(&v);
    scene_end(&s);
}

/* Chunks of a letter longer than any buffer. */
static void large_letter_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    OWN(buf) struct buf letter = {.max = (size_t)4 << 20};
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    buf_add_text(&letter, LETTER);
    for (int i = 0; i < 30000; i++) {
        buf_printf(&letter, "line %d of a letter that does not fit into a buffer\r\n", i);
    }
    visitor_begin_letter(&v);
    visitor_send_slice(&v, buf_slice(&letter));
    visitor_ask(&v, ".", "250");
    assert_true(slice_equal(buf_slice(&s.letter), buf_slice(&letter)));

    visitor_ask(&v, "MAIL FROM:<ada@example.test>", "250");
    visitor_ask(&v, "RCPT TO:<bob@partner.test>", "250");
    char command[40];
    (void)snprintf(command, sizeof(command), "BDAT %zu\r\n", letter.len);
    visitor_send(&v, command);
    visitor_send_slice(&v, buf_slice(&letter));
    visitor_expect(&v, "250");
    visitor_ask(&v, "BDAT 0 LAST", "250 2.0.0 Recorded");
    assert_true(slice_equal(buf_slice(&s.letter), buf_slice(&letter)));
    visitor_leave(&v);
    scene_end(&s);
}

/* STARTTLS: nothing before it counts, nothing may stand behind it. */
static void starttls_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    struct error e;
    scene_begin(&s);
    visitor_come(&v, &s, false);
    visitor_expect(&v, "220");
    visitor_ask(&v, "EHLO laptop", "250");
    assert_non_null(strstr(v.reply, "STARTTLS"));
    assert_null(strstr(v.reply, "AUTH"));
    visitor_ask(&v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "538 5.7.11");
    visitor_ask(&v, "MAIL FROM:<ada@example.test>", "530 5.7.0");
    visitor_ask(&v, "STARTTLS", "220");
    assert_ok(visitor_secure(&v, &e), e);
    visitor_ask(&v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "503 5.5.1");
    visitor_ask(&v, "EHLO laptop", "250");
    assert_null(strstr(v.reply, "STARTTLS"));
    assert_non_null(strstr(v.reply, "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"));
    visitor_ask(&v, "AUTH LOGIN", "334 VXNlcm5hbWU6");
    visitor_ask(&v, "YWRhQGV4YW1wbGUudGVzdA==", "334 UGFzc3dvcmQ6");
    visitor_ask(&v, "Y29ycmVjdA==", "235");
    visitor_begin_letter(&v);
    visitor_ask(&v, LETTER ".", "250");
    assert_int_equal(s.logins, 1);
    visitor_leave(&v);

    visitor_come(&v, &s, false);
    visitor_expect(&v, "220");
    visitor_ask(&v, "EHLO laptop", "250");
    visitor_send(&v, "STARTTLS\r\nEHLO injected\r\n");
    visitor_expect(&v, "501 5.5.4");
    visitor_expect_end(&v);
    visitor_leave(&v);
    scene_end(&s);
}

/* Failures are answered late and with one sentence; the third ends the connection. */
static void failed_login_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    scene_begin(&s);
    atomic_store(&s.delay_ms, 100);
    visitor_come(&v, &s, true);
    visitor_expect(&v, "220");
    visitor_ask(&v, "EHLO laptop", "250");
    int64_t began = clock_steady_ms();
    visitor_ask(&v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAd3Jvbmc=", "535 5.7.8 The user name or");
    assert_in_range(clock_steady_ms() - began, 100, 5000);
    visitor_ask(&v, "MAIL FROM:<ada@example.test>", "530 5.7.0");
    /* somebody else's name in front: never asked */
    visitor_ask(&v, "AUTH PLAIN ZXZlAGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "535 5.7.8 You can");
    assert_int_equal(s.logins, 1);
    atomic_store(&s.verdict, LOGIN_BUSY);
    visitor_ask(&v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "454 4.7.0 Too many people");
    atomic_store(&s.verdict, LOGIN_BLOCKED);
    visitor_ask(&v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "454 4.7.0 Too many failed");
    visitor_expect(&v, "421 4.7.0");
    visitor_expect_end(&v);
    visitor_leave(&v);
    assert_int_equal(submission_wait(s.submission, clock_steady_ms() + 5000), 0);
    assert_int_equal(s.ends, 0);
    scene_end(&s);
}

/* What a peer cannot do at the moment is temporary for the client; and nothing is said about a
 * letter of which nobody knows whether it was recorded. */
static void peer_trouble_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    atomic_store(&s.code, 451);
    visitor_begin_letter(&v);
    visitor_ask(&v, LETTER ".", "451 ");
    atomic_store(&s.code, 530);
    visitor_begin_letter(&v);
    visitor_ask(&v, LETTER ".", "421 4.7.0 Your sign-in has ended");
    visitor_expect_end(&v);
    visitor_leave(&v);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    atomic_store(&s.code, 0);
    visitor_begin_letter(&v);
    visitor_send(&v, LETTER ".\r\n");
    visitor_expect_end(&v);
    visitor_leave(&v);
    scene_end(&s);
}

/* One lone LF or CR or NUL: refused and closed, whatever follows is never a command. */
static void smuggling_test(void **state)
{
    static const struct slice tricks[] = {
        SLICE_INIT("a\n.\nMAIL FROM:<x@y>\r\n.\r\n"),
        SLICE_INIT("a\n.\r\nMAIL FROM:<x@y>\r\n"),
        SLICE_INIT("a\r.\r\nMAIL FROM:<x@y>\r\n.\r\n"),
        SLICE_INIT("a\r\n.\nMAIL FROM:<x@y>\r\n"),
        SLICE_INIT("a\r\n.\rMAIL FROM:<x@y>\r\n.\r\n"),
        SLICE_INIT("a\r\n\0.\r\nMAIL FROM:<x@y>\r\n"),
    };

    (void)state;
    struct scene s = {0};
    struct visitor v;
    scene_begin(&s);
    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        visitor_come(&v, &s, true);
        visitor_sign_in(&v);
        visitor_begin_letter(&v);
        visitor_send(&v, LETTER);
        visitor_send_slice(&v, tricks[i]);
        visitor_expect(&v, "554 5.6.0");
        visitor_expect_end(&v);
        visitor_leave(&v);
    }
    assert_int_equal(s.letters, 0);
    scene_end(&s);
}

/* Limits of connections: from one address, and in all. */
static void connections_test(void **state)
{
    (void)state;
    struct scene s = {.settings_text = "connections-per-address = 2\nconnection-letters = 1\n"};
    struct visitor v[4];
    scene_begin(&s);
    visitor_come(&v[0], &s, true);
    visitor_sign_in(&v[0]);
    visitor_come(&v[1], &s, false);
    visitor_expect(&v[1], "220");
    visitor_come(&v[2], &s, false);
    visitor_expect(&v[2], "421 4.7.0 Too many connections from your address");
    visitor_expect_end(&v[2]);
    visitor_leave(&v[2]);
    visitor_leave(&v[1]);
    visitor_begin_letter(&v[0]);
    visitor_ask(&v[0], LETTER ".", "250");
    visitor_ask(&v[0], "MAIL FROM:<ada@example.test>", "421 4.7.0 Enough letters");
    visitor_expect_end(&v[0]);
    visitor_leave(&v[0]);
    assert_int_equal(submission_wait(s.submission, clock_steady_ms() + 5000), 0);
    visitor_come(&v[3], &s, true);
    visitor_sign_in(&v[3]);
    visitor_leave(&v[3]);
    scene_end(&s);
}

/* The budget of bytes in flight: refused at MAIL when it is hopeless, within DATA when it fills. */
static void budget_test(void **state)
{
    (void)state;
    struct scene s = {.bytes_in_flight = 1 << 20};
    struct visitor v[2];
    OWN(buf) struct buf lines = {.max = (size_t)1 << 20};
    scene_begin(&s);
    while (lines.len < 900000) {
        buf_add_text(&lines, "a line that is one of very many lines of one large letter\r\n");
    }
    for (size_t i = 0; i < 2; i++) {
        visitor_come(&v[i], &s, true);
        visitor_sign_in(&v[i]);
        visitor_begin_letter(&v[i]);
    }
    visitor_send_slice(&v[0], buf_slice(&lines));
    visitor_send(&v[0], "one unfinished");
    atomic_store(&s.submit_ms, 300);
    visitor_send(&v[0], "\r\n.\r\n"); /* the keeper has it for a while */
    (void)usleep(150000);
    visitor_send_slice(&v[1], buf_slice(&lines));
    visitor_ask(&v[1], ".", "452 4.3.1");
    visitor_ask(&v[1], "MAIL FROM:<ada@example.test> SIZE=1000000", "452 4.3.1");
    visitor_expect(&v[0], "250");
    visitor_ask(&v[1], "MAIL FROM:<ada@example.test> SIZE=1000000", "250");
    visitor_leave(&v[0]);
    visitor_leave(&v[1]);
    scene_end(&s);
}

/* Who is silent for too long is told so. */
static void silence_test(void **state)
{
    (void)state;
    struct scene s = {.settings_text = "command-timeout = 1s\ndata-timeout = 1s\n"};
    struct visitor v;
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    visitor_expect(&v, "421 4.4.2");
    visitor_expect_end(&v);
    visitor_leave(&v);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    visitor_begin_letter(&v);
    visitor_send(&v, "half a letter");
    visitor_expect(&v, "421 4.4.2");
    visitor_expect_end(&v);
    visitor_leave(&v);
    assert_int_equal(s.letters, 0);
    scene_end(&s);
}

/* Stop: the idle are told at once, a letter in hand is finished and answered first. */
static void stop_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor idle;
    struct visitor busy;
    scene_begin(&s);
    visitor_come(&idle, &s, true);
    visitor_sign_in(&idle);
    visitor_come(&busy, &s, true);
    visitor_sign_in(&busy);
    visitor_begin_letter(&busy);
    visitor_send(&busy, LETTER);
    scene_stop(&s);
    visitor_expect(&idle, "421 4.3.2");
    visitor_expect_end(&idle);
    visitor_leave(&idle);
    assert_int_equal(submission_wait(s.submission, clock_steady_ms() + 200), 1);
    visitor_ask(&busy, ".", "250 2.0.0 Recorded");
    visitor_expect(&busy, "421 4.3.2");
    visitor_expect_end(&busy);
    visitor_leave(&busy);
    scene_end(&s);
}

/* A new certificate is shown to new connections, an unusable one to nobody. */
static void certificate_test(void **state)
{
    (void)state;
    struct scene s = {0};
    struct visitor v;
    struct certificate stranger;
    struct error e;
    scene_begin(&s);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    assert_false(submission_use_certificate(s.submission, SLICE("no certificate"), SLICE_NONE, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    certificate_make(&stranger, NULL, "P-256", "mail.example.test", -1, 30);
    assert_false(
        submission_use_certificate(s.submission, slice_text(stranger.pem), SLICE_NONE, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    atomic_store(&s.sign_for_all, true);
    assert_false(
        submission_use_certificate(s.submission, slice_text(stranger.pem), SLICE_NONE, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    certificate_done(&stranger);
    assert_ok(
        submission_use_certificate(s.submission, slice_text(s.certificate->pem), SLICE_NONE, &e),
        e);
    visitor_begin_letter(&v);
    visitor_ask(&v, LETTER ".", "250");
    visitor_leave(&v);
    visitor_come(&v, &s, true);
    visitor_sign_in(&v);
    visitor_leave(&v);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letter_test),       cmocka_unit_test(second_letter_test),
        cmocka_unit_test(large_letter_test), cmocka_unit_test(starttls_test),
        cmocka_unit_test(failed_login_test), cmocka_unit_test(peer_trouble_test),
        cmocka_unit_test(smuggling_test),    cmocka_unit_test(connections_test),
        cmocka_unit_test(budget_test),       cmocka_unit_test(silence_test),
        cmocka_unit_test(stop_test),         cmocka_unit_test(certificate_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
