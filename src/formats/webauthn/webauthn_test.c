#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#include "formats/webauthn/webauthn.h"
#include "tests/test.h"

#define CHALLENGE "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define ORIGIN    "https://mail.example.test"

static struct arena arena = {.max = 1 << 24};

static bool reads_client(const char *text, struct webauthn_client *c)
{
    struct error e;

    return webauthn_client_read(slice_text(text), &arena, c, &e);
}

static void client_data_says_type_challenge_and_origin(void **unused)
{
    (void)unused;
    struct webauthn_client c;
    static const uint8_t challenge[WEBAUTHN_CHALLENGE_LEN] = {
        1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
        17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

    assert_true(reads_client("{\"type\":\"webauthn.get\",\"challenge\":\"" CHALLENGE
                             "\",\"origin\":\"https:\\/\\/mail.\\u0065xample.test\","
                             "\"crossOrigin\":false,\"other_keys_can_be_added_here\":"
                             "\"do not compare [] {}\",\"a\":[1,-2.5e+3,{\"b\":null}]}",
                             &c));
    assert_int_equal(c.type, WEBAUTHN_GET);
    assert_memory_equal(c.challenge, challenge, sizeof(challenge));
    assert_slice(c.origin, ORIGIN);
    assert_false(c.crossed);
    struct slice own = webauthn_client_write(WEBAUTHN_CREATE, challenge, SLICE(ORIGIN), &arena);
    assert_true(reads_client(arena_text(&arena, own), &c));
    assert_int_equal(c.type, WEBAUTHN_CREATE);
    assert_memory_equal(c.challenge, challenge, sizeof(challenge));
    assert_slice(c.origin, ORIGIN);
}

#define MEMBERS                                                                                    \
    "\"type\":\"webauthn.get\",\"challenge\":\"" CHALLENGE "\",\"origin\":\"" ORIGIN "\""

static void a_page_within_a_page_is_seen(void **unused)
{
    (void)unused;
    struct webauthn_client c;

    assert_true(reads_client("{" MEMBERS "}", &c) && !c.crossed);
    assert_true(reads_client("{" MEMBERS ",\"crossOrigin\":true}", &c) && c.crossed);
    assert_true(reads_client("{" MEMBERS ",\"topOrigin\":\"https://x.test\"}", &c) && c.crossed);
}

static void what_is_no_strict_client_data_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "",
        "[]",
        "\"x\"",
        "{" MEMBERS,
        "{" MEMBERS "} ,",
        "{" MEMBERS ",}",
        "{" MEMBERS "}{}",
        "{" MEMBERS ",\"type\":\"webauthn.get\"}",
        "{" MEMBERS ",\"crossOrigin\":\"false\"}",
        "{" MEMBERS ",\"x\":01}",
        "{" MEMBERS ",\"x\":tru}",
        "{" MEMBERS ",\"x\":\"\\ud800\"}",
        "{" MEMBERS ",\"x\":\"\xff\"}",
        "{" MEMBERS ",\"x\":\"\n\"}",
        "{" MEMBERS ",\"x\":'y'}",
        "{" MEMBERS ",\"x\":[[[[[[[[[0]]]]]]]]]}",
        "{" MEMBERS ",x:1}",
        "{\"type\":\"payment.get\",\"challenge\":\"" CHALLENGE "\",\"origin\":\"" ORIGIN "\"}",
        "{\"type\":\"webauthn.get\",\"challenge\":\"AQID\",\"origin\":\"" ORIGIN "\"}",
        "{\"type\":\"webauthn.get\",\"challenge\":\"" CHALLENGE "=\",\"origin\":\"" ORIGIN "\"}",
        "{\"type\":\"webauthn.get\",\"challenge\":\"" CHALLENGE "\"}",
        "{\"type\":\"webauthn.get\",\"origin\":\"" ORIGIN "\"}",
        "{\"y\":{" MEMBERS "}}",
    };
    struct webauthn_client c;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (reads_client(bad[i], &c)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

/* ── authenticator data ── */

static void add_data(struct buf *out, uint8_t flags)
{
    for (int i = 0; i < WEBAUTHN_HASH_LEN; i++) {
        buf_add_byte(out, (uint8_t)i);
    }
    buf_add_byte(out, flags);
    buf_add(out, slice_of("\x00\x00\x01\x02", 4));
}

static void add_zeros(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_byte(out, 0);
    }
}

