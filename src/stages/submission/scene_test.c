#include "stages/submission/scene_test.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/dial.h"
#include "host/memfd.h"
#include "requests/signer.h"

#define SOON (clock_steady_ms() + 10000)

/* ---- the peers ------------------------------------------------------------------------------- */

static bool on_login(void *ctx, struct ipc_request *r, struct error *e)
{
    struct scene *s = ctx;
    const struct auth_login_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    bool right = slice_equal(ask->password, SLICE(SCENE_PASSWORD));
    uint64_t set = atomic_load(&s->verdict);

    (void)e;
    (void)atomic_fetch_add(&s->logins, 1);
    answer->verdict = set ? set : right ? LOGIN_ACCEPTED : LOGIN_REFUSED;
    answer->delay_ms = answer->verdict == LOGIN_ACCEPTED ? 0 : atomic_load(&s->delay_ms);
    if (answer->verdict == LOGIN_ACCEPTED) {
        answer->session = SLICE(SCENE_HANDLE);
        answer->account = arena_copy(r->arena, ask->user);
    }
    return true;
}

static void keep(char *out, struct slice text)
{
    (void)snprintf(out, SCENE_TEXT, "%.*s", SLICE_ARG(text));
}

static void keep_recipients(struct scene *s, const struct cbor_list *list)
{
    const struct recipient *all = list->items;
    size_t len = 0;

    for (size_t i = 0; i < list->count && len < SCENE_TEXT; i++) {
        len += (size_t)snprintf(
            s->recipients + len, SCENE_TEXT - len, "%s%.*s notify=%u orcpt=%.*s", i ? ";" : "",
            SLICE_ARG(all[i].address), (unsigned)all[i].notify, SLICE_ARG(all[i].orcpt));
    }
}

static void keep_envelope(struct scene *s, const struct keeper_submit_ask *ask)
{
    keep(s->reverse_path, ask->reverse_path);
    keep(s->envelope_id, ask->envelope_id);
    keep(s->client, ask->client);
    keep(s->tls_version, ask->tls_version);
    keep(s->helo, ask->helo);
    keep_recipients(s, &ask->recipients);
    s->dsn_return = ask->dsn_return;
    s->smtputf8 = ask->smtputf8;
    s->body_8bit = ask->body_8bit;
}

static bool on_submit(void *ctx, struct ipc_request *r, struct error *e)
{
    struct scene *s = ctx;
    const struct keeper_submit_ask *ask = r->ask;
    struct keeper_submit_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};

    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &map, e)) {
        return false;
    }
    if (!slice_equal(ask->session, SLICE(SCENE_HANDLE))) {
        return error_set(e, ERROR_DENIED, "another session");
    }
    (void)usleep((useconds_t)atomic_load(&s->submit_ms) * 1000);
    buf_reset(&s->letter);
    buf_add(&s->letter, map.bytes);
    keep_envelope(s, ask);
    (void)atomic_fetch_add(&s->letters, 1);
    answer->code = atomic_load(&s->code);
    answer->text = slice_text(atomic_load(&s->text));
    return answer->code || error_set(e, ERROR_BUSY, "the disk is slow");
}

static bool on_session_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct scene *s = ctx;

    const struct keeper_session_end_ask *ask = r->ask;

    (void)e;
    (void)atomic_fetch_add(&s->ends, ask->sessions.len / AUTH_SESSION_LEN);
    return true;
}

/* Does what the signer does for the one key that it has, whoever's certificate names it. */
static bool on_sign(void *ctx, struct ipc_request *r, struct error *e)
{
    struct scene *s = ctx;
    const struct signer_tls_ask *ask = r->ask;
    struct signer_signature *answer = r->answer;
    OWN(buf) struct buf signature = {.max = TLS_SIGNATURE_MAX};
    struct tls_sign_request request = {.scheme = (enum tls_scheme)ask->scheme, .digest = ask->data};
    char name[2 * TLS_DIGEST_LEN + 1];

    for (size_t i = 0; i < TLS_DIGEST_LEN; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", s->certificate->key_id[i]);
    }
    bool ours = slice_equal(ask->key, slice_text(name));
    if ((!ours && !atomic_load(&s->sign_for_all)) || ask->hash.len != 6) {
        return error_set(e, ERROR_DENIED, "no such key");
    }
    (void)memcpy(request.key_id, s->certificate->key_id, TLS_DIGEST_LEN);
    if (!certificate_sign(&s->keys, &request, &signature, e)) {
        return false;
    }
    answer->signature = arena_copy(r->arena, buf_slice(&signature));
    return true;
}

static const struct ipc_row keeper_rows[] = {
    {&keeper_submit,      0, on_submit     },
    {&keeper_session_end, 0, on_session_end},
};

