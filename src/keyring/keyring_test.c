#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "keyring/recovery.h"
#include "tests/test.h"

static int folder = -1;
static char path[] = "/tmp/postern-keyring-XXXXXX";

static int begin(void **unused)
{
    (void)unused;
    if (!mkdtemp(path)) {
        return 1;
    }
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int end(void **unused)
{
    (void)unused;
    (void)unlinkat(folder, "recovery.sealed", 0);
    (void)close(folder);
    return rmdir(path);
}

/* Every way in which front and bytes can lie in blocks and chunks. */
static void two_digests_at_once_are_both_right(void **unused)
{
    (void)unused;
    static uint8_t bytes[(32 << 10) + 130];
    uint8_t front[130];
    uint8_t alone[DIGEST_LEN];
    uint8_t behind[DIGEST_LEN];
    uint8_t wanted[DIGEST_LEN];

    keyring_random_bytes(bytes, sizeof(bytes));
    keyring_random_bytes(front, sizeof(front));
    for (size_t n = 0; n <= sizeof(bytes); n += n == 130 ? (32 << 10) - 260 : 1) {
        for (size_t f = 0; f <= sizeof(front); f++) {
            digest_both(slice_of(front, f), slice_of(bytes, n), alone, behind);
            digest_of(slice_of(bytes, n), SLICE_NONE, wanted);
            assert_memory_equal(alone, wanted, DIGEST_LEN);
            digest_of(slice_of(front, f), slice_of(bytes, n), wanted);
            assert_memory_equal(behind, wanted, DIGEST_LEN);
        }
    }
}

static void digests_are_sha256(void **unused)
{
    (void)unused;
    /* FIPS 180-4 "abc"; RFC 4231 test case 2; RFC 5869 has its own test below. */
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                  0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                  0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static const uint8_t jefe[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                   0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                   0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    /* RFC 4231 section 4.7: a key longer than a block */
    static const uint8_t longer[] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f,
                                     0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5, 0xb7, 0x7f,
                                     0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14,
                                     0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    uint8_t key[131];
    uint8_t got[DIGEST_LEN];

    digest_of(SLICE("a"), SLICE("bc"), got);
    assert_memory_equal(got, abc, sizeof(abc));
    digest_hmac(SLICE("Jefe"), SLICE("what do ya want for nothing?"), got);
    assert_memory_equal(got, jefe, sizeof(jefe));
    (void)memset(key, 0xaa, sizeof(key));
    digest_hmac(SLICE_ARRAY(key), SLICE("Test Using Larger Than Block-Size Key - Hash Key First"),
                got);
    assert_memory_equal(got, longer, sizeof(longer));

    OWN(digest) struct digest *d = digest_new();
    digest_add(d, SLICE("forgotten"));
    digest_reset(d);
    for (int i = 0; i < 2; i++) {
        digest_add(d, SLICE("abc"));
        digest_end(d, got);
        assert_memory_equal(got, abc, sizeof(abc));
    }
}

/* HKDF written out from RFC 5869 with HMAC alone: an independent second opinion. */
static void derives_as_rfc_5869(void **unused)
{
    (void)unused;
    uint8_t prk[DIGEST_LEN];
    uint8_t wanted[DIGEST_LEN];
    uint8_t got[KEYRING_KEY_LEN];
    uint8_t key_bytes[KEYRING_KEY_LEN];
    static const uint8_t no_salt[DIGEST_LEN];

    (void)memset(key_bytes, 0x0b, sizeof(key_bytes));
    digest_hmac(SLICE_ARRAY(no_salt), SLICE_ARRAY(key_bytes), prk);
    digest_hmac(SLICE_ARRAY(prk), SLICE("postern/v1/ledger\x01"), wanted);
    OWN(secret) struct secret *key = secret_copy(SLICE_ARRAY(key_bytes));
    OWN(secret) struct secret *derived = keyring_derive(key, "ledger");
    assert_true(secret_equal(secret_slice(derived), SLICE_ARRAY(wanted)));

    digest_hmac(SLICE("salt"), SLICE_ARRAY(key_bytes), prk);
    digest_hmac(SLICE_ARRAY(prk), SLICE("postern/v1/record\x01"), wanted);
    keyring_derive_salted(SLICE_ARRAY(key_bytes), SLICE("salt"), "record", got);
    assert_memory_equal(got, wanted, sizeof(wanted));
}

static void seals_and_opens(void **unused)
{
    (void)unused;
    OWN(secret) struct secret *key = keyring_random();
    OWN(secret) struct secret *other = keyring_random();
    OWN(buf) struct buf sealed = {.max = 200};
    OWN(buf) struct buf again = {.max = 200};
    OWN(buf) struct buf opened = {.max = 200};
    struct error e = {0};

    keyring_seal(key, SLICE("here"), SLICE("value"), &sealed);
    keyring_seal(key, SLICE("here"), SLICE("value"), &again);
    assert_int_equal(sealed.len, 5 + KEYRING_SEAL_OVERHEAD);
    assert_false(slice_equal(buf_slice(&sealed), buf_slice(&again)));
    assert_ok(keyring_open(key, SLICE("here"), buf_slice(&sealed), &opened, &e), e);
    assert_slice(buf_slice(&opened), "value");
    assert_false(keyring_open(key, SLICE("there"), buf_slice(&sealed), &opened, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(keyring_open(other, SLICE("here"), buf_slice(&sealed), &opened, &e));
    for (size_t cut = 0; cut < sealed.len; cut++) {
        assert_false(
            keyring_open(key, SLICE("here"), slice_head(buf_slice(&sealed), cut), &opened, &e));
    }
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 0x10;
        assert_false(keyring_open(key, SLICE("here"), buf_slice(&sealed), &opened, &e));
        sealed.ptr[i] ^= 0x10;
    }
    sealed.ptr[0] = 2;
    assert_false(keyring_open(key, SLICE("here"), buf_slice(&sealed), &opened, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_slice(buf_slice(&opened), "value");

    OWN(buf) struct buf nothing = {.max = 200};
    OWN(buf) struct buf small = {.max = KEYRING_SEAL_OVERHEAD};
    keyring_seal(key, SLICE_NONE, SLICE_NONE, &nothing);
    assert_ok(keyring_open(key, SLICE_NONE, buf_slice(&nothing), &opened, &e), e);
    keyring_seal(key, SLICE_NONE, SLICE("x"), &small);
    assert_true(small.full);
}

static void recovers_the_master_key(void **unused)
{
    (void)unused;
    OWN(secret) struct secret *master = keyring_random();
    OWN(secret) struct secret *back = NULL;
    OWN(secret) struct secret *typed = recovery_new();
    OWN(secret) struct secret *other = recovery_new();
    char sloppy[80];
    size_t n = 0;
    uint64_t generation = 0;
    struct error e = {0};

    assert_int_equal(typed->len, RECOVERY_TEXT_LEN);
    assert_ok(recovery_seal(folder, "recovery.sealed", secret_slice(typed), master, 1, &e), e);
    for (size_t i = 0; i < typed->len; i++) {
        char c = (char)ascii_lower(typed->ptr[i]);
        c = c == '0' ? 'O' : c == '1' ? 'l' : c;
        sloppy[n++] = c == '-' ? ' ' : c;
    }
    assert_ok(recovery_open(folder, "recovery.sealed", slice_of(sloppy, n), &back, &generation, &e),
              e);
    assert_true(secret_equal(secret_slice(master), secret_slice(back)));

    assert_false(
        recovery_open(folder, "recovery.sealed", secret_slice(other), &back, &generation, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(
        recovery_open(folder, "recovery.sealed", slice_of(sloppy, n - 1), &back, &generation, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    for (size_t i = 0; i < typed->len; i++) {
        uint8_t was = typed->ptr[i];
        if (was != '-') {
            typed->ptr[i] = was == 'Z' ? 'Y' : 'Z';
            assert_false(recovery_check(secret_slice(typed)));
            typed->ptr[i] = was;
        }
    }
    assert_true(recovery_check(secret_slice(typed)));
    OWN(secret) struct secret *lower = secret_copy(secret_slice(typed));
    for (size_t i = 0; i < lower->len; i++) {
        lower->ptr[i] = ascii_lower(lower->ptr[i]);
    }
    assert_true(recovery_same(secret_slice(typed), secret_slice(lower)));
    assert_false(recovery_same(secret_slice(typed), secret_slice(other)));
    assert_false(recovery_same(SLICE("x"), SLICE("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_sha256),
        cmocka_unit_test(two_digests_at_once_are_both_right),
        cmocka_unit_test(derives_as_rfc_5869),
        cmocka_unit_test(seals_and_opens),
        cmocka_unit_test(recovers_the_master_key),
    };
    return cmocka_run_group_tests_name("keyring", tests, begin, end);
}
