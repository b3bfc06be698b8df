#include "stages/delivery/session.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"

#include "formats/smtp/client.h"
#include "host/conn.h"
#include "host/dial.h"
#include "stages/delivery/internal.h"

#define QUIT_TIMEOUT_MS 2000
#define AUTH_MAX        255 /* octets of a name or password, as smtp_client_auth() takes them */

struct recipient_outcome session_outcome(enum delivery_status status, int code,
                                         const char *enhanced, struct slice reply,
                                         struct arena *arena)
{
    struct slice text = letter_text(arena, reply, SESSION_REPLY_MAX);
    uint8_t *line = (uint8_t *)arena_text(arena, text);

    for (size_t i = 0; i < text.len; i++) {
        line[i] = line[i] == '\n' ? ' ' : line[i]; /* a reply of several lines */
    }
    return (struct recipient_outcome){
        .status = status,
        .code = code > 0 ? (uint64_t)code : 0,
        .enhanced = arena_copy(arena, slice_text(enhanced)),
        .reply = slice_of(line, text.len),
    };
}

struct recipient_outcome outcome_of_reply(const struct smtp_reply *reply, const char *about,
                                          struct arena *arena)
{
    char enhanced[24];
    bool yes = reply->code < 300;
    bool never = reply->code >= 500;
    unsigned klass = yes ? 2 : never ? 5 : 4; /* a 3yz that nobody asked for: try again */

    if (reply->status.klass == klass) {
        (void)snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", klass, reply->status.subject,
                       reply->status.detail);
    } else {
        (void)snprintf(enhanced, sizeof(enhanced), "%u.%s", klass, about);
    }
    return session_outcome(yes     ? DELIVERY_DELIVERED
                           : never ? DELIVERY_FAILED
                                   : DELIVERY_DEFERRED,
                           reply->code, enhanced, smtp_reply_text(reply), arena);
}

/* Send what waits, or else wait for the server's words. */
static bool exchange(struct session *s, int64_t deadline_ms, struct error *e)
{
    enum conn_event got = CONN_BYTES;

    if (s->client.out_len > 0) {
        bool written = conn_write(s->conn, smtp_client_output(&s->client), deadline_ms, e);
        smtp_client_sent(&s->client);
        return written;
    }
    if (!conn_read(s->conn, &s->in, deadline_ms, &got, e)) {
        return false;
    }
    switch (got) {
    case CONN_BYTES:
        return true;
    case CONN_CLOSED:
        return error_set(e, ERROR_BUSY, "the server closed the connection");
    case CONN_TIMED_OUT:
        break;
    }
    return error_set(e, ERROR_BUSY, "the server did not answer in time");
}

int64_t session_deadline_ms(const struct session *s, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_steady_ms() + timeout_ms;

    return deadline_ms < s->end_ms ? deadline_ms : s->end_ms;
}

enum smtp_client_event session_step(struct session *s, int64_t timeout_ms, struct error *e)
{
    int64_t deadline_ms = session_deadline_ms(s, timeout_ms);