/* SCRAM as two words, `first` and `good`. */
static bool on_sasl_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct auth_sasl_begin_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;

    (void)ctx;
    (void)e;
    answer->verdict =
        slice_equal(ask->message, SLICE("first")) ? LOGIN_CONTINUES : LOGIN_UNREADABLE;
    answer->exchange = ask->connection;
    answer->message = SLICE("go on");
    return true;
}

static bool on_sasl_next(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct auth_sasl_next_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;

    (void)ctx;
    (void)e;
    answer->verdict = LOGIN_REFUSED;
    if (slice_equal(ask->message, SLICE("good")) && slice_equal(ask->exchange, ask->connection)) {
        answer->verdict = LOGIN_ACCEPTED;
        answer->session = SLICE(SCENE_HANDLE);
        answer->message = SLICE("v=us");
    }
    return true;
}

static const struct ipc_row auth_rows[] = {
    {&auth_login,      0, on_login     },
    {&auth_sasl_begin, 0, on_sasl_begin},
    {&auth_sasl_next,  0, on_sasl_next },
};
static const struct ipc_row signer_rows[] = {
    {&signer_tls, 0, on_sign},
};
static const struct ipc_table tables[SCENE_PEERS] = {
    IPC_TABLE("submission", keeper_rows),
    IPC_TABLE("submission", auth_rows),
    IPC_TABLE("submission", signer_rows),
};

struct side {
    struct ipc_server *server;
    int fd;
};

static void *serve(void *argument)
{
    struct side side = *(struct side *)argument;
    struct error e;

    free(argument);
    assert_ok(ipc_serve(side.server, side.fd, &e), e);
    (void)close(side.fd);
    return NULL;
}

static void add_channel(struct scene *s, size_t peer)
{
    struct side *side = malloc(sizeof(*side));
    int ends[2];
    struct error e;

    assert_non_null(side);
    assert_ok(packet_pair(ends, &e), e);
    *side = (struct side){&s->servers[peer], ends[1]};
    assert_int_equal(pthread_create(&s->threads[s->n_threads++], NULL, serve, side), 0);
    ipc_pool_add(s->pools[peer], ends[0]);
}

/* ---- the scene ------------------------------------------------------------------------------- */

static struct certificate authority, certificate;
static const struct certificate *const certificates[] = {&certificate};

static const struct settings *settings_now(void *context)
{
    return &((struct scene *)context)->settings;
}

static void read_settings(struct scene *s)
{
    char text[2048];
    struct error e;

    (void)snprintf(text, sizeof(text), "domain = example.test\nhostname = mail.example.test\n%s",
                   s->settings_text ? s->settings_text : "");
    arena_init(&s->arena, CONFIG_ARENA_MAX);
    assert_ok(settings_read(arena_copy(&s->arena, slice_text(text)), "postern.conf", &s->arena,
                            &s->settings, NULL, &e),
              e);
    if (s->bytes_in_flight) {
        s->settings.process.bytes_in_flight = s->bytes_in_flight;
    }
}

static void make_certificates(struct scene *s)
{
    struct error e;

    if (!authority.key) {
        certificate_make(&authority, NULL, "P-256", NULL, -1, 30);
        certificate_make(&certificate, &authority, "P-256", "mail.example.test", -1, 30);
    }
    s->certificate = &certificate;
    s->keys = (struct certificate_keys){certificates, 1};
    s->trust = tls_client_from_pem(slice_text(authority.pem), &e);
    assert_non_null(s->trust);
}

static void listen_somewhere(struct scene *s)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    struct error e;

    assert_ok(address_parse(SLICE("127.0.0.1"), 1, &s->address, &e), e);
    address_set_port(&s->address, 0);
    assert_ok(dial_listen(&s->address, 64, &s->listener, &e), e);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&bound, &len), 0);
    s->address = address_from_socket(&bound, len);
}

void scene_begin(struct scene *s)
{
    static const char *const names[SCENE_PEERS] = {"keeper", "auth", "signer"};
    struct error e;

    atomic_store(&s->code, 250);
    atomic_store(&s->text, "2.0.0 Recorded as 0123");
    buf_init(&s->letter, LETTER_BYTES_MAX);
    read_settings(s);
    make_certificates(s);
    listen_somewhere(s);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    for (size_t i = 0; i < SCENE_PEERS; i++) {
        ipc_server_init(&s->servers[i], &tables[i], s);
        s->pools[i] = ipc_pool_new(names[i]);
        for (size_t n = 0; n < SCENE_CHANNELS; n++) {
            add_channel(s, i);
        }
    }
    s->submission = submission_new(&(struct submission_options){
        .settings = settings_now,
        .context = s,
        .keeper = s->pools[0],
        .auth = s->pools[1],
        .signer = s->pools[2],
        .stop_fd = s->stop_fd,
    });
    assert_ok(
        submission_use_certificate(s->submission, slice_text(certificate.pem), SLICE_NONE, &e), e);
}

