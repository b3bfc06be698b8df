/* Certificates as files, and what they are worth. */
#include <openssl/pem.h>

#include "formats/smime/internal.h"
#include "tests/test.h"

struct made {
    EVP_PKEY *key;
    X509 *c;
};

static void extend(X509 *c, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, c, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(x);
    assert_int_equal(X509_add_ext(c, x, -1), 1);
    X509_EXTENSION_free(x);
}

#define NOW INT64_C(1796000000)

/* `san` NULL: an authority. */
static struct made make(const struct made *issuer, const char *kind, const char *san,
                        const char *usage, long days)
{
    static long serial = 1;
    struct made m = {.key = strcmp(kind, "RSA") == 0        ? EVP_RSA_gen(2048)
                            : strcmp(kind, "RSA-1024") == 0 ? EVP_RSA_gen(1024)
                                                            : EVP_EC_gen(kind),
                     .c = X509_new()};
    X509_NAME *name = X509_get_subject_name(m.c);

    assert_non_null(m.key);
    (void)X509_set_version(m.c, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(m.c), serial++);
    (void)ASN1_TIME_set(X509_getm_notBefore(m.c), NOW - 86400);
    (void)ASN1_TIME_set(X509_getm_notAfter(m.c), NOW + 86400 * days);
    (void)X509_set_pubkey(m.c, m.key);
    (void)X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_UTF8, (const unsigned char *)(san ? "J\xc3\xbcrgen" : "An authority"),
        -1, -1, 0);
    (void)X509_set_issuer_name(m.c, issuer ? X509_get_subject_name(issuer->c) : name);
    extend(m.c, issuer ? issuer->c : m.c, NID_basic_constraints,
           san ? "critical,CA:FALSE" : "critical,CA:TRUE");
    extend(m.c, issuer ? issuer->c : m.c, NID_key_usage, san ? usage : "keyCertSign,cRLSign");
    if (san) {
        extend(m.c, issuer ? issuer->c : m.c, NID_subject_alt_name, san);
        extend(m.c, issuer ? issuer->c : m.c, NID_ext_key_usage, "emailProtection");
    }
    assert_true(X509_sign(m.c, issuer ? issuer->key : m.key, EVP_sha256()) > 0);
    return m;
}

static void done(struct made *m)
{
    EVP_PKEY_free(m->key);
    X509_free(m->c);
}

static struct slice pem_of(const struct made *const *all, size_t n, struct arena *arena)
{
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(PEM_write_bio_X509(out, all[i]->c), 1);
    }
    long len = BIO_get_mem_data(out, &text);
    return arena_copy(arena, slice_of(text, (size_t)len));
}

static struct slice one_pem(const struct made *m, struct arena *arena)
{
    return pem_of(&m, 1, arena);
}

static struct slice der_of(const struct made *m, struct arena *arena)
{
    unsigned char *der = NULL;
    int len = i2d_X509(m->c, &der);
    struct slice copy = arena_copy(arena, slice_of(der, (size_t)len));

    OPENSSL_free(der);
    return copy;
}

