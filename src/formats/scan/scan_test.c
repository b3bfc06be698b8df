#include "formats/scan/clamd.h"
#include "formats/scan/rspamd.h"
#include "tests/test.h"

/* With its NUL. */
#define ANSWER_INIT(text)                                                                          \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text)                                                      \
    }
#define ANSWER(text) ((struct slice)ANSWER_INIT(text))

static void a_verdict_is_one_of_three_answers(void **state)
{
    struct clamd_answer a;
    struct error e;

    (void)state;
    assert_ok(clamd_read(ANSWER("stream: OK"), &a, &e), e);
    assert_int_equal(a.verdict, CLAMD_CLEAN);
    assert_ok(clamd_read(ANSWER("stream: Win.Test.EICAR_HDB-1 FOUND"), &a, &e), e);
    assert_int_equal(a.verdict, CLAMD_FOUND);
    assert_true(slice_equal(a.name, SLICE("Win.Test.EICAR_HDB-1")));
    assert_ok(clamd_read(ANSWER("INSTREAM size limit exceeded. ERROR"), &a, &e), e);
    assert_int_equal(a.verdict, CLAMD_TOO_LARGE);
    assert_true(a.name.len == 0);
    static const char beyond[] = "stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND";
    assert_true(clamd_read(slice_of(beyond, sizeof(beyond)), &a, &e)); /* with its NUL */
    assert_int_equal(a.verdict, CLAMD_TOO_LARGE);
    assert_slice(a.name, "Heuristics.Limits.Exceeded.MaxRecursion");
}

static void what_is_no_verdict_is_none(void **state)
{
    static const struct slice wrong[] = {
        ANSWER_INIT(""),
        ANSWER_INIT("stream: OK\n"),
        ANSWER_INIT("stream: "),
        ANSWER_INIT("stream:  FOUND"),
        ANSWER_INIT("stream: FOUND"),
        ANSWER_INIT("stream: a b FOUND"),
        ANSWER_INIT("stream: a\tFOUND"),
        ANSWER_INIT("stream: Can't allocate memory ERROR"),
        ANSWER_INIT("OK"),
        ANSWER_INIT("stream: OK\0stream: OK"),
        SLICE_INIT("stream: OK"), /* without its end */
        SLICE_INIT(""),
    };
    struct clamd_answer a = {.verdict = CLAMD_FOUND};
    struct error e;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(clamd_read(wrong[i], &a, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
        assert_int_equal(a.verdict, CLAMD_FOUND);
    }
}

static void a_chunk_says_its_length(void **state)
{
    uint8_t head[CLAMD_HEAD_LEN];

    (void)state;
    clamd_chunk(0x01020304, head);
    assert_memory_equal(head, "\1\2\3\4", 4);
}

static void a_question_names_who_sends(void **state)
{
    OWN(buf) struct buf out = {.max = RSPAMD_ASK_MAX};
    const struct slice recipients[] = {SLICE("a@example.org"), SLICE("b@example.net"),
                                       SLICE("evil@example.net\r\nDeliver-To: x")};
    const struct rspamd_letter letter = {.recipients = recipients,
                                         .n_recipients = 3,
                                         .user = SLICE("anna"),
                                         .ip = SLICE("192.0.2.7"),
                                         .size = 12};

    (void)state;
    rspamd_ask(&out, &letter);
    assert_true(slice_equal(buf_slice(&out),
                            SLICE("POST /checkv2 HTTP/1.0\r\nConnection: close\r\nFrom: <>\r\n"
                                  "Rcpt: a@example.org\r\nRcpt: b@example.net\r\nUser: anna\r\n"
                                  "IP: 192.0.2.7\r\nContent-Length: 12\r\n\r\n")));
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nServer: rspamd/3.4\r\n"

static void score_and_action_are_read(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct rspamd_answer a;
    struct error e;

    (void)state;
    assert_ok(rspamd_read(SLICE(OK_HEAD "Content-Length: 48\r\n\r\n"
                                        "{\"score\":7.256,\"action\":\"add header\",\"x\":[1,{}]} "
                                        "behind it"),
                          &arena, &a, &e),
              e);
    assert_int_equal(a.score, 726);
    assert_true(slice_equal(a.action, SLICE("add header")));
    assert_ok(
        rspamd_read(SLICE(OK_HEAD "\r\n{\"score\":-3,\"action\":\"no action\"}"), &arena, &a, &e),
        e);
    assert_int_equal(a.score, 0);
    assert_ok(
        rspamd_read(SLICE(OK_HEAD "\r\n{\"score\":1e99,\"action\":\"reject\"}"), &arena, &a, &e),
        e);
    assert_int_equal(a.score, RSPAMD_SCORE_MAX);
}

static void what_is_no_score_is_none(void **state)
{
    static const struct slice wrong[] = {
        SLICE_INIT(""),
        SLICE_INIT("HTTP/1.1 200 OK\r\n"),
        SLICE_INIT("220 mail.example.org ESMTP\r\n\r\n{\"score\":1,\"action\":\"reject\"}"),
        SLICE_INIT("HTTP/1.1 500 no\r\n\r\n{\"score\":1,\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "\r\n"),
        SLICE_INIT(OK_HEAD "\r\n[]"),
        SLICE_INIT(OK_HEAD "\r\n{\"score\":\"1\",\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "\r\n{\"score\":1}"),
        SLICE_INIT(OK_HEAD "\r\n{\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "\r\n{\"score\":1,\"score\":9,\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "\r\n{\"score\":1,\"action\":\"a\\nb\"}"),
        SLICE_INIT(OK_HEAD "Content-Length: 99\r\n\r\n{\"score\":1,\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "Content-Length: 1x\r\n\r\n{\"score\":1,\"action\":\"reject\"}"),
        SLICE_INIT(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n{\"score\":1,\"action\":\"reject\"}"),
    };
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct rspamd_answer a;
    struct error e;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(rspamd_read(wrong[i], &arena, &a, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_one_of_three_answers),
        cmocka_unit_test(what_is_no_verdict_is_none),
        cmocka_unit_test(a_chunk_says_its_length),
        cmocka_unit_test(a_question_names_who_sends),
        cmocka_unit_test(score_and_action_are_read),
        cmocka_unit_test(what_is_no_score_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
