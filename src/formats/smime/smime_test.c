/* Certificates as files, and what they are worth. */
#include "formats/smime/internal.h"
#include "formats/smime/made_test.h"
#include "formats/smime/seal.h"
#include "tests/test.h"

static void a_file_says_whose_it_is(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct made ca = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made anna = made_new(&ca, "RSA", "email:Anna@Example.ORG,email:a@example.org",
                                "digitalSignature,keyEncipherment", 30);
    const struct made *const both[] = {&ca, &anna};
    struct smime_certificate c;
    struct error e;

    (void)unused;
    assert_true(smime_certificate_read(made_pem_of(both, 2, &arena), &arena, &c, &e));
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
    assert_true(smime_certificate_read(made_der_of(&anna, &arena), &arena, &again, &e));
    assert_true(slice_equal(again.fingerprint, c.fingerprint)); /* the holder's, of both */
    assert_true(again.bytes.len < c.bytes.len);
    const struct made *const two[] = {&anna, &anna};
    assert_false(smime_certificate_read(made_pem_of(two, 2, &arena), &arena, &c, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(smime_certificate_read(SLICE("hello"), &arena, &c, &e));
    assert_false(smime_certificate_read(SLICE_NONE, &arena, &c, &e));
    made_done(&anna);
    made_done(&ca);
}

static enum smime_worth judge(const struct made *m, const struct made *ca, const char *address,
                              int64_t now_s, bool vouched)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct smime_wish wish = {.anchors = ca ? made_one_pem(ca, &arena) : SLICE_NONE,
                                    .address = slice_text(address),
                                    .now_s = now_s,
                                    .vouched = vouched};

    return smime_judge(made_der_of(m, &arena), &wish, NULL);
}

static void a_certificate_is_judged(void **unused)
{
    const char *usage = "digitalSignature,keyEncipherment";
    struct made ca = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made other = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made anna = made_new(&ca, "RSA", "email:anna@example.org", usage, 30);
    struct made forged = made_new(&other, "RSA", "email:anna@example.org", usage, 30);
    struct made weak = made_new(&ca, "RSA-1024", "email:anna@example.org", usage, 30);
    struct made signs = made_new(&ca, "RSA", "email:anna@example.org", "digitalSignature", 30);
    struct made agrees = made_new(&ca, "P-256", "email:anna@example.org", "keyAgreement", 30);
    struct made wrong = made_new(&ca, "P-256", "email:anna@example.org", "keyEncipherment", 30);

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
        made_done(all[i]);
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
    struct made ca = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made other = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made anna = made_new(&ca, "RSA", "email:anna@example.org", "keyEncipherment", 30);
    struct slice der = made_der_of(&anna, &arena);
    struct slice lists[3];
    struct smime_wish wish = {
        .anchors = made_one_pem(&ca, &arena), .now_s = NOW, .crls = lists, .n_crls = 1};

    (void)unused;
    lists[0] = crl_of(&ca, &anna, &arena);
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_REVOKED);
    wish.must_know = true;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_REVOKED);
    lists[0] = crl_of(&ca, NULL, &arena);
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_GOOD);
    wish.n_crls = 0; /* hard fail, and nothing is known */
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_UNKNOWN);
    wish.n_crls = 1;
    lists[0] = crl_of(&other, NULL, &arena);
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_UNKNOWN);
    lists[0] = crl_of(&other, &anna, &arena); /* one that is forged says nothing */
    wish.must_know = false;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_GOOD);
    wish.must_know = true;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_UNKNOWN);
    lists[0] = SLICE("<html>no list</html>"); /* what is none counts as missing */
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_UNKNOWN);
    wish.must_know = false;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_GOOD);
    wish.n_crls = 1;
    lists[0] =
        crl_of(&other, &anna, &arena); /* named as the authority's, signed by somebody else */
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_GOOD);
    lists[0] = crl_of(&other, &ca, &arena);
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_GOOD);
    wish.must_know = true;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_UNKNOWN);
    wish.must_know = false;
    lists[0] = SLICE("<html>no list</html>");
    lists[1] = crl_of(&ca, &anna, &arena); /* and takes no other along */
    lists[2] = slice_head(lists[1], lists[1].len - 1);
    wish.n_crls = 3;
    assert_int_equal(smime_judge(der, &wish, NULL), SMIME_REVOKED);
    made_done(&anna);
    made_done(&other);
    made_done(&ca);
}

