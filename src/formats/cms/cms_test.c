#include <openssl/evp.h>

#include "formats/cms/der.h"
#include "formats/cms/signing.h"
#include "tests/test.h"

static void a_certificate_ends_where_it_says(void **unused)
{
    static const uint8_t bytes[] = {0x30, 0x02, 1,    2,    0x30, 0x81, 0x01,
                                    7,    0x30, 0x82, 0x00, 0x01, 8};
    struct slice s = SLICE_ARRAY(bytes);

    (void)unused;
    assert_int_equal(der_first(s).len, 4);
    assert_int_equal(der_first(slice_from(s, 4)).len, 4);
    assert_int_equal(der_first(slice_from(s, 8)).len, 5);
    for (size_t cut = 0; cut < 5; cut++) {
        assert_int_equal(der_first(slice_head(slice_from(s, 8), cut)).len, 0);
    }
    assert_int_equal(der_first(SLICE("\x31\x01\x01")).len, 0);
    assert_int_equal(der_first(SLICE("\x30\x80\x01\x01")).len, 0); /* no DER */
    assert_int_equal(der_first(SLICE("\x30\x83\x01\x01\x01\x01")).len, 0);
    assert_int_equal(der_first(SLICE("\x30\xff\x01\x01")).len, 0);
}

static bool holds(struct slice s, const uint8_t digest[static CMS_DIGEST_LEN])
{
    return memmem(s.ptr, s.len, digest, CMS_DIGEST_LEN) != NULL;
}

/* The letter, the certificate and the time are in it, and nothing of another. */
static void what_is_signed_is_this_letter(void **unused)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    static const uint8_t certificate[] = {0x30, 0x02, 1, 2, 9, 9};
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf outer = {.max = 0};
    OWN(buf) struct buf payload = {.max = 0};
    uint8_t digest[CMS_DIGEST_LEN];
    struct mail_header h;
    struct cms_draft one;
    struct cms_draft other;
    struct error e = {0};

    (void)unused;
    mail_header_read(SLICE("From: a@x.test\r\nSubject: s\r\n\r\nhi\r\n"), &limits, false, &arena,
                     &h);
    assert_ok(cms_draft_write(&h, true, SLICE_ARRAY(certificate), 1796000000, &arena, &one, &e), e);
    assert_int_equal(one.attributes.ptr[0], DER_SET);
    assert_ok(cms_payload_write(&h, true, &outer, &payload, &e), e);
    (void)EVP_Digest(buf_slice(&payload).ptr, payload.len, digest, NULL, EVP_sha256(), NULL);
    assert_true(holds(one.attributes, digest));
    (void)EVP_Digest(certificate, 4, digest, NULL, EVP_sha256(), NULL);
    assert_true(holds(one.attributes, digest));
    assert_non_null(memmem(one.attributes.ptr, one.attributes.len, "261130", 6));
    (void)EVP_Digest(one.attributes.ptr, one.attributes.len, digest, NULL, EVP_sha256(), NULL);
    assert_memory_equal(one.digest, digest, sizeof(digest));
    assert_ok(cms_draft_write(&h, false, SLICE_ARRAY(certificate), 1796000000, &arena, &other, &e),
              e);
    assert_memory_not_equal(one.digest, other.digest, sizeof(digest));
    assert_false(cms_draft_write(&h, true, SLICE("none"), 1796000000, &arena, &other, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_ends_where_it_says),
        cmocka_unit_test(what_is_signed_is_this_letter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
