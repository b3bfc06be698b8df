#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "formats/dkim/dkim.h"
#include "formats/dkim/internal.h"
#include "formats/dkim/reference.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

/* RFC 8463 appendix A */
#define RFC8463_RSA_KEY                                                                            \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY"    \
    "/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYL"   \
    "zBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define RFC8463_ED25519_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RFC8463_TAGS(algorithm, selector, h)                                                       \
    "DKIM-Signature: v=1; a=" algorithm "; c=relaxed/relaxed;\r\n"                                 \
    " d=football.example.com; i=@football.example.com;\r\n"                                        \
    " q=dns/txt; s=" selector "; t=1528637909; h=" h ";\r\n"                                       \
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                                        \
    " b="

static const struct slice rfc8463_letter =
    SLICE_INIT("From: Joe SixPack <joe@football.example.com>\r\n"
               "To: Suzie Q <suzie@shopping.example.net>\r\n"
               "Subject: Is dinner ready?\r\n"
               "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
               "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
               "\r\n"
               "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n");

static size_t base64_decode(const char *text, uint8_t out[static 512])
{
    size_t len = strlen(text);
    int n = EVP_DecodeBlock(out, (const uint8_t *)text, (int)len);
    assert_true(n > 0);
    return (size_t)n - (text[len - 1] == '=') - (text[len - 2] == '=');
}

static bool verify(EVP_PKEY *key, const uint8_t digest[static DKIM_DIGEST_LEN],
                   struct slice signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = false;

    if (EVP_PKEY_is_a(key, "ED25519")) {
        assert_int_equal(EVP_DigestVerifyInit(md, NULL, NULL, NULL, key), 1);
        ok = EVP_DigestVerify(md, signature.ptr, signature.len, digest, DKIM_DIGEST_LEN) == 1;
    } else {
        assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
        assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
        ok = EVP_PKEY_verify(ctx, signature.ptr, signature.len, digest, DKIM_DIGEST_LEN) == 1;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *rsa_public(const char *base64)
{
    uint8_t der[512];
    const uint8_t *at = der;
    size_t len = base64_decode(base64, der);
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);
    assert_non_null(key);
    return key;
}

/* The signatures of the RFC hold over what we hash: fields, order, canonical form, "b=". */
static void rfc8463_signatures_verify(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_header h;
    uint8_t bytes[512];
    uint8_t digest[DKIM_DIGEST_LEN];
    char body_hash[64];

    mail_header_read(rfc8463_letter, &limits, false, &a, &h);
    dkim_body_hash(h.body, digest);
    (void)EVP_EncodeBlock((uint8_t *)body_hash, digest, DKIM_DIGEST_LEN);
    assert_string_equal(body_hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    const struct mail_field *picked[] = {&h.fields[0], &h.fields[1], &h.fields[2], &h.fields[3],
                                         &h.fields[4]};

    dkim_header_hash(picked, 5,
                     SLICE(RFC8463_TAGS("ed25519-sha256", "brisbane",
                                        "from : to :\r\n subject : date : message-id : from : "
                                        "subject : date")),
                     digest);
    (void)base64_decode(RFC8463_ED25519_KEY, bytes);
    EVP_PKEY *ed25519 = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, 32);
    size_t len = base64_decode("/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5Os"
                               "U7ZbnKELq+eXdp1Q1Dw==",
                               bytes);
    assert_true(verify(ed25519, digest, slice_of(bytes, len)));
    digest[0] ^= 1;
    assert_false(verify(ed25519, digest, slice_of(bytes, len)));
    EVP_PKEY_free(ed25519);

    dkim_header_hash(picked, 5,
                     SLICE(RFC8463_TAGS("rsa-sha256", "test",
                                        "from : to : subject :\r\n date : message-id : from : "
                                        "subject : date")),
                     digest);
    EVP_PKEY *rsa = rsa_public(RFC8463_RSA_KEY);
    len = base64_decode("F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcO"
                        "F6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP"
                        "7OdEFE4LjFYNcUxZQ4FADY+8=",
                        bytes);
    assert_true(verify(rsa, digest, slice_of(bytes, len)));
    EVP_PKEY_free(rsa);
}

/* RFC 6376 section 3.4.5 */
static void fields_are_relaxed(void **unused)
{
    (void)unused;

    static const struct {
        struct slice raw;
        const char *relaxed;
    } cases[] = {
        {SLICE_INIT("A: X\r\n"),                  "a:X"        },
        {SLICE_INIT("B:Y\t\r\n\tZ  \r\n"),        "b:Y Z"      },
        {SLICE_INIT("Subject:\r\n \tx\t \r\n y"), "subject:x y"},
        {SLICE_INIT("X-Empty:  \r\n"),            "x-empty:"   },
    };
    OWN(buf) struct buf out = {.max = 100};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mail_field f;
        assert_true(mail_field_read(cases[i].raw, &f));
        buf_reset(&out);
        dkim_relax_field(&out, &f);
        assert_slice(buf_slice(&out), cases[i].relaxed);
    }
}

