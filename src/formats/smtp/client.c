#include "formats/smtp/client.h"

#include <assert.h>

#include "formats/smtp/client_say.h"

/* Where a dialogue stands. At rest an order is due; everywhere else a reply is. */
enum state {
    STATE_GREETING,
    STATE_EHLO,
    STATE_HELO,
    STATE_READY, /* at rest */
    STATE_STARTTLS,
    STATE_TLS, /* at rest: the handshake is due */
    STATE_PLAIN,
    STATE_LOGIN,     /* AUTH LOGIN said */
    STATE_USER,      /* the user's name said */
    STATE_PASSWORD,  /* the password said */
    STATE_CANCELLED, /* `*` said to a challenge that nobody expected */
    STATE_CLEARING,  /* RSET said, the transaction follows */
    STATE_ENVELOPE,  /* MAIL, RCPTs, DATA under way */
    STATE_BODY,      /* at rest: the letter is due */
    STATE_EMPTY,     /* an end mark said to a 354 that no recipient wanted (RFC 2920 section 3.1) */
    STATE_FINAL,     /* the letter was sent */
    STATE_RESET,
    STATE_QUIT,
    STATE_OVER,
};

static void enter(struct smtp_client *c, enum state next)
{
    c->state = next;
}

void smtp_client_init(struct smtp_client *c, struct slice name, bool tls)
{
    assert(name.len > 0 && name.len <= 255);
    *c = (struct smtp_client){.state = STATE_GREETING, .name = name, .tls = tls};
    smtp_reply_init(&c->reply);
}

static void say_hello(struct smtp_client *c, bool esmtp)
{
    smtp_client_put_text(c, esmtp ? "EHLO " : "HELO ");
    smtp_client_put_word(c, c->name);
    smtp_client_put_text(c, "\r\n");
    c->features = 0;
    c->mechanisms = 0;
    c->size_max = 0;
    c->esmtp = esmtp;
    enter(c, esmtp ? STATE_EHLO : STATE_HELO);
}

static void learn_mechanisms(struct smtp_client *c, struct slice names)
{
    while (names.len) {
        c->mechanisms |= smtp_mechanism_by_name(slice_cut(names, ' ', &names));
    }
}

/* One line of the EHLO reply: ehlo-keyword *( SP ehlo-param ) (RFC 5321 section 4.1.1.1). Some
 * servers write `AUTH=PLAIN LOGIN` besides or instead, for clients older than RFC 2554. */
static void learn(struct smtp_client *c, struct slice line)
{
    struct slice parameters;
    struct slice keyword = slice_cut(line, ' ', &parameters);
    enum smtp_feature feature = smtp_feature_by_name(keyword);

    if (slice_starts_nocase(line, SLICE("AUTH="))) {
        feature = SMTP_AUTH;
        parameters = slice_from(line, strlen("AUTH="));
    }
    if (feature == SMTP_SIZE && !slice_decimal(slice_trim(parameters), UINT64_MAX, &c->size_max)) {
        c->size_max = 0;
    }
    if (feature == SMTP_AUTH) {
        learn_mechanisms(c, parameters);
    }
    c->features |= feature;
}

static bool is_yes(const struct smtp_client *c)
{
    return c->reply.code >= 200 && c->reply.code < 300;
}

/* A refusal that leaves nothing to do with this server now. */
static enum smtp_client_event unusable(struct smtp_client *c, const char *what, struct error *e)
{
    enter(c, STATE_OVER);
    (void)error_set(e, c->reply.code >= 500 ? ERROR_DENIED : ERROR_BUSY, "the server %s: %d %.*s",
                    what, c->reply.code, SLICE_ARG(smtp_reply_text(&c->reply)));
    return SMTP_CLIENT_BROKEN;
}

static enum smtp_client_event broken(struct smtp_client *c, const char *why, struct error *e)
{
    enter(c, STATE_OVER);
    (void)error_set(e, ERROR_INPUT, "%s", why);
    return SMTP_CLIENT_BROKEN;
}