static void a_file_says_whose_it_is(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct made ca = make(NULL, "P-256", NULL, NULL, 365);
    struct made anna = make(&ca, "RSA", "email:Anna@Example.ORG,email:a@example.org",
                            "digitalSignature,keyEncipherment", 30);
    const struct made *const both[] = {&ca, &anna};
    struct smime_certificate c;
    struct error e;

    (void)unused;
    assert_true(smime_certificate_read(pem_of(both, 2, &arena), &arena, &c, &e));
    assert_slice(c.algorithm, "RSA 2048");
    assert_slice(c.subject, "CN=J\xc3\xbcrgen");
    assert_int_equal(c.n_names, 2);
    assert_slice(c.names[0], "anna@example.org");
    assert_true(smime_names(&c, SLICE("A@EXAMPLE.org")));
    assert_false(smime_names(&c, SLICE("b@example.org")));
    assert_int_equal(c.not_before_ms, (NOW - 86400) * 1000);
    assert_int_equal(c.not_after_ms, (NOW + 30 * 86400) * 1000);
    assert_int_equal(c.fingerprint.len, SMIME_FINGERPRINT_LEN);
    struct smime_certificate again;
    assert_true(smime_certificate_read(der_of(&anna, &arena), &arena, &again, &e));
    assert_true(slice_equal(again.fingerprint, c.fingerprint)); /* the holder's, of both */
    assert_true(again.bytes.len < c.bytes.len);
    const struct made *const two[] = {&anna, &anna};
    assert_false(smime_certificate_read(pem_of(two, 2, &arena), &arena, &c, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(smime_certificate_read(SLICE("hello"), &arena, &c, &e));
    assert_false(smime_certificate_read(SLICE_NONE, &arena, &c, &e));
    done(&anna);
    done(&ca);
}

static enum smime_worth judge(const struct made *m, const struct made *ca, const char *address,
                              int64_t now_s, bool vouched)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct smime_wish wish = {.anchors = ca ? one_pem(ca, &arena) : SLICE_NONE,
                                    .address = slice_text(address),
                                    .now_s = now_s,
                                    .vouched = vouched};

    return smime_judge(der_of(m, &arena), &wish);
}

static void a_certificate_is_judged(void **unused)
{
    const char *usage = "digitalSignature,keyEncipherment";
    struct made ca = make(NULL, "P-256", NULL, NULL, 365);
    struct made other = make(NULL, "P-256", NULL, NULL, 365);
    struct made anna = make(&ca, "RSA", "email:anna@example.org", usage, 30);
    struct made forged = make(&other, "RSA", "email:anna@example.org", usage, 30);
    struct made weak = make(&ca, "RSA-1024", "email:anna@example.org", usage, 30);
    struct made signs = make(&ca, "RSA", "email:anna@example.org", "digitalSignature", 30);
    struct made agrees = make(&ca, "P-256", "email:anna@example.org", "keyAgreement", 30);
    struct made wrong = make(&ca, "P-256", "email:anna@example.org", "keyEncipherment", 30);

    const struct {
        const struct made *m, *ca;
        const char *address;
        int64_t now_s;
        bool vouched;
        enum smime_worth worth;
    } rows[] = {
        {&anna,   &ca,  "Anna@example.org", NOW,              false, SMIME_GOOD         },
        {&anna,   &ca,  "",                 NOW,              false, SMIME_GOOD         },
        {&anna,   &ca,  "bert@example.org", NOW,              false, SMIME_WRONG_ADDRESS},
        {&anna,   &ca,  "anna@example.org", NOW + 31 * 86400, false, SMIME_NOT_NOW      },
        {&anna,   &ca,  "anna@example.org", NOW - 2 * 86400,  false, SMIME_NOT_NOW      },
        {&forged, &ca,  "anna@example.org", NOW,              false, SMIME_UNTRUSTED    },
        {&forged, NULL, "anna@example.org", NOW,              false, SMIME_UNTRUSTED    },
        {&forged, NULL, "anna@example.org", NOW,              true,  SMIME_GOOD         },
        {&forged, NULL, "anna@example.org", NOW + 31 * 86400, true,  SMIME_NOT_NOW      },
        {&weak,   &ca,  "anna@example.org", NOW,              true,  SMIME_WEAK         },
        {&signs,  &ca,  "anna@example.org", NOW,              true,  SMIME_WRONG_USE    },
        {&agrees, &ca,  "anna@example.org", NOW,              false, SMIME_GOOD         },
        {&wrong,  &ca,  "anna@example.org", NOW,              false, SMIME_WRONG_USE    },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            judge(rows[i].m, rows[i].ca, rows[i].address, rows[i].now_s, rows[i].vouched),
            rows[i].worth);
        assert_true(strlen(smime_worth_text(rows[i].worth)) > 5);
    }
    struct made *const all[] = {&wrong, &agrees, &signs, &weak, &forged, &anna, &other, &ca};
    for (size_t i = 0; i < 8; i++) {
        done(all[i]);
    }
}

/* A CRL of the authority, in which the certificate is or is not. */
static struct slice crl_of(const struct made *ca, const struct made *revoked, struct arena *arena)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *at = ASN1_TIME_set(NULL, NOW - 3600);
    unsigned char *der = NULL;

    (void)X509_CRL_set_version(crl, 1);
    (void)X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->c));
    (void)X509_CRL_set1_lastUpdate(crl, at);
    (void)ASN1_TIME_set(at, NOW + 86400);
    (void)X509_CRL_set1_nextUpdate(crl, at);
    if (revoked) {
        X509_REVOKED *r = X509_REVOKED_new();
        (void)X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(revoked->c));
        (void)X509_REVOKED_set_revocationDate(r, at);
        (void)X509_CRL_add0_revoked(crl, r);
    }
    assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
    int len = i2d_X509_CRL(crl, &der);
    struct slice copy = arena_copy(arena, slice_of(der, (size_t)len));
    OPENSSL_free(der);
    ASN1_TIME_free(at);
    X509_CRL_free(crl);
    return copy;
}

static void what_was_revoked_is_not_used(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct made ca = make(NULL, "P-256", NULL, NULL, 365);
    struct made other = make(NULL, "P-256", NULL, NULL, 365);
    struct made anna = make(&ca, "RSA", "email:anna@example.org", "keyEncipherment", 30);
    struct slice der = der_of(&anna, &arena);
    struct smime_wish wish = {.anchors = one_pem(&ca, &arena), .now_s = NOW};

    (void)unused;
    wish.crls = crl_of(&ca, &anna, &arena);
    assert_int_equal(smime_judge(der, &wish), SMIME_REVOKED);
    wish.must_know = true;
    assert_int_equal(smime_judge(der, &wish), SMIME_REVOKED);
    wish.crls = crl_of(&ca, NULL, &arena);
    assert_int_equal(smime_judge(der, &wish), SMIME_GOOD);
    wish.crls = SLICE_NONE; /* hard fail, and nothing is known */
    assert_int_equal(smime_judge(der, &wish), SMIME_UNKNOWN);
    wish.crls = crl_of(&other, NULL, &arena);
    assert_int_equal(smime_judge(der, &wish), SMIME_UNKNOWN);
    wish.must_know = false;
    assert_int_equal(smime_judge(der, &wish), SMIME_GOOD);
    done(&anna);
    done(&other);
    done(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_whose_it_is),
        cmocka_unit_test(a_certificate_is_judged),
        cmocka_unit_test(what_was_revoked_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
