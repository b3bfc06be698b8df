#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"

#include "host/conn.h"
#include "host/tls.h"
#include "tests/certificates.h"
#include "tests/echo.h"
#include "tests/test.h"

#define SOON (clock_steady_ms() + 10000)

static struct certificate ca;
static struct certificate ec;
static struct certificate rsa;
static struct certificate p384;
static const struct certificate *const all_certificates[] = {&ec, &rsa, &p384};
static struct certificate_keys keys = {all_certificates, 3};

static int make_certificates(void **unused)
{
    (void)unused;
    certificate_make(&ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&ec, &ca, "P-256", "mx.example.test", -1, 30);
    certificate_make(&rsa, &ca, "RSA", "mx.example.test", -1, 30);
    certificate_make(&p384, &ca, "P-384", "mx.example.test", -1, 30);
    return 0;
}

static int free_certificates(void **unused)
{
    (void)unused;
    certificate_done(&ca);
    certificate_done(&ec);
    certificate_done(&rsa);
    certificate_done(&p384);
    return 0;
}

static struct tls_server *server_of(const char *pem)
{
    struct slice chain = slice_text(pem);
    struct error e;
    struct tls_server_options o = {&chain, 1, certificate_sign, &keys};
    struct tls_server *s = tls_server_new(&o, &e);
    assert_ok(s, e);
    return s;
}

static struct tls_client *client_trusting(const struct certificate *anchor)
{
    struct error e;
    struct tls_client *t = tls_client_from_pem(slice_text(anchor->pem), &e);
    assert_ok(t, e);
    return t;
}

static void says_and_hears(struct conn *c, size_t len)
{
    struct error e;
    OWN(buf) struct buf out = {.max = len};
    OWN(buf) struct buf in = {.max = len};
    enum conn_event event;
    while (out.len < len) {
        buf_add_byte(&out, (uint8_t)(out.len * 7));
    }
    for (size_t sent = 0; sent < len; sent += 4000) { /* the echo's end has a small buffer */
        assert_ok(conn_write(c, slice_head(slice_from(buf_slice(&out), sent), 4000), SOON, &e), e);
        while (in.len < sent + 4000 && in.len < len) {
            assert_ok(conn_read(c, &in, SOON, &event, &e), e);
            assert_int_equal(event, CONN_BYTES);
        }
    }
    assert_true(slice_equal(buf_slice(&in), buf_slice(&out)));
}

static void peer_ends(struct conn *c)
{
    struct error e;
    enum conn_event event;
    OWN(buf) struct buf in = {.max = 10};
    conn_half_close(c);
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_int_equal(event, CONN_CLOSED);
}

/* One session with an echoing server: its certificate, what the client trusts and asks for. */
static void session(struct tls_server *server, struct tls_client *client, const char *name,
                    enum tls_verdict verdict)
{
    struct error e;
    struct echo far = {.server = server};
    int fd = echo_start(&far);

    OWN(conn) struct conn *c = conn_new(fd);
    assert_ok(conn_tls_connect(c, client, slice_text(name), SOON, &e), e);
    assert_int_equal(conn_tls(c)->verdict, verdict);
    assert_true(conn_tls(c)->on);
    assert_string_equal(conn_tls(c)->version, "TLSv1.3");
    assert_string_equal(conn_tls(c)->group, "x25519");
    says_and_hears(c, 30000);
    peer_ends(c);
    echo_join(&far);
    assert_true(far.handshake_ok);
    assert_string_equal(far.facts.cipher, conn_tls(c)->cipher);
    assert_int_equal(far.facts.verdict, TLS_NO_CERTIFICATE);
}

static void every_kind_of_key_signs(void **unused)
{
    (void)unused;
    OWN(tls_client) struct tls_client *client = client_trusting(&ca);
    for (size_t i = 0; i < sizeof(all_certificates) / sizeof(all_certificates[0]); i++) {
        OWN(tls_server) struct tls_server *server = server_of(all_certificates[i]->pem);
        session(server, client, "mx.example.test", TLS_VERIFIED);
    }
}

