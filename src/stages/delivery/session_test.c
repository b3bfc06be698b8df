/* Opening sessions over real sockets and real TLS. */
#include "stages/delivery/scene_test.h"

static void never_unencrypted_where_encryption_is_demanded(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(GREETED, "> 250-mx.partner.test", "> 250 SIZE 1000", GOODBYE), NULL);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.4");
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(GREETED, "> 250-mx.partner.test hello", "> 250 STARTTLS", "< STARTTLS",
                       "> 454 4.7.0 not now", GOODBYE),
                NULL);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.4");
    assert_non_null(memmem(s.failure.why.reply.ptr, s.failure.why.reply.len, "not now", 7));
    scene_end(&s);
    /* Whoever slips octets behind the 220 wants them taken for protected ones. */
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(GREETED, "> 250-mx.partner.test hello", "> 250 STARTTLS", "< STARTTLS",
                       "= 220 go\r\n250 injected\r\n", "WAIT"),
                NULL);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.5");
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, SCRIPT(STARTTLS, "= nonsense", "WAIT"), NULL);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.5");
    assert_true(s.failure.tls_broken);
    scene_end(&s);
}

static void a_wrong_name_is_no_verified_server(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.wrong, LEVEL_VERIFIED, SCRIPT(READY, GOODBYE), NULL);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.5");
    assert_non_null(memmem(s.failure.why.reply.ptr, s.failure.why.reply.len, "name-mismatch", 13));
    scene_end(&s);
    scene_start(&s, &world.wrong, LEVEL_ENCRYPTED, SCRIPT(READY, GOODBYE), NULL);
    scene_open(&s);
    assert_int_equal(session_level(s.session), LEVEL_ENCRYPTED);
    assert_slice(session_evidence(s.session, &s.arena).verdict, "name-mismatch");
    scene_end(&s);
}

static void cleartext_only_where_it_is_allowed(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_CLEARTEXT,
                SCRIPT(GREETED, "> 250 mx.partner.test", "< MAIL FROM:<a@example.test>", "> 250 ok",
                       "< RCPT TO:<one@partner.test>", "> 250 ok", "< DATA", "> 354 go", "LETTER",
                       "> 250 ok", GOODBYE),
                NULL);
    scene_open(&s);
    assert_int_equal(scene_send(&s, 1), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.0.0");
    assert_int_equal(session_level(s.session), LEVEL_CLEARTEXT);
    assert_int_equal(session_evidence(s.session, &s.arena).certificate.len, 0);
    scene_end(&s);
    /* A handshake that breaks costs a second connection, without TLS. */
    scene_start(&s, &world.right, LEVEL_CLEARTEXT, SCRIPT(STARTTLS, "DROP"),
                SCRIPT(GREETED, "> 250-mx.partner.test", "> 250 STARTTLS", GOODBYE));
    scene_open(&s);
    assert_int_equal(session_level(s.session), LEVEL_CLEARTEXT);
    scene_end(&s);
    /* But TLS is taken where it works. */
    scene_start(&s, &world.right, LEVEL_CLEARTEXT, SCRIPT(READY, GOODBYE), NULL);
    scene_open(&s);
    assert_int_equal(session_level(s.session), LEVEL_VERIFIED);
    scene_end(&s);
}

/* RFC 8689: only who promises to keep it encrypted, and proves himself. */
static void requiretls_is_passed_on_or_nothing_is(void **unused)
{
    (void)unused;
    struct scene s;
    struct session_letter letter = letter_of(SLICE("Subject: x\r\n\r\nend"), 1);
    letter.require_tls = true;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(SECURED, "> 250-PIPELINING", "> 250 REQUIRETLS",
                       "< MAIL FROM:<a@example.test> REQUIRETLS", "< RCPT TO:<one@partner.test>",
                       "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "LETTER", "> 250 ok", GOODBYE),
                NULL);
    s.peer.require_tls = true;
    scene_open(&s);
    assert_true(session_keeps_tls(s.session));
    assert_int_equal(session_send(s.session, &letter, &s.arena, s.outcomes), SESSION_READY);
    outcome_is(&s, 0, DELIVERY_DELIVERED, 250, "2.0.0");
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, SCRIPT(READY, GOODBYE), NULL);
    s.peer.require_tls = true;
    scene_fails(&s, DELIVERY_FAILED, "5.7.30");
    assert_int_equal(s.failure.seen.level, 0); /* no downgrade */
    scene_end(&s);
    scene_start(&s, &world.wrong, LEVEL_VERIFIED,
                SCRIPT(SECURED, "> 250-PIPELINING", "> 250 REQUIRETLS", GOODBYE), NULL);
    s.peer.require_tls = true;
    scene_fails(&s, DELIVERY_FAILED, "5.7.30");
    scene_end(&s);
    scene_start(&s, &world.wrong, LEVEL_ENCRYPTED,
                SCRIPT(SECURED, "> 250-PIPELINING", "> 250 REQUIRETLS", GOODBYE), NULL);
    scene_open(&s);
    assert_false(session_keeps_tls(s.session)); /* it offers it and proves nothing */
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_ENCRYPTED,
                SCRIPT(SECURED, "> 250-PIPELINING", "> 250 REQUIRETLS", GOODBYE), NULL);
    s.peer.proof.named = false; /* who forges MX records may have chosen it */
    scene_open(&s);
    assert_int_equal(session_level(s.session), LEVEL_VERIFIED);
    assert_false(session_keeps_tls(s.session));
    scene_end(&s);
}

