/* TLSA records read and judged, and compared with the certificates that a server shows. */
#include <openssl/x509.h>

#include "base/clock.h"

#include "host/conn.h"
#include "tests/certificates.h"
#include "tests/echo.h"
#include "tests/test.h"

#define SOON (clock_steady_ms() + 10000)

#define RDATA_MAX 2048

static struct certificate authority, foreign, leaf, over;
static struct certificate_keys keys;

/* A record about a certificate, as the DNS would give it. */
struct record {
    uint8_t bytes[RDATA_MAX];
    size_t len;
};

static void about(struct record *r, const struct certificate *c, uint8_t usage, uint8_t selector,
                  uint8_t matching)
{
    uint8_t *der = NULL;
    int len = selector == TLSA_CERTIFICATE ? i2d_X509(c->x509, &der) : i2d_PUBKEY(c->key, &der);
    unsigned int digest_len = 0;

    assert_true(len > 0 && len + 3 < RDATA_MAX);
    r->bytes[0] = usage;
    r->bytes[1] = selector;
    r->bytes[2] = matching;
    if (matching == TLSA_EXACT) {
        memcpy(r->bytes + 3, der, (size_t)len);
        r->len = 3 + (size_t)len;
    } else {
        const EVP_MD *md = matching == TLSA_SHA256 ? EVP_sha256() : EVP_sha512();
        assert_true(EVP_Digest(der, (size_t)len, r->bytes + 3, &digest_len, md, NULL));
        r->len = 3 + digest_len;
    }
    OPENSSL_free(der);
}

static const char *judge(const struct record *r)
{
    struct tlsa t;

    assert_true(tlsa_read(slice_of(r->bytes, r->len), &t));
    return tlsa_unusable(&t);
}

static void what_can_be_used(void **unused)
{
    (void)unused;
    struct record r;
    struct tlsa t;

    assert_false(tlsa_read(SLICE("\3\1"), &t));
    for (int kind = TLSA_PKIX_TA; kind <= TLSA_DANE_EE + 1; kind++) {
        uint8_t usage = (uint8_t)kind;
        for (uint8_t selector = 0; selector < 2; selector++) {
            for (uint8_t matching = 0; matching < 3; matching++) {
                about(&r, &leaf, usage, selector, matching);
                bool dane = usage == TLSA_DANE_TA || usage == TLSA_DANE_EE;
                assert_int_equal(judge(&r) == NULL, dane);
                r.len--; /* cut short: no digest, no certificate, no key */
                assert_non_null(judge(&r));
                about(&r, &leaf, usage, selector, matching);
                r.bytes[r.len++] = 0; /* with something behind it */
                assert_non_null(judge(&r));
            }
        }
    }
    about(&r, &leaf, TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256);
    r.bytes[1] = 2;
    assert_string_equal(judge(&r), "unknown selector");
    r.bytes[1] = 1;
    r.bytes[2] = 3;
    assert_string_equal(judge(&r), "unknown matching type");
}

/* One session with a server that shows a certificate; `names`: the base domain, then others. */
static void session(const struct certificate *shown, const char *const names[2],
                    const struct record *records, size_t n, enum tls_verdict verdict, int usage)
{
    struct slice chain = slice_text(shown->pem);
    struct slice rdata[3];
    struct slice other = names[1] ? slice_text(names[1]) : SLICE_NONE;
    struct error e = {0};
    const struct tls_server_options o = {&chain, 1, certificate_sign, &keys};
    OWN(tls_server) struct tls_server *server = tls_server_new(&o, &e);
    OWN(tls_client) struct tls_client *client = tls_client_from_pem(slice_text(foreign.pem), &e);
    struct echo far = {.server = server};

    assert_ok(server && client, e);
    for (size_t i = 0; i < n; i++) {
        rdata[i] = slice_of(records[i].bytes, records[i].len);
    }
    const struct tls_expected expected = {.name = slice_text(names[0]),
                                          .others = &other,
                                          .n_others = names[1] ? 1 : 0,
                                          .tlsa = rdata,
                                          .n_tlsa = n};
    OWN(conn) struct conn *c = conn_new(echo_start(&far));
    assert_ok(conn_tls_connect_to(c, client, &expected, SOON, &e), e);
    assert_int_equal(conn_tls(c)->verdict, verdict);
    assert_int_equal(conn_tls(c)->by_tlsa, usage >= 0);
    if (usage >= 0) {
        assert_int_equal(conn_tls(c)->matched.usage, usage);
    }
    conn_close(TAKE(c, NULL), SOON);
    echo_join(&far);
}