void scene_stop(struct scene *s)
{
    uint64_t one = 1;

    assert_int_equal(write(s->stop_fd, &one, sizeof(one)), sizeof(one));
}

void scene_end(struct scene *s)
{
    assert_int_equal(submission_wait(s->submission, SOON), 0);
    submission_free(s->submission);
    for (size_t i = 0; i < SCENE_PEERS; i++) {
        ipc_pool_free(s->pools[i]);
    }
    for (size_t i = 0; i < s->n_threads; i++) {
        (void)pthread_join(s->threads[i], NULL);
    }
    tls_client_free(s->trust);
    buf_done(&s->letter);
    arena_done(&s->arena);
    (void)close(s->listener);
    (void)close(s->stop_fd);
}

/* ---- the client ------------------------------------------------------------------------------ */

bool visitor_secure(struct visitor *v, struct error *e)
{
    return conn_tls_connect(v->conn, v->scene->trust, SLICE("mail.example.test"), SOON, e);
}

void visitor_come(struct visitor *v, struct scene *s, bool implicit_tls)
{
    struct error e;
    int ours = -1;

    *v = (struct visitor){.scene = s, .in = {.max = (size_t)1 << 20}};
    assert_ok(dial_tcp(&s->address, NULL, SOON, &ours, &e), e);
    int theirs = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(theirs >= 0);
    submission_take(s->submission, theirs, implicit_tls);
    v->conn = conn_new(ours);
    if (implicit_tls) {
        assert_ok(visitor_secure(v, &e), e);
        assert_int_equal(conn_tls(v->conn)->verdict, TLS_VERIFIED);
    }
}

void visitor_send_slice(struct visitor *v, struct slice bytes)
{
    struct error e;

    assert_ok(conn_write(v->conn, bytes, SOON, &e), e);
}

void visitor_send(struct visitor *v, const char *text)
{
    visitor_send_slice(v, slice_text(text));
}

/* One line off the input; false at the end of the connection. */
static bool take_line(struct visitor *v, struct slice *line)
{
    enum conn_event event = CONN_CLOSED;
    struct error e;

    while (slice_find(buf_slice(&v->in), '\n') == v->in.len) {
        if (!conn_read(v->conn, &v->in, SOON, &event, &e) || event != CONN_BYTES) {
            return false;
        }
    }
    *line = slice_head(buf_slice(&v->in), slice_find(buf_slice(&v->in), '\n') + 1);
    return true;
}

void visitor_expect_at(struct visitor *v, const char *start, const char *file, int line_number)
{
    struct slice line = SLICE_NONE;
    size_t len = 0;
    bool more = true;

    v->reply[0] = 0;
    while (more) {
        if (!take_line(v, &line)) {
            print_error("%s:%d: wanted '%s', got the end\n", file, line_number, start);
            fail();
        }
        if (len < sizeof(v->reply)) {
            len +=
                (size_t)snprintf(v->reply + len, sizeof(v->reply) - len, "%.*s", SLICE_ARG(line));
        }
        more = line.len > 3 && line.ptr[3] == '-';
        if (!more && !slice_starts(line, slice_text(start))) {
            print_error("%s:%d: wanted '%s', got '%s'\n", file, line_number, start, v->reply);
            fail();
        }
        buf_drop(&v->in, line.len);
    }
}

void visitor_expect_end_at(struct visitor *v, const char *file, int line_number)
{
    struct slice line;

    if (take_line(v, &line)) {
        print_error("%s:%d: wanted the end, got '%.*s'\n", file, line_number, SLICE_ARG(line));
        fail();
    }
}

void visitor_sign_in(struct visitor *v)
{
    visitor_expect(v, "220 mail.example.test ESMTP");
    visitor_ask(v, "EHLO laptop.example.test", "250");
    /* NUL ada@example.test NUL correct */
    visitor_ask(v, "AUTH PLAIN AGFkYUBleGFtcGxlLnRlc3QAY29ycmVjdA==", "235 2.7.0");
}

void visitor_begin_letter(struct visitor *v)
{
    visitor_ask(v, "MAIL FROM:<ada@example.test>", "250 2.1.0");
    visitor_ask(v, "RCPT TO:<bob@partner.test>", "250 2.1.5");
    visitor_ask(v, "DATA", "354");
}

void visitor_leave(struct visitor *v)
{
    conn_free(v->conn);
    buf_done(&v->in);
}
