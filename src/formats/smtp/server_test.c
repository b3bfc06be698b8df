#include "formats/smtp/server.h"
#include "tests/dialogue.h"
#include "tests/test.h"

/* Plays the caller: signs in alice with the password secret, refuses what is named for it. */
struct caller {
    struct smtp_server server;
    struct smtp_server_config config;
    struct buf input;
    struct buf letter;
    struct buf log;
    bool ended;
};

enum {
    EVERYTHING = SMTP_PIPELINING | SMTP_SIZE | SMTP_STARTTLS | SMTP_AUTH | SMTP_8BITMIME |
                 SMTP_SMTPUTF8 | SMTP_CHUNKING | SMTP_DSN | SMTP_ENHANCEDSTATUSCODES,
};

static void log_output(struct caller *c)
{
    dialogue_log_lines(&c->log, 'S', smtp_server_output(&c->server));
    smtp_server_sent(&c->server);
}

static void log_pair(struct buf *log, const char *name, struct slice value)
{
    if (value.len) {
        buf_printf(log, " %s=%.*s", name, SLICE_ARG(value));
    }
}

static void answer_auth(struct caller *c, const struct smtp_credentials *got)
{
    buf_printf(&c->log, "E: auth %s user=%.*s password=%.*s",
               got->mechanism == SMTP_PLAIN ? "PLAIN" : "LOGIN", SLICE_ARG(got->user),
               SLICE_ARG(got->password));
    log_pair(&c->log, "authorize", got->authorize);
    buf_add_text(&c->log, "\n");
    if (slice_equal(got->user, SLICE("alice")) && slice_equal(got->password, SLICE("secret"))) {
        smtp_server_accept(&c->server);
    } else {
        smtp_server_reply(&c->server, 535, "5.7.8", SLICE("Wrong"));
    }
}

/* Two messages: what comes first is asked for `more`, which ends it. */
static void answer_sasl(struct caller *c, const struct smtp_sasl *got)
{
    buf_printf(&c->log, "E: sasl %s %.*s\n", got->first ? "first" : "next",
               SLICE_ARG(got->message));
    if (slice_equal(got->message, SLICE("no"))) {
        smtp_server_reply(&c->server, 535, "5.7.8", SLICE("Wrong"));
    } else if (got->first) {
        smtp_server_challenge(&c->server, SLICE("more"));
    } else {
        smtp_server_accept(&c->server);
    }
}

static void answer_mail(struct caller *c, const struct smtp_mail *m)
{
    static const char *const rets[] = {"", " ret=FULL", " ret=HDRS"};

    buf_printf(&c->log, "E: mail <%.*s>", SLICE_ARG(m->sender.text));
    if (m->size) {
        buf_printf(&c->log, " size=%llu", (unsigned long long)m->size);
    }
    buf_printf(&c->log, "%s%s%s%s", m->eight_bit ? " 8bit" : "", m->utf8 ? " utf8" : "",
               m->require_tls ? " requiretls" : "", rets[m->ret]);
    log_pair(&c->log, "envid", m->envid);
    log_pair(&c->log, "auth", m->auth);
    buf_add_text(&c->log, "\n");
    if (slice_equal(m->sender.local, SLICE("forged"))) {
        smtp_server_reply(&c->server, 550, "5.7.1", SLICE("Not yours"));
    } else {
        smtp_server_accept(&c->server);
    }
}

static void answer_rcpt(struct caller *c, const struct smtp_rcpt *r)
{
    buf_printf(&c->log, "E: rcpt <%.*s>", SLICE_ARG(r->recipient.text));
    if (r->notify) {
        buf_printf(&c->log, " notify=%u", r->notify);
    }
    log_pair(&c->log, "orcpt", r->orcpt);
    buf_add_text(&c->log, "\n");
    if (slice_equal(r->recipient.local, SLICE("nobody"))) {
        smtp_server_reply(&c->server, 550, "5.1.1", SLICE("Unknown"));
    } else {
        smtp_server_accept(&c->server);
    }
}

static void answer_data(struct caller *c, const struct smtp_request *r)
{
    buf_printf(&c->log, "E: %s\n", r->chunked ? "bdat" : "data");
    buf_reset(&c->letter);
    if (slice_equal(c->config.host, SLICE("busy"))) {
        smtp_server_reply(&c->server, 452, "4.3.1", SLICE("Full"));
    } else {
        smtp_server_accept(&c->server);
    }
}

static void answer_letter(struct caller *c)
{
    struct slice letter = buf_slice(&c->letter);

    buf_add_text(&c->log, "E: letter");
    buf_add_text(&c->log, letter.len ? " " : "");
    dialogue_escape(&c->log, letter);
    buf_add_text(&c->log, "\n");
    if (slice_starts(letter, SLICE("Subject: refuse"))) {
        smtp_server_reply(&c->server, 550, "5.7.1", SLICE("No\nmore"));
    } else {
        smtp_server_reply(&c->server, 250, "2.0.0", SLICE("Kept"));
    }
}

