/* What a client's certificate is worth. */
#include <string.h>
#include <time.h>

#include "base/buf.h"

#include "host/certificate.h"
#include "tests/certificates.h"
#include "tests/test.h"

static void add_der(struct buf *out, const struct certificate *c)
{
    unsigned char *der = NULL;
    int len = i2d_X509(c->x509, &der);

    assert_true(len > 0);
    buf_add(out, slice_of(der, (size_t)len));
    OPENSSL_free(der);
}

static enum certificate_worth judge(const struct certificate *c, struct slice anchors)
{
    OWN(buf) struct buf chain = {.max = CERTIFICATE_CHAIN_MAX};
    uint8_t pin[TLS_DIGEST_LEN];

    add_der(&chain, c);
    enum certificate_worth worth = certificate_judge(buf_slice(&chain), anchors, time(NULL), pin);
    assert_memory_equal(pin, c->key_id, sizeof(pin));
    return worth;
}

static void issuer_time_and_key_count(void **unused)
{
    (void)unused;
    struct certificate ca;
    struct certificate other_ca;
    struct certificate good;
    struct certificate alone;
    struct certificate old;
    struct certificate early;

    certificate_make(&ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&other_ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&good, &ca, "RSA", "copier.example.test", -1, 30);
    certificate_make(&alone, NULL, "P-256", "copier.example.test", -1, 30);
    certificate_make(&old, &ca, "P-256", "copier.example.test", -30, -1);
    certificate_make(&early, &ca, "P-256", "copier.example.test", 2, 30);
    struct slice anchors = slice_text(ca.pem);
    assert_int_equal(judge(&good, SLICE_NONE), CERTIFICATE_GOOD);
    assert_int_equal(judge(&alone, SLICE_NONE), CERTIFICATE_GOOD);
    assert_int_equal(judge(&old, SLICE_NONE), CERTIFICATE_NOT_NOW);
    assert_int_equal(judge(&early, SLICE_NONE), CERTIFICATE_NOT_NOW);
    assert_int_equal(judge(&good, anchors), CERTIFICATE_GOOD);
    assert_int_equal(judge(&alone, anchors), CERTIFICATE_UNTRUSTED);
    assert_int_equal(judge(&old, anchors), CERTIFICATE_NOT_NOW);
    assert_int_equal(judge(&good, slice_text(other_ca.pem)), CERTIFICATE_UNTRUSTED);
    assert_int_equal(judge(&good, SLICE("no anchors")), CERTIFICATE_UNTRUSTED);
    certificate_done(&ca);
    certificate_done(&other_ca);
    certificate_done(&good);
    certificate_done(&alone);
    certificate_done(&old);
    certificate_done(&early);
}

static void what_is_no_chain_is_nothing(void **unused)
{
    (void)unused;
    static const uint8_t zeros[CERTIFICATE_CHAIN_MAX + 1] = {0};
    OWN(buf) struct buf chain = {.max = (size_t)2 * CERTIFICATE_CHAIN_MAX};
    uint8_t pin[TLS_DIGEST_LEN];
    uint8_t alone[TLS_DIGEST_LEN];
    struct certificate own;

    certificate_make(&own, NULL, "P-256", "copier.example.test", -1, 30);
    for (int i = 0; i < CERTIFICATES_MAX; i++) {
        add_der(&chain, &own);
    }
    struct slice whole = buf_slice(&chain);
    assert_int_equal(certificate_judge(whole, SLICE_NONE, time(NULL), pin), CERTIFICATE_GOOD);
    assert_true(certificate_pin(whole, alone));
    assert_memory_equal(alone, pin, sizeof(pin));
    assert_false(certificate_pin(slice_head(whole, whole.len - 1), alone));
    assert_int_equal(
        certificate_judge(slice_head(whole, whole.len - 1), SLICE_NONE, time(NULL), pin),
        CERTIFICATE_UNREADABLE);
    add_der(&chain, &own); /* one too many */
    assert_int_equal(certificate_judge(buf_slice(&chain), SLICE_NONE, time(NULL), pin),
                     CERTIFICATE_UNREADABLE);
    assert_int_equal(certificate_judge(SLICE_NONE, SLICE_NONE, time(NULL), pin),
                     CERTIFICATE_UNREADABLE);
    assert_int_equal(certificate_judge(SLICE_ARRAY(zeros), SLICE_NONE, time(NULL), pin),
                     CERTIFICATE_UNREADABLE);
    certificate_done(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issuer_time_and_key_count),
        cmocka_unit_test(what_is_no_chain_is_nothing),
    };
    return cmocka_run_group_tests_name("host/certificate", tests, NULL, NULL);
}
