/* SCRAM with the auth process: a client of its own, written from RFC 5802, against it. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"

#include "formats/smtp/base64.h"
#include "keyring/digest.h"
#include "processes/auth_factor.h"
#include "processes/auth_scene_test.h"
#include "processes/auth_scram.h"
#include "tests/certificates.h"

#define MINE "rOprNGfwEbeRWgbNEkqO"

static const uint8_t here[AUTH_EXCHANGE_LEN] = {1};
static const uint8_t elsewhere[AUTH_EXCHANGE_LEN] = {2};

/* A client between its two messages. */
struct client {
    char user[64];
    char header[64];
    struct slice exporter; /* that submission tells */
    struct slice binding;  /* that the client sees */
    char first[256];       /* bare */
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
                                            message, c->exporter};
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

static uint64_t begin_bound(struct client *c, const char *user, const char *mechanism,
                            const char *header, struct slice exporter)
{
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    *c = (struct client){.exporter = exporter};
    (void)snprintf(c->header, sizeof(c->header), "%s", header);
    (void)snprintf(c->user, sizeof(c->user), "%s", user);
    (void)snprintf(c->first, sizeof(c->first), "n=%s,r=" MINE, user);
    buf_printf(&message, "%s%s", c->header, c->first);
    uint64_t verdict = say_first(c, mechanism, buf_slice(&message));
    if (verdict == LOGIN_CONTINUES) {
        read_server_first(c);
    }
    return verdict;
}

static uint64_t begin(struct client *c, const char *user)
{
    return begin_bound(c, user, "SCRAM-SHA-256", "n,,", SLICE_NONE);
}

/* The client's last message without its proof. */
static struct slice without_proof(struct client *c, struct buf *out)
{
    OWN(buf) struct buf bound = {.max = 200};

    buf_add_text(&bound, c->header);
    buf_add(&bound, c->binding);
    buf_add_text(out, "c=");
    scram_write_base64(out, buf_slice(&bound));
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
    (void)snprintf(c.header, sizeof(c.header), "y,,");
    assert_int_equal(finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)snprintf(c.first, sizeof(c.first),
                   "n=bert@example.test,r=" MINE); /* the proof is for another account */
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
    scene_password(OTHER);
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

/* As a program shows it that was given it with dashes, and without. */
static void an_app_password_proves_itself_as_well(void **unused)
{
    (void)unused;
    struct client c;
    struct error e;
    uint8_t salt[DIGEST_LEN];
    char bare[64] = "";
    OWN(buf) struct buf shown = {.max = AUTH_APP_TEXT_MAX};
    OWN(buf) struct buf verifier = {.max = APP_PASSWORD_VERIFIER_MAX};

    digest_of(ANNA, SLICE_NONE, salt);
    const struct scram_wish wish = {slice_of(salt, AUTH_SALT_LEN), 4096};
    assert_ok(auth_app_make(scene.seal, ANNA, SLICE("abcdefgh"), &wish, &shown, &verifier, &e), e);
    for (size_t i = 0, n = 0; i < shown.len; i++) {
        if (shown.ptr[i] != '-') {
            bare[n++] = (char)shown.ptr[i];
        }
    }
    scene_password(RIGHT);
    assert_int_equal(sign_in(&c, "anna@example.test", buf_slice(&shown)), LOGIN_REFUSED);
    scene.app = (struct keeper_app){.id = SLICE("abcdefgh"), .verifier = buf_slice(&verifier)};
    assert_int_equal(sign_in(&c, "anna@example.test", buf_slice(&shown)), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "abcdefgh");
    assert_int_equal(sign_in(&c, "anna@example.test", slice_text(bare)), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "abcdefgh");
    assert_int_equal(sign_in(&c, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "");
    assert_int_equal(sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    scene.app.id = SLICE("hgfedcba"); /* another's verifier */
    assert_int_equal(sign_in(&c, "anna@example.test", slice_text(bare)), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 3);
}

/* ── channel binding ── */

#define EXPORTER "p=tls-exporter,,"
#define POINT    "p=tls-server-end-point,,"
#define PLUS     "SCRAM-SHA-256-PLUS"

static uint64_t sign_in_bound(const char *header, struct slice told, struct slice seen)
{
    struct client c;

    assert_int_equal(begin_bound(&c, "anna@example.test", PLUS, header, told), LOGIN_CONTINUES);
    c.binding = seen;
    return finish(&c, RIGHT);
}

static void a_proof_is_bound_to_its_connection(void **unused)
{
    (void)unused;
    static const uint8_t mine[AUTH_EXPORTER_LEN] = {1};
    static const uint8_t others[AUTH_EXPORTER_LEN] = {2};
    uint64_t refused = LOGIN_REFUSED;

    scene_settings.auth.failures_limit = 100;
    scene_password(RIGHT);
    assert_int_equal(sign_in_bound(EXPORTER, SLICE_ARRAY(mine), SLICE_ARRAY(mine)), LOGIN_ACCEPTED);
    assert_int_equal(sign_in_bound(EXPORTER, SLICE_ARRAY(mine), SLICE_ARRAY(others)), refused);
    assert_int_equal(sign_in_bound(EXPORTER, SLICE_ARRAY(mine), slice_of(mine, 31)), refused);
    assert_int_equal(sign_in_bound(EXPORTER, SLICE_ARRAY(mine), SLICE_NONE), refused);
    assert_int_equal(scene.sessions, 1);
    scene_settings.auth.failures_limit = 3;
}

static void a_proof_is_bound_to_our_certificate(void **unused)
{
    (void)unused;
    static struct certificate ours;
    static struct certificate next;
    static struct certificate others;
    uint8_t hashes[3][DIGEST_LEN];
    const struct certificate *all[] = {&ours, &next, &others};

    scene_settings.auth.failures_limit = 100;
    certificate_make(&ours, NULL, "P-256", "mail.example.test", -1, 30);
    certificate_make(&next, NULL, "P-256", "mail.example.test", -1, 30);
    certificate_make(&others, NULL, "P-256", "mail.example.test", -1, 30);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(X509_digest(all[i]->x509, EVP_sha256(), hashes[i], NULL), 1);
    }
    scene_password(RIGHT);
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_ARRAY(hashes[0])), LOGIN_REFUSED);
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_NONE), LOGIN_REFUSED);
    auth_use_certificate(scene.auth, slice_text(ours.pem));
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_ARRAY(hashes[0])), LOGIN_ACCEPTED);
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_ARRAY(hashes[2])), LOGIN_REFUSED);
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_NONE), LOGIN_REFUSED);
    auth_use_certificate(scene.auth, slice_text(next.pem));
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_ARRAY(hashes[1])), LOGIN_ACCEPTED);
    assert_int_equal(sign_in_bound(POINT, SLICE_NONE, SLICE_ARRAY(hashes[0])), LOGIN_ACCEPTED);
    scene_settings.auth.failures_limit = 3;
    for (size_t i = 0; i < 3; i++) {
        certificate_done((struct certificate *)(uintptr_t)all[i]);
    }
}

