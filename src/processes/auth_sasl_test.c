/* SCRAM with the auth process: a client of its own, written from RFC 5802, against it. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"

#include "formats/smtp/base64.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "processes/auth_exchange.h"
#include "processes/auth_scene_test.h"
#include "processes/auth_scram.h"
#include "processes/auth_verifier.h"

#define ITERATIONS 4096
#define MINE       "rOprNGfwEbeRWgbNEkqO"

static const uint8_t here[AUTH_EXCHANGE_LEN] = {1};
static const uint8_t elsewhere[AUTH_EXCHANGE_LEN] = {2};

/* A client between its two messages. */
struct client {
    char user[64];
    char header[64];
    char first[256]; /* bare */
    char server_first[512];
    char nonce[256];
    uint8_t salt[SCRAM_SALT_LEN];
    uint64_t iterations;
    uint8_t exchange[AUTH_EXCHANGE_LEN];
    struct scram_keys keys;
    char said[1500]; /* AuthMessage */
    uint64_t delay_ms;
    char answer[512]; /* of the server, at the end */
};

static void copy_text(struct slice from, char *out, size_t size)
{
    assert_true(from.len < size);
    (void)snprintf(out, size, "%.*s", SLICE_ARG(from));
}

static uint64_t say_first(struct client *c, const char *mechanism, struct slice message)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_sasl_begin_ask ask = {SLICE_ARRAY(here), OFFICE, slice_text(mechanism),
                                            message};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_sasl_begin, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
        e);
    c->delay_ms = answer.delay_ms;
    if (answer.verdict == LOGIN_CONTINUES) {
        assert_int_equal(answer.exchange.len, sizeof(c->exchange));
        memcpy(c->exchange, answer.exchange.ptr, sizeof(c->exchange));
        copy_text(answer.message, c->server_first, sizeof(c->server_first));
    } else {
        assert_int_equal(answer.exchange.len + answer.message.len, 0);
    }
    return answer.verdict;
}

/* r=NONCE,s=SALT,i=NUMBER */
static void read_server_first(struct client *c)
{
    struct slice rest = slice_text(c->server_first);
    size_t len = 0;

    struct slice nonce = slice_cut(rest, ',', &rest);
    struct slice salt = slice_cut(rest, ',', &rest);
    assert_true(slice_starts(nonce, SLICE("r=" MINE)) && nonce.len > 2 + strlen(MINE) + 20);
    copy_text(slice_from(nonce, 2), c->nonce, sizeof(c->nonce));
    assert_true(smtp_base64_decode(slice_from(salt, 2), c->salt, sizeof(c->salt), &len));
    assert_int_equal(len, sizeof(c->salt));
    assert_true(slice_decimal(slice_from(rest, 2), UINT32_MAX, &c->iterations));
}

static uint64_t begin(struct client *c, const char *user)
{
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    *c = (struct client){.header = "n,,"};
    (void)snprintf(c->user, sizeof(c->user), "%s", user);
    (void)snprintf(c->first, sizeof(c->first), "n=%s,r=" MINE, user);
    buf_printf(&message, "%s%s", c->header, c->first);
    uint64_t verdict = say_first(c, "SCRAM-SHA-256", buf_slice(&message));
    if (verdict == LOGIN_CONTINUES) {
        read_server_first(c);
    }
    return verdict;
}

/* The client's last message without its proof. */
static struct slice without_proof(struct client *c, struct buf *out)
{
    buf_add_text(out, "c=");
    scram_write_base64(out, slice_text(c->header));
    buf_printf(out, ",r=%s", c->nonce);
    return buf_slice(out);
}

static void add_proof(struct client *c, struct slice password, struct buf *message)
{
    uint8_t salted[32];
    uint8_t key[32];
    uint8_t signature[32];

    (void)snprintf(c->said, sizeof(c->said), "%s,%s,%.*s", c->first, c->server_first,
                   SLICE_ARG(buf_slice(message)));
    scram_keys_make(password, c->salt, c->iterations, &c->keys);
    assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, c->salt,
                                       sizeof(c->salt), (int)c->iterations, EVP_sha256(), 32,
                                       salted),
                     1);
    digest_hmac(SLICE_ARRAY(salted), SLICE("Client Key"), key);
    digest_hmac(SLICE_ARRAY(c->keys.stored), slice_text(c->said), signature);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= signature[i];
    }
    buf_add_text(message, ",p=");
    scram_write_base64(message, SLICE_ARRAY(key));
}

static uint64_t say_last(struct client *c, const uint8_t *connection, struct slice message)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_sasl_next_ask ask = {slice_of(connection, AUTH_EXCHANGE_LEN), OFFICE,
                                           SLICE_ARRAY(c->exchange), message};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_sasl_next, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
        e);
    c->delay_ms = answer.delay_ms;
    copy_text(answer.message, c->answer, sizeof(c->answer));
    assert_int_equal(answer.session.len, answer.verdict == LOGIN_ACCEPTED ? AUTH_SESSION_LEN : 0);
    assert_int_equal(answer.message.len > 0, answer.verdict == LOGIN_ACCEPTED);
    return answer.verdict;
}

static uint64_t finish(struct client *c, struct slice password)
{
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    (void)without_proof(c, &message);
    add_proof(c, password, &message);
    return say_last(c, here, buf_slice(&message));
}

static uint64_t sign_in(struct client *c, const char *user, struct slice password)
{
    assert_int_equal(begin(c, user), LOGIN_CONTINUES);
    return finish(c, password);
}

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

/* ── the whole ── */

