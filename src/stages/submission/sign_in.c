#include "stages/submission/sign_in.h"

#include <poll.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"

#include "requests/keeper.h"

#define ANSWER_MAX    ((size_t)64 << 10)
#define FAILURES_MAX  3      /* on one connection */
#define DOOR_PAUSE_MS 2000   /* after a wrong password at a door */
#define CLOSED_MAX_MS 600000 /* then auth says again whether an address is closed */

void sign_in_init(struct client_sign_in *c, struct submission *service, struct conn *conn,
                  struct smtp_server *smtp)
{
    *c = (struct client_sign_in){.service = service, .conn = conn, .smtp = smtp};
    if (getrandom(c->connection, sizeof(c->connection), 0) != sizeof(c->connection)) {
        arena_panic("the kernel has no random numbers");
    }
}

static void pause_for(const struct client_sign_in *c, uint64_t delay_ms)
{
    struct pollfd p = {.fd = c->service->options.stop_fd, .events = POLLIN};

    if (delay_ms) {
        (void)poll(&p, 1, (int)delay_ms);
    }
}

static void count_failure(struct client_sign_in *c)
{
    if (++c->failures >= FAILURES_MAX) {
        smtp_server_end(c->smtp, 421, "4.7.0",
                        SLICE("Too many failed sign-ins: closing the connection"));
    }
}

/* Nobody may sign in from there for a while: from now on no connection is taken. */
static void close_address(struct client_sign_in *c, uint64_t closed_ms)
{
    const struct submission_options *o = &c->service->options;
    int64_t now = clock_steady_ms();
    int64_t until = closed_ms < CLOSED_MAX_MS ? now + (int64_t)closed_ms : now + CLOSED_MAX_MS;

    if (admission_close(c->service->admission, conn_peer(c->conn), until, now)) {
        bool addresses = o->settings(o->context)->general.log_addresses;
        log_event(LOG_WARNING, "session.address_closed",
                  LOG_NUMBER("seconds", (until - now) / 1000),
                  LOG_TEXT("client", addresses ? conn_peer_text(c->conn) : ""));
    }
}

/* Wrong, unknown or blocked: one sentence for the first two, so that nobody learns who exists. */
static void refuse(struct client_sign_in *c, enum login_verdict verdict)
{
    if (verdict == LOGIN_BUSY) {
        smtp_server_reply(c->smtp, 454, "4.7.0",
                          SLICE("Too many people are signing in: please try again"));
        return;
    }
    if (verdict == LOGIN_BLOCKED) {
        smtp_server_reply(c->smtp, 454, "4.7.0",
                          SLICE("Too many failed sign-ins: please wait some minutes"));
    } else if (verdict == LOGIN_UNREADABLE) {
        smtp_server_reply(c->smtp, 501, "5.5.2",
                          SLICE("What the mail program said to sign in could not be read"));
    } else {
        smtp_server_reply(
            c->smtp, 535, "5.7.8",
            SLICE("The user name or the password is wrong; whose account has a second "
                  "factor uses an app password: postern app-password add"));
    }
    count_failure(c);
}

/* Which of the two it is, its owner sees by `postern acts`. */
static void refuse_device(struct client_sign_in *c)
{
    smtp_server_reply(
        c->smtp, 535, "5.7.8",
        SLICE("No device may sign in here by this certificate, or it may not now or from there"));
    count_failure(c);
}

/* What auth has refused; `device`: by a certificate. */
static void refuse_answered(struct client_sign_in *c, const struct auth_login_answer *answer,
                            bool device)
{
    if (answer->closed_ms) {
        close_address(c, answer->closed_ms);
    }
    pause_for(c, answer->delay_ms);
    if (answer->closed_ms) {
        smtp_server_end(
            c->smtp, 421, "4.7.0",
            SLICE("Too many failed sign-ins from your address: please try again later"));
    } else if (device && answer->verdict == LOGIN_REFUSED) {
        refuse_device(c);
    } else {
        refuse(c, (enum login_verdict)answer->verdict);
    }
}

static void no_answer(struct client_sign_in *c, const struct error *e)
{
    log_event(LOG_ERROR, "session.login_failed", LOG_TEXT("reason", e->text));
    smtp_server_reply(c->smtp, 454, "4.7.0",
                      SLICE("Signing in does not work at the moment: please try again"));
}

static bool keep_session(struct client_sign_in *c, const struct auth_login_answer *answer)
{
    if (answer->verdict != LOGIN_ACCEPTED || answer->session.len != AUTH_SESSION_LEN) {
        return false;
    }
    (void)memcpy(c->handle, answer->session.ptr, AUTH_SESSION_LEN);
    c->open = true;
    return true;
}

static void accept_it(struct client_sign_in *c)
{
    c->done = true;
    admission_open(c->service->admission, conn_peer(c->conn));
    smtp_server_accept(c->smtp);
}

/* ── one message: PLAIN, LOGIN ── */

/* At a door there is one name. */
static void at_door(struct client_sign_in *c, const struct smtp_credentials *said)
{
    const struct submission_door *door = c->service->options.door;

    if (door->sign_in && said->authorize.len == 0 &&
        door->sign_in(door->context, said->user, said->password)) {
        accept_it(c);
    } else {
        pause_for(c, DOOR_PAUSE_MS);
        refuse(c, LOGIN_REFUSED);
    }
}

