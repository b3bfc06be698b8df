/* What responders say, and who may say it. */
#include <openssl/ocsp.h>

#include "formats/smime/internal.h"
#include "formats/smime/made_test.h"
#include "tests/test.h"

#define WHERE "http://ocsp.example.org/a"

/* The certificate once more, with an extension. */
static void extend(struct made *m, const struct made *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer->c, m->c, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int old = X509_get_ext_by_NID(m->c, nid, -1);
    assert_non_null(x);
    X509_EXTENSION_free(old >= 0 ? X509_delete_ext(m->c, old) : NULL);
    assert_int_equal(X509_add_ext(m->c, x, -1), 1);
    assert_true(X509_sign(m->c, issuer->key, EVP_sha256()) > 0);
    X509_EXTENSION_free(x);
}

struct answer {
    const struct made *about, *issuer; /* whose certificate, and who issued it */
    const struct made *signer;
    int status;
    int64_t from_s, to_s; /* 0: no next one */
    const EVP_MD *digest;
};

static struct slice answer(const struct answer *a, struct arena *arena)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), a->about->c, a->issuer->c);
    ASN1_TIME *from = ASN1_TIME_adj(NULL, (time_t)a->from_s, 0, 0);
    ASN1_TIME *to = a->to_s ? ASN1_TIME_adj(NULL, (time_t)a->to_s, 0, 0) : NULL;
    ASN1_TIME *when = ASN1_TIME_adj(NULL, (time_t)NOW - 5000, 0, 0);
    unsigned char *der = NULL;

    bool revoked = a->status == V_OCSP_CERTSTATUS_REVOKED;
    assert_non_null(
        OCSP_basic_add1_status(basic, id, a->status, 0, revoked ? when : NULL, from, to));
    assert_int_equal(
        OCSP_basic_sign(basic, a->signer->c, a->signer->key, a->digest, NULL, OCSP_RESPID_KEY), 1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int len = i2d_OCSP_RESPONSE(response, &der);
    struct slice made = arena_copy(arena, slice_of(der, (size_t)len));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    ASN1_TIME_free(when);
    return made;
}

enum {
    GOOD = V_OCSP_CERTSTATUS_GOOD,
    REVOKED = V_OCSP_CERTSTATUS_REVOKED,
    UNKNOWN = V_OCSP_CERTSTATUS_UNKNOWN
};

/* Who might answer: `other` is another authority, and `stranger` its responder. */
static struct made ca, other, anna, bert, delegate, mail, stranger, past;

static void make_all(void)
{
    ca = made_new(NULL, "P-256", NULL, NULL, 365);
    other = made_new(NULL, "P-256", NULL, NULL, 365);
    anna = made_new(&ca, "P-256", "email:anna@example.org", "keyAgreement", 30);
    bert = made_new(&ca, "P-256", "email:bert@example.org", "keyAgreement", 30);
    delegate = made_new(&ca, "P-256", "DNS:ocsp.example.org", "digitalSignature", 30);
    mail = made_new(&ca, "P-256", "email:eve@example.org", "digitalSignature", 30);
    stranger = made_new(&other, "P-256", "DNS:x.example.org", "digitalSignature", 30);
    past = made_new(&ca, "P-256", "DNS:p.example.org", "digitalSignature", 0);
    extend(&delegate, &ca, NID_ext_key_usage, "OCSPSigning");
    extend(&stranger, &other, NID_ext_key_usage, "OCSPSigning");
    extend(&past, &ca, NID_ext_key_usage, "OCSPSigning");
}

static void free_all(void)
{
    struct made *const all[] = {&past, &stranger, &mail, &delegate, &bert, &anna, &other, &ca};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        made_done(all[i]);
    }
}