static void take_body(struct caller *c, struct slice body)
{
    buf_add(&c->letter, body);
    if (slice_starts(buf_slice(&c->letter), SLICE("Subject: discard")) &&
        c->letter.len - body.len < strlen("Subject: discard")) {
        smtp_server_discard(&c->server, 452, "4.3.1", SLICE("No room"));
    }
}

static void handle(struct caller *c, enum smtp_got got, const struct smtp_request *r)
{
    switch (got) {
    case SMTP_GOT_HELLO:
        buf_printf(&c->log, "E: %s %.*s\n", r->esmtp ? "ehlo" : "helo", SLICE_ARG(r->name));
        smtp_server_accept(&c->server);
        return;
    case SMTP_GOT_STARTTLS:
        buf_add_text(&c->log, "E: starttls\n");
        smtp_server_accept(&c->server);
        log_output(c);
        smtp_server_secured(&c->server);
        return;
    case SMTP_GOT_AUTH:
        answer_auth(c, &r->credentials);
        return;
    case SMTP_GOT_SASL:
        answer_sasl(c, &r->sasl);
        return;
    case SMTP_GOT_SASL_END:
        buf_add_text(&c->log, "E: sasl end\n");
        return;
    case SMTP_GOT_MAIL:
        answer_mail(c, &r->mail);
        return;
    case SMTP_GOT_RCPT:
        answer_rcpt(c, &r->rcpt);
        return;
    case SMTP_GOT_DATA:
        answer_data(c, r);
        return;
    case SMTP_GOT_BODY:
        take_body(c, r->body);
        return;
    case SMTP_GOT_LETTER:
        answer_letter(c);
        return;
    case SMTP_GOT_RESET:
        buf_add_text(&c->log, "E: reset\n");
        return;
    case SMTP_GOT_END:
        c->ended = true;
        buf_add_text(&c->log, "E: end\n");
        return;
    case SMTP_GOT_NOTHING:
    case SMTP_GOT_FLUSH:
        return;
    }
}

static void feed(void *self, struct slice octets)
{
    struct caller *c = self;
    struct smtp_request request = {0};
    enum smtp_got got = SMTP_GOT_FLUSH;

    buf_add(&c->input, octets);
    while (!c->ended && got != SMTP_GOT_NOTHING) {
        struct slice in = buf_slice(&c->input);
        got = smtp_server_next(&c->server, &in, &request);
        log_output(c);
        handle(c, got, &request);
        log_output(c);
        buf_drop(&c->input, c->input.len - in.len);
    }
}

static uint64_t number_option(struct slice options, const char *name, uint64_t otherwise)
{
    uint64_t value = otherwise;
    struct slice text = dialogue_option(options, name);

    assert_true(!text.ptr || slice_decimal(text, UINT64_MAX, &value));
    return value;
}

static void begin(void *self, struct slice options)
{
    struct caller *c = self;
    struct slice host = dialogue_option(options, "host");
    unsigned without = dialogue_option(options, "bare").ptr ? EVERYTHING : 0;
    unsigned more = dialogue_option(options, "requiretls").ptr ? SMTP_REQUIRETLS : 0;

    buf_reset(&c->input);
    c->ended = false;
    c->config = (struct smtp_server_config){
        .host = host.ptr ? host : SLICE("mx"),
        .features = (EVERYTHING & ~without) | more,
        .mechanisms = dialogue_option(options, "scram").ptr ? SMTP_SCRAM_SHA_256 | SMTP_PLAIN
                                                            : SMTP_PLAIN | SMTP_LOGIN,
        .size_max = number_option(options, "size", 1000000),
        .recipients_max = (uint32_t)number_option(options, "recipients", 100),
        .line_max = (uint32_t)number_option(options, "line", 998),
        .errors_max = (uint32_t)number_option(options, "errors", 20),
        .commands_max = (uint32_t)number_option(options, "commands", 1000),
    };
    smtp_server_init(&c->server, &c->config, !dialogue_option(options, "plain").ptr);
    if (dialogue_option(options, "signed-in").ptr) {
        feed(c, SLICE("EHLO c\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"));
        buf_reset(&c->log);
    }
    log_output(c);
}

static void play(const char *file)
{
    struct caller *c = calloc(1, sizeof(*c));
    struct dialogue_player player = {'C', c, &c->log, begin, feed, NULL};

    buf_init(&c->input, 1 << 22);
    buf_init(&c->letter, 1 << 22);
    buf_init(&c->log, 1 << 22);
    dialogue_play(file, &player);
    assert_false(c->log.full || c->letter.full || c->input.full);
    buf_done(&c->input);
    buf_done(&c->letter);
    buf_done(&c->log);
    free(c);
}

static void order(void **unused)
{
    (void)unused;
    play("submission-order.txt");
}

static void signing_in(void **unused)
{
    (void)unused;
    play("submission-auth.txt");
}

