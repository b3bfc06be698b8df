/* What SCRAM is made of in the auth process: keys, and exchanges under way. */
#include <string.h>

#include "base/buf.h"

#include "formats/smtp/base64.h"
#include "keyring/keyring.h"
#include "processes/auth_exchange.h"
#include "processes/auth_scram.h"
#include "processes/auth_verifier.h"
#include "tests/test.h"

#define ANNA       SLICE("anna@example.test")
#define BERT       SLICE("bert@example.test")
#define RIGHT      SLICE("correct horse battery staple")
#define WRONG      SLICE("correct horse battery stapler")
#define ITERATIONS 4096

static const uint8_t here[EXCHANGE_ID_LEN] = {1};
static const uint8_t elsewhere[EXCHANGE_ID_LEN] = {2};

/* ── keys ── */

/* RFC 7677 section 3. */
static void the_rfcs_proof_is_one(void **unused)
{
    (void)unused;
    static const uint8_t salt[SCRAM_SALT_LEN] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                                 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    struct slice said = SLICE("n=user,r=rOprNGfwEbeRWgbNEkqO,"
                              "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                              "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
                              "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    OWN(buf) struct buf out = {.max = 200};
    struct scram_keys keys;
    uint8_t proof[SCRAM_KEY_LEN];
    uint8_t signature[SCRAM_KEY_LEN];
    size_t len = 0;

    scram_keys_make(SLICE("pencil"), salt, 4096, &keys);
    assert_true(smtp_base64_decode(SLICE("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), proof,
                                   sizeof(proof), &len));
    assert_true(scram_proves(&keys, said, proof));
    scram_signature(&keys, said, signature);
    scram_write_final(&out, signature);
    assert_true(
        slice_equal(buf_slice(&out), SLICE("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
    proof[7] ^= 1;
    assert_false(scram_proves(&keys, said, proof));
}

static void keys_are_written_and_read(void **unused)
{
    (void)unused;
    static const uint8_t salt[SCRAM_SALT_LEN] = {9};
    OWN(buf) struct buf text = {.max = SCRAM_KEYS_TEXT_MAX};
    struct scram_keys keys;
    struct scram_keys again;

    scram_keys_make(SLICE("pencil"), salt, 4096, &keys);
    scram_keys_write(&keys, &text);
    assert_false(text.full);
    assert_true(scram_keys_read(buf_slice(&text), &again));
    assert_int_equal(again.iterations, 4096);
    assert_memory_equal(again.salt, keys.salt, sizeof(keys.salt));
    assert_memory_equal(again.stored, keys.stored, sizeof(keys.stored));
    assert_memory_equal(again.server, keys.server, sizeof(keys.server));
    for (size_t len = 0; len < text.len; len++) {
        assert_false(scram_keys_read(slice_head(buf_slice(&text), len), &again));
    }
}

static void a_verifier_gets_its_keys_once(void **unused)
{
    (void)unused;
    static const uint8_t salt[SCRAM_SALT_LEN] = {7};
    const struct scram_wish wish = {SLICE_ARRAY(salt), ITERATIONS};
    const struct scram_wish more = {SLICE_ARRAY(salt), ITERATIONS + 1};
    struct error e;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(verifiers) struct verifiers *v = verifiers_new(seal, &e);
    OWN(buf) struct buf old = {.max = AUTH_VERIFIER_MAX};
    OWN(buf) struct buf completed = {.max = AUTH_VERIFIER_MAX};
    OWN(buf) struct buf anew = {.max = AUTH_VERIFIER_MAX};
    struct scram_keys keys;

    assert_ok(verifier_make(v, ANNA, RIGHT, NULL, &old, &e), e);
    assert_false(verifier_scram(v, ANNA, buf_slice(&old), &keys));
    assert_true(verifier_complete(v, ANNA, buf_slice(&old), RIGHT, &wish, &completed));
    assert_true(verifier_scram(v, ANNA, buf_slice(&completed), &keys));
    assert_int_equal(keys.iterations, ITERATIONS);
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&completed), RIGHT), VERIFIER_RIGHT);
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&completed), WRONG), VERIFIER_WRONG);
    assert_false(verifier_complete(v, ANNA, buf_slice(&completed), RIGHT, &wish, &anew));
    assert_int_equal(anew.len, 0);
    assert_true(verifier_complete(v, ANNA, buf_slice(&completed), RIGHT, &more, &anew));
    assert_true(verifier_scram(v, ANNA, buf_slice(&anew), &keys));
    assert_int_equal(keys.iterations, ITERATIONS + 1);
    assert_false(verifier_scram(v, BERT, buf_slice(&completed), &keys)); /* moved */
    assert_false(verifier_scram(v, ANNA, SLICE_NONE, &keys));
    buf_reset(&anew);
    assert_ok(verifier_make(v, ANNA, SLICE("bell \a"), &wish, &anew, &e), e); /* SASLprep: no */
    assert_false(verifier_scram(v, ANNA, buf_slice(&anew), &keys));
    assert_int_equal(verifier_check(v, ANNA, buf_slice(&anew), SLICE("bell \a")), VERIFIER_RIGHT);
}