static void add_point(struct buf *out, uint8_t label)
{
    buf_add_byte(out, label);
    buf_add(out, slice_of("\x58\x20", 2));
    add_zeros(out, 32);
}

static void add_key(struct buf *out, size_t id_len)
{
    add_zeros(out, 16);
    buf_add_byte(out, (uint8_t)(id_len >> 8));
    buf_add_byte(out, (uint8_t)id_len);
    add_zeros(out, id_len);
    buf_add(out, slice_of("\xa5\x01\x02\x03\x26\x20\x01", 7));
    add_point(out, 0x21);
    add_point(out, 0x22);
}

static void data_of_a_sign_in_and_of_a_new_key_is_read(void **unused)
{
    (void)unused;
    OWN(buf) struct buf old = {.max = 4096};
    OWN(buf) struct buf new = {.max = 4096};
    struct webauthn_data d;
    struct error e;

    add_data(&old, 0x05);
    assert_ok(webauthn_data_read(buf_slice(&old), false, &d, &e), e);
    assert_true(d.present && d.verified && d.counter == 0x102 && d.key_len == 0);
    assert_false(webauthn_data_read(buf_slice(&old), true, &d, &e));
    add_data(&new, 0x41);
    add_key(&new, WEBAUTHN_CREDENTIAL_MAX);
    assert_ok(webauthn_data_read(buf_slice(&new), true, &d, &e), e);
    assert_true(d.present && !d.verified && d.credential.len == WEBAUTHN_CREDENTIAL_MAX);
    assert_int_equal(d.algorithm, WEBAUTHN_ES256);
    assert_int_equal(d.key_len, 64);
    assert_false(webauthn_data_read(buf_slice(&new), false, &d, &e));
    for (size_t i = 0; i < new.len; i++) { /* cut short anywhere */
        assert_false(webauthn_data_read(slice_head(buf_slice(&new), i), true, &d, &e));
    }
    buf_add_byte(&new, 0);
    assert_false(webauthn_data_read(buf_slice(&new), true, &d, &e));
}

static bool reads_flagged(uint8_t flags, struct slice behind)
{
    OWN(buf) struct buf data = {.max = 4096};
    struct webauthn_data d;
    struct error e;

    add_data(&data, flags);
    buf_add(&data, behind);
    return webauthn_data_read(buf_slice(&data), false, &d, &e);
}

static void extensions_are_one_bounded_map(void **unused)
{
    (void)unused;
    static const uint8_t deep[] = {0xa1, 0x61, 'x', 0x81, 0x81, 0x81, 0x81, 0x81, 0x00};

    assert_true(reads_flagged(0x81, slice_of("\xa1\x61x\xf5", 4)));
    assert_false(reads_flagged(0x81, SLICE_NONE));
    assert_false(reads_flagged(0x01, slice_of("\xa0", 1)));
    assert_false(reads_flagged(0x81, slice_of("\xa1\x61x", 3)));
    assert_false(reads_flagged(0x81, slice_of("\xa1\x61x\xf5\x00", 5)));
    assert_false(reads_flagged(0x81, slice_of("\xbf\x61x\xf5\xff", 5)));
    assert_false(reads_flagged(0x81, slice_of("\x81\xf5", 2)));
    assert_false(reads_flagged(0x81, slice_of("\xa1\x61x\x18\x01", 5)));
    assert_false(reads_flagged(0x81, SLICE_ARRAY(deep)));
    assert_false(reads_flagged(0x11, SLICE_NONE)); /* backed up, and not fit for it */
    assert_true(reads_flagged(0x19, SLICE_NONE));
}