static void verdicts(void **unused)
{
    (void)unused;
    struct certificate alone;
    struct certificate old;
    certificate_make(&alone, NULL, "P-256", "mx.example.test", -1, 30);
    certificate_make(&old, &ca, "P-256", "mx.example.test", -30, -1);
    const struct certificate *const more[] = {&ec, &alone, &old};
    struct certificate_keys more_keys = {more, 3};

    static const struct {
        size_t certificate;
        const char *name;
        enum tls_verdict verdict;
    } cases[] = {
        {0, "mx.example.test",  TLS_VERIFIED     },
        {0, "MX.EXAMPLE.TEST",  TLS_VERIFIED     },
        {0, "mx2.example.test", TLS_NAME_MISMATCH},
        {0, "127.0.0.1",        TLS_NAME_MISMATCH},
        {1, "mx.example.test",  TLS_SELF_SIGNED  },
        {2, "mx.example.test",  TLS_EXPIRED      },
    };
    OWN(tls_client) struct tls_client *client = client_trusting(&ca);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice chain = slice_text(more[cases[i].certificate]->pem);
        struct error e;
        struct tls_server_options o = {&chain, 1, certificate_sign, &more_keys};
        OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
        assert_ok(server, e);
        session(server, client, cases[i].name, cases[i].verdict);
    }
    OWN(tls_client) struct tls_client *stranger = client_trusting(&alone);
    OWN(tls_server) struct tls_server *server = server_of(ec.pem);
    session(server, stranger, "mx.example.test", TLS_UNTRUSTED);
    certificate_done(&alone);
    certificate_done(&old);
}

/* TLS 1.2 with either kind of key: a client of OpenSSL's own, told to speak nothing newer. */
static void old_client(const char *pem, const char *cipher, const char *signatures,
                       const char *expected)
{
    char list[64]; /* OpenSSL's macro casts const away */
    (void)snprintf(list, sizeof(list), "%s", signatures);
    OWN(tls_server) struct tls_server *server = server_of(pem);
    struct echo far = {.server = server};
    int fd = echo_start(&far);

    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_true(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION));
    assert_true(SSL_CTX_set_cipher_list(ctx, cipher));
    assert_true(SSL_CTX_set1_sigalgs_list(ctx, list));
    SSL *ssl = SSL_new(ctx);
    assert_true(SSL_set_fd(ssl, fd));
    bool connected = SSL_connect(ssl) == 1;
    assert_int_equal(connected, expected != NULL);
    if (connected) {
        (void)SSL_shutdown(ssl);
    }
    (void)shutdown(fd, SHUT_WR);
    echo_join(&far);
    if (expected) {
        assert_string_equal(far.facts.version, "TLSv1.2");
        assert_string_equal(far.facts.cipher, expected);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
}

static void tls_1_2_with_aead_alone(void **unused)
{
    (void)unused;
    old_client(ec.pem, "ECDHE+AESGCM", "ECDSA+SHA256:ECDSA+SHA384",
               "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    old_client(rsa.pem, "ECDHE+AES128+AESGCM", "RSA-PSS+SHA256",
               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    old_client(rsa.pem, "ECDHE+AES128+AESGCM", "RSA+SHA512",
               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    old_client(rsa.pem, "AES128-SHA:ECDHE-RSA-AES128-SHA256:AES128-GCM-SHA256", "RSA+SHA256", NULL);
}

static void a_key_that_cannot_sign_fails_the_handshake(void **unused)
{
    (void)unused;
    struct error e;
    struct certificate_keys none = {NULL, 0};
    struct slice chain = slice_text(ec.pem);
    struct tls_server_options o = {&chain, 1, certificate_sign, &none};
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    OWN(tls_client) struct tls_client *client = client_trusting(&ca);
    assert_ok(server, e);
    struct echo far = {.server = server};
    int fd = echo_start(&far);
    OWN(conn) struct conn *c = conn_new(fd);
    assert_false(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e));
    echo_join(&far);
    assert_false(far.handshake_ok);
    assert_string_equal(far.e.text, "TLS handshake: private key: no such key");
}

static void a_signature_of_another_key_is_no_use(void **unused)
{
    (void)unused;
    struct certificate other;
    certificate_make(&other, &ca, "P-256", "mx.example.test", -1, 30);
    memcpy(other.key_id, ec.key_id, sizeof(other.key_id)); /* claims to be ec's key */
    const struct certificate *const wrong[] = {&other};
    struct certificate_keys wrong_keys = {wrong, 1};
    struct slice chain = slice_text(ec.pem);
    struct error e;
    struct tls_server_options o = {&chain, 1, certificate_sign, &wrong_keys};
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    OWN(tls_client) struct tls_client *client = client_trusting(&ca);
    struct echo far = {.server = server};
    int fd = echo_start(&far);
    {
        OWN(conn) struct conn *c = conn_new(fd);
        assert_false(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e));
    }
    echo_join(&far);
    certificate_done(&other);
}