/* ── exchanges ── */

static void an_exchange_is_its_connections_and_ends(void **unused)
{
    (void)unused;
    OWN(exchanges) struct exchanges *t = exchanges_new();
    struct exchange *x = exchange_new(here, 0);
    uint8_t id[EXCHANGE_ID_LEN];

    memcpy(id, x->id, sizeof(id));
    exchanges_put(t, x, 0);
    assert_null(exchanges_take(t, elsewhere, SLICE_ARRAY(id), 1));
    x = exchanges_take(t, here, SLICE_ARRAY(id), 1);
    assert_non_null(x);
    assert_null(exchanges_take(t, here, SLICE_ARRAY(id), 1)); /* once */
    exchanges_put(t, x, 1);
    exchanges_put(t, exchange_new(here, 1), 1);
    assert_null(exchanges_take(t, here, SLICE_ARRAY(id), 1)); /* another was begun */
    x = exchange_new(here, 0);
    memcpy(id, x->id, sizeof(id));
    exchanges_put(t, x, 0);
    assert_null(exchanges_take(t, here, SLICE_ARRAY(id), EXCHANGE_LASTS_MS));
}

/* One after the other, they fill the rows evenly, as random names do. */
static void name_connection(size_t i, uint8_t *connection)
{
    connection[0] = (uint8_t)(i >> 8);
    connection[1] = (uint8_t)i;
}

static void exchanges_are_bounded(void **unused)
{
    (void)unused;
    OWN(exchanges) struct exchanges *t = exchanges_new();
    uint8_t connection[EXCHANGE_ID_LEN] = {0};
    size_t there = 0;
    static uint8_t ids[3 * EXCHANGES_MAX][EXCHANGE_ID_LEN];

    for (size_t i = 0; i < 3 * EXCHANGES_MAX; i++) {
        name_connection(i, connection);
        struct exchange *x = exchange_new(connection, (int64_t)i);
        memcpy(ids[i], x->id, sizeof(x->id));
        exchanges_put(t, x, (int64_t)i);
    }
    for (size_t i = 0; i < 3 * EXCHANGES_MAX; i++) {
        name_connection(i, connection);
        OWN(exchange)
        struct exchange *x =
            exchanges_take(t, connection, slice_of(ids[i], sizeof(ids[i])), 3 * EXCHANGES_MAX);
        there += x != NULL;
        assert_true(!x || i >= 2 * EXCHANGES_MAX); /* the oldest gave way */
    }
    assert_int_equal(there, EXCHANGES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_proof_is_one),
        cmocka_unit_test(keys_are_written_and_read),
        cmocka_unit_test(a_verifier_gets_its_keys_once),
        cmocka_unit_test(an_exchange_is_its_connections_and_ends),
        cmocka_unit_test(exchanges_are_bounded),
    };
    return cmocka_run_group_tests_name("processes/auth_scram", tests, NULL, NULL);
}