/* Replies to what opens a dialogue. */
static enum smtp_client_event opening(struct smtp_client *c, struct error *e)
{
    if (c->state == STATE_GREETING && c->reply.code != 220) {
        return unusable(c, "does not want to talk", e);
    }
    if (c->state == STATE_GREETING) {
        say_hello(c, true);
        return SMTP_CLIENT_WAIT;
    }
    if (is_yes(c)) {
        enter(c, STATE_READY);
        return SMTP_CLIENT_READY;
    }
    if (c->state == STATE_EHLO && c->reply.code >= 500) {
        say_hello(c, false); /* RFC 5321 section 3.2 */
        return SMTP_CLIENT_WAIT;
    }
    return unusable(c, "refused our name", e);
}

/* The reply to STARTTLS. Octets behind a 220 came in the clear and would be taken for protected
 * ones (RFC 3207 section 5). */
static enum smtp_client_event tls_answered(struct smtp_client *c, struct slice in, struct error *e)
{
    if (c->reply.code != 220) {
        enter(c, STATE_READY);
        return SMTP_CLIENT_NO_TLS;
    }
    if (in.len) {
        return broken(c, "the server sent more behind its answer to STARTTLS", e);
    }
    enter(c, STATE_TLS);
    return SMTP_CLIENT_TLS;
}

static enum smtp_client_event respond(struct smtp_client *c, struct slice secret, enum state next)
{
    smtp_client_put_base64(c, secret);
    smtp_client_put_text(c, "\r\n");
    enter(c, next);
    return SMTP_CLIENT_WAIT;
}

/* Replies while signing in. A challenge more than the mechanism has is cancelled. */
static enum smtp_client_event auth_answered(struct smtp_client *c)
{
    if (c->reply.code == 334 && c->state == STATE_LOGIN) {
        return respond(c, c->user, STATE_USER);
    }
    if (c->reply.code == 334 && c->state == STATE_USER) {
        return respond(c, c->password, STATE_PASSWORD);
    }
    if (c->reply.code == 334 && c->state != STATE_CANCELLED) {
        smtp_client_put_text(c, "*\r\n");
        enter(c, STATE_CANCELLED);
        return SMTP_CLIENT_WAIT;
    }
    c->user = SLICE_NONE;
    c->password = SLICE_NONE;
    enter(c, STATE_READY);
    return SMTP_CLIENT_AUTH;
}

/* No command of an envelope is longer: MAIL, its path and all its parameters. */
#define COMMAND_MAX 1100

/* Say what may be said now: everything that has room where the server pipelines, else one command.
 * DATA waits, without pipelining, until a recipient was accepted. */
static void fill(struct smtp_client *c)
{
    size_t data = c->mail->n_recipients + 1;

    while (c->commands_sent <= data && SMTP_CLIENT_OUT_MAX - c->out_len >= COMMAND_MAX &&
           (smtp_client_offered(c, SMTP_PIPELINING) || c->commands_sent == c->replies_read)) {
        if (c->replies_read > 0 && !c->accepted_sender) {
            return;
        }
        if (c->commands_sent == 0) {
            smtp_client_put_mail(c);
        } else if (c->commands_sent < data) {
            smtp_client_put_rcpt(c, &c->mail->recipients[c->commands_sent - 1]);
        } else if (c->replies_read == data && c->accepted == 0) {
            return;
        } else {
            smtp_client_put_text(c, "DATA\r\n");
        }
        c->commands_sent++;
    }
}

/* The transaction ends without a letter. The server may still hold its envelope. */
static enum smtp_client_event failed(struct smtp_client *c, bool unclear)
{
    c->unclear = unclear;
    enter(c, STATE_READY);
    return SMTP_CLIENT_FAILED;
}

static enum smtp_client_event data_answered(struct smtp_client *c)
{
    if (c->reply.code != 354) {
        return failed(c, c->accepted_sender);
    }
    if (c->accepted == 0) {
        smtp_client_put_text(c, ".\r\n");
        enter(c, STATE_EMPTY);
        return SMTP_CLIENT_WAIT;
    }
    enter(c, STATE_BODY);
    return SMTP_CLIENT_BODY;
}

/* The reply to the envelope's next command. Replies to what was pipelined behind a refused MAIL say
 * nothing new. */
static enum smtp_client_event envelope_answered(struct smtp_client *c)
{
    size_t command = c->replies_read++;

