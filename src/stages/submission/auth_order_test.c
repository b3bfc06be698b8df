/* Every order of commands around AUTH, at random, against a table of what RFC 4954 and our own rules say: first the machine
 * alone, many times, then a whole session over TLS. Whatever comes, nobody is signed in but by what proves it. */
#include <stdio.h>
#include <string.h>

#include "formats/smtp/server.h"
#include "stages/submission/scene_test.h"

#define DIALOGUES 10000
#define STEPS     24
#define SESSIONS  150
#define IN_ONE    10 /* steps of a session: fewer than it has patience for mistakes */
#define LONG      12400

/* Where a dialogue stands for the client. */
enum at {
    FRESH,
    EHLO,
    HELO,
    READY,
    MAIL,
    RCPT,
    N_COMMAND, /* from here on a line is no command but a response */
    PLAIN = N_COMMAND,
    USER,
    PASSWORD,
    BEGIN, /* of SCRAM */
    PROOF,
    CONSENT,
    N_AT,
    SAME,
};

enum symbol {
    SAY_EHLO,
    SAY_HELO,
    SAY_NOOP,
    SAY_RSET,
    SAY_MAIL,
    SAY_RCPT,
    AUTH_PLAIN_GOOD,
    AUTH_PLAIN_BAD,
    AUTH_PLAIN,
    AUTH_PLAIN_NOTHING,
    AUTH_LOGIN,
    AUTH_LOGIN_USER,
    AUTH_SCRAM,
    AUTH_SCRAM_FIRST,
    AUTH_SCRAM_NOTHING,
    AUTH_SCRAM_BROKEN,
    AUTH_UNKNOWN,
    AUTH_ALONE,
    AUTH_LONG,
    N_VERBS,
    PLAIN_GOOD = N_VERBS,
    PLAIN_BAD,
    TEXT_USER,
    TEXT_RIGHT,
    TEXT_WRONG,
    TEXT_FIRST,
    TEXT_GOOD,
    NOTHING,
    CANCEL,
    BROKEN,
    LONG_RESPONSE,
    N_SYMBOLS,
};

static char long_auth[LONG + 1];
static char long_response[LONG + 1];

/* Each verb has a blank, so that it is no base64 where a response is due. */
static const char *const texts[N_SYMBOLS] = {
    [SAY_EHLO] = "EHLO c",
    [SAY_HELO] = "HELO c",
    [SAY_NOOP] = "NOOP x",
    [SAY_RSET] = "RSET ",
    [SAY_MAIL] = "MAIL FROM:<ada@example.test>",
    [SAY_RCPT] = "RCPT TO:<bob@partner.test>",
    [AUTH_PLAIN_GOOD] = "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==",
    [AUTH_PLAIN_BAD] = "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAd3Jvbmc=",
    [AUTH_PLAIN] = "auth plain",
    [AUTH_PLAIN_NOTHING] = "AUTH PLAIN =",
    [AUTH_LOGIN] = "AUTH LOGIN",
    [AUTH_LOGIN_USER] = "AUTH login YWRhQGV4YW1wbGUudGVzdA==",
    [AUTH_SCRAM] = "AUTH SCRAM-SHA-256",
    [AUTH_SCRAM_FIRST] = "AUTH scram-sha-256 Zmlyc3Q=",
    [AUTH_SCRAM_NOTHING] = "AUTH SCRAM-SHA-256 =",
    [AUTH_SCRAM_BROKEN] = "AUTH SCRAM-SHA-256 !!!!",
    [AUTH_UNKNOWN] = "AUTH CRAM-MD5",
    [AUTH_ALONE] = "AUTH ",
    [AUTH_LONG] = long_auth,
    [PLAIN_GOOD] = "AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==",
    [PLAIN_BAD] = "AGFkYUBleGFtcGxlLnRlc3QAd3Jvbmc=",
    [TEXT_USER] = "YWRhQGV4YW1wbGUudGVzdA==",
    [TEXT_RIGHT] = "Y29ycmVjdA==",
    [TEXT_WRONG] = "d3Jvbmc=",
    [TEXT_FIRST] = "Zmlyc3Q=",
    [TEXT_GOOD] = "Z29vZA==",
    [NOTHING] = "",
    [CANCEL] = "*",
    [BROKEN] = "!!!!",
    [LONG_RESPONSE] = long_response,
};

