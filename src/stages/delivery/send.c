/* Sending one letter in an open session, and what its replies mean for each recipient. */
#include <assert.h>

#include "base/clock.h"

#include "stages/delivery/internal.h"

#define LAST_WORDS_MS 1000 /* for the reply of a server that stopped reading */

/* One transaction: an outcome whose status is 0 is still open. */
struct transaction {
    struct session *session;
    const struct session_letter *letter;
    struct smtp_client_mail mail;
    struct recipient_outcome *outcomes;
    struct arena *arena;
    bool sender_answered; /* there was a reply to MAIL */
    bool dotted;          /* the final dot was, or may have been, written */
};

/* Give every recipient that has none this outcome. */
static void settle(struct transaction *t, struct recipient_outcome outcome)
{
    for (size_t i = 0; i < t->letter->n_recipients; i++) {
        if (t->outcomes[i].status == 0) {
            t->outcomes[i] = outcome;
            t->outcomes[i].address = t->letter->recipients[i].address;
        }
    }
}

static void settle_text(struct transaction *t, enum delivery_status status, const char *enhanced,
                        struct slice text)
{
    settle(t, session_outcome(status, 0, enhanced, text, t->arena));
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* xtext of RFC 3461 section 4: everything but printable ASCII without '+' and '=' as +HH. */
static struct slice to_xtext(struct slice text, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *out = arena_array(arena, text.len + 1, 3);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
            out[len++] = c;
        } else {
            out[len++] = '+';
            out[len++] = (uint8_t)digits[c >> 4];
            out[len++] = (uint8_t)digits[c & 15];
        }
    }
    return slice_of(out, len);
}

/* A parameter that came with the letter goes on only when it is one word. */
static struct slice one_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f) {
            return SLICE_NONE;
        }
    }
    return text;
}

static unsigned to_notify(uint64_t notify)
{
    return (notify & NOTIFY_NEVER ? SMTP_NOTIFY_NEVER : 0U) |
           (notify & NOTIFY_SUCCESS ? SMTP_NOTIFY_SUCCESS : 0U) |
           (notify & NOTIFY_FAILURE ? SMTP_NOTIFY_FAILURE : 0U) |
           (notify & NOTIFY_DELAY ? SMTP_NOTIFY_DELAY : 0U);
}

/* The header: up to the first empty line. */
static struct slice header_of(struct slice letter)
{
    const uint8_t *end = memmem(letter.ptr, letter.len, "\r\n\r\n", 4);
    return end ? slice_head(letter, (size_t)(end - letter.ptr)) : letter;
}

/* SMTPUTF8 is needed where it was declared and used: a letter whose addresses and header are ASCII
 * goes to every server (RFC 6531 section 3.2). */
static bool needs_utf8(const struct session_letter *letter)
{
    if (!slice_is_ascii(letter->reverse_path)) {
        return true;
    }
    for (size_t i = 0; i < letter->n_recipients; i++) {
        if (!slice_is_ascii(letter->recipients[i].address)) {
            return true;
        }
    }
    return letter->smtputf8 && letter->has_8bit && !slice_is_ascii(header_of(letter->bytes));
}

static struct smtp_client_mail to_mail(const struct session_letter *letter, struct arena *arena)
{
    struct smtp_client_rcpt *recipients =
        arena_array(arena, letter->n_recipients, sizeof(*recipients));

    for (size_t i = 0; i < letter->n_recipients; i++) {
        recipients[i] = (struct smtp_client_rcpt){
            .mailbox = letter->recipients[i].address,
            .notify = to_notify(letter->recipients[i].notify),
            .orcpt = one_word(letter->recipients[i].orcpt),
        };
    }
    return (struct smtp_client_mail){
        .reverse_path = letter->reverse_path,
        .size = letter->bytes.len,
        .eight_bit = letter->has_8bit,
        .utf8 = needs_utf8(letter),
        .require_tls = letter->require_tls,
        .ret = letter->dsn_return == RETURN_FULL      ? SMTP_RET_FULL
               : letter->dsn_return == RETURN_HEADERS ? SMTP_RET_HDRS
                                                      : SMTP_RET_UNSAID,
        .envid = to_xtext(letter->envelope_id, arena),
        .recipients = recipients,
        .n_recipients = letter->n_recipients,
    };
}

