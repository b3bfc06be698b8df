#include "formats/smime/made_test.h"

#include <openssl/pem.h>

static void extend(X509 *c, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, c, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(x);
    assert_int_equal(X509_add_ext(c, x, -1), 1);
    X509_EXTENSION_free(x);
}

/* `san` NULL: an authority. */
struct made made_new(const struct made *issuer, const char *kind, const char *san,
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

void made_done(struct made *m)
{
    EVP_PKEY_free(m->key);
    X509_free(m->c);
}

struct slice made_pem_of(const struct made *const *all, size_t n, struct arena *arena)
{
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(PEM_write_bio_X509(out, all[i]->c), 1);
    }
    long len = BIO_get_mem_data(out, &text);
    return arena_copy(arena, slice_of(text, (size_t)len));
}

struct slice made_one_pem(const struct made *m, struct arena *arena)
{
    return made_pem_of(&m, 1, arena);
}

struct slice made_der_of(const struct made *m, struct arena *arena)
{
    unsigned char *der = NULL;
    int len = i2d_X509(m->c, &der);
    struct slice copy = arena_copy(arena, slice_of(der, (size_t)len));

    OPENSSL_free(der);
    return copy;
}

/* What the signer does elsewhere. */
struct slice made_sign(const struct made *m, const struct cms_draft *draft, struct arena *arena)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(m->key, NULL);
    uint8_t room[SMIME_SIGNATURE_MAX];
    size_t len = sizeof(room);

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, room, &len, draft->digest, SMIME_DIGEST_LEN), 1);
    EVP_PKEY_CTX_free(ctx);
    return arena_copy(arena, slice_of(room, len));
}

void made_letter(struct slice letter, struct arena *arena, struct mail_header *h)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

    mail_header_read(letter, &limits, false, arena, h);
    assert_int_equal(h->defect, MAIL_SOUND);
}