/* ── the table ── */

struct rule {
    int code;
    enum at next;
    bool failure; /* that is counted as one to sign in */
};

/* A verb where commands are read: FRESH, EHLO, HELO, READY, MAIL, RCPT. */
#define EVERYWHERE(code, next)                                                                     \
    {                                                                                              \
        {code, next}, {code, next}, {code, next}, {code, next}, {code, next},                      \
        {                                                                                          \
            code, next                                                                             \
        }                                                                                          \
    }
#define AFTER_EHLO(...)                                                                            \
    {                                                                                              \
        {503, SAME}, {__VA_ARGS__}, {503, SAME}, {503, SAME}, {503, SAME},                         \
        {                                                                                          \
            503, SAME                                                                              \
        }                                                                                          \
    }

static const struct rule verbs[N_VERBS][N_COMMAND] = {
    [SAY_EHLO] = {{250, EHLO}, {250, EHLO}, {250, EHLO}, {250, READY}, {250, READY}, {250, READY}},
    [SAY_HELO] = {{250, HELO}, {250, HELO}, {250, HELO}, {250, READY}, {250, READY}, {250, READY}},
    [SAY_NOOP] = EVERYWHERE(250, SAME),
    [SAY_RSET] = {{250, SAME}, {250, SAME}, {250, SAME}, {250, SAME},  {250, READY}, {250, READY}},
    [SAY_MAIL] = {{530, SAME}, {530, SAME}, {530, SAME}, {250, MAIL},  {503, SAME},  {503, SAME} },
    [SAY_RCPT] = {{530, SAME}, {530, SAME}, {530, SAME}, {503, SAME},  {250, RCPT},  {250, RCPT} },
    [AUTH_PLAIN_GOOD] = AFTER_EHLO(235, READY),
    [AUTH_PLAIN_BAD] = AFTER_EHLO(535, SAME, true),
    [AUTH_PLAIN] = AFTER_EHLO(334, PLAIN),
    [AUTH_PLAIN_NOTHING] = AFTER_EHLO(501, SAME),
    [AUTH_LOGIN] = AFTER_EHLO(334, USER),
    [AUTH_LOGIN_USER] = AFTER_EHLO(334, PASSWORD),
    [AUTH_SCRAM] = AFTER_EHLO(334, BEGIN),
    [AUTH_SCRAM_FIRST] = AFTER_EHLO(334, PROOF),
    [AUTH_SCRAM_NOTHING] = AFTER_EHLO(501, SAME, true),
    [AUTH_SCRAM_BROKEN] = AFTER_EHLO(501, SAME),
    [AUTH_UNKNOWN] = AFTER_EHLO(504, SAME),
    [AUTH_ALONE] = AFTER_EHLO(504, SAME),
    [AUTH_LONG] = EVERYWHERE(500, SAME),
};

/* A response where one is due. What is not here ends the exchange with 501, and is no try to sign in. */
static const struct {
    enum at at;
    enum symbol from, to;
    struct rule rule;
} responses[] = {
    {PLAIN,    PLAIN_GOOD, PLAIN_GOOD, {235, READY}     },
    {PLAIN,    PLAIN_BAD,  PLAIN_BAD,  {535, EHLO, true}},
    {USER,     TEXT_USER,  TEXT_GOOD,  {334, PASSWORD}  }, /* any text may be a name */
    {PASSWORD, TEXT_RIGHT, TEXT_RIGHT, {235, READY}     },
    {PASSWORD, TEXT_USER,  TEXT_GOOD,  {535, EHLO, true}},
    {BEGIN,    TEXT_FIRST, TEXT_FIRST, {334, PROOF}     },
    {BEGIN,    PLAIN_GOOD, NOTHING,    {501, EHLO, true}},
    {PROOF,    TEXT_GOOD,  TEXT_GOOD,  {334, CONSENT}   },
    {PROOF,    PLAIN_GOOD, NOTHING,    {535, EHLO, true}},
    {CONSENT,  NOTHING,    NOTHING,    {235, READY}     },
    {CONSENT,  PLAIN_GOOD, TEXT_GOOD,  {501, EHLO, true}},
};

