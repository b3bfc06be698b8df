#include <stdio.h>

#include "base/buf.h"

#include "formats/openpgp/key.h"
#include "formats/openpgp/seal.h"
#include "tests/test.h"

#define NOW INT64_C(1800000000) /* 2027-01-15; the fixtures were made before */

/* tests/corpus/openpgp_key/NAME, made by GnuPG */
static struct slice fixture(struct arena *a, const char *name)
{
    char path[500];
    const size_t max = 64 << 10;
    uint8_t *bytes = arena_alloc(a, max);

    (void)snprintf(path, sizeof(path), "%s/openpgp_key/%s", getenv("CORPUS"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, max, f);
    (void)fclose(f);
    return slice_of(bytes, len);
}

static void a_key_is_read(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};
    struct openpgp_key bob;
    struct openpgp_key again;
    struct error e;

    assert_ok(openpgp_key_read(fixture(&a, "bob_armored"), NOW, &a, &bob, &e), e);
    assert_slice(bob.user_id, "Bob <bob@y.test>");
    assert_slice(bob.algorithm, "ECDH Curve25519");
    assert_int_equal(bob.n_names, 1);
    assert_slice(bob.names[0], "bob@y.test");
    assert_int_equal(bob.fingerprint.len, 40);
    assert_int_equal(bob.ends_ms, 0);
    assert_ok(openpgp_key_read(bob.bytes, NOW, &a, &again, &e), e);
    assert_true(slice_equal(again.bytes, bob.bytes));
}

static void an_end_and_every_address_are_told(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};
    struct openpgp_key carol;
    struct error e;

    assert_ok(openpgp_key_read(fixture(&a, "carol"), NOW, &a, &carol, &e), e);
    assert_slice(carol.algorithm, "RSA 2048");
    assert_int_equal(carol.n_names, 2);
    assert_true(carol.ends_ms > UINT64_C(2208900000000) && carol.ends_ms < UINT64_C(2209100000000));
    assert_false(openpgp_key_read(fixture(&a, "carol"), INT64_C(2300000000), &a, &carol, &e));
    assert_non_null(strstr(e.text, "expired"));
}

static void what_others_certified_is_left_out(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};
    struct openpgp_key key;
    struct error e;
    struct slice file = fixture(&a, "bob_certified");

    assert_ok(openpgp_key_read(file, NOW, &a, &key, &e), e);
    assert_true(key.bytes.len + 100 < file.len);
    assert_int_equal(key.n_names, 1); /* the user ID that was revoked is none */
    assert_slice(key.names[0], "bob@y.test");
}

static void what_cannot_be_used_says_why(void **unused)
{
    (void)unused;

    static const struct {
        const char *name;
        const char *why;
    } cases[] = {
        {"expired",        "it has expired"                          },
        {"subkey_expired", "what it encrypts with has expired"       },
        {"revoked",        "it was revoked"                          },
        {"signs_only",     "it has no key to encrypt with"           },
        {"sha1",           "it is bound by MD5 or SHA-1"             },
        {"subkey_sha1",    "what it encrypts with is bound by MD5 or"},
        {"short",          "it is shorter than 2048 bits"            },
        {"subkey_short",   "it is shorter than 2048 bits"            },
        {"private",        "this is a private key"                   },
        {"two",            "2 usable keys"                           },
        {"cut",            "OpenPGP key"                             },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(arena) struct arena a = {.max = 4 << 20};
        struct openpgp_key key;
        struct error e = {0};
        if (openpgp_key_read(fixture(&a, cases[i].name), NOW, &a, &key, &e)) {
            fail_msg("%s is taken", cases[i].name);
        }
        if (!strstr(e.text, cases[i].why)) {
            fail_msg("%s: %s", cases[i].name, e.text);
        }
    }
}

static void files_are_told_apart(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};

    assert_true(openpgp_looks_like_key(fixture(&a, "bob")));
    assert_true(openpgp_looks_like_key(fixture(&a, "bob_armored")));
    assert_true(openpgp_looks_like_key(fixture(&a, "private")));
    assert_false(openpgp_looks_like_key(SLICE("-----BEGIN CERTIFICATE-----\n")));
    assert_false(openpgp_looks_like_key(SLICE("\x30\x82\x01\x01")));
    assert_false(openpgp_looks_like_key(SLICE_NONE));
}

static void an_unusable_key_is_not_encrypted_to(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};
    OWN(buf) struct buf out = {.max = 1 << 20};
    const struct slice keys[] = {fixture(&a, "bob"), fixture(&a, "revoked")};
    struct error e;

    assert_ok(openpgp_encrypt(keys, 1,
                              SLICE("\xcb\x07"
                                    "b\0\0\0\0\0x"),
                              NOW, &out, &e),
              e);
    assert_true(slice_starts(buf_slice(&out), SLICE("-----BEGIN PGP MESSAGE-----\r\n")));
    buf_reset(&out);
    assert_false(openpgp_encrypt(keys, 2,
                                 SLICE("\xcb\x07"
                                       "b\0\0\0\0\0x"),
                                 NOW, &out, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_int_equal(out.len, 0);
    assert_false(openpgp_encrypt(keys, 0, SLICE("x"), NOW, &out, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read),
        cmocka_unit_test(an_end_and_every_address_are_told),
        cmocka_unit_test(what_others_certified_is_left_out),
        cmocka_unit_test(what_cannot_be_used_says_why),
        cmocka_unit_test(files_are_told_apart),
        cmocka_unit_test(an_unusable_key_is_not_encrypted_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
