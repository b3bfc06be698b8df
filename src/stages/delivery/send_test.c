/* Letters over real sockets and real TLS, and what became of them. */
#include "base/clock.h"

#include "stages/delivery/scene_test.h"

static void delivers_under_tls_with_evidence(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_VERIFIED,
                SCRIPT(READY, TO_FIRST, "< DATA", "> 250 ok", "> 250 2.1.5 ok", "> 354 go",
                       "LETTER", "> 250-2.0.0 queued", "> 250 2.0.0 as 4711", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.0.0");
    assert_slice(s.outcomes[0].reply, "queued as 4711");
    struct evidence evidence = session_evidence(s.session, &s.arena);
    assert_slice(evidence.host, "mx.partner.test");
    assert_slice(evidence.helo_name, "mx.partner.test");
    assert_slice(evidence.tls_version, "TLSv1.3");
    assert_true(evidence.tls_cipher.len > 0);
    assert_slice(evidence.verdict, "verified");
    assert_int_equal(evidence.certificate.len, 32);
    assert_int_equal(evidence.level, LEVEL_VERIFIED);
    scene_close(&s);
    assert_slice(buf_slice(&s.server.letter), "Subject: x\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n");
    scene_end(&s);
}

static void every_recipient_has_an_answer_of_its_own(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(READY, TO_ALL, "> 250 ok", "> 250 ok", "> 550-5.1.1 nobody",
                       "> 550 5.1.1 here", "> 451 greylisted", "> 354 go", "LETTER",
                       "> 250 2.6.0 ok",
                       /* the next letter: too many recipients, then a full mailbox */
                       TO_ALL, "> 250 ok", "> 250 ok", "> 552 too many", "> 552 5.2.2 full",
                       "> 354 go", "LETTER", "> 452 4.3.1 disk full", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 3), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.6.0");
    outcome_is(&s, 1, DELIVERY_FAILED, 550, "5.1.1");
    assert_slice(s.outcomes[1].reply, "nobody here");
    outcome_is(&s, 2, DELIVERY_DEFERRED, 451, "4.1.0");
    assert_int_equal(scene_send(&s, 3), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DEFERRED, 452, "4.3.1");
    outcome_is(&s, 1, DELIVERY_DEFERRED, 552, "4.5.3");
    outcome_is(&s, 2, DELIVERY_FAILED, 552, "5.2.2");
    assert_int_equal(session_letters(s.session), 2);
    scene_end(&s);
}

static void a_letter_may_be_refused_at_every_step(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(READY, TO_FIRST, "< DATA", "> 550 5.7.1 not you", "> 503 no", "> 503 no",
                       TO_FIRST, "< DATA", "> 250 ok", "> 450 4.2.1 later", "> 554 no", "< RSET",
                       "> 250 ok", TO_FIRST, "< DATA", "> 250 ok", "> 250 ok",
                       "> 451 4.3.0 no data now", "< RSET", "> 250 ok", TO_FIRST, "< DATA",
                       "> 250 ok", "> 250 ok", "> 354 go", "LETTER", "> 554 5.6.0 spam", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 550, "5.7.1");
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DEFERRED, 450, "4.2.1");
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DEFERRED, 451, "4.3.0");
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 554, "5.6.0");
    scene_end(&s);
}

#define ACCEPTED READY, TO_FIRST, "< DATA", "> 250 ok", "> 250 ok"

static void ends(enum delivery_status status, unsigned code, const char *enhanced,
                 const char *const *script)
{
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, script, NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 1), SESSION_OVER);
    outcome_is(&s, 0, status, code, enhanced);
    scene_end(&s);
}

static void only_a_lost_reply_to_the_final_dot_is_unknown(void **unused)
{
    (void)unused;
    world.settings.data_timeout_ms = 500;
    ends(DELIVERY_DEFERRED, 0, "4.4.2", SCRIPT(READY, TO_FIRST, "< DATA", "DROP"));
    ends(DELIVERY_DEFERRED, 0, "4.4.2", SCRIPT(ACCEPTED, "DROP"));
    ends(DELIVERY_DEFERRED, 421, "4.3.2", SCRIPT(ACCEPTED, "> 421 4.3.2 closing", "DROP"));
    ends(DELIVERY_UNKNOWN, 0, "4.4.2", SCRIPT(ACCEPTED, "> 354 go", "LETTER", "DROP"));
    ends(DELIVERY_UNKNOWN, 0, "4.4.2", SCRIPT(ACCEPTED, "> 354 go", "LETTER", "WAIT"));
    ends(DELIVERY_UNKNOWN, 0, "4.4.2", SCRIPT(ACCEPTED, "> 354 go", "LETTER", "> ok", "WAIT"));
    ends(DELIVERY_DEFERRED, 421, "4.3.2",
         SCRIPT(ACCEPTED, "> 354 go", "LETTER", "> 421 4.3.2 no", "DROP"));
    world.settings.data_timeout_ms = 5000;
}

/* However patient each step is, up to the final dot the whole counts. */
static void an_attempt_ends(void **unused)
{
    (void)unused;
    int64_t start_ms = clock_steady_ms();
    world.settings.attempt_timeout_ms = 1000;
    world.settings.data_timeout_ms = 1500;
    ends(DELIVERY_DEFERRED, 0, "4.4.2", SCRIPT(ACCEPTED, "WAIT"));
    assert_true(clock_steady_ms() < start_ms + world.settings.command_timeout_ms);
    start_ms = clock_steady_ms();
    ends(DELIVERY_UNKNOWN, 0, "4.4.2", SCRIPT(ACCEPTED, "> 354 go", "LETTER", "WAIT"));
    assert_true(clock_steady_ms() >= start_ms + world.settings.data_timeout_ms);
    world.settings.attempt_timeout_ms = 60000;
    world.settings.data_timeout_ms = 5000;
}

