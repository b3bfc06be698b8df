#include <stdlib.h>

#include "formats/smtp/client.h"
#include "tests/dialogue.h"
#include "tests/test.h"

#define RECIPIENTS_MAX 200

/* Plays delivery: does what the dialogue orders, logs what comes of it. */
struct caller {
    struct smtp_client client;
    struct smtp_client_mail mail;
    struct smtp_client_rcpt recipients[RECIPIENTS_MAX];
    struct buf input;
    struct buf log;
    struct buf order; /* keeps what the mail looks into */
    bool over;
};

static void log_output(struct caller *c)
{
    dialogue_log_lines(&c->log, 'C', smtp_client_output(&c->client));
    smtp_client_sent(&c->client);
}

static void log_event(struct caller *c, enum smtp_client_event event, const struct error *e)
{
    static const char *const names[] = {
        [SMTP_CLIENT_READY] = "ready",   [SMTP_CLIENT_TLS] = "tls",
        [SMTP_CLIENT_NO_TLS] = "no-tls", [SMTP_CLIENT_AUTH] = "auth",
        [SMTP_CLIENT_SENDER] = "sender", [SMTP_CLIENT_RECIPIENT] = "recipient",
        [SMTP_CLIENT_BODY] = "body",     [SMTP_CLIENT_DONE] = "done",
        [SMTP_CLIENT_FAILED] = "failed", [SMTP_CLIENT_CLOSED] = "closed",
        [SMTP_CLIENT_BROKEN] = "broken",
    };
    const struct smtp_reply *r = &c->client.reply;

    buf_printf(&c->log, "E: %s", names[event]);
    if (event == SMTP_CLIENT_RECIPIENT) {
        buf_printf(&c->log, " %zu", c->client.recipient);
    }
    if (event == SMTP_CLIENT_READY) {
        buf_printf(&c->log, " features=%x mechanisms=%u size=%llu", c->client.features,
                   c->client.mechanisms, (unsigned long long)c->client.size_max);
    } else if (event == SMTP_CLIENT_BROKEN) {
        buf_printf(&c->log, " %d ", (int)e->kind);
        dialogue_escape(&c->log, slice_text(e->text));
    } else {
        buf_printf(&c->log, " %d", r->code);
        if (r->status.klass) {
            buf_printf(&c->log, " [%u.%u.%u]", r->status.klass, r->status.subject,
                       r->status.detail);
        }
        buf_add_text(&c->log, r->text_len ? " " : "");
        dialogue_escape(&c->log, smtp_reply_text(r));
    }
    buf_add_text(&c->log, "\n");
}

static void go_on(struct caller *c)
{
    struct error e = {0};

    while (!c->over) {
        struct slice in = buf_slice(&c->input);
        enum smtp_client_event event = smtp_client_next(&c->client, &in, &e);
        bool sent = c->client.out_len > 0;
        log_output(c);
        buf_drop(&c->input, c->input.len - in.len);
        if (event == SMTP_CLIENT_WAIT && !sent) {
            return;
        }
        if (event != SMTP_CLIENT_WAIT) {
            log_event(c, event, &e);
        }
        c->over = event == SMTP_CLIENT_CLOSED || event == SMTP_CLIENT_BROKEN;
        if (event == SMTP_CLIENT_TLS || event == SMTP_CLIENT_BODY) {
            return;
        }
    }
}

static void feed(void *self, struct slice octets)
{
    struct caller *c = self;

    buf_add(&c->input, octets);
    go_on(c);
}