void sign_in_credentials(struct client_sign_in *c, const struct smtp_credentials *said)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    struct auth_login_ask ask = {
        .user = said->user,
        .password = said->password,
        .client = slice_text(conn_peer_text(c->conn)),
        .mechanism = said->mechanism == SMTP_PLAIN ? SLICE("PLAIN") : SLICE("LOGIN"),
        .device = c->device,
    };
    struct auth_login_answer answer = {.verdict = LOGIN_REFUSED};
    struct error e;

    if (c->service->options.door) {
        at_door(c, said);
    } else if (said->authorize.len && !slice_equal(said->authorize, said->user)) {
        smtp_server_reply(c->smtp, 535, "5.7.8", SLICE("You can sign in as yourself only"));
        c->failures++;
    } else if (!ipc_call(c->service->options.auth, &auth_login, &ask, -1, &answer, NULL, &arena,
                         LOGIN_WITHIN_MS, &e)) {
        no_answer(c, &e);
    } else if (keep_session(c, &answer)) {
        accept_it(c);
    } else {
        refuse_answered(c, &answer, false);
    }
}

/* ── several messages ── */

static struct slice name_of(enum smtp_mechanism mechanism)
{
    struct slice name = SLICE_NONE;
    size_t n = 0;

    while (smtp_mechanism_at(n, &name) != mechanism) {
        n++;
    }
    return name;
}

/* By the certificate of this connection's handshake. A session that was resumed has none. */
static void sign_in_device(struct client_sign_in *c, const struct smtp_sasl *said)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    OWN(buf) struct buf chain = {.max = AUTH_CHAIN_MAX};
    struct auth_external_ask ask = {
        .client = slice_text(conn_peer_text(c->conn)), .as = said->message, .device = c->device};
    struct auth_login_answer answer = {.verdict = LOGIN_REFUSED};
    struct error e;

    bool readable = said->message.len <= LETTER_ADDRESS_MAX && slice_is_utf8(said->message) &&
                    conn_peer_chain(c->conn, &chain);
    ask.certificates = buf_slice(&chain);
    if (!readable) {
        refuse(c, LOGIN_UNREADABLE);
    } else if (!ipc_call(c->service->options.auth, &auth_external, &ask, -1, &answer, NULL, &arena,
                         LOGIN_WITHIN_MS, &e)) {
        no_answer(c, &e);
    } else if (keep_session(c, &answer)) {
        accept_it(c);
    } else {
        refuse_answered(c, &answer, true);
    }
}

static bool ask_auth(struct client_sign_in *c, const struct smtp_sasl *said, struct arena *arena,
                     struct auth_login_answer *answer, struct error *e)
{
    const struct slice client = slice_text(conn_peer_text(c->conn));
    uint8_t exporter[AUTH_EXPORTER_LEN];
    bool exported = conn_tls_exporter(c->conn, exporter);
    const struct auth_sasl_begin_ask first = {
        .connection = SLICE_ARRAY(c->connection),
        .client = client,
        .mechanism = name_of(said->mechanism),
        .message = said->message,
        .device = c->device,
        .exporter = slice_of(exporter, exported ? sizeof(exporter) : 0)};
    const struct auth_sasl_next_ask next = {.connection = SLICE_ARRAY(c->connection),
                                            .client = client,
                                            .exchange = SLICE_ARRAY(c->exchange),
                                            .message = said->message,
                                            .device = c->device};

    return ipc_call(c->service->options.auth, said->first ? &auth_sasl_begin : &auth_sasl_next,
                    said->first ? (const void *)&first : (const void *)&next, -1, answer, NULL,
                    arena, LOGIN_WITHIN_MS, e);
}

/* The client has our last message. It answers with nothing when that convinced it (RFC 4954 section 4). */
static void conclude(struct client_sign_in *c, const struct smtp_sasl *said)
{
    c->last_said = false;
    if (said->message.len == 0) {
        accept_it(c);
        return;
    }
    sign_in_end(c);
    refuse(c, LOGIN_UNREADABLE);
}

void sign_in_message(struct client_sign_in *c, const struct smtp_sasl *said)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    struct auth_login_answer answer = {.verdict = LOGIN_REFUSED};
    struct error e;

    if (!said->first && c->last_said) {
        conclude(c, said);
        return;
    }
    if (said->mechanism == SMTP_EXTERNAL) {
        sign_in_device(c, said);
        return;
    }
    if (!ask_auth(c, said, &arena, &answer, &e)) {
        no_answer(c, &e);
        return;
    }
    bool fits = answer.message.len <= SMTP_CHALLENGE_MAX;
    if (answer.verdict == LOGIN_CONTINUES && answer.exchange.len == AUTH_EXCHANGE_LEN && fits) {
        (void)memcpy(c->exchange, answer.exchange.ptr, AUTH_EXCHANGE_LEN);
        pause_for(
            c,
            answer.delay_ms); /* of a token that is refused, whose error the client reads first */
        smtp_server_challenge(c->smtp, answer.message);
    } else if (keep_session(c, &answer) && fits) {
        c->last_said = answer.message.len > 0;
        if (c->last_said) {
            smtp_server_challenge(c->smtp, answer.message);
        } else {
            accept_it(c);
        }
    } else {
        refuse_answered(c, &answer, false);
    }
}

void sign_in_end(struct client_sign_in *c)
{
    if (c->open) {
        endings_add(c->service->endings, c->handle);
        explicit_bzero(c->handle, sizeof(c->handle));
    }
    c->open = false;
    c->last_said = false;
}