/* Settle a letter that this server cannot take. */
static bool fits(struct transaction *t)
{
    switch (smtp_client_fits(&t->session->client, &t->mail)) {
    case SMTP_CLIENT_FITS:
        return true;
    case SMTP_CLIENT_TOO_LARGE:
        settle_text(t, DELIVERY_FAILED, "5.3.4",
                    arena_printf(t->arena,
                                 "the letter has %llu bytes, the receiving server takes %llu",
                                 (unsigned long long)t->mail.size,
                                 (unsigned long long)t->session->client.size_max));
        break;
    case SMTP_CLIENT_NEEDS_8BIT:
        settle_text(t, DELIVERY_FAILED, "5.6.3",
                    SLICE("the receiving server takes no letters with 8-bit characters; send it "
                          "encoded as base64 or quoted-printable"));
        break;
    case SMTP_CLIENT_NEEDS_UTF8:
        settle_text(t, DELIVERY_FAILED, "5.6.7",
                    SLICE("the receiving server takes no addresses or header fields beyond ASCII"));
        break;
    case SMTP_CLIENT_NEEDS_REQUIRE:
        settle_text(t, DELIVERY_FAILED, "5.7.30",
                    SLICE("the receiving server does not promise to keep the letter encrypted"));
        break;
    }
    return false;
}

/* ---- the letter ------------------------------------------------------------------------------ */

static bool flush(struct session *s, struct error *e)
{
    bool written = conn_write(s->conn, buf_slice(&s->out),
                              session_deadline_ms(s, s->settings->command_timeout_ms), e);
    buf_reset(&s->out);
    return written;
}

static bool put(struct session *s, struct slice piece, struct error *e)
{
    while (piece.len > 0) {
        struct slice part = slice_head(piece, SESSION_OUT_MAX - s->out.len);
        buf_add(&s->out, part);
        piece = slice_from(piece, part.len);
        if (s->out.len == SESSION_OUT_MAX && !flush(s, e)) {
            return false;
        }
    }
    return true;
}

/* Write the letter and its end mark. The last write alone holds the final dot. */
static bool write_letter(struct transaction *t, struct error *e)
{
    struct session *s = t->session;
    struct smtp_data_writer writer;
    struct slice rest = t->letter->bytes;
    struct slice piece = SLICE_NONE;

    buf_reset(&s->out);
    smtp_data_writer_init(&writer);
    while (smtp_data_write(&writer, &rest, &piece)) {
        if (!put(s, piece, e)) {
            return false;
        }
    }
    struct slice end = smtp_data_writer_end(&writer);
    if (s->out.len + end.len > SESSION_OUT_MAX && !flush(s, e)) {
        return false;
    }
    buf_add(&s->out, end);
    t->dotted = true;
    /* Whoever has it all is waited for: giving up now would make a duplicate. */
    s->end_ms = INT64_MAX;
    return flush(s, e);
}

/* The connection broke within the letter. The server may have said why before it stopped reading. */
static enum smtp_client_event last_words(struct transaction *t, struct error *e)
{
    struct error ignored = {0};

    smtp_client_body_sent(&t->session->client);
    enum smtp_client_event event = session_step(t->session, LAST_WORDS_MS, &ignored);
    if (event == SMTP_CLIENT_DONE && (t->dotted || t->session->client.reply.code >= 400)) {
        t->session->broken = true;
        return event;
    }
    (void)error_add(e, "within the letter");
    return SMTP_CLIENT_BROKEN;
}

static enum smtp_client_event deliver_body(struct transaction *t, struct error *e)
{
    if (!write_letter(t, e)) {
        return last_words(t, e);
    }
    smtp_client_body_sent(&t->session->client);
    return session_step(t->session, t->session->settings->data_timeout_ms, e);
}

/* ---- the replies ----------------------------------------------------------------------------- */