    if (command == 0) {
        c->accepted_sender = is_yes(c);
        return SMTP_CLIENT_SENDER;
    }
    if (command == c->mail->n_recipients + 1) {
        return data_answered(c);
    }
    if (!c->accepted_sender) {
        return SMTP_CLIENT_WAIT;
    }
    c->accepted += is_yes(c);
    c->recipient = command - 1;
    return SMTP_CLIENT_RECIPIENT;
}

/* Whether everything that was said is answered and nothing more will be said. */
static bool envelope_over(const struct smtp_client *c)
{
    return c->state == STATE_ENVELOPE && c->replies_read > 0 && c->replies_read == c->commands_sent;
}

static enum smtp_client_event answered(struct smtp_client *c, struct slice in, struct error *e)
{
    switch ((enum state)c->state) {
    case STATE_GREETING:
    case STATE_EHLO:
    case STATE_HELO:
        return opening(c, e);
    case STATE_STARTTLS:
        return tls_answered(c, in, e);
    case STATE_PLAIN:
    case STATE_LOGIN:
    case STATE_USER:
    case STATE_PASSWORD:
    case STATE_CANCELLED:
        return auth_answered(c);
    case STATE_CLEARING:
    case STATE_RESET:
        if (!is_yes(c)) {
            return unusable(c, "refused to start anew", e);
        }
        enter(c, c->state == STATE_RESET ? STATE_READY : STATE_ENVELOPE);
        return c->state == STATE_READY ? SMTP_CLIENT_READY : SMTP_CLIENT_WAIT;
    case STATE_ENVELOPE:
        return envelope_answered(c);
    case STATE_EMPTY:
        return failed(c, true);
    case STATE_FINAL:
        enter(c, STATE_READY);
        return SMTP_CLIENT_DONE;
    case STATE_QUIT:
        enter(c, STATE_OVER);
        return SMTP_CLIENT_CLOSED;
    case STATE_READY:
    case STATE_TLS:
    case STATE_BODY:
    case STATE_OVER:
        break;
    }
    return broken(c, "the server answered what it was not asked", e);
}

/* Take one whole reply off *in. False: *event says why there is none. */
static bool take_reply(struct smtp_client *c, struct slice *in, enum smtp_client_event *event,
                       struct error *e)
{
    struct slice line = SLICE_NONE;

    for (;;) {
        switch (smtp_reply_read(&c->reply, in, &line, e)) {
        case SMTP_REPLY_MORE:
            *event = SMTP_CLIENT_WAIT;
            return false;
        case SMTP_REPLY_BAD:
            enter(c, STATE_OVER);
            *event = SMTP_CLIENT_BROKEN;
            return false;
        case SMTP_REPLY_LINE:
        case SMTP_REPLY_LAST:
            break;
        }
        if (c->state == STATE_EHLO && c->reply.lines > 1 && c->reply.code == 250) {
            learn(c, line);
        }
        if (!c->reply.unfinished) {
            return true;
        }
    }
}

/* The server hangs up (RFC 5321 section 3.8): what it was asked is answered by this, nothing else
 * will be. */
static enum smtp_client_event hung_up(struct smtp_client *c, enum smtp_client_event event)
{
    enter(c, STATE_OVER);
    return event == SMTP_CLIENT_WAIT || event == SMTP_CLIENT_READY ? SMTP_CLIENT_CLOSED : event;
}

/* What follows from the whole reply that was read. */
static enum smtp_client_event react(struct smtp_client *c, struct slice in, struct error *e)
{
    bool goodbye = c->reply.code == 421 && c->state != STATE_GREETING;

    if (goodbye && c->state == STATE_READY) {
        return hung_up(c, SMTP_CLIENT_WAIT);
    }
    enum smtp_client_event event = answered(c, in, e);
    return goodbye && event != SMTP_CLIENT_BROKEN ? hung_up(c, event) : event;
}

enum smtp_client_event smtp_client_next(struct smtp_client *c, struct slice *in, struct error *e)
{
    enum smtp_client_event event = SMTP_CLIENT_WAIT;