static void refuses(enum delivery_status status, const char *enhanced, const char *const *script)
{
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, script, NULL);
    scene_fails(&s, status, enhanced);
    scene_end(&s);
}

static void greetings_that_refuse(void **unused)
{
    (void)unused;
    refuses(DELIVERY_FAILED, "5.7.1", SCRIPT("> 554 5.7.1 go away", "WAIT"));
    refuses(DELIVERY_FAILED, "5.3.2", SCRIPT("> 521 no mail here", "WAIT"));
    refuses(DELIVERY_DEFERRED, "4.3.2", SCRIPT("> 421 4.3.2 too busy", "WAIT"));
    refuses(DELIVERY_DEFERRED, "4.3.2", SCRIPT("> 450 later", "WAIT"));
    refuses(DELIVERY_DEFERRED, "4.3.0", SCRIPT(GREETED, "> 451 4.3.0 not now", "WAIT"));
    refuses(DELIVERY_FAILED, "5.7.1",
            SCRIPT(GREETED, "> 502 what", "< HELO", "> 550 5.7.1 no", "WAIT"));
    refuses(DELIVERY_DEFERRED, "4.4.2", SCRIPT(GREETED, "> 502 what", "< HELO", "DROP"));
    refuses(DELIVERY_DEFERRED, "4.4.2", SCRIPT("> HTTP/1.1 400 Bad Request", "WAIT"));
    refuses(DELIVERY_DEFERRED, "4.4.2", SCRIPT("DROP"));
}

static void nobody_there_and_nobody_answering(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_ENCRYPTED, SCRIPT("WAIT"), NULL);
    world.settings.command_timeout_ms = 200;
    scene_fails(&s, DELIVERY_DEFERRED, "4.4.2");
    world.settings.command_timeout_ms = 5000;
    scene_close(&s);
    scene_fails(&s, DELIVERY_DEFERRED, "4.4.1"); /* its port is closed now */
    assert_false(s.failure.tls_broken);
    scene_end(&s);
}

static void signs_in_at_the_smart_host(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(
        &s, &world.right, LEVEL_VERIFIED,
        SCRIPT(SECURED, "> 250 AUTH LOGIN PLAIN", "< AUTH PLAIN AHVzZXIAcGFzcw==\r",
               "> 235 2.7.0 welcome", GOODBYE),
        SCRIPT(SECURED, "> 250 AUTH PLAIN", "< AUTH PLAIN", "> 535 5.7.8 wrong password", GOODBYE));
    s.peer.user = SLICE("user");
    s.peer.password = SLICE("pass");
    scene_open(&s);
    session_close(s.session);
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.8");
    assert_non_null(memmem(s.failure.why.reply.ptr, s.failure.why.reply.len, "wrong password", 14));
    scene_end(&s);
    scene_start(&s, &world.right, LEVEL_VERIFIED, SCRIPT(READY, GOODBYE), NULL);
    s.peer.user = SLICE("user");
    s.peer.password = SLICE("pass");
    scene_fails(&s, DELIVERY_DEFERRED, "4.7.8"); /* no AUTH offered */
    scene_end(&s);
}

static void tls_from_the_first_byte(void **unused)
{
    (void)unused;
    struct scene s;
    scene_start(&s, &world.right, LEVEL_VERIFIED,
                SCRIPT("TLS", GREETED, "> 250 mx.partner.test", GOODBYE), NULL);
    s.peer.implicit_tls = true;
    scene_open(&s);
    assert_int_equal(session_level(s.session), LEVEL_VERIFIED);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_unencrypted_where_encryption_is_demanded),
        cmocka_unit_test(a_wrong_name_is_no_verified_server),
        cmocka_unit_test(cleartext_only_where_it_is_allowed),
        cmocka_unit_test(requiretls_is_passed_on_or_nothing_is),
        cmocka_unit_test(greetings_that_refuse),
        cmocka_unit_test(nobody_there_and_nobody_answering),
        cmocka_unit_test(signs_in_at_the_smart_host),
        cmocka_unit_test(tls_from_the_first_byte),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
