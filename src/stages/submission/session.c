/* One client's session: the machine of formats/smtp/server says what the client wants, this file
 * does it. Straight down: read, next request, do, answer, write. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/smtp/server.h"
#include "letter/device.h"
#include "requests/keeper.h"
#include "stages/submission/collect.h"
#include "stages/submission/envelope.h"
#include "stages/submission/internal.h"
#include "stages/submission/recipient.h"
#include "stages/submission/sign_in.h"

/* The longest wait of one read is a record's payload behind an unfinished line. */
#define INPUT_MAX ((size_t)CONN_READ_MAX + SMTP_INPUT_MIN)

#define ANSWER_MAX      ((size_t)64 << 10)
#define HELO_MAX        255
#define ERRORS_MAX      20
#define COMMANDS_SPARE  200
#define CLOSE_WITHIN_MS 1000
#define LINE_END_LEN    2
#define FEATURES_OFFERED                                                                           \
    (SMTP_PIPELINING | SMTP_SIZE | SMTP_STARTTLS | SMTP_AUTH | SMTP_8BITMIME | SMTP_SMTPUTF8 |     \
     SMTP_CHUNKING | SMTP_DSN | SMTP_ENHANCEDSTATUSCODES | SMTP_REQUIRETLS)

struct session {
    struct submission *service;
    const struct settings *settings; /* those of the connection's beginning */
    struct conn *conn;
    struct smtp_server_config config;
    struct smtp_server smtp;
    struct buf in;
    struct slice unread; /* the end of `in` */
    int64_t ends_at_ms;
    int64_t login_until_ms; /* 0 once somebody has signed in */
    struct client_sign_in sign_in;
    uint64_t letters;
    size_t helo_len;
    uint8_t helo[HELO_MAX];
    struct envelope envelope;
    struct collect letter;
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the client's patience with us, or ours with the client, is over. */
static int64_t deadline_of(const struct session *s, int64_t silence_ms)
{
    int64_t deadline = earlier(clock_steady_ms() + silence_ms, s->ends_at_ms);

    return s->login_until_ms ? earlier(deadline, s->login_until_ms) : deadline;
}

static bool flush(struct session *s)
{
    struct slice out = smtp_server_output(&s->smtp);
    struct error ignored;

    if (out.len &&
        !conn_write(s->conn, out, deadline_of(s, s->settings->submission.command_timeout_ms),
                    &ignored)) {
        return false;
    }
    smtp_server_sent(&s->smtp);
    return true;
}

static void end(struct session *s, const char *enhanced, const char *text)
{
    smtp_server_end(&s->smtp, 421, enhanced, slice_text(text));
}

/* Forget what was consumed. Before somebody has signed in it may hold a password. */
static void drop_consumed(struct session *s)
{
    size_t used = s->in.len - s->unread.len;

    if (used == 0) {
        return;
    }
    buf_drop(&s->in, used);
    if (!s->sign_in.done) {
        explicit_bzero(s->in.ptr + s->in.len, used);
    }
    if (s->in.len == 0) {
        buf_done(&s->in); /* nothing is kept while a client is silent */
    }
    s->unread = buf_slice(&s->in);
}

/* The client was silent for too long, or everybody is to leave. */
static void time_is_up(struct session *s, bool idle)
{
    if (idle && submission_stopping(s->service)) {
        end(s, "4.3.2", "The server is being restarted: please try again");
    } else if (clock_steady_ms() >= s->ends_at_ms) {
        end(s, "4.4.2", "The connection has lasted too long: please connect again");
    } else {
        end(s, "4.4.2", "The connection was silent for too long");
    }
}

/* Wait for more from the client. False when there is none to be had. */
static bool read_more(struct session *s)
{
    const struct submission_settings *limits = &s->settings->submission;
    bool idle = smtp_server_idle(&s->smtp);
    int64_t silence = idle ? limits->command_timeout_ms : limits->data_timeout_ms;
    enum conn_event event = CONN_CLOSED;
    struct error e;

    drop_consumed(s);
    conn_stop_by(s->conn, idle ? s->service->options.stop_fd : -1);
    bool ok = conn_read(s->conn, &s->in, deadline_of(s, silence), &event, &e);
    s->unread = buf_slice(&s->in);
    if (ok && event == CONN_TIMED_OUT) {
        time_is_up(s, idle);
        return true; /* the machine ends the dialogue */
    }
    return ok && event == CONN_BYTES;
}

/* ---- signing in ------------------------------------------------------------------------------ */

static const struct submission_door *door_of(const struct session *s)
{
    return s->service->options.door;
}

static void on_auth(struct session *s, enum smtp_got got, const struct smtp_request *request)
{
    if (got == SMTP_GOT_AUTH) {
        sign_in_credentials(&s->sign_in, &request->credentials);
        explicit_bzero(s->in.ptr, s->in.len - s->unread.len);
    } else {
        sign_in_message(&s->sign_in, &request->sasl);
    }
    s->login_until_ms = s->sign_in.done ? 0 : s->login_until_ms;
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* The transaction is over, whatever became of it. */
static void forget(struct session *s)
{
    collect_drop(&s->letter);
    envelope_forget(&s->envelope);
}

static void on_mail(struct session *s, const struct smtp_mail *mail)
{
    size_t left = s->service->budget.max - ipc_budget_used(&s->service->budget);
    const struct submission_door *door = door_of(s);

    if (door && door->passes && !door->passes(door->context, s->conn)) {
        smtp_server_reply(&s->smtp, 550, "5.7.1",
                          SLICE("Nobody may send from here who does not prove who he is"));
        return;
    }
    if (s->letters >= s->settings->submission.letters_per_connection) {
        smtp_server_reply(&s->smtp, 421, "4.7.0",
                          SLICE("Enough letters on one connection: please connect again"));
        return;
    }
    if (mail->size > left) {
        smtp_server_reply(&s->smtp, 452, "4.3.1",
                          SLICE("Too many letters are being received: please try again later"));
        return;
    }
    envelope_begin(&s->envelope, mail);
    smtp_server_accept(&s->smtp);
}

static void on_rcpt(struct session *s, const struct smtp_rcpt *rcpt)
{
    const struct config_list *ours = &s->settings->general.domains;
    const struct submission_door *door = door_of(s);

    if (!door && !recipient_is_known(s->service, s->settings, SLICE_ARRAY(s->sign_in.handle),
                                     conn_peer_text(s->conn), rcpt, &s->smtp)) {
        return;
    }

    if (door && door->knows && !door->knows(door->context, rcpt->recipient.text)) {
        smtp_server_reply(&s->smtp, 550, "5.1.1", SLICE("Nobody of this name is here"));
        return;
    }
    envelope_add(&s->envelope, rcpt, ours->count ? *(const struct slice *)ours->items : SLICE_NONE);
    smtp_server_accept(&s->smtp);
}

/* ---- the letter ------------------------------------------------------------------------------ */

static void on_body(struct session *s, struct slice run)
{
    struct error e;

    if (collect_add(&s->letter, run, &e)) {
        return;
    }
    log_event(LOG_WARNING, "session.letter_not_received", LOG_TEXT("reason", e.text),
              LOG_NUMBER("bytes", s->letter.len));
    collect_drop(&s->letter);
    smtp_server_discard(&s->smtp, 452, "4.3.1",
                        SLICE("Too many letters are being received: please try again later"));
}

static void say_answer(struct session *s, const struct keeper_submit_answer *answer)
{
    char enhanced[16];
    struct slice text = submission_split_status(answer->text, enhanced, sizeof(enhanced));
    bool sound = answer->code == 250 || (answer->code >= 400 && answer->code <= 599);

    if (answer->code == 530) {
        /* The keeper was restarted and knows no session any more: what is temporary must not look
         * final to a mail program. */
        smtp_server_reply(&s->smtp, 421, "4.7.0",
                          SLICE("Your sign-in has ended: please connect again"));
        return;
    }
    smtp_server_reply(&s->smtp, sound ? (int)answer->code : 451, enhanced[0] ? enhanced : NULL,
                      text);
}

/* Let the door take it. What cannot be recorded now comes again: it is known by its content if it was. */
static void on_door_letter(struct session *s, int fd, struct arena *arena)
{
    const struct submission_door *door = door_of(s);
    struct keeper_submit_answer answer = {0};
    struct error e;

    if (fd >= 0 && door->take(door->context, s->conn, &s->envelope.ask, fd, arena, &answer, &e)) {
        s->letters += answer.code == 250;
        say_answer(s, &answer);
        return;
    }
    log_event(LOG_ERROR, "session.letter_not_recorded",
              LOG_TEXT("reason", fd >= 0 ? e.text : "no memory file"));
    smtp_server_reply(&s->smtp, 451, "4.3.0",
                      SLICE("The letter could not be recorded: please try again later"));
}

/* Hand the letter on and say the keeper's answer. False when there was none: the letter may be in the
 * ledger or not, which no reply code can say, so the connection ends without one. The client sends
 * again, and the keeper knows a repetition. */
static bool on_letter(struct session *s)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    struct keeper_submit_ask *ask = &s->envelope.ask;
    const struct conn_tls *tls = conn_tls(s->conn);
    struct keeper_submit_answer answer;
    struct error e;
    bool answered = true;
    int fd = collect_seal(&s->letter, &e);

    ask->session = SLICE_ARRAY(s->sign_in.handle);
    ask->recipients = (struct cbor_list){s->envelope.recipients, s->envelope.n_recipients};
    ask->client = slice_text(conn_peer_text(s->conn));
    ask->helo = slice_of(s->helo, s->helo_len);
    ask->tls_version = slice_text(tls->version);
    ask->tls_cipher = slice_text(tls->cipher);
    if (door_of(s)) {
        on_door_letter(s, fd, &arena);
    } else if (fd < 0) {
        log_event(LOG_ERROR, "session.letter_not_handed_on", LOG_TEXT("reason", e.text));
        smtp_server_reply(&s->smtp, 451, "4.3.0",
                          SLICE("The letter could not be recorded: please try again later"));
    } else if (ipc_call(s->service->options.keeper, &keeper_submit, ask, fd, &answer, NULL, &arena,
                        SUBMIT_WITHIN_MS, &e)) {
        s->letters += answer.code == 250;
        say_answer(s, &answer);
    } else {
        log_event(LOG_ERROR, "session.letter_unanswered", LOG_TEXT("reason", e.text));
        answered = false;
    }
    forget(s);
    return answered;
}

/* ---- the dialogue ---------------------------------------------------------------------------- */

static bool shake_hands(struct session *s)
{
    OWN(tls_server) struct tls_server *tls = submission_tls(s->service);
    int64_t deadline = deadline_of(s, s->settings->submission.command_timeout_ms);
    struct error e;

    if (!tls) {
        return false;
    }
    conn_stop_by(s->conn, s->service->options.stop_fd);
    if (!conn_tls_accept(s->conn, tls, deadline, &e)) {
        log_event(LOG_INFO, "session.no_tls", LOG_TEXT("reason", e.text));
        return false;
    }
    if (!door_of(s) && s->settings->auth.devices &&
        conn_tls(s->conn)->verdict != TLS_NO_CERTIFICATE) {
        s->config.mechanisms |= SMTP_EXTERNAL; /* to who showed a certificate, and to nobody else */
    }
    return true;
}

static bool start_tls(struct session *s)
{
    smtp_server_accept(&s->smtp);
    drop_consumed(s);
    if (!flush(s) || !shake_hands(s)) {
        return false;
    }
    s->helo_len = 0;
    s->sign_in.device = SLICE_NONE;
    smtp_server_secured(&s->smtp);
    return true;
}

static void on_hello(struct session *s, struct slice name)
{
    s->helo_len = name.len < HELO_MAX ? name.len : HELO_MAX;
    (void)memcpy(s->helo, name.ptr, s->helo_len);
    s->sign_in.device = device_name(slice_of(s->helo, s->helo_len));
    forget(s);
    smtp_server_accept(&s->smtp);
}

/* Do what the client wants next. False when the session is over. */
static bool take_turn(struct session *s)
{
    struct smtp_request request;

    enum smtp_got got = smtp_server_next(&s->smtp, &s->unread, &request);

    switch (got) {
    case SMTP_GOT_NOTHING:
        return flush(s) && read_more(s);
    case SMTP_GOT_FLUSH:
        return flush(s);
    case SMTP_GOT_HELLO:
        on_hello(s, request.name);
        return true;
    case SMTP_GOT_STARTTLS:
        return start_tls(s);
    case SMTP_GOT_AUTH:
    case SMTP_GOT_SASL:
        on_auth(s, got, &request);
        return true;
    case SMTP_GOT_SASL_END:
        sign_in_end(&s->sign_in);
        return true;
    case SMTP_GOT_MAIL:
        on_mail(s, &request.mail);
        return true;
    case SMTP_GOT_RCPT:
        on_rcpt(s, &request.rcpt);
        return true;
    case SMTP_GOT_DATA:
        smtp_server_accept(&s->smtp);
        return true;
    case SMTP_GOT_BODY:
        on_body(s, request.body);
        return true;
    case SMTP_GOT_LETTER:
        return on_letter(s);
    case SMTP_GOT_RESET:
        forget(s);
        return true;
    case SMTP_GOT_END:
        conn_ends(s->conn);
        (void)flush(s);
        return false;
    }
    return false;
}

_Static_assert(SETTINGS_SIZE_LIMIT_MAX == LETTER_BYTES_MAX, "what may be set can be recorded");
_Static_assert(SETTINGS_RECIPIENTS_LIMIT_MAX == LETTER_RECIPIENTS_MAX, "as many as a record holds");

static void configure(struct session *s)
{
    const struct submission_settings *limits = &s->settings->submission;
    uint32_t recipients = (uint32_t)limits->recipients_limit;
    const struct submission_door *door = door_of(s);
    bool open = door && !door->sign_in;
    bool scram = !door && s->settings->auth.scram;
    bool tokens = !door && settings_oidc_mail(s->settings);
    bool whole = door && door->size_limit;

    s->config = (struct smtp_server_config){
        .host = s->settings->general.hostname,
        .features = FEATURES_OFFERED & (open ? ~(unsigned)SMTP_AUTH : ~0U),
        .mechanisms = SMTP_PLAIN | SMTP_LOGIN |
                      (scram ? (unsigned)(SMTP_SCRAM_SHA_256 | SMTP_SCRAM_SHA_256_PLUS) : 0U) |
                      (tokens ? (unsigned)(SMTP_OAUTHBEARER | SMTP_XOAUTH2) : 0U),
        .size_max = whole ? door->size_limit : limits->size_limit,
        .recipients_max = recipients,
        .line_max = whole ? 0 : (uint32_t)limits->line_limit - LINE_END_LEN,
        .errors_max = ERRORS_MAX,
        .commands_max = 2 * recipients + COMMANDS_SPARE,
        .open = open,
    };
    s->login_until_ms = open ? 0 : s->login_until_ms;
}

void session_serve(struct submission *service, struct conn *c, bool implicit_tls)
{
    struct session *s = calloc(1, sizeof(*s));
    int64_t now = clock_steady_ms();

    if (!s) {
        arena_panic("out of memory");
    }
    s->service = service;
    s->settings = service->options.settings(service->options.context);
    s->conn = c;
    s->in.max = INPUT_MAX;
    s->ends_at_ms = now + s->settings->submission.session_timeout_ms;
    s->login_until_ms = now + s->settings->submission.login_timeout_ms;
    envelope_init(&s->envelope);
    collect_init(&s->letter, &service->budget);
    configure(s);
    sign_in_init(&s->sign_in, service, c, &s->smtp);
    smtp_server_init(&s->smtp, &s->config, implicit_tls);
    if (!implicit_tls || shake_hands(s)) {
        while (take_turn(s)) {
        }
        conn_half_close(c);
    }
    sign_in_end(&s->sign_in);
    forget(s);
    buf_done(&s->in);
    conn_close(c, clock_steady_ms() + CLOSE_WITHIN_MS);
    free(s);
}