static void assert_body(struct slice body, struct slice relaxed)
{
    uint8_t expected[DKIM_DIGEST_LEN];
    uint8_t hash[DKIM_DIGEST_LEN];

    assert_int_equal(EVP_Digest(relaxed.ptr, relaxed.len, expected, NULL, EVP_sha256(), NULL), 1);
    dkim_body_hash(body, hash);
    assert_memory_equal(hash, expected, DKIM_DIGEST_LEN);
}

static void bodies_are_relaxed(void **unused)
{
    (void)unused;
    assert_body(SLICE(" C \r\nD \t E\r\n\r\n\r\n"), SLICE(" C\r\nD E\r\n")); /* section 3.4.5 */
    assert_body(SLICE(""), SLICE(""));
    assert_body(SLICE("\r\n"), SLICE(""));
    assert_body(SLICE(" \t\r\n \r\n\t"), SLICE(""));
    assert_body(SLICE("a"), SLICE("a\r\n"));
    assert_body(SLICE("a \t"), SLICE("a\r\n"));
    assert_body(SLICE("a\r\n \r\nb"), SLICE("a\r\n\r\nb\r\n"));
    assert_body(SLICE("a\r\n\r\n\r\nb\r\n\r\n"), SLICE("a\r\n\r\n\r\nb\r\n"));
    assert_body(SLICE("a \rb \n c\r\n"), SLICE("a \rb \n c\r\n"));
    assert_body(SLICE("a\tb\r\n"), SLICE("a b\r\n"));
    assert_body(SLICE("a \tb\r\n \t \tc"), SLICE("a b\r\n c\r\n"));
}

/* The fast scan looks at eight bytes a step: try every white space at every place of a step. */
static void bodies_agree_with_the_slow_way(void **unused)
{
    (void)unused;
    static const char alphabet[] = "x \t\r\n";
    OWN(buf) struct buf relaxed = {.max = 200};
    uint32_t seed = 1;

    for (int round = 0; round < 200000; round++) {
        uint8_t body[40];
        size_t len = (size_t)(round % 41);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t pick = seed >> 20;
            body[i] = pick % 3 ? 'x' : (uint8_t)alphabet[pick / 3 % 5];
            if (body[i] == '\r' && pick % 2 && i + 1 < len) {
                body[++i] = '\n';
            }
        }
        buf_reset(&relaxed);
        reference_relax_body(&relaxed, slice_of(body, len));
        assert_body(slice_of(body, len), buf_slice(&relaxed));
    }
}