/* What binds to a connection: the same at both ends, another each time. */
static void one_binding(struct tls_server *server, struct tls_client *client,
                        uint8_t out[static TLS_EXPORTER_LEN])
{
    struct error e;
    struct echo far = {.server = server};
    int fd = echo_start(&far);
    {
        OWN(conn) struct conn *c = conn_new(fd);
        assert_false(conn_tls_exporter(c, out));
        assert_ok(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e), e);
        assert_true(conn_tls_exporter(c, out));
    }
    echo_join(&far);
    assert_true(far.exported);
    assert_memory_equal(far.exporter, out, TLS_EXPORTER_LEN);
}

static void binding_test(void **state)
{
    (void)state;
    struct error e;
    struct slice chain = slice_text(ec.pem);
    struct tls_server_options o = {&chain, 1, certificate_sign, &keys};
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    OWN(tls_client) struct tls_client *client = client_trusting(&ca);
    uint8_t first[TLS_EXPORTER_LEN];
    uint8_t second[TLS_EXPORTER_LEN];
    uint8_t point[TLS_END_POINT_MAX];
    uint8_t hash[TLS_DIGEST_LEN];
    size_t len = 0;

    one_binding(server, client, first);
    one_binding(server, client, second);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_ok(tls_end_point(chain, point, &len, &e), e);
    assert_int_equal(X509_digest(ec.x509, EVP_sha256(), hash, NULL), 1);
    assert_int_equal(len, sizeof(hash));
    assert_memory_equal(point, hash, len);
    assert_false(tls_end_point(SLICE("no certificate"), point, &len, &e));
    assert_false(tls_end_point(SLICE_NONE, point, &len, &e));
}

/* A client of OpenSSL's own with this certificate, or none, twice: without one it resumes the second time, with one it shows
 * it again. */
static void client_shows(struct tls_server *server, const struct certificate *own,
                         enum tls_verdict verdict, bool named)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *kept = NULL;

    assert_true(!own || (SSL_CTX_use_certificate(ctx, own->x509) == 1 &&
                         SSL_CTX_use_PrivateKey(ctx, own->key) == 1));
    for (int round = 0; round < 2; round++) {
        struct echo far = {.server = server, .name = "relay.partner.test"};
        int fd = echo_start(&far);
        SSL *ssl = SSL_new(ctx);
        char byte = 'x';
        assert_true(SSL_set_fd(ssl, fd));
        assert_true(!kept || SSL_set_session(ssl, kept));
        assert_int_equal(SSL_connect(ssl), 1);
        assert_int_equal(SSL_write(ssl, &byte, 1), 1);
        assert_int_equal(SSL_read(ssl, &byte, 1), 1);
        SSL_SESSION_free(kept);
        kept = SSL_get1_session(ssl);
        (void)SSL_shutdown(ssl);
        (void)shutdown(fd, SHUT_WR);
        echo_join(&far);
        assert_int_equal(far.facts.resumed, round == 1 && !own);
        assert_int_equal(far.facts.verdict, verdict);
        assert_int_equal(far.named, named);
        SSL_free(ssl);
        (void)close(fd);
    }
    SSL_SESSION_free(kept);
    SSL_CTX_free(ctx);
}

