#include "formats/openpgp/autocrypt.h"
#include "formats/openpgp/packet.h"
#include "formats/openpgp/seal.h"
#include "formats/openpgp/wkd.h"
#include "tests/test.h"

/* RFC 9580 section A.1 and A.2: the version 4 Ed25519Legacy key and a signature of it. */
static const uint8_t public[OPENPGP_PUBLIC_LEN] = {
    0x3f, 0x09, 0x89, 0x94, 0xbd, 0xd9, 0x16, 0xed, 0x40, 0x53, 0x19, 0x79, 0x34, 0xe4, 0xa8, 0x7c,
    0x80, 0x73, 0x3a, 0x12, 0x80, 0xd6, 0x2f, 0x80, 0x10, 0x99, 0x2e, 0x43, 0xee, 0x3b, 0x24, 0x06};

static void a_key_has_its_fingerprint(void **unused)
{
    (void)unused;
    OWN(buf) struct buf packet = {.max = 200};
    struct openpgp_own own;
    char text[2 * OPENPGP_FINGERPRINT_LEN + 1];
    static const uint8_t expected[] = {0xc6, 0x33, 0x04, 0x53, 0xf3, 0x5f, 0x0b, 0x16,
                                       0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47,
                                       0x0f, 0x01, 0x01, 0x07, 0x40, 0x3f, 0x09};

    openpgp_own_init(&own, public, 0x53f35f0b);
    openpgp_fingerprint_text(own.fingerprint, text);
    assert_string_equal(text, "c959bdbafa32a2f89a153b678cfde12197965a9a");
    openpgp_write_public(&own, &packet);
    assert_int_equal(packet.len, 2 + 0x33);
    assert_memory_equal(packet.ptr, expected, sizeof(expected));
    struct openpgp_own again;
    assert_true(openpgp_own_read(buf_slice(&packet), &again));
    assert_memory_equal(again.fingerprint, own.fingerprint, OPENPGP_FINGERPRINT_LEN);
    assert_false(openpgp_own_read(slice_head(buf_slice(&packet), packet.len - 1), &again));
    packet.ptr[7]++;
    assert_false(openpgp_own_read(buf_slice(&packet), &again));
}

static void a_draft_is_what_it_says(void **unused)
{
    (void)unused;
    OWN(buf) struct buf packet = {.max = 600};
    struct openpgp_own own;
    struct openpgp_draft draft;
    struct openpgp_draft other;
    const uint8_t signature[OPENPGP_SIGNATURE_LEN] = {0, 0x7f, [32] = 0xff};

    openpgp_own_init(&own, public, 0x53f35f0b);
    openpgp_draft_document(&own, SLICE("a"), 1700000000, &draft);
    openpgp_draft_document(&own, SLICE("b"), 1700000000, &other);
    assert_memory_not_equal(draft.digest, other.digest, OPENPGP_DIGEST_LEN);
    assert_int_equal(draft.hashed[0], 4);
    assert_int_equal(draft.hashed[1], 0);
    openpgp_write_signature(&draft, signature, &packet);
    assert_int_equal(packet.ptr[0], 0xc2);
    assert_int_equal(packet.len, 2u + packet.ptr[1]);
    /* Numbers without leading zeros: 247 bits, then 256. */
    assert_memory_equal(packet.ptr + packet.len - 34 - 33, "\0\xf7\x7f", 3);
    assert_memory_equal(packet.ptr + packet.len - 34, "\1\0\xff", 3);
    openpgp_draft_revocation(&own, 1700000000, SLICE("lost"), &draft);
    assert_int_equal(draft.hashed[1], 0x20);
    openpgp_draft_user_id(&own, SLICE("a@x.test"), 1700000000, &draft);
    assert_int_equal(draft.hashed[1], 0x13);
    assert_non_null(memmem(draft.hashed, draft.hashed_len, "\x02\x1b\x02", 3)); /* signs alone */
}