static void order_send(struct caller *c, struct slice options)
{
    struct slice to = dialogue_option(options, "to");
    struct slice size = dialogue_option(options, "size");
    struct slice ret = dialogue_option(options, "ret");
    size_t n = 0;

    while (to.len) {
        assert_true(n < RECIPIENTS_MAX);
        c->recipients[n++] = (struct smtp_client_rcpt){
            .mailbox = slice_cut(to, ',', &to),
            .notify = dialogue_option(options, "notify").ptr
                          ? SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY
                          : 0,
            .orcpt = dialogue_option(options, "orcpt"),
        };
    }
    c->mail = (struct smtp_client_mail){
        .reverse_path = dialogue_option(options, "from"),
        .eight_bit = dialogue_option(options, "8bit").ptr,
        .utf8 = dialogue_option(options, "utf8").ptr,
        .require_tls = dialogue_option(options, "requiretls").ptr,
        .ret = !ret.len            ? SMTP_RET_UNSAID
               : ret.ptr[0] == 'F' ? SMTP_RET_FULL
                                   : SMTP_RET_HDRS,
        .envid = dialogue_option(options, "envid"),
        .recipients = c->recipients,
        .n_recipients = n,
    };
    assert_true(!size.len || slice_decimal(size, UINT64_MAX, &c->mail.size));
    enum smtp_client_fit fit = smtp_client_fits(&c->client, &c->mail);
    if (fit == SMTP_CLIENT_FITS) {
        smtp_client_send(&c->client, &c->mail);
    } else {
        buf_printf(&c->log, "E: unfit %d\n", (int)fit);
    }
}

static void order_body(struct caller *c, struct slice letter)
{
    struct smtp_data_writer w;
    struct slice piece;
    OWN(buf) struct buf wire = {.max = 1 << 20};

    smtp_data_writer_init(&w);
    while (smtp_data_write(&w, &letter, &piece)) {
        buf_add(&wire, piece);
    }
    buf_add(&wire, smtp_data_writer_end(&w));
    dialogue_log_lines(&c->log, 'C', buf_slice(&wire));
    smtp_client_body_sent(&c->client);
}

static void order(void *self, struct slice text)
{
    struct caller *c = self;
    struct slice options;

    buf_reset(&c->order);
    dialogue_unescape(&c->order, text);
    struct slice verb = slice_cut(buf_slice(&c->order), ' ', &options);
    if (slice_equal(verb, SLICE("starttls"))) {
        smtp_client_starttls(&c->client);
    } else if (slice_equal(verb, SLICE("secured"))) {
        smtp_client_secured(&c->client);
    } else if (slice_equal(verb, SLICE("plain"))) {
        smtp_client_auth(&c->client, SMTP_PLAIN, SLICE("alice"), SLICE("secret"));
    } else if (slice_equal(verb, SLICE("login"))) {
        smtp_client_auth(&c->client, SMTP_LOGIN, SLICE("alice"), SLICE("secret"));
    } else if (slice_equal(verb, SLICE("send"))) {
        order_send(c, options);
    } else if (slice_equal(verb, SLICE("body"))) {
        order_body(c, options);
    } else if (slice_equal(verb, SLICE("reset"))) {
        smtp_client_reset(&c->client);
    } else {
        assert_slice(verb, "quit");
        smtp_client_quit(&c->client);
    }
    go_on(c);
}

static void begin(void *self, struct slice options)
{
    struct caller *c = self;

    buf_reset(&c->input);
    c->over = false;
    smtp_client_init(&c->client, SLICE("gate.example"), dialogue_option(options, "tls").ptr);
    if (dialogue_option(options, "ready").ptr) {
        feed(c, SLICE("220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
                      "250-SMTPUTF8\r\n250-DSN\r\n250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN\r\n"));
        buf_reset(&c->log);
    }
    if (dialogue_option(options, "plain-ready").ptr) {
        feed(c, SLICE("220 mx\r\n250 mx\r\n"));
        buf_reset(&c->log);
    }
}

static void play(const char *file)
{
    struct caller *c = calloc(1, sizeof(*c));
    struct dialogue_player player = {'S', c, &c->log, begin, feed, order};

    assert_non_null(c);
    buf_init(&c->input, 1 << 22);
    buf_init(&c->order, 1 << 22);
    buf_init(&c->log, 1 << 22);
    dialogue_play(file, &player);
    assert_false(c->log.full || c->order.full || c->input.full);
    buf_done(&c->input);
    buf_done(&c->order);
    buf_done(&c->log);
    free(c);
}

static void opening(void **unused)
{
    (void)unused;
    play("delivery-opening.txt");
}

static void letters(void **unused)
{
    (void)unused;
    play("delivery-letters.txt");
}

static void replies(void **unused)
{
    (void)unused;
    play("delivery-replies.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),
        cmocka_unit_test(letters),
        cmocka_unit_test(replies),
    };
    return cmocka_run_group_tests_name("formats/smtp/client", tests, NULL, NULL);
}