static struct rule look_up(enum at at, enum symbol symbol)
{
    struct rule rule = {501, EHLO, false};
    bool found = false;

    if (at < N_COMMAND) {
        rule = symbol < N_VERBS ? verbs[symbol][at] : (struct rule){500, SAME, false};
    }
    for (size_t i = 0; at >= N_COMMAND && i < sizeof(responses) / sizeof(responses[0]); i++) {
        if (!found && responses[i].at == at && symbol >= responses[i].from &&
            symbol <= responses[i].to) {
            rule = responses[i].rule;
            found = true;
        }
    }
    rule.next = rule.next == SAME ? at : rule.next;
    return rule;
}

/* ── chance ── */

static uint32_t random_state;

static uint32_t chance(uint32_t below)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (random_state >> 8) % below;
}

/* Mostly what leads somewhere, always something. */
static enum symbol choose(enum at at)
{
    if (at == FRESH && chance(3)) {
        return SAY_EHLO;
    }
    if (at == BEGIN && chance(2)) {
        return TEXT_FIRST;
    }
    if (at == PROOF && chance(2)) {
        return TEXT_GOOD;
    }
    if (at >= N_COMMAND && chance(2)) {
        return (enum symbol)(N_VERBS + chance(N_SYMBOLS - N_VERBS));
    }
    return (enum symbol)chance(N_SYMBOLS);
}

static void fill_long(void)
{
    (void)memset(long_response, 'A', LONG);
    (void)memset(long_auth, 'A', LONG);
    (void)memcpy(long_auth, "AUTH PLAIN ", 11);
}

/* ── the machine alone ── */

/* What the caller does with each request; SCRAM is two words and a consent here. */
static void answer(struct smtp_server *s, enum smtp_got got, const struct smtp_request *r,
                   unsigned *step)
{
    bool right = true;

    if (got == SMTP_GOT_AUTH) {
        right = slice_equal(r->credentials.password, SLICE("correct"));
    } else if (got == SMTP_GOT_SASL) {
        *step = r->sasl.first ? 0 : *step;
        const struct slice wanted[] = {SLICE("first"), SLICE("good"), SLICE_NONE};
        right = slice_equal(r->sasl.message, wanted[*step]);
        if (right && *step < 2) {
            (*step)++;
            smtp_server_challenge(s, SLICE("go on"));
            return;
        }
        if (!right && *step != 1) {
            smtp_server_reply(s, 501, "5.5.2", SLICE("Unreadable"));
            return;
        }
    }
    if (right) {
        smtp_server_accept(s);
    } else {
        smtp_server_reply(s, 535, "5.7.8", SLICE("Wrong"));
    }
}

/* Say a line; the reply's code. */
static int say(struct smtp_server *s, const char *text, unsigned *step)
{
    char line[LONG + 3];
    int len = snprintf(line, sizeof(line), "%s\r\n", text);
    struct slice in = slice_of(line, (size_t)len);
    struct smtp_request request = {0};
    enum smtp_got got = SMTP_GOT_FLUSH;
    unsigned ends = 0;

    while (got != SMTP_GOT_NOTHING && got != SMTP_GOT_END) {
        got = smtp_server_next(s, &in, &request);
        if (got == SMTP_GOT_SASL_END) {
            assert_in_range(*step, 1, 2); /* there was something to end */
            *step = 0;
            ends++;
        } else if (got > SMTP_GOT_FLUSH && got < SMTP_GOT_RESET) {
            answer(s, got, &request, step);
        }
    }
    assert_true(got == SMTP_GOT_NOTHING && ends <= 1);
    struct slice out = smtp_server_output(s);
    assert_true(out.len >= 5);
    int code = (out.ptr[0] - '0') * 100 + (out.ptr[1] - '0') * 10 + (out.ptr[2] - '0');
    smtp_server_sent(s);
    return code;
}