static const char *const right[2] = {"mx.example.test", NULL};
static const char *const wrong[2] = {"mx.other.test", NULL};
static const char *const both[2] = {"mx.other.test", "mx.example.test"};

static void a_key_is_enough_whatever_the_certificate_says(void **unused)
{
    (void)unused;
    struct record r[2];

    for (uint8_t selector = 0; selector < 2; selector++) {
        for (uint8_t matching = 0; matching < 3; matching++) {
            about(&r[0], &leaf, TLSA_DANE_EE, selector, matching);
            session(&leaf, wrong, r, 1, TLS_VERIFIED, TLSA_DANE_EE);
        }
    }
    about(&r[0], &over, TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256); /* RFC 7672 section 3.1.1 */
    session(&over, wrong, r, 1, TLS_VERIFIED, TLSA_DANE_EE);
    session(&leaf, right, r, 1, TLS_NO_MATCH, -1);
    about(&r[1], &leaf, TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA512);
    session(&leaf, right, r, 2, TLS_VERIFIED, TLSA_DANE_EE); /* one is enough */
}

static void an_authority_speaks_for_names_and_dates(void **unused)
{
    (void)unused;
    struct record r[2];

    /* A digest of the authority is no use to a server that does not show it: ours shows its own certificate alone. */
    about(&r[0], &authority, TLSA_DANE_TA, TLSA_PUBLIC_KEY, TLSA_SHA256);
    session(&leaf, right, r, 1, TLS_NO_MATCH, -1);
    about(&r[0], &authority, TLSA_DANE_TA, TLSA_CERTIFICATE, TLSA_EXACT);
    session(&leaf, right, r, 1, TLS_VERIFIED, TLSA_DANE_TA);
    session(&leaf, wrong, r, 1, TLS_NAME_MISMATCH, -1);
    session(&leaf, both, r, 1, TLS_VERIFIED, TLSA_DANE_TA);
    session(&over, right, r, 1, TLS_EXPIRED, -1);
    about(&r[1], &over, TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256);
    session(&over, right, r, 2, TLS_VERIFIED, TLSA_DANE_EE);
    /* Another one of the same name signed nothing of ours. */
    about(&r[0], &foreign, TLSA_DANE_TA, TLSA_CERTIFICATE, TLSA_EXACT);
    session(&leaf, right, r, 1, TLS_UNACCEPTABLE, -1);
}

static void without_a_record_that_openssl_takes_there_is_no_session(void **unused)
{
    (void)unused;
    struct error e = {0};
    struct slice broken = SLICE("\3\1\1too short");
    OWN(tls_client) struct tls_client *client = tls_client_from_pem(slice_text(foreign.pem), &e);
    struct echo far = {0};
    OWN(conn) struct conn *c = conn_new(echo_start(&far));
    const struct tls_expected expected = {
        .name = SLICE("mx.example.test"), .tlsa = &broken, .n_tlsa = 1};

    assert_false(conn_tls_connect_to(c, client, &expected, SOON, &e));
    conn_free(TAKE(c, NULL));
    echo_join(&far);
}

static int set_up(void **unused)
{
    static const struct certificate *known[] = {&leaf, &over};

    (void)unused;
    certificate_make(&authority, NULL, "P-256", NULL, -1, 30);
    certificate_make(&foreign, NULL, "P-256", NULL, -1, 30);
    certificate_make(&leaf, &authority, "P-256", "mx.example.test", -1, 30);
    certificate_make(&over, &authority, "P-256", "mx.example.test", -30, -1);
    keys = (struct certificate_keys){known, 2};
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    certificate_done(&authority);
    certificate_done(&foreign);
    certificate_done(&leaf);
    certificate_done(&over);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_used),
        cmocka_unit_test(a_key_is_enough_whatever_the_certificate_says),
        cmocka_unit_test(an_authority_speaks_for_names_and_dates),
        cmocka_unit_test(without_a_record_that_openssl_takes_there_is_no_session),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