/* ── letters ── */

#define LETTER                                                                                     \
    "From: Anna <anna@example.org>\r\nTo: bert@example.net\r\nSubject: the secret plan\r\n"        \
    "Keywords: secret\r\nMessage-ID: <1@example.org>\r\n"                                          \
    "Content-Type: text/plain; charset=utf-8\r\n\r\nHello Bert,\r\n\r\nJ\xc3\xbcrgen knows.\r\n"

static bool contains(struct slice s, const char *text)
{
    return s.ptr && memmem(s.ptr, s.len, text, strlen(text)) != NULL;
}

/* Open what was encrypted, as the owner of a key. */
static struct slice open_as(const struct made *m, struct slice letter, struct arena *arena)
{
    OWN(bio) BIO *in = BIO_new_mem_buf(letter.ptr, (int)letter.len);
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    OWN(cms) CMS_ContentInfo *cms = SMIME_read_CMS(in, NULL);
    char *text = NULL;

    assert_non_null(cms);
    if (CMS_decrypt(cms, m->key, m->c, NULL, out, 0) != 1) {
        return SLICE_NONE;
    }
    long len = BIO_get_mem_data(out, &text);
    return arena_copy(arena, slice_of(text, (size_t)len));
}

/* Verify multipart/signed against an authority; what was signed. */
static struct slice verify(const struct made *ca, struct slice letter, struct arena *arena)
{
    OWN(bio) BIO *in = BIO_new_mem_buf(letter.ptr, (int)letter.len);
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    BIO *content = NULL;
    OWN(cms) CMS_ContentInfo *cms = SMIME_read_CMS(in, &content);
    X509_STORE *store = X509_STORE_new();
    char *text = NULL;

    assert_non_null(cms);
    assert_non_null(content);
    (void)X509_STORE_add_cert(store, ca->c);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), NOW);
    bool good = CMS_verify(cms, NULL, store, content, out, 0) == 1;
    X509_STORE_free(store);
    BIO_free_all(content);
    long len = BIO_get_mem_data(out, &text);
    return good ? arena_copy(arena, slice_of(text, (size_t)len)) : SLICE_NONE;
}

static struct slice make_sealed(const struct smime_ask *ask, struct arena *arena,
                                struct smime_made *how)
{
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct error e = {0};

    assert_ok(smime_seal(ask, arena, &out, how, &e), e);
    return arena_copy(arena, buf_slice(&out));
}