static void recipient_answered(struct transaction *t)
{
    const struct smtp_client *c = &t->session->client;
    struct recipient_outcome *outcome = &t->outcomes[c->recipient];

    if (c->reply.code < 300) {
        return; /* the reply to the letter decides */
    }
    *outcome = outcome_of_reply(&c->reply, "1.0", t->arena);
    outcome->address = t->letter->recipients[c->recipient].address;
    /* Too many recipients at once, in the words of RFC 821; a full mailbox says 5.2.2. */
    if (c->reply.code == 552 && c->accepted > 0 &&
        (c->reply.status.klass == 0 || c->reply.status.subject == 5)) {
        outcome->status = DELIVERY_DEFERRED;
        outcome->enhanced = SLICE("4.5.3");
    }
}

/* The reply to the letter, or to the command that ended the transaction. */
static void settle_reply(struct transaction *t, const char *about)
{
    struct recipient_outcome outcome = outcome_of_reply(&t->session->client.reply, about, t->arena);

    if (outcome.status == DELIVERY_DELIVERED && t->letter->relayed) {
        outcome.status = DELIVERY_RELAYED;
    }
    settle(t, outcome);
}

static void settle_broken(struct transaction *t, const struct error *e)
{
    t->session->broken = true;
    if (t->dotted) {
        settle_text(t, DELIVERY_UNKNOWN, "4.4.2",
                    arena_printf(t->arena, "%s; the letter may have arrived", e->text));
    } else {
        settle_text(t, DELIVERY_DEFERRED, "4.4.2", slice_text(e->text));
    }
}

/* One event of the transaction. True when it was the last. */
static bool handle(struct transaction *t, enum smtp_client_event event, const struct error *e)
{
    const struct smtp_reply *reply = &t->session->client.reply;

    switch (event) {
    case SMTP_CLIENT_SENDER:
        t->sender_answered = reply->code != 421;
        if (reply->code >= 300) {
            settle_reply(t, "1.0");
        }
        return false;
    case SMTP_CLIENT_RECIPIENT:
        recipient_answered(t);
        return false;
    case SMTP_CLIENT_FAILED:
    case SMTP_CLIENT_DONE:
        settle_reply(t, "0.0");
        return true;
    case SMTP_CLIENT_CLOSED:
        t->session->broken = true;
        settle_reply(t, "3.2");
        return true;
    case SMTP_CLIENT_BROKEN:
        settle_broken(t, e);
        return true;
    case SMTP_CLIENT_WAIT:
    case SMTP_CLIENT_READY:
    case SMTP_CLIENT_TLS:
    case SMTP_CLIENT_NO_TLS:
    case SMTP_CLIENT_AUTH:
    case SMTP_CLIENT_BODY:
        break;
    }
    assert(false && "an event that belongs to no transaction");
    return true;
}

static void transact(struct transaction *t)
{
    struct session *s = t->session;
    struct error e = {0};
    bool over = false;

    smtp_client_send(&s->client, &t->mail);
    while (!over) {
        enum smtp_client_event event = session_step(s, s->settings->command_timeout_ms, &e);
        if (event == SMTP_CLIENT_BODY) {
            event = deliver_body(t, &e);
        }
        over = handle(t, event, &e);
    }
    if (s->client.reply.code == 421) {
        s->broken = true;
    }
}

enum session_sent session_send(struct session *s, const struct session_letter *letter,
                               struct arena *arena, struct recipient_outcome *outcomes)
{
    struct transaction t = {
        .session = s,
        .letter = letter,
        .mail = to_mail(letter, arena),
        .outcomes = outcomes,
        .arena = arena,
    };
    bool reused = s->letters > 0;

    assert(!s->broken && letter->n_recipients > 0);
    memset(outcomes, 0, letter->n_recipients * sizeof(*outcomes));
    if (!fits(&t)) {
        return SESSION_READY;
    }
    s->letters++;
    s->end_ms = clock_steady_ms() + s->settings->attempt_timeout_ms;
    transact(&t);
    if (reused && s->broken && !t.sender_answered) {
        return SESSION_STALE;
    }
    return s->broken ? SESSION_OVER : SESSION_READY;
}
