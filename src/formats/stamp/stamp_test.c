#include <stdio.h>
#include <stdlib.h>

#include "tests/stamp.h"
#include "tests/test.h"

/* The response that openssl(1) gave, from the corpus of the fuzzer. */
static size_t granted(uint8_t bytes[static STAMP_RESPONSE_MAX])
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/stamp/granted", getenv("CORPUS"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, STAMP_RESPONSE_MAX, f);
    (void)fclose(f);
    return n;
}

static bool verify(struct slice response, const uint8_t *digest, const uint8_t *nonce,
                   const char *trust, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct stamp s = {0};
    bool good = stamp_verify(response, digest, nonce, slice_text(trust), &arena, &s, e);

    assert_int_equal(s.time_ms, good ? STAMP_TEST_TIME_MS : 0);
    return good;
}

static void takes_what_was_asked_and_nothing_else(void **unused)
{
    static uint8_t bytes[STAMP_RESPONSE_MAX];
    uint8_t digest[STAMP_DIGEST_LEN];
    uint8_t nonce[STAMP_NONCE_LEN];
    struct slice response = slice_of(bytes, granted(bytes));
    struct error e;

    (void)unused;
    (void)memcpy(digest, stamp_test_digest, sizeof(digest));
    (void)memcpy(nonce, stamp_test_nonce, sizeof(nonce));
    assert_ok(verify(response, digest, nonce, STAMP_TEST_TRUST, &e), e);
    digest[31] ^= 1;
    assert_false(verify(response, digest, nonce, STAMP_TEST_TRUST, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    digest[31] ^= 1;
    nonce[15] ^= 1;
    assert_false(verify(response, digest, nonce, STAMP_TEST_TRUST, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    nonce[15] ^= 1;
    assert_false(verify(response, digest, nonce, "no certificate", &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_false(
        verify(slice_head(response, response.len - 1), digest, nonce, STAMP_TEST_TRUST, &e));
    assert_false(verify(slice_of(bytes, response.len + 1), digest, nonce, STAMP_TEST_TRUST, &e));
    assert_false(verify(SLICE_NONE, digest, nonce, STAMP_TEST_TRUST, &e));
    assert_ok(verify(response, digest, nonce, STAMP_TEST_TRUST, &e), e);
}

/* No byte of it may change and still prove another time; what is signed may not change at all. */
static void finds_every_changed_byte_that_matters(void **unused)
{
    static uint8_t bytes[STAMP_RESPONSE_MAX];
    size_t len = granted(bytes);
    size_t refused = 0;
    struct error e;

    (void)unused;
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        refused += !verify(slice_of(bytes, len), stamp_test_digest, stamp_test_nonce,
                           STAMP_TEST_TRUST, &e);
        bytes[i] ^= 1;
    }
    assert_true(refused > len * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_was_asked_and_nothing_else),
        cmocka_unit_test(finds_every_changed_byte_that_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