static void signing_in_by_messages(void **unused)
{
    (void)unused;
    play("submission-sasl.txt");
}

static void envelope(void **unused)
{
    (void)unused;
    play("submission-envelope.txt");
}

static void data(void **unused)
{
    (void)unused;
    play("submission-data.txt");
}

static void smuggling(void **unused)
{
    (void)unused;
    play("submission-smuggling.txt");
}

static void chunks(void **unused)
{
    (void)unused;
    play("submission-chunks.txt");
}

static void limits(void **unused)
{
    (void)unused;
    play("submission-limits.txt");
}

/* A caller that does not send replies is asked to, long before anything is lost. */
static void replies_wait_for_room(void **unused)
{
    static struct smtp_server s;
    struct smtp_server_config config = {.host = SLICE("mx"), .errors_max = 9, .commands_max = 999};
    struct smtp_request request;
    char input[100 * 6 + 1];
    size_t flushes = 0;
    size_t octets = 0;

    (void)unused;
    for (size_t i = 0; i < 100; i++) {
        (void)memcpy(input + i * 6, "NOOP\r\n", 7);
    }
    struct slice in = slice_text(input);
    smtp_server_init(&s, &config, true);
    smtp_server_sent(&s);
    for (;;) {
        enum smtp_got got = smtp_server_next(&s, &in, &request);
        octets += smtp_server_output(&s).len;
        smtp_server_sent(&s);
        if (got == SMTP_GOT_NOTHING) {
            break;
        }
        assert_int_equal(got, SMTP_GOT_FLUSH);
        flushes++;
    }
    assert_true(flushes > 0);
    assert_int_equal(octets, 100 * strlen("250 2.0.0 OK\r\n"));
}

static void ends_when_told(void **unused)
{
    static struct smtp_server s;
    struct smtp_server_config config = {.host = SLICE("mx"), .errors_max = 9, .commands_max = 999};
    struct smtp_request request;
    struct slice in = SLICE("EHLO c\r\nNOOP\r\n");

    (void)unused;
    smtp_server_init(&s, &config, true);
    assert_true(smtp_server_idle(&s));
    assert_int_equal(smtp_server_next(&s, &in, &request), SMTP_GOT_HELLO);
    assert_false(smtp_server_idle(&s));
    smtp_server_end(&s, 421, "4.3.2", SLICE("Shutting down"));
    assert_slice(smtp_server_output(&s), "220 mx ESMTP Postern\r\n421 4.3.2 Shutting down\r\n");
    assert_int_equal(smtp_server_next(&s, &in, &request), SMTP_GOT_END);
    assert_int_equal(smtp_server_next(&s, &in, &request), SMTP_GOT_END);
}

static enum smtp_got say(struct smtp_server *s, const char *line)
{
    struct smtp_request request;
    struct slice in = slice_text(line);

    smtp_server_sent(s);
    return smtp_server_next(s, &in, &request);
}

/* Where nobody signs in, TLS comes first all the same. */
static void an_open_door_wants_tls(void **unused)
{
    static const struct smtp_server_config config = {.host = SLICE_INIT("a.test"),
                                                     .features = SMTP_STARTTLS,
                                                     .size_max = 1000,
                                                     .recipients_max = 100,
                                                     .errors_max = 5,
                                                     .commands_max = 50,
                                                     .open = true};
    static struct smtp_server s;
    (void)unused;
    smtp_server_init(&s, &config, false);
    assert_int_equal(say(&s, "EHLO b\r\n"), SMTP_GOT_HELLO);
    smtp_server_accept(&s);
    assert_int_equal(say(&s, "MAIL FROM:<a@b.test>\r\n"), SMTP_GOT_NOTHING);
    assert_true(slice_starts(smtp_server_output(&s), SLICE("530 5.7.0 ")));
    assert_int_equal(say(&s, "STARTTLS\r\n"), SMTP_GOT_STARTTLS);
    smtp_server_accept(&s);
    smtp_server_secured(&s);
    assert_int_equal(say(&s, "MAIL FROM:<a@b.test>\r\n"), SMTP_GOT_NOTHING);
    assert_true(slice_starts(smtp_server_output(&s), SLICE("503 5.5.1 ")));
    assert_int_equal(say(&s, "EHLO b\r\n"), SMTP_GOT_HELLO);
    smtp_server_accept(&s);
    assert_int_equal(say(&s, "MAIL FROM:<a@b.test>\r\n"), SMTP_GOT_MAIL);
    smtp_server_accept(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(signing_in),
        cmocka_unit_test(signing_in_by_messages),
        cmocka_unit_test(envelope),
        cmocka_unit_test(data),
        cmocka_unit_test(smuggling),
        cmocka_unit_test(chunks),
        cmocka_unit_test(limits),
        cmocka_unit_test(replies_wait_for_room),
        cmocka_unit_test(ends_when_told),
        cmocka_unit_test(an_open_door_wants_tls),
    };
    return cmocka_run_group_tests_name("formats/smtp/server", tests, NULL, NULL);
}