/* A server that hangs up within a large letter has not got it, whatever it says. */
static void a_letter_cut_short_is_deferred(void **unused)
{
    (void)unused;
    static uint8_t large[4 << 20];
    struct scene s;
    memset(large, 'x', sizeof(large));
    memcpy(large + sizeof(large) - 2, "\r\n", 2);
    struct session_letter letter = letter_of(SLICE_ARRAY(large), 1);
    scene_start(
        &s, &world.right, LEVEL_ENCRYPTED,
        SCRIPT(READY, TO_FIRST, "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "PART", "DROP"),
        NULL);
    scene_open(&s);
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_OVER);
    outcome_is(&s, 0, DELIVERY_DEFERRED, 0, "4.4.2");
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(READY, TO_FIRST, "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "LETTER",
                       "> 250 ok", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.0.0");
    scene_close(&s);
    assert_int_equal(s.server.letter.len, sizeof(large) + 3);
    assert_memory_equal(s.server.letter.ptr, large, sizeof(large));
    scene_end(&s);
}

static void what_a_server_cannot_take_is_not_sent(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, SCRIPT(SECURED, "> 250 SIZE 30", GOODBYE), NULL);
    scene_open(&s);
    struct session_letter letter = letter_of(SLICE("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nx\r\n"), 1);
    letter.has_8bit = true;
    letter.smtputf8 = true;
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 0, "5.6.7"); /* 8BITMIME alone would not help */
    letter.bytes = SLICE("Subject: ascii\r\n\r\n\xc3\xbc\r\n");
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 0, "5.6.3");
    letter.bytes = SLICE("Subject: too long for this server\r\n\r\nx\r\n");
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 0, "5.3.4");
    scene_end(&s);

    /* 8BITMIME alone carries the body, not the header. */
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(READY, "< MAIL FROM:<a@example.test> BODY=8BITMIME\r",
                       "< RCPT TO:<one@partner.test>\r", "< DATA", "> 250 ok", "> 250 ok",
                       "> 354 go", "LETTER", "> 250 ok", GOODBYE),
                NULL);
    scene_open(&s);
    letter.bytes = SLICE("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nx\r\n");
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_FAILED, 0, "5.6.7");
    letter.bytes = SLICE("Subject: ascii\r\n\r\n\xc3\xbc\r\n");
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.0.0");
    scene_end(&s);
}

static void parameters_go_where_they_are_known(void **unused)
{
    (void)unused;
    struct scene s;
    const struct recipient asking = {
        .address = SLICE("one@partner.test"),
        .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE,
        .orcpt = SLICE("rfc822;one@partner.test"),
    };
    const struct recipient smuggling = {
        .address = SLICE("one@partner.test"),
        .orcpt = SLICE("rfc822;x NOTIFY=NEVER"),
    };
    struct session_letter letter = letter_of(SLICE("\r\n"), 1);
    letter.recipients = &asking;
    letter.envelope_id = SLICE("a+b =\n");
    letter.dsn_return = RETURN_HEADERS;
    letter.relayed = true;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(SECURED, "> 250-DSN", "> 250 SIZE",
                       "< MAIL FROM:<a@example.test> SIZE=2 RET=HDRS ENVID=a+2Bb+20+3D+0A\r",
                       "> 250 ok",
                       ("< RCPT TO:<one@partner.test> NOTIFY=SUCCESS,FAILURE "
                        "ORCPT=rfc822;one@partner.test\r"),
                       "> 250 ok", "< DATA", "> 354 go", "LETTER", "> 250 ok",
                       "< MAIL FROM:<a@example.test>", "> 250 ok", "< RCPT TO:<one@partner.test>\r",
                       "> 250 ok", "< DATA", "> 354 go", "LETTER", "> 250 ok", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_RELAYED, 250, "2.0.0");
    letter.recipients = &smuggling;
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    scene_end(&s);
}

static void is_stale(const char *const *script)
{
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, script, NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    assert_true(session_is_quiet(s.session));
    assert_int_equal(scene_send(&s, 1), SESSION_STALE);
    scene_end(&s);
}

static void a_connection_given_up_by_the_server_is_stale(void **unused)
{
    (void)unused;
    is_stale(SCRIPT(ACCEPTED, "> 354 go", "LETTER", "> 250 ok", TO_FIRST, "DROP"));
    is_stale(SCRIPT(ACCEPTED, "> 354 go", "LETTER", "> 250 ok", TO_FIRST, "> 421 idle", "DROP"));
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, SCRIPT(READY, "> 421 idle", "DROP"), NULL);
    scene_open(&s);
    for (int i = 0; i < 100 && session_is_quiet(s.session); i++) {
        (void)usleep(20000);
    }
    assert_false(session_is_quiet(s.session));
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_under_tls_with_evidence),
        cmocka_unit_test(every_recipient_has_an_answer_of_its_own),
        cmocka_unit_test(a_letter_may_be_refused_at_every_step),
        cmocka_unit_test(only_a_lost_reply_to_the_final_dot_is_unknown),
        cmocka_unit_test(an_attempt_ends),
        cmocka_unit_test(a_letter_cut_short_is_deferred),
        cmocka_unit_test(what_a_server_cannot_take_is_not_sent),
        cmocka_unit_test(parameters_go_where_they_are_known),
        cmocka_unit_test(a_connection_given_up_by_the_server_is_stale),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