static void the_machine_keeps_to_the_table(void **unused)
{
    (void)unused;
    static struct smtp_server s;
    static unsigned seen[N_AT][N_SYMBOLS];
    const struct smtp_server_config config = {
        .host = SLICE("mx"),
        .features = SMTP_AUTH,
        .mechanisms = SMTP_PLAIN | SMTP_LOGIN | SMTP_SCRAM_SHA_256,
        .size_max = 1000,
        .recipients_max = 100,
        .errors_max = 1000,
        .commands_max = 1000,
    };

    fill_long();
    random_state = 1;
    for (unsigned n = 0; n < DIALOGUES; n++) {
        enum at at = FRESH;
        unsigned step = 0;
        smtp_server_init(&s, &config, true);
        smtp_server_sent(&s);
        for (unsigned i = 0; i < STEPS; i++) {
            enum symbol symbol = choose(at);
            struct rule rule = look_up(at, symbol);
            int code = say(&s, texts[symbol], &step);
            if (code != rule.code) {
                print_error("dialogue %u step %u at %d: `%.40s` got %d, not %d\n", n, i, (int)at,
                            texts[symbol], code, rule.code);
                fail();
            }
            seen[at][symbol]++;
            at = rule.next;
            assert_int_equal(s.signed_in, at >= READY && at <= RCPT);
        }
    }
    for (size_t i = 0; i < (size_t)N_AT * N_SYMBOLS; i++) {
        assert_true(seen[i / N_SYMBOLS][i % N_SYMBOLS] > 0); /* every order of two at least */
    }
}

/* ── a whole session ── */

static void expect_code(struct visitor *v, int code)
{
    char start[8];

    (void)snprintf(start, sizeof(start), "%d", code);
    visitor_expect(v, start);
}

static void sessions_keep_to_the_table(void **unused)
{
    (void)unused;
    struct scene s = {.settings_text = "connections-per-address = 1000\n"};
    size_t opened = 0;

    fill_long();
    random_state = 2;
    scene_begin(&s);
    for (unsigned n = 0; n < SESSIONS; n++) {
        struct visitor v;
        enum at at = FRESH;
        unsigned failures = 0;
        visitor_come(&v, &s, true);
        visitor_expect(&v, "220");
        for (unsigned i = 0; i < IN_ONE && failures < 3; i++) {
            enum symbol symbol = choose(at);
            struct rule rule = look_up(at, symbol);
            char line[LONG + 3];
            (void)snprintf(line, sizeof(line), "%s\r\n", texts[symbol]);
            visitor_send(&v, line);
            expect_code(&v, rule.code);
            failures += rule.failure;
            opened += rule.code == 235 || (at == PROOF && rule.next == CONSENT);
            at = rule.next;
            opened -= symbol == NOTHING && rule.code == 235; /* the same that the proof opened */
        }
        if (failures == 3) {
            visitor_expect(&v, "421 4.7.0");
            visitor_expect_end(&v);
        }
        visitor_leave(&v);
    }
    scene_end(&s);
    assert_true(opened > SESSIONS / 10);
    assert_int_equal(s.ends, opened); /* every session of the keeper's is ended, consent or not */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_keeps_to_the_table),
        cmocka_unit_test(sessions_keep_to_the_table),
    };
    return cmocka_run_group_tests_name("stages/submission/auth_order", tests, NULL, NULL);
}