    for (;;) {
        struct slice in = buf_slice(&s->in);
        enum smtp_client_event event = smtp_client_next(&s->client, &in, e);

        buf_drop(&s->in, s->in.len - in.len);
        if (event != SMTP_CLIENT_WAIT) {
            return event;
        }
        if (!exchange(s, deadline_ms, e)) {
            s->lost = true;
            return SMTP_CLIENT_BROKEN;
        }
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool cannot(struct recipient_outcome *why, struct arena *arena, const char *enhanced,
                   const char *what, const struct error *e)
{
    struct slice text =
        e->kind == ERROR_NONE ? slice_text(what) : arena_printf(arena, "%s: %s", what, e->text);
    *why = session_outcome(DELIVERY_DEFERRED, 0, enhanced, text, arena);
    return false;
}

/* Step to the end of a hello. A greeting or EHLO that is refused has its own reply. */
static bool become_ready(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    struct error e = {0};
    enum smtp_client_event event = session_step(s, s->settings->command_timeout_ms, &e);

    if (event == SMTP_CLIENT_READY) {
        return true;
    }
    s->broken = true;
    if (event == SMTP_CLIENT_CLOSED || (e.kind != ERROR_INPUT && !s->lost)) {
        *why = outcome_of_reply(&s->client.reply, "3.2", arena);
        return false;
    }
    return cannot(why, arena, "4.4.2", "the server could not be greeted", &e);
}

static bool shake_hands(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    struct error e = {0};
    int64_t deadline_ms = session_deadline_ms(s, s->settings->command_timeout_ms);

    const struct proof *proof = &s->peer.proof;
    const struct tls_expected expected = {
        .name = proof->name.len ? proof->name : s->peer.host,
        .sni_alone = proof->sni_alone,
        .others = proof->names,
        .n_others = proof->n_names,
        .tlsa = proof->tlsa,
        .n_tlsa = proof->n_tlsa,
    };

    if (conn_tls_connect_to(s->conn, s->settings->trust, &expected, deadline_ms, &e)) {
        return true;
    }
    s->broken = true;
    s->tls_failed = true;
    return cannot(why, arena, "4.7.5", "TLS with the server failed", &e);
}

static bool start_tls(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    struct error e = {0};

    if (!(s->client.features & SMTP_STARTTLS)) {
        s->too_weak = true;
        return cannot(why, arena, "4.7.4",
                      "the server offers no STARTTLS, and this letter must not leave unencrypted",
                      &e);
    }
    smtp_client_starttls(&s->client);
    enum smtp_client_event event = session_step(s, s->settings->command_timeout_ms, &e);
    if (event == SMTP_CLIENT_NO_TLS) {
        s->too_weak = true;
        (void)error_set(&e, ERROR_BUSY, "%d %.*s", s->client.reply.code,
                        SLICE_ARG(smtp_reply_text(&s->client.reply)));
        return cannot(why, arena, "4.7.4",
                      "the server refused STARTTLS, and this letter must not leave unencrypted",
                      &e);
    }
    if (event != SMTP_CLIENT_TLS) {
        s->broken = true;
        s->tls_failed = true;
        return cannot(why, arena, "4.7.5", "STARTTLS failed", &e);
    }
    if (!shake_hands(s, arena, why)) {
        return false;
    }
    smtp_client_secured(&s->client);
    return become_ready(s, arena, why);
}

enum tls_level session_level(const struct session *s)
{
    return proof_level(&s->peer.proof, conn_tls(s->conn));
}

/* The domain says which certificates are its servers', and this one is none of them. */
static bool disprove(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    s->disproved = true;
    *why = session_outcome(
        DELIVERY_DEFERRED, 0, "4.7.5",
        arena_printf(arena, "the certificate of %.*s is not one that its domain means (%s; %.*s)",
                     SLICE_ARG(s->peer.host), tls_verdict_text(conn_tls(s->conn)->verdict),
                     SLICE_ARG(s->peer.proof.published)),
        arena);
    return false;
}

static bool level_suffices(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    const struct error none = {0};

    if (proof_failed(&s->peer.proof, conn_tls(s->conn))) {
        return disprove(s, arena, why);
    }
    if (session_level(s) >= s->peer.level) {
        return true;
    }
    s->too_weak = true;
    if (session_level(s) == LEVEL_CLEARTEXT) {
        return cannot(why, arena, "4.7.4", "this letter must not leave unencrypted", &none);
    }
    struct slice text =
        session_level(s) == LEVEL_VERIFIED
            ? arena_printf(
                  arena,
                  "nothing that the domain of %.*s publishes proves that it is its server, and "
                  "this letter needs it: it waits for DANE, MTA-STS or a pin",
                  SLICE_ARG(s->peer.host))
            : arena_printf(arena,
                           "the certificate of %.*s is not proven to be its own (%s), and this "
                           "letter needs it",
                           SLICE_ARG(s->peer.host), tls_verdict_text(conn_tls(s->conn)->verdict));
    *why = session_outcome(DELIVERY_DEFERRED, 0, "4.7.5", text, arena);
    return false;
}

bool session_keeps_tls(const struct session *s)
{
    return s->client.features & SMTP_REQUIRETLS && session_level(s) >= LEVEL_VERIFIED &&
           s->peer.proof.named;
}

static bool sign_in(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    struct error e = {0};
    enum smtp_mechanism mechanism = s->client.mechanisms & SMTP_PLAIN ? SMTP_PLAIN : SMTP_LOGIN;

    if (s->peer.user.len == 0) {
        return true;
    }
    if (!s->client.tls || s->peer.user.len > AUTH_MAX || s->peer.password.len == 0 ||
        s->peer.password.len > AUTH_MAX) {
        return cannot(why, arena, "4.7.8", "an account is used under TLS and with a password only",
                      &e);
    }
    if (!(s->client.mechanisms & mechanism)) {
        return cannot(why, arena, "4.7.8", "the server offers neither AUTH PLAIN nor LOGIN", &e);
    }
    smtp_client_auth(&s->client, mechanism, s->peer.user, s->peer.password);
    enum smtp_client_event event = session_step(s, s->settings->command_timeout_ms, &e);
    if (event != SMTP_CLIENT_AUTH) {
        s->broken = true;
        return cannot(why, arena, "4.7.8", "signing in failed", &e);
    }
    if (s->client.reply.code != 235) {
        (void)error_set(&e, ERROR_DENIED, "%d %.*s", s->client.reply.code,
                        SLICE_ARG(smtp_reply_text(&s->client.reply)));
        return cannot(why, arena, "4.7.8", "the server refused our account", &e);
    }
    return true;
}

static bool dial(struct session *s, struct arena *arena, struct recipient_outcome *why)
{
    struct error e = {0};
    int fd = -1;
    int64_t deadline_ms = session_deadline_ms(s, s->settings->connect_timeout_ms);

    if (!dial_tcp(&s->peer.address, s->peer.from, deadline_ms, &fd, &e)) {
        return cannot(why, arena, "4.4.1", "the server could not be reached", &e);
    }
    s->conn = conn_new(fd);
    smtp_client_init(&s->client, s->settings->name, s->peer.implicit_tls);
    return true;
}

/* The first word of the EHLO reply is the server's name (RFC 5321 section 4.1.1.1). */
static void remember_name(struct session *s)
{
    struct slice rest = SLICE_NONE;
    struct slice line = slice_cut(smtp_reply_text(&s->client.reply), '\n', &rest);
    struct slice name = slice_head(slice_cut(line, ' ', &rest), sizeof(s->helo));

    s->helo_len = name.len;
    if (name.len > 0) {
        memcpy(s->helo, name.ptr, name.len);
    }
}

static bool converse(struct session *s, bool may_use_tls, struct arena *arena,
                     struct recipient_outcome *why)
{
    bool offered = false;

    if (!dial(s, arena, why) || (s->peer.implicit_tls && !shake_hands(s, arena, why)) ||
        !become_ready(s, arena, why)) {
        return false;
    }
    offered = s->client.features & SMTP_STARTTLS;
    if (!s->peer.implicit_tls && (s->peer.level > LEVEL_CLEARTEXT || (offered && may_use_tls)) &&
        !start_tls(s, arena, why) && !(s->peer.level == LEVEL_CLEARTEXT && !s->broken)) {
        return false;
    }
    remember_name(s);
    if (!level_suffices(s, arena, why)) {
        return false;
    }
    s->breaks_promise = s->peer.require_tls && !session_keeps_tls(s);
    return !s->breaks_promise && sign_in(s, arena, why);
}

/* RFC 8689 section 4.2.1: it goes back at once when no server will do. What may be an attack, a certificate that what the
 * domain publishes speaks against, is waited out as ever. */
static struct recipient_outcome no_promise(const struct session *s, struct arena *arena)
{
    return session_outcome(
        DELIVERY_FAILED, 0, "5.7.30",
        arena_printf(arena, "REQUIRETLS is wanted, and %.*s %s", SLICE_ARG(s->peer.host),
                     s->breaks_promise ? "does not offer it"
                                       : "has no TLS with a certificate that proves itself"),
        arena);
}

static struct session *session_new(const struct session_settings *settings,
                                   const struct session_peer *peer)
{
    struct session *s = calloc(1, sizeof(*s));
    size_t host = peer->host.len < sizeof(s->host) ? peer->host.len : sizeof(s->host);

    if (!s) {
        arena_panic("session");
    }
    s->settings = settings;
    s->opened_ms = clock_steady_ms();
    s->end_ms = s->opened_ms + settings->attempt_timeout_ms;
    s->peer = *peer;
    memcpy(s->host, peer->host.ptr, host);
    s->peer.host = slice_of(s->host, host);
    if (peer->proof.published.len > 0 && peer->proof.published.len <= sizeof(s->published)) {
        memcpy(s->published, peer->proof.published.ptr, peer->proof.published.len);
        s->peer.proof.published = slice_of(s->published, peer->proof.published.len);
    }
    buf_init(&s->in, SESSION_IN_MAX);
    buf_init(&s->out, SESSION_OUT_MAX);
    return s;
}

struct session *session_open(const struct session_settings *settings,
                             const struct session_peer *peer, struct arena *arena,
                             struct session_failure *failure)
{
    OWN(session) struct session *s = session_new(settings, peer);
    struct recipient_outcome why = {0};
    bool open = converse(s, true, arena, &why);

    /* Where cleartext is allowed by name, TLS that does not work is no reason to wait. */
    if (!open && s->tls_failed && !peer->implicit_tls && peer->level == LEVEL_CLEARTEXT) {
        session_close(s);
        s = session_new(settings, peer);
        open = converse(s, false, arena, &why);
    }
    if (!open) {
        bool promise = peer->require_tls && (s->breaks_promise || s->too_weak);
        *failure = (struct session_failure){.why = promise ? no_promise(s, arena) : why,
                                            .seen = session_evidence(s, arena),
                                            .tls_broken = s->tls_failed || s->disproved};
        /* What MTA-STS demands is waited for (RFC 8461 section 5): nobody needs to decide about it. */
        bool waits = s->too_weak && peer->proof.kind == PROOF_STS;
        failure->tls_broken |= waits;
        failure->seen.level = s->too_weak && !waits ? failure->seen.level : 0;
    }
    /* They are the attempt's that opened it. */
    s->peer.proof.tlsa = s->peer.proof.names = NULL;
    s->peer.proof.n_tlsa = s->peer.proof.n_names = 0;
    s->peer.proof.name = s->peer.host;
    return open ? TAKE(s, NULL) : NULL;
}

void session_close(struct session *s)
{
    struct error e = {0};

    if (!s) {
        return;
    }
    s->end_ms = INT64_MAX;
    if (s->conn && !s->broken) {
        smtp_client_quit(&s->client);
        enum smtp_client_event ignored = session_step(s, QUIT_TIMEOUT_MS, &e);
        (void)ignored;
        conn_close(TAKE(s->conn, NULL), clock_steady_ms() + QUIT_TIMEOUT_MS);
    }
    conn_free(s->conn);
    buf_done(&s->in);
    buf_done(&s->out);
    free(s);
}

/* ---- what it is worth ------------------------------------------------------------------------ */

bool session_is_quiet(struct session *s)
{
    return !s->broken && s->in.len == 0 && !conn_is_readable(s->conn);
}

uint64_t session_letters(const struct session *s)
{
    return s->letters;
}

int64_t session_opened_ms(const struct session *s)
{
    return s->opened_ms;
}

const struct session_peer *session_peer(const struct session *s)
{
    return &s->peer;
}

struct evidence session_evidence(const struct session *s, struct arena *arena)
{
    const struct conn_tls plain = {.on = false};
    const struct conn_tls *tls = s->conn ? conn_tls(s->conn) : &plain;
    char address[ADDRESS_TEXT_MAX];
    char proof[PROOF_TEXT_MAX];

    address_print(&s->peer.address, address);
    struct evidence evidence = {
        .host = arena_copy(arena, s->peer.host),
        .address = arena_copy(arena, slice_text(address)),
        .helo_name = letter_text(arena, slice_of(s->helo, s->helo_len), sizeof(s->helo)),
        .level = s->conn ? session_level(s) : 0,
        .dnssec = s->peer.dnssec,
        .dsn = s->client.features & SMTP_DSN,
        .published = arena_copy(arena, s->peer.proof.published),
    };
    if (tls->on) {
        evidence.tls_version = slice_text(tls->version);
        evidence.tls_cipher = slice_text(tls->cipher);
        evidence.verdict = slice_text(tls_verdict_text(tls->verdict));
        proof_text(&s->peer.proof, tls, proof);
        evidence.proof = arena_copy(arena, slice_text(proof));
        if (tls->verdict != TLS_NO_CERTIFICATE) {
            evidence.certificate = arena_copy(arena, SLICE_ARRAY(tls->peer_sha256));
        }
    }
    return evidence;
}