    while (c->state != STATE_OVER) {
        if (c->state == STATE_ENVELOPE) {
            fill(c);
        }
        if (c->out_len) {
            return SMTP_CLIENT_WAIT; /* no answer can be one to what was not sent */
        }
        if (envelope_over(c)) {
            return failed(c, c->accepted_sender);
        }
        if (c->state == STATE_TLS || c->state == STATE_BODY || !take_reply(c, in, &event, e)) {
            return event;
        }
        event = react(c, *in, e);
        if (event != SMTP_CLIENT_WAIT) {
            return event;
        }
    }
    return SMTP_CLIENT_CLOSED;
}

void smtp_client_starttls(struct smtp_client *c)
{
    assert(c->state == STATE_READY && smtp_client_offered(c, SMTP_STARTTLS) && !c->tls);
    smtp_client_put_text(c, "STARTTLS\r\n");
    enter(c, STATE_STARTTLS);
}

void smtp_client_secured(struct smtp_client *c)
{
    assert(c->state == STATE_TLS && c->out_len == 0);
    c->tls = true;
    say_hello(c, true);
}

void smtp_client_auth(struct smtp_client *c, enum smtp_mechanism mechanism, struct slice user,
                      struct slice password)
{
    uint8_t message[2 + 2 * 255] = {0};

    assert(c->state == STATE_READY && c->tls && c->mechanisms & mechanism);
    assert(user.len > 0 && user.len <= 255 && password.len > 0 && password.len <= 255);
    c->user = user;
    c->password = password;
    if (mechanism == SMTP_LOGIN) {
        smtp_client_put_text(c, "AUTH LOGIN\r\n");
        enter(c, STATE_LOGIN);
        return;
    }
    (void)memcpy(message + 1, user.ptr, user.len);
    (void)memcpy(message + 2 + user.len, password.ptr, password.len);
    smtp_client_put_text(c, "AUTH PLAIN ");
    smtp_client_put_base64(c, slice_of(message, 2 + user.len + password.len));
    smtp_client_put_text(c, "\r\n");
    explicit_bzero(message, sizeof(message));
    enter(c, STATE_PLAIN);
}

enum smtp_client_fit smtp_client_fits(const struct smtp_client *c,
                                      const struct smtp_client_mail *mail)
{
    if (smtp_client_offered(c, SMTP_SIZE) && c->size_max && mail->size > c->size_max) {
        return SMTP_CLIENT_TOO_LARGE;
    }
    if (mail->utf8 && !smtp_client_offered(c, SMTP_SMTPUTF8)) {
        return SMTP_CLIENT_NEEDS_UTF8;
    }
    if (mail->eight_bit && !smtp_client_offered(c, SMTP_8BITMIME)) {
        return SMTP_CLIENT_NEEDS_8BIT;
    }
    if (mail->require_tls && !smtp_client_offered(c, SMTP_REQUIRETLS)) {
        return SMTP_CLIENT_NEEDS_REQUIRE;
    }
    return SMTP_CLIENT_FITS;
}

void smtp_client_send(struct smtp_client *c, const struct smtp_client_mail *mail)
{
    assert(c->state == STATE_READY && mail->n_recipients > 0);
    assert(smtp_client_fits(c, mail) == SMTP_CLIENT_FITS);
    c->mail = mail;
    c->commands_sent = 0;
    c->replies_read = 0;
    c->accepted = 0;
    c->accepted_sender = false;
    enter(c, STATE_ENVELOPE);
    if (c->unclear) {
        smtp_client_put_text(c, "RSET\r\n");
        c->unclear = false;
        enter(c, STATE_CLEARING);
    }
}

void smtp_client_body_sent(struct smtp_client *c)
{
    assert(c->state == STATE_BODY);
    enter(c, STATE_FINAL);
}

void smtp_client_reset(struct smtp_client *c)
{
    assert(c->state == STATE_READY);
    smtp_client_put_text(c, "RSET\r\n");
    c->unclear = false;
    enter(c, STATE_RESET);
}

void smtp_client_quit(struct smtp_client *c)
{
    assert(c->state == STATE_READY);
    smtp_client_put_text(c, "QUIT\r\n");
    enter(c, STATE_QUIT);
}

void smtp_client_sent(struct smtp_client *c)
{
    explicit_bzero(c->out, c->out_len);
    c->out_len = 0;
}