static void the_right_proof_opens_a_session(void **unused)
{
    (void)unused;
    struct client c;
    uint8_t signature[SCRAM_KEY_LEN];
    OWN(buf) struct buf expected = {.max = 200};

    scene_password(RIGHT);
    assert_int_equal(sign_in(&c, "Anna@Example.TEST", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(scene.sessions, 1);
    scram_signature(&c.keys, slice_text(c.said), signature);
    scram_write_final(&expected, signature);
    assert_true(slice_equal(buf_slice(&expected), slice_text(c.answer)));
    assert_int_equal(sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(c.delay_ms, 1000);
    assert_int_equal(scene.failures, 1);
    assert_true(scene.last_had_account);
}

static void who_is_unknown_is_told_the_same(void **unused)
{
    (void)unused;
    struct client known;
    struct client unknown;
    struct client again;

    scene_password(RIGHT);
    assert_int_equal(sign_in(&known, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(sign_in(&unknown, "nobody@example.test", WRONG), LOGIN_REFUSED);
    assert_false(scene.last_had_account);
    assert_int_equal(known.iterations, unknown.iterations);
    assert_int_equal(strlen(known.server_first), strlen(unknown.server_first));
    assert_int_equal(unknown.delay_ms, 2 * known.delay_ms); /* the address failed again */
    assert_int_equal(begin(&again, "nobody@example.test"), LOGIN_CONTINUES);
    assert_memory_equal(again.salt, unknown.salt, sizeof(again.salt)); /* stable */
    assert_memory_not_equal(known.salt, unknown.salt, sizeof(again.salt));
    scene.disabled = true;
    assert_int_equal(sign_in(&again, "anna@example.test", RIGHT), LOGIN_REFUSED);
    assert_memory_equal(again.salt, known.salt, sizeof(again.salt));
    assert_string_equal(scene.last_reason, "closed account");
}

static void an_account_from_before_gets_keys_with_its_password(void **unused)
{
    (void)unused;
    struct client c;
    uint64_t delay = 0;

    scene.old = true;
    scene_password(RIGHT);
    assert_int_equal(sign_in(&c, "anna@example.test", RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(scene.completed, 0);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 1);
    assert_int_equal(sign_in(&c, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 1);
}

static void a_last_message_counts_once_and_on_its_connection(void **unused)
{
    (void)unused;
    struct client c;
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    scene_password(RIGHT);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)without_proof(&c, &message);
    add_proof(&c, RIGHT, &message);
    assert_int_equal(say_last(&c, elsewhere, buf_slice(&message)), LOGIN_UNREADABLE);
    assert_int_equal(say_last(&c, here, buf_slice(&message)), LOGIN_ACCEPTED);
    assert_int_equal(say_last(&c, here, buf_slice(&message)), LOGIN_UNREADABLE);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES); /* another nonce */
    assert_int_equal(say_last(&c, here, buf_slice(&message)), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 1);
}

static void nonce_and_header_are_those_of_the_exchange(void **unused)
{
    (void)unused;
    struct client c;

    scene_settings.auth.failures_limit = 100;
    scene_password(RIGHT);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    c.nonce[strlen(c.nonce) - 1] ^= 1;
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    c.nonce[strlen(MINE)] = 0; /* its own part alone */
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)strcpy(c.header, "y,,");
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)strcpy(c.first, "n=bert@example.test,r=" MINE); /* the proof is for another account */
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 0);
    scene_settings.auth.failures_limit = 3;
}

static void what_changed_meanwhile_counts(void **unused)
{
    (void)unused;
    struct client c;

    scene_password(RIGHT);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    scene.disabled = true;
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    scene.disabled = false;
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    scene_password(SLICE("another one"));
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 0);
}

static void guesses_are_counted_by_every_mechanism(void **unused)
{
    (void)unused;
    struct client c;
    uint64_t delay = 0;

    scene_password(RIGHT);
    assert_int_equal(sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 2000);
    assert_int_equal(sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_BLOCKED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BLOCKED);
}

static void what_is_no_message_is_no_guess(void **unused)
{
    (void)unused;
    struct client c = {.delay_ms = 1};

    scene_password(RIGHT);
    assert_int_equal(say_first(&c, "SCRAM-SHA-256", SLICE("n,,n=anna@example.test")),
                     LOGIN_UNREADABLE);
    assert_int_equal(say_first(&c, "SCRAM-SHA-1", SLICE("n,,n=anna@example.test,r=x")),
                     LOGIN_UNREADABLE);
    assert_int_equal(
        say_first(&c, "SCRAM-SHA-256", SLICE("n,a=bert@example.test,n=anna@example.test,r=x")),
        LOGIN_UNREADABLE);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    assert_int_equal(say_last(&c, here, SLICE("c=biws,r=x")), LOGIN_UNREADABLE);
    assert_int_equal(finish(&c, RIGHT), LOGIN_UNREADABLE); /* the exchange is over */
    assert_int_equal(scene.failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_proof_is_one),
        cmocka_unit_test(keys_are_written_and_read),
        cmocka_unit_test(a_verifier_gets_its_keys_once),
        cmocka_unit_test(an_exchange_is_its_connections_and_ends),
        cmocka_unit_test(exchanges_are_bounded),
        SCENE(the_right_proof_opens_a_session),
        SCENE(who_is_unknown_is_told_the_same),
        SCENE(an_account_from_before_gets_keys_with_its_password),
        SCENE(a_last_message_counts_once_and_on_its_connection),
        SCENE(nonce_and_header_are_those_of_the_exchange),
        SCENE(what_changed_meanwhile_counts),
        SCENE(guesses_are_counted_by_every_mechanism),
        SCENE(what_is_no_message_is_no_guess),
    };
    return cmocka_run_group_tests_name("processes/auth_sasl", tests, NULL, NULL);
}