static void armor_is_whole(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 600};

    openpgp_armor(OPENPGP_ARMOR_SIGNATURE, SLICE("hello"), &out);
    assert_slice(buf_slice(&out), "-----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=\r\n=R/WK\r\n"
                                  "-----END PGP SIGNATURE-----\r\n");
}

/* Lengths of all three forms. */
static void a_literal_has_its_length(void **unused)
{
    (void)unused;
    static uint8_t zeros[9000];
    OWN(buf) struct buf out = {.max = 10000};

    openpgp_write_literal(slice_of(zeros, 1), &out);
    assert_memory_equal(out.ptr,
                        "\xcb\x07"
                        "b\0",
                        4);
    buf_reset(&out);
    openpgp_write_literal(slice_of(zeros, 186), &out);
    assert_memory_equal(out.ptr, "\xcb\xc0\0b", 4);
    buf_reset(&out);
    openpgp_write_literal(slice_of(zeros, 9000), &out);
    assert_memory_equal(out.ptr,
                        "\xcb\xff\0\0\x23\x2e"
                        "b",
                        7);
}

static void a_directory_has_places(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct wkd_place p;

    /* The example of the draft. */
    assert_true(wkd_place(SLICE("Joe.Doe@Example.ORG"), &a, &p));
    assert_string_equal(p.hash, "iy9q119eutrkn8s1mk4r39qejnbu3n5q");
    assert_slice(p.advanced, "https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/"
                             "iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe");
    assert_slice(p.direct, "https://example.org/.well-known/openpgpkey/hu/"
                           "iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe");
    assert_true(wkd_place(SLICE("a+b/?#@x.test"), &a, &p));
    assert_non_null(memmem(p.direct.ptr, p.direct.len, "?l=a%2Bb%2F%3F%23", 17));
    assert_false(wkd_place(SLICE("a@localhost"), &a, &p));
    assert_false(wkd_place(SLICE("a@x.test/evil"), &a, &p));
    assert_false(wkd_place(SLICE("a@x..test"), &a, &p));
    assert_false(wkd_place(SLICE("@x.test"), &a, &p));
    assert_false(wkd_place(SLICE("x.test"), &a, &p));
}

static void a_message_is_two_parts(void **unused)
{
    (void)unused;
    const uint8_t boundary[OPENPGP_BOUNDARY_LEN] = {1};
    OWN(buf) struct buf out = {.max = 10000};

    openpgp_mime_begin(SLICE("From: a@x.test\r\n"), boundary, &out);
    buf_add_text(&out, "ARMOR\r\n");
    openpgp_mime_end(boundary, &out);
    buf_add_byte(&out, 0);
    const char *text = (const char *)out.ptr;
    assert_ptr_equal(strstr(text, "From: a@x.test\r\nMIME-Version: 1.0\r\n"), text);
    assert_non_null(strstr(text, "\r\n\r\nVersion: 1\r\n\r\n--=_01"));
    assert_non_null(strstr(text, "\r\n\r\nARMOR\r\n\r\n--=_0100"));
}

static void a_field_brings_a_key(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct autocrypt read;
    static const char *const none[] = {
        "addr=a@x.test; keydata=aGVsbG8",
        "addr=a@x.test; keydata=",
        "keydata=aGVsbG8=",
        "addr=a@x.test; new=1; keydata=aGVsbG8=",
        "addr=a@x.test; addr=b@x.test; keydata=aGVsbG8=",
        "",
    };

    assert_true(autocrypt_read(SLICE(" addr=a@x.test; prefer-encrypt=mutual; _own=1; keydata=\r\n"
                                     " aGVs\r\n bG8="),
                               &a, &read));
    assert_slice(read.address, "a@x.test");
    assert_slice(read.key, "hello");
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(autocrypt_read(slice_text(none[i]), &a, &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_brings_a_key),     cmocka_unit_test(a_key_has_its_fingerprint),
        cmocka_unit_test(a_draft_is_what_it_says),  cmocka_unit_test(armor_is_whole),
        cmocka_unit_test(a_literal_has_its_length), cmocka_unit_test(a_directory_has_places),
        cmocka_unit_test(a_message_is_two_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