static void who_may_say_it_is_believed(void **unused)
{
    OWN(arena) struct arena arena = {.max = 4 << 20};

    make_all();
    const int64_t before = NOW - 3000;
    const int64_t after = NOW + 9000;

    const struct {
        struct answer a;
        enum smime_worth soft, hard;
        int64_t until_s;
    } rows[] = {
        {{&anna, &ca, &ca, GOOD, before, after, EVP_sha256()},          SMIME_GOOD, SMIME_GOOD,    after        },
        {{&anna, &ca, &ca, REVOKED, before, after, EVP_sha256()},
         SMIME_REVOKED,                                                             SMIME_REVOKED,
         after                                                                                                  },
        {{&anna, &ca, &ca, UNKNOWN, before, after, EVP_sha256()},       SMIME_GOOD, SMIME_UNKNOWN, after        },
        {{&anna, &ca, &delegate, GOOD, before, after, EVP_sha384()},    SMIME_GOOD, SMIME_GOOD,    after        },
        {{&anna, &ca, &delegate, REVOKED, before, after, EVP_sha256()},
         SMIME_REVOKED,                                                             SMIME_REVOKED,
         after                                                                                                  },
        {{&anna, &ca, &mail, REVOKED, before, after, EVP_sha256()},     SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &anna, GOOD, before, after, EVP_sha256()},        SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &stranger, REVOKED, before, after, EVP_sha256()},
         SMIME_GOOD,                                                                SMIME_UNKNOWN,
         0                                                                                                      },
        {{&anna, &ca, &other, GOOD, before, after, EVP_sha256()},       SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &other, &other, REVOKED, before, after, EVP_sha256()},
         SMIME_GOOD,                                                                SMIME_UNKNOWN,
         0                                                                                                      },
        {{&anna, &ca, &past, GOOD, before, after, EVP_sha256()},        SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&bert, &ca, &ca, GOOD, before, after, EVP_sha256()},          SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &ca, GOOD, before, NOW - 400, EVP_sha256()},      SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &ca, REVOKED, NOW + 400, after, EVP_sha256()},    SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &ca, GOOD, before, 0, EVP_sha256()},              SMIME_GOOD, SMIME_GOOD,    before + 3600},
        {{&anna, &ca, &ca, GOOD, NOW - 4000, 0, EVP_sha256()},          SMIME_GOOD, SMIME_UNKNOWN, 0            },
        {{&anna, &ca, &ca, REVOKED, before, after, EVP_sha1()},         SMIME_GOOD, SMIME_UNKNOWN, 0            },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice said = answer(&rows[i].a, &arena);
        struct smime_wish wish = {
            .anchors = made_one_pem(&ca, &arena), .now_s = NOW, .answers = &said, .n_answers = 1};
        int64_t until_s = -1;
        struct smime_places places = {.arena = &arena, .until_s = &until_s};
        assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, &places), rows[i].soft);
        assert_int_equal(until_s, rows[i].until_s);
        wish.must_know = true;
        assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, NULL), rows[i].hard);
    }
    free_all();
}

static void what_is_no_answer_says_nothing(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    make_all();
    struct slice good = answer(
        &(struct answer){&anna, &ca, &ca, V_OCSP_CERTSTATUS_GOOD, NOW - 9, NOW + 9, EVP_sha256()},
        &arena);
    uint8_t *changed = arena_alloc(&arena, good.len + 1);

    (void)unused;
    (void)memcpy(changed, good.ptr, good.len);
    changed[good.len] = 0;
    const struct slice said[] = {SLICE_NONE, SLICE("<html>"), SLICE("\x30\x03\x0a\x01\x06"),
                                 slice_head(good, good.len - 1), slice_of(changed, good.len + 1)};
    struct smime_wish wish = {
        .anchors = made_one_pem(&ca, &arena), .now_s = NOW, .n_answers = 1, .must_know = true};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        wish.answers = &said[i];
        assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, NULL), SMIME_UNKNOWN);
    }
    for (size_t i = 20; i < good.len; i += 7) { /* whatever bit is turned: nobody signed that */
        struct slice one = slice_of(changed, good.len);
        wish.answers = &one;
        changed[i] ^= 1;
        enum smime_worth worth = smime_judge(made_der_of(&anna, &arena), &wish, NULL);
        changed[i] ^= 1;
        assert_true(worth == SMIME_UNKNOWN || worth == SMIME_GOOD);
    }
    wish.answers = &good;
    assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, NULL), SMIME_GOOD);
    free_all();
}

static void it_is_asked_where_the_certificate_says(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    make_all();
    struct smime_wish wish = {.anchors = made_one_pem(&ca, &arena), .now_s = NOW};
    struct smime_question questions[2] = {{.url = SLICE_NONE}};
    struct smime_places places = {.arena = &arena, .questions = questions, .max_questions = 2};

    (void)unused;
    assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, &places), SMIME_GOOD);
    assert_int_equal(places.n_questions, 0);
    extend(&anna, &ca, NID_info_access,
           "caIssuers;URI:http://x.example.org/,OCSP;URI:ldap://x/,OCSP;URI:" WHERE);
    assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, &places), SMIME_GOOD);
    assert_int_equal(places.n_questions, 1);
    assert_slice(questions[0].url, WHERE);
    const unsigned char *at = questions[0].request.ptr;
    OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)questions[0].request.len);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), anna.c, ca.c);
    assert_non_null(request);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    assert_int_equal(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id), 0);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    wish.anchors = SLICE_NONE; /* of a path that nobody vouches for nobody is asked */
    places.n_questions = 0;
    assert_int_equal(smime_judge(made_der_of(&anna, &arena), &wish, &places), SMIME_UNTRUSTED);
    assert_int_equal(places.n_questions, 0);
    free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_say_it_is_believed),
        cmocka_unit_test(what_is_no_answer_says_nothing),
        cmocka_unit_test(it_is_asked_where_the_certificate_says),
    };

    smime_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