static void a_clients_certificate_is_judged(void **unused)
{
    (void)unused;
    struct certificate relay;
    struct certificate other;
    struct certificate alone;
    struct certificate old;
    struct slice chain = slice_text(ec.pem);
    struct error e;

    certificate_make(&relay, &ca, "RSA", "relay.partner.test", -1, 30);
    certificate_make(&other, &ca, "P-256", "other.partner.test", -1, 30);
    certificate_make(&alone, NULL, "P-256", "relay.partner.test", -1, 30);
    certificate_make(&old, &ca, "P-256", "relay.partner.test", -30, -1);
    struct tls_server_options o = {&chain, 1, certificate_sign, &keys, slice_text(ca.pem)};
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    assert_ok(server, e);
    client_shows(server, &relay, TLS_VERIFIED, true);
    client_shows(server, &other, TLS_VERIFIED, false);
    client_shows(server, &alone, TLS_SELF_SIGNED, true);
    client_shows(server, &old, TLS_EXPIRED, true);
    client_shows(server, NULL, TLS_NO_CERTIFICATE, false);
    o.client_anchors = SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert_null(tls_server_new(&o, &e));
    assert_string_equal(e.text, "of clients: trust anchors: certificate 1 cannot be read");
    certificate_done(&relay);
    certificate_done(&other);
    certificate_done(&alone);
    certificate_done(&old);
}

static void bad_chains_are_refused(void **unused)
{
    (void)unused;
    struct certificate weak;
    struct error e;
    const struct slice two[] = {slice_text(ec.pem), slice_text(p384.pem)};
    const struct slice both[] = {slice_text(ec.pem), slice_text(rsa.pem)};
    const struct slice empty[] = {SLICE_NONE};
    const struct slice garbage[] = {SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n")};
    struct tls_server_options o = {two, 2, certificate_sign, &keys};
    assert_null(tls_server_new(&o, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    o.chains = both;
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    assert_ok(server, e);
    o.n_chains = 1;
    o.chains = empty;
    assert_null(tls_server_new(&o, &e));
    o.chains = garbage;
    assert_null(tls_server_new(&o, &e));
    o.n_chains = 0;
    assert_null(tls_server_new(&o, &e));

    certificate_make(&weak, &ca, "P-521", "mx.example.test", -1, 30);
    const struct slice strange[] = {slice_text(weak.pem)};
    o = (struct tls_server_options){strange, 1, certificate_sign, &keys};
    assert_null(tls_server_new(&o, &e));
    certificate_done(&weak);
    assert_null(tls_client_from_pem(SLICE("nothing"), &e));
    assert_null(tls_client_new(&(struct tls_client_options){"/nonexistent"}, &e));
}

static void system_anchors_load(void **unused)
{
    (void)unused;
    struct error e;
    OWN(tls_client) struct tls_client *t = tls_client_new(&(struct tls_client_options){NULL}, &e);
    assert_ok(t, e);
}

static void sessions_resume_and_survive_a_new_context(void **unused)
{
    (void)unused;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *kept = NULL;
    struct tls_server *server = server_of(ec.pem);
    for (int round = 0; round < 3; round++) {
        if (round == 2) { /* another context, other ticket keys: a full handshake */
            tls_server_free(server);
            server = server_of(ec.pem);
        }
        struct echo far = {.server = server};
        int fd = echo_start(&far);
        SSL *ssl = SSL_new(ctx);
        char byte = 'x';
        assert_true(SSL_set_fd(ssl, fd));
        assert_true(!kept || SSL_set_session(ssl, kept));
        assert_int_equal(SSL_connect(ssl), 1);
        assert_int_equal(SSL_write(ssl, &byte, 1), 1);
        assert_int_equal(SSL_read(ssl, &byte, 1), 1);
        SSL_SESSION_free(kept);
        kept = SSL_get1_session(ssl);
        (void)SSL_shutdown(ssl);
        (void)shutdown(fd, SHUT_WR);
        echo_join(&far);
        assert_int_equal(far.facts.resumed, round == 1);
        SSL_free(ssl);
        (void)close(fd);
    }
    tls_server_free(server);
    SSL_SESSION_free(kept);
    SSL_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_signs),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(tls_1_2_with_aead_alone),
        cmocka_unit_test(a_key_that_cannot_sign_fails_the_handshake),
        cmocka_unit_test(a_signature_of_another_key_is_no_use),
        cmocka_unit_test(a_clients_certificate_is_judged),
        cmocka_unit_test(bad_chains_are_refused),
        cmocka_unit_test(system_anchors_load),
        cmocka_unit_test(sessions_resume_and_survive_a_new_context),
        cmocka_unit_test(binding_test),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