static void what_the_client_says_of_binding_fits_the_mechanism(void **unused)
{
    (void)unused;
    static const uint8_t exporter[AUTH_EXPORTER_LEN] = {1};
    struct slice some = SLICE_ARRAY(exporter);

    static const struct {
        const char *mechanism, *header;
        bool exporter;
        enum login_verdict verdict;
    } rows[] = {
        {PLUS,            EXPORTER,         true,  LOGIN_CONTINUES },
        {PLUS,            EXPORTER,         false, LOGIN_UNREADABLE}, /* no TLS 1.3 */
        {PLUS,            POINT,            false, LOGIN_CONTINUES },
        {PLUS,            "p=tls-unique,,", true,  LOGIN_UNREADABLE},
        {PLUS,            "n,,",            true,  LOGIN_UNREADABLE},
        {PLUS,            "y,,",            true,  LOGIN_UNREADABLE},
        {"SCRAM-SHA-256", EXPORTER,         true,  LOGIN_UNREADABLE},
        {"SCRAM-SHA-256", POINT,            true,  LOGIN_UNREADABLE},
        {"SCRAM-SHA-256", "n,,",            true,  LOGIN_CONTINUES },
        {"SCRAM-SHA-256", "y,,",            true,  LOGIN_REFUSED   },
    };

    scene_password(RIGHT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client c;
        assert_int_equal(begin_bound(&c, "anna@example.test", rows[i].mechanism, rows[i].header,
                                     rows[i].exporter ? some : SLICE_NONE),
                         rows[i].verdict);
    }
    assert_int_equal(scene.failures, 1);
    assert_non_null(strstr(scene.last_reason, "hid channel binding"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_right_proof_opens_a_session),
        SCENE(who_is_unknown_is_told_the_same),
        SCENE(an_account_from_before_gets_keys_with_its_password),
        SCENE(a_last_message_counts_once_and_on_its_connection),
        SCENE(nonce_and_header_are_those_of_the_exchange),
        SCENE(what_changed_meanwhile_counts),
        SCENE(guesses_are_counted_by_every_mechanism),
        SCENE(what_is_no_message_is_no_guess),
        SCENE(an_app_password_proves_itself_as_well),
        SCENE(a_proof_is_bound_to_its_connection),
        SCENE(a_proof_is_bound_to_our_certificate),
        SCENE(what_the_client_says_of_binding_fits_the_mechanism),
    };
    return cmocka_run_group_tests_name("processes/auth_sasl", tests, NULL, NULL);
}