static void other_keys_are_refused(void **unused)
{
    (void)unused;

    /* bytes of the key's map, from its head */
    static const struct {
        const char *head;
        size_t len;
    } heads[] = {
        {"\xa5\x01\x02\x03\x27\x20\x01",         7}, /* says EdDSA of a point */
        {"\xa5\x01\x02\x03\x26\x20\x02",         7}, /* another curve */
        {"\xa5\x01\x02\x01\x02\x20\x01",         7}, /* a label twice */
        {"\xa6\x01\x02\x03\x26\x04\x01\x20\x01", 9}, /* one more */
        {"\xa5\x01\x18\x02\x03\x26\x20\x01",     8}, /* a longer head than it needs */
        {"\xbf\x01\x02\x03\x26\x20\x01",         7}, /* of no stated length */
    };
    struct webauthn_data d;
    struct error e;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        OWN(buf) struct buf data = {.max = 4096};
        add_data(&data, 0x41);
        add_zeros(&data, 16);
        buf_add(&data, slice_of("\x00\x01x", 3));
        buf_add(&data, slice_of(heads[i].head, heads[i].len));
        add_point(&data, 0x21);
        add_point(&data, 0x22);
        assert_false(webauthn_data_read(buf_slice(&data), true, &d, &e));
    }
}

static void attestations_none_and_packed_are_read(void **unused)
{
    (void)unused;
    struct webauthn_attestation a;
    struct error e;
    struct slice none = webauthn_attestation_write(SLICE("data"), &arena);
    static const char packed[] = "\xa3"
                                 "cfmt"
                                 "fpacked"
                                 "gattStmt"
                                 "\xa2"
                                 "calg\x26"
                                 "csig\x42xy"
                                 "hauthData"
                                 "\x44"
                                 "data";
    static const char other[] = "\xa3"
                                "cfmt"
                                "ctpm"
                                "gattStmt"
                                "\xa0"
                                "hauthData"
                                "\x44"
                                "data";
    static const char twice[] = "\xa3"
                                "cfmt"
                                "dnone"
                                "cfmt"
                                "dnone"
                                "hauthData"
                                "\x44"
                                "data";

    assert_ok(webauthn_attestation_read(none, &a, &e), e);
    assert_true(!a.packed && slice_equal(a.data, SLICE("data")));
    struct slice s = slice_of(packed, sizeof(packed) - 1);
    assert_ok(webauthn_attestation_read(s, &a, &e), e);
    assert_true(a.packed && a.algorithm == WEBAUTHN_ES256 && a.certificate.len == 0);
    assert_slice(a.signature, "xy");
    for (size_t i = 0; i < s.len; i++) {
        assert_false(webauthn_attestation_read(slice_head(s, i), &a, &e));
    }
    assert_false(webauthn_attestation_read(slice_of(other, sizeof(other) - 1), &a, &e));
    assert_false(webauthn_attestation_read(slice_of(twice, sizeof(twice) - 1), &a, &e));
}

static void what_a_browser_hands_over_is_read(void **unused)
{
    (void)unused;
    struct webauthn_reply r;
    struct error e;
    struct slice made = SLICE("{\"id\":\"eHk\",\"rawId\":\"eHk\",\"type\":\"public-key\","
                              "\"response\":{\"clientDataJSON\":\"e30\",\"attestationObject\":"
                              "\"YQ\",\"transports\":[\"usb\"]},\"clientExtensionResults\":{}}");
    struct slice used = SLICE("{\"rawId\":\"eHk\",\"type\":\"public-key\",\"response\":"
                              "{\"clientDataJSON\":\"e30\",\"authenticatorData\":\"YQ\","
                              "\"signature\":\"Yg\",\"userHandle\":null}}");

    assert_ok(webauthn_reply_read(made, true, &arena, &r, &e), e);
    assert_slice(r.credential, "xy");
    assert_slice(r.client_data, "{}");
    assert_slice(r.attestation, "a");
    assert_false(webauthn_reply_read(made, false, &arena, &r, &e));
    assert_ok(webauthn_reply_read(used, false, &arena, &r, &e), e);
    assert_slice(r.data, "a");
    assert_slice(r.signature, "b");
    assert_false(webauthn_reply_read(used, true, &arena, &r, &e));
    assert_false(webauthn_reply_read(SLICE("{\"rawId\":\"eHl\"}"), true, &arena, &r, &e));
}

static int release(void **unused)
{
    (void)unused;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_data_says_type_challenge_and_origin),
        cmocka_unit_test(a_page_within_a_page_is_seen),
        cmocka_unit_test(what_is_no_strict_client_data_is_refused),
        cmocka_unit_test(data_of_a_sign_in_and_of_a_new_key_is_read),
        cmocka_unit_test(extensions_are_one_bounded_map),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(attestations_none_and_packed_are_read),
        cmocka_unit_test(what_a_browser_hands_over_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