static EVP_PKEY *new_key(enum dkim_algorithm algorithm)
{
    return algorithm == DKIM_RSA_SHA256 ? EVP_RSA_gen(2048)
                                        : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static size_t sign(EVP_PKEY *key, const uint8_t digest[static DKIM_DIGEST_LEN],
                   uint8_t signature[static 512])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t len = 512;

    if (EVP_PKEY_is_a(key, "ED25519")) {
        assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, key), 1);
        assert_int_equal(EVP_DigestSign(md, signature, &len, digest, DKIM_DIGEST_LEN), 1);
    } else {
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
        assert_int_equal(EVP_PKEY_sign(ctx, signature, &len, digest, DKIM_DIGEST_LEN), 1);
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

/* Hash the finished field as a verifier does: without what stands behind its last "b=". */
static void hash_as_verifier(const struct mail_header *h, struct slice field,
                             uint8_t digest[static DKIM_DIGEST_LEN])
{
    const uint8_t *b = memmem(field.ptr, field.len, "\tb=", 3);
    assert_non_null(b);
    const struct mail_field *picked[] = {&h->fields[0], &h->fields[1], &h->fields[2], &h->fields[3],
                                         &h->fields[4]};
    dkim_header_hash(picked, 5, slice_head(field, (size_t)(b - field.ptr) + 3), digest);
}

static void prepared_signatures_verify(void **unused)
{
    (void)unused;
    static const char expected_start[] =
        "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n"
        "\td=football.example.com; s=s1;\r\n"
        "\tt=1700000000;\r\n"
        "\th=From:From:To:To:Cc:Subject:Subject:Date:Date:Message-ID:\r\n"
        "\tMessage-ID:Reply-To:MIME-Version:Content-Type:\r\n"
        "\tContent-Transfer-Encoding;\r\n"
        "\tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        "\tb=";
    OWN(arena) struct arena a = {.max = 1 << 20};
    uint8_t body_hash[DKIM_DIGEST_LEN];
    uint8_t digest[DKIM_DIGEST_LEN];
    uint8_t signature[512];
    struct mail_header h;

    mail_header_read(rfc8463_letter, &limits, false, &a, &h);
    dkim_body_hash(h.body, body_hash);
    for (int i = 0; i < 2; i++) {
        struct dkim_key key = {i ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
                               SLICE("football.example.com"), SLICE("s1")};
        struct dkim_draft draft;
        EVP_PKEY *pkey = new_key(key.algorithm);

        dkim_prepare(h.fields, h.n_fields, &key, body_hash, 1700000000, &a, &draft);
        struct slice start = arena_printf(&a, expected_start, i ? "ed25519-sha256" : "rsa-sha256");
        if (!slice_equal(draft.field, start)) {
            fail_msg("%.*s", SLICE_ARG(draft.field));
        }
        size_t len = sign(pkey, draft.digest, signature);
        struct slice field = dkim_finish(&draft, slice_of(signature, len), &a);
        assert_true(slice_starts(field, start));
        for (struct slice rest = field, line; rest.len;) {
            line = slice_cut(rest, '\n', &rest);
            assert_true(line.len > 2 && line.len <= 79 && line.ptr[line.len - 1] == '\r');
        }
        hash_as_verifier(&h, field, digest);
        assert_true(verify(pkey, digest, slice_of(signature, len)));
        EVP_PKEY_free(pkey);
    }
}

static void repeated_and_late_fields_are_signed_bottom_up(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_header h;
    struct dkim_key key = {DKIM_ED25519_SHA256, SLICE("x.test"), SLICE("s")};
    struct dkim_draft one;
    struct dkim_draft two;
    uint8_t body_hash[DKIM_DIGEST_LEN] = {0};

    mail_header_read(SLICE("References: a\r\nFrom: a\r\nReferences: b\r\nX-Other: 1\r\n\r\n"),
                     &limits, false, &a, &h);
    dkim_prepare(h.fields, h.n_fields, &key, body_hash, 0, &a, &one);
    struct slice want = SLICE("Encoding:References:References;");
    assert_non_null(memmem(one.field.ptr, one.field.len, want.ptr, want.len));
    /* What is not signed may change, what is signed may not. */
    mail_header_read(SLICE("References: a\r\nFrom: a\r\nReferences: b\r\nX-Other: 2\r\n\r\n"),
                     &limits, false, &a, &h);
    dkim_prepare(h.fields, h.n_fields, &key, body_hash, 0, &a, &two);
    assert_memory_equal(one.digest, two.digest, DKIM_DIGEST_LEN);
    mail_header_read(SLICE("References: b\r\nFrom: a\r\nReferences: a\r\nX-Other: 2\r\n\r\n"),
                     &limits, false, &a, &h);
    dkim_prepare(h.fields, h.n_fields, &key, body_hash, 0, &a, &two);
    assert_memory_not_equal(one.digest, two.digest, DKIM_DIGEST_LEN);
}

static void dns_records_are_written(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    uint8_t bytes[512];

    (void)base64_decode(RFC8463_ED25519_KEY, bytes);
    assert_slice(dkim_dns_text(DKIM_ED25519_SHA256, slice_of(bytes, 32), &a),
                 "v=DKIM1; h=sha256; k=ed25519; p=" RFC8463_ED25519_KEY);
    size_t len = base64_decode(RFC8463_RSA_KEY, bytes);
    assert_slice(dkim_dns_text(DKIM_RSA_SHA256, slice_of(bytes, len), &a),
                 "v=DKIM1; h=sha256; k=rsa; p=" RFC8463_RSA_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc8463_signatures_verify),
        cmocka_unit_test(fields_are_relaxed),
        cmocka_unit_test(bodies_are_relaxed),
        cmocka_unit_test(bodies_agree_with_the_slow_way),
        cmocka_unit_test(prepared_signatures_verify),
        cmocka_unit_test(repeated_and_late_fields_are_signed_bottom_up),
        cmocka_unit_test(dns_records_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
