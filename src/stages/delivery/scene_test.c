#include "stages/delivery/scene_test.h"

struct world world;

int make_world(void **unused)
{
    (void)unused;
    struct error e = {0};
    certificate_make(&world.ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&world.right, &world.ca, "P-256", "mx.partner.test", -1, 30);
    certificate_make(&world.wrong, &world.ca, "P-256", "mx.other.test", -1, 30);
    world.trust = tls_client_from_pem(slice_text(world.ca.pem), &e);
    world.settings = (struct session_settings){
        .name = SLICE("out.example.test"),
        .trust = world.trust,
        .connect_timeout_ms = 5000,
        .command_timeout_ms = 5000,
        .data_timeout_ms = 5000,
        .attempt_timeout_ms = 60000,
    };
    return 0;
}

int free_world(void **unused)
{
    (void)unused;
    tls_client_free(world.trust);
    certificate_done(&world.ca);
    certificate_done(&world.right);
    certificate_done(&world.wrong);
    return 0;
}

struct tls_server *server_of(const struct certificate *certificate)
{
    static const struct certificate *known[2];
    static struct certificate_keys keys = {known, 2};
    struct slice chain = slice_text(certificate->pem);
    struct error e = {0};
    known[0] = &world.right;
    known[1] = &world.wrong;
    const struct tls_server_options options = {&chain, 1, certificate_sign, &keys};
    struct tls_server *server = tls_server_new(&options, &e);
    assert_ok(server, e);
    return server;
}

void scene_start(struct scene *s, const struct certificate *certificate, enum tls_level level,
                 const char *const *first, const char *const *second)
{
    *s = (struct scene){
        .server.scripts = {first, second}
    };
    arena_init(&s->arena, 1 << 20);
    s->server.tls = server_of(certificate);
    scripted_start(&s->server);
    s->peer = (struct session_peer){.host = SLICE("mx.partner.test"),
                                    .address = s->server.address,
                                    .level = level,
                                    .proof.named = true};
}

void scene_open(struct scene *s)
{
    s->session = session_open(&world.settings, &s->peer, &s->arena, &s->failure);
    if (!s->session) {
        fail_msg("%.*s", SLICE_ARG(s->failure.why.reply));
    }
}

void scene_fails(struct scene *s, enum delivery_status status, const char *enhanced)
{
    s->session = session_open(&world.settings, &s->peer, &s->arena, &s->failure);
    assert_null(s->session);
    assert_int_equal(s->failure.why.status, status);
    assert_slice(s->failure.why.enhanced, enhanced);
    assert_true(s->failure.why.reply.len > 0);
}

void scene_close(struct scene *s)
{
    session_close(s->session);
    s->session = NULL;
    scripted_join(&s->server);
    assert_string_equal(s->server.breach, "");
}

void scene_end(struct scene *s)
{
    if (s->server.fd >= 0) {
        scene_close(s);
    }
    scripted_done(&s->server);
    tls_server_free(s->server.tls);
    arena_done(&s->arena);
}

const struct recipient recipients[3] = {
    {.address = SLICE_INIT("one@partner.test")},
    {.address = SLICE_INIT("two@partner.test")},
    {.address = SLICE_INIT("three@partner.test")},
};

struct session_letter letter_of(struct slice bytes, size_t n_recipients)
{
    return (struct session_letter){
        .bytes = bytes,
        .reverse_path = SLICE("a@example.test"),
        .recipients = recipients,
        .n_recipients = n_recipients,
    };
}

enum session_sent scene_send(struct scene *s, size_t n_recipients)
{
    struct session_letter letter =
        letter_of(SLICE("Subject: x\r\n\r\n.dot\r\n..\r\nend"), n_recipients);
    return session_send(s->session, &letter, &s->arena, s->outcomes);
}

void outcome_is(const struct scene *s, size_t i, enum delivery_status status, unsigned code,
                const char *enhanced)
{
    assert_int_equal(s->outcomes[i].status, status);
    assert_int_equal(s->outcomes[i].code, code);
    assert_slice(s->outcomes[i].enhanced, enhanced);
    assert_true(slice_equal(s->outcomes[i].address, recipients[i].address));
}
