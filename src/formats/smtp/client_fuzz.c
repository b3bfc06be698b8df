#include <stdlib.h>

#include "base/buf.h"

#include "formats/smtp/client.h"

/* Whatever a server sends, however it is cut, the client ends up in the same place having said the
 * same, and never says a line that was not ordered.
 *
 * Input: a byte of settings, a byte of orders, then what the server sends. */
enum { WITH_TLS = 1, WITH_STARTTLS = 2, MANY = 4, EIGHT_BIT = 8 };

struct run {
    struct smtp_client client;
    struct buf log;
    unsigned settings;
    uint32_t orders;
};

static struct smtp_client_rcpt recipients[120];
static struct smtp_client_mail mail = {
    .reverse_path = SLICE_INIT("a@example.org"),
    .size = 10,
    .ret = SMTP_RET_HDRS,
    .envid = SLICE_INIT("QQ"),
    .recipients = recipients,
};

static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static void ready(struct run *r)
{
    struct smtp_client *c = &r->client;
    uint32_t order = r->orders++ % 5;

    if (r->settings & WITH_STARTTLS && !c->tls && c->features & SMTP_STARTTLS) {
        smtp_client_starttls(c);
    } else if (order == 0 && c->tls && c->mechanisms & SMTP_PLAIN) {
        smtp_client_auth(c, SMTP_PLAIN, SLICE("user"), SLICE("password"));
    } else if (order == 1 && c->tls && c->mechanisms & SMTP_LOGIN) {
        smtp_client_auth(c, SMTP_LOGIN, SLICE("user"), SLICE("password"));
    } else if (order == 2 && smtp_client_fits(c, &mail) == SMTP_CLIENT_FITS) {
        smtp_client_send(c, &mail);
    } else if (order == 4) {
        smtp_client_quit(c);
    } else {
        smtp_client_reset(c);
    }
}

/* Do what delivery would do about an event. False when the dialogue is over. */
static bool handle(struct run *r, enum smtp_client_event event, const struct error *e)
{
    struct smtp_client *c = &r->client;

    buf_printf(&r->log, "[%d %d %zu]", (int)event, c->reply.code, c->recipient);
    require(slice_is_utf8(smtp_reply_text(&c->reply)));
    switch (event) {
    case SMTP_CLIENT_READY:
    case SMTP_CLIENT_NO_TLS:
    case SMTP_CLIENT_AUTH:
    case SMTP_CLIENT_DONE:
    case SMTP_CLIENT_FAILED:
        if (c->reply.code != 421) {
            ready(r);
        }
        return true;
    case SMTP_CLIENT_TLS:
        smtp_client_secured(c);
        return true;
    case SMTP_CLIENT_BODY:
        require(c->accepted > 0);
        smtp_client_body_sent(c);
        return true;
    case SMTP_CLIENT_RECIPIENT:
        require(c->recipient < mail.n_recipients);
        return true;
    case SMTP_CLIENT_SENDER:
        return true;
    case SMTP_CLIENT_BROKEN:
        require(e->kind != ERROR_NONE);
        return false;
    case SMTP_CLIENT_CLOSED:
        return false;
    case SMTP_CLIENT_WAIT:
        break;
    }
    return true;
}

static void play(struct run *r, struct slice input, uint32_t cut)
{
    struct error e = {0};
    size_t offered = cut ? 0 : input.len;
    size_t at = 0;

    for (;;) {
        struct slice in = slice_of(input.ptr + at, offered - at);
        enum smtp_client_event event = smtp_client_next(&r->client, &in, &e);
        bool sent = r->client.out_len > 0;
        at = offered - in.len;
        require(r->client.out_len <= SMTP_CLIENT_OUT_MAX);
        buf_add(&r->log, smtp_client_output(&r->client));
        smtp_client_sent(&r->client);
        if (event != SMTP_CLIENT_WAIT && !handle(r, event, &e)) {
            return;
        }
        if (event == SMTP_CLIENT_WAIT && !sent) {
            if (offered == input.len) {
                return;
            }
            offered = input.len - offered < cut ? input.len : offered + cut;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole;
    static struct run cut;

    if (size < 2) {
        return 0;
    }
    struct slice input = slice_from(slice_of(data, size), 2);
    for (size_t i = 0; i < sizeof(recipients) / sizeof(recipients[0]); i++) {
        recipients[i] = (struct smtp_client_rcpt){
            .mailbox = SLICE("b@example.net"),
            .notify = SMTP_NOTIFY_FAILURE,
            .orcpt = SLICE("rfc822;b@example.net"),
        };
    }
    mail.n_recipients = data[0] & MANY ? 120 : 2;
    mail.eight_bit = data[0] & EIGHT_BIT;
    whole.settings = cut.settings = data[0];
    whole.orders = cut.orders = data[1];
    buf_init(&whole.log, 1 << 24);
    buf_init(&cut.log, 1 << 24);
    smtp_client_init(&whole.client, SLICE("gate.example"), data[0] & WITH_TLS);
    smtp_client_init(&cut.client, SLICE("gate.example"), data[0] & WITH_TLS);
    play(&whole, input, 0);
    play(&cut, input, 1 + data[1] % 16U);
    /* What follows the answer to STARTTLS in the same piece of input breaks the dialogue off. */
    if (!(data[0] & WITH_STARTTLS)) {
        require(slice_equal(buf_slice(&whole.log), buf_slice(&cut.log)));
    }
    buf_done(&whole.log);
    buf_done(&cut.log);
    return 0;
}