static void a_letter_is_signed_and_encrypted(void **unused)
{
    OWN(arena) struct arena arena = {.max = 8 << 20};
    struct made ca = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made bert = made_new(&ca, "RSA", "email:bert@example.net", "keyEncipherment", 30);
    struct made cleo = made_new(&ca, "P-384", "email:cleo@example.net", "keyAgreement", 30);
    struct made signers[] = {
        made_new(&ca, "RSA", "email:anna@example.org", "digitalSignature", 30),
        made_new(&ca, "P-256", "email:anna@example.org", "digitalSignature", 30),
    };
    struct smime_recipient both[] = {{.chain = made_der_of(&bert, &arena)},
                                     {.chain = made_der_of(&cleo, &arena)}};
    struct mail_header h;

    (void)unused;
    made_letter(SLICE(LETTER), &arena, &h);
    for (size_t i = 0; i < 8; i++) {
        struct made *anna = &signers[i % 2];
        struct smime_ask ask = {.letter = &h,
                                .encrypt = true,
                                .signer = made_der_of(anna, &arena),
                                .recipients = both,
                                .n_recipients = 2,
                                .gcm = i & 2,
                                .oaep = i & 4};
        struct cms_draft draft;
        struct smime_made how;
        struct error e = {0};
        assert_ok(cms_draft_write(&h, ask.encrypt, ask.signer, NOW, &arena, &draft, &e), e);
        ask.attributes = draft.attributes;
        ask.signature = made_sign(anna, &draft, &arena);
        struct slice letter = make_sealed(&ask, &arena, &how);
        assert_int_equal(how.gcm, (i & 2) != 0);
        assert_int_equal(how.n_oaep, (i & 4) != 0);
        assert_int_equal(how.n_oaep + how.n_rsa, 1);
        assert_int_equal(how.n_ecdh, 1);
        assert_false(contains(letter, "secret"));
        assert_true(contains(letter, "Subject: [...]"));
        assert_int_equal(open_as(anna, letter, &arena).len, 0);
        struct slice inside = open_as(&cleo, letter, &arena);
        assert_true(slice_equal(open_as(&bert, letter, &arena), inside));
        struct slice payload = verify(&ca, inside, &arena);
        assert_true(contains(payload, "Subject: the secret plan\r\n"));
        assert_true(contains(payload, "HP-Outer: Subject: [...]\r\n"));
        assert_true(contains(payload, "hp=\"cipher\""));
        assert_true(contains(payload, "\r\n\r\nHello Bert,\r\n\r\nJ\xc3\xbcrgen knows.\r\n"));
        ask.encrypt = false; /* made for another payload: not the same signature */
        OWN(buf) struct buf out = {.max = 1 << 20};
        assert_false(smime_seal(&ask, &arena, &out, &how, &e));
    }
    made_done(&signers[1]);
    made_done(&signers[0]);
    made_done(&cleo);
    made_done(&bert);
    made_done(&ca);
}

static void a_letter_is_signed_alone(void **unused)
{
    OWN(arena) struct arena arena = {.max = 8 << 20};
    struct made ca = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made anna = made_new(&ca, "RSA", "email:anna@example.org", "digitalSignature", 30);
    struct made other = made_new(&ca, "RSA", "email:other@example.org", "digitalSignature", 30);
    struct mail_header h;
    struct smime_ask ask = {.letter = &h, .signer = made_der_of(&anna, &arena)};
    struct cms_draft draft;
    struct smime_made how;
    struct error e = {0};

    (void)unused;
    made_letter(SLICE(LETTER), &arena, &h);
    assert_ok(cms_draft_write(&h, ask.encrypt, ask.signer, NOW, &arena, &draft, &e), e);
    ask.attributes = draft.attributes;
    ask.signature = made_sign(&other, &draft, &arena); /* another's key */
    OWN(buf) struct buf out = {.max = 1 << 20};
    assert_false(smime_seal(&ask, &arena, &out, &how, &e));
    ask.signature = made_sign(&anna, &draft, &arena);
    struct slice letter = make_sealed(&ask, &arena, &how);
    assert_true(contains(letter, "Subject: the secret plan\r\n"));
    assert_true(contains(verify(&ca, letter, &arena), "hp=\"clear\""));
    uint8_t *byte = memmem((void *)(uintptr_t)letter.ptr, letter.len, "Hello", 5);
    *byte = 'J';
    assert_int_equal(verify(&ca, letter, &arena).len, 0);
    ask.signer = SLICE_NONE;
    assert_false(smime_seal(&ask, &arena, &out, &how, &e)); /* nothing would protect it */
    ask.signer = SLICE("no certificate");
    assert_false(cms_draft_write(&h, ask.encrypt, ask.signer, NOW, &arena, &draft, &e));
    made_done(&other);
    made_done(&anna);
    made_done(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_whose_it_is),
        cmocka_unit_test(a_certificate_is_judged),
        cmocka_unit_test(what_was_revoked_is_not_used),
        cmocka_unit_test(a_letter_is_signed_and_encrypted),
        cmocka_unit_test(a_letter_is_signed_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
