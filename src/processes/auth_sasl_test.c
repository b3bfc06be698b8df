/* SCRAM with the auth process. */
#include <stdio.h>

#include "base/buf.h"

#include "formats/smtp/base64.h"
#include "keyring/digest.h"
#include "processes/auth_client_test.h"
#include "processes/auth_factor.h"
#include "processes/auth_span.h"
#include "tests/certificates.h"

/* ── the whole ── */

static void the_right_proof_opens_a_session(void **unused)
{
    (void)unused;
    struct client c;
    uint8_t signature[SCRAM_KEY_LEN];
    OWN(buf) struct buf expected = {.max = 200};

    scene_password(RIGHT);
    assert_int_equal(client_sign_in(&c, "Anna@Example.TEST", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(scene.sessions, 1);
    scram_signature(&c.keys, slice_text(c.said), signature);
    scram_write_final(&expected, signature);
    assert_true(slice_equal(buf_slice(&expected), slice_text(c.answer)));
    assert_int_equal(client_sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
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
    assert_int_equal(client_sign_in(&known, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(client_sign_in(&unknown, "nobody@example.test", WRONG), LOGIN_REFUSED);
    assert_false(scene.last_had_account);
    assert_int_equal(known.iterations, unknown.iterations);
    assert_int_equal(strlen(known.server_first), strlen(unknown.server_first));
    assert_int_equal(unknown.delay_ms, 2 * known.delay_ms); /* the address failed again */
    assert_int_equal(client_begin(&again, "nobody@example.test"), LOGIN_CONTINUES);
    assert_memory_equal(again.salt, unknown.salt, sizeof(again.salt)); /* stable */
    assert_memory_not_equal(known.salt, unknown.salt, sizeof(again.salt));
    scene.disabled = true;
    assert_int_equal(client_sign_in(&again, "anna@example.test", RIGHT), LOGIN_REFUSED);
    assert_memory_equal(again.salt, known.salt, sizeof(again.salt));
    assert_string_equal(scene.last_reason, "closed account");
}

/* As the keeper has one made. */
static void make_app(struct buf *shown)
{
    static uint8_t verifier[APP_PASSWORD_VERIFIER_MAX];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    uint8_t salt[DIGEST_LEN];
    const struct auth_app_ask ask = {ANNA, SLICE("abcdefgh"), slice_of(salt, AUTH_SALT_LEN)};
    struct auth_app_answer made;
    struct error e;

    digest_of(ANNA, SLICE_NONE, salt);
    assert_ok(ipc_call(scene.admin, &auth_app_new, &ask, -1, &made, NULL, &arena, WITHIN, &e), e);
    buf_add(shown, made.password);
    memcpy(verifier, made.verifier.ptr, made.verifier.len);
    scene.app = (struct keeper_app){SLICE("abcdefgh"), slice_of(verifier, made.verifier.len)};
}

static void another_number_of_iterations_breaks_nothing_and_tells_nothing(void **unused)
{
    (void)unused;
    struct client known;
    struct client unknown;
    struct client app;
    OWN(buf) struct buf shown = {.max = AUTH_APP_TEXT_MAX};
    uint64_t delay = 0;

    scene_password(RIGHT);
    scene_settings.auth.scram_iterations = 5000;
    assert_int_equal(client_sign_in(&known, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(client_sign_in(&unknown, "nobody@example.test", RIGHT), LOGIN_REFUSED);
    assert_true(known.iterations == 4096 && unknown.iterations == 4096);
    make_app(&shown); /* its keys are told the same number as those of the main password */
    assert_int_equal(client_sign_in(&app, "anna@example.test", buf_slice(&shown)), LOGIN_ACCEPTED);
    assert_int_equal(app.iterations, 4096);
    assert_int_equal(client_sign_in(&known, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 0); /* as long as there is an app password of 4096 */
    scene_password(OTHER);
    assert_int_equal(client_sign_in(&known, "anna@example.test", OTHER), LOGIN_ACCEPTED);
    assert_int_equal(known.iterations, 4096);
    scene.app = (struct keeper_app){.id = SLICE_NONE};
    assert_int_equal(scene_sign_in(ANNA, OTHER, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 1);
    assert_int_equal(client_sign_in(&known, "anna@example.test", OTHER), LOGIN_ACCEPTED);
    assert_int_equal(client_begin(&unknown, "nobody@example.test"), LOGIN_CONTINUES);
    assert_true(known.iterations == 5000 && unknown.iterations == 5000);
    scene.unlike = true;
    scene_settings.auth.scram_iterations = 4096;
    assert_int_equal(client_begin(&unknown, "nobody@example.test"), LOGIN_CONTINUES);
    assert_int_equal(unknown.iterations, 4096);
}

/* What nobody guesses is not refused because others guess. */
static void others_do_not_lock_out_who_has_an_app_password(void **unused)
{
    (void)unused;
    OWN(buf) struct buf shown = {.max = AUTH_APP_TEXT_MAX};
    struct client c;
    uint64_t delay = 0;

    scene_password(RIGHT);
    make_app(&shown);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene_sign_in(ANNA, WRONG, CAFE, &delay), LOGIN_REFUSED);
    }
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BLOCKED);
    assert_int_equal(
        scene_sign_in(ANNA, SLICE("abcd-efgh-ijkm-npqr-stuv-wxyz-abcd"), OFFICE, &delay),
        LOGIN_BLOCKED); /* neither is it looked at as a password */
    assert_int_equal(client_sign_in(&c, "anna@example.test", RIGHT), LOGIN_BLOCKED);
    assert_int_equal(client_sign_in(&c, "anna@example.test", buf_slice(&shown)), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "abcdefgh");
    assert_int_equal(scene_sign_in(ANNA, buf_slice(&shown), SLICE("192.0.2.77"), &delay),
                     LOGIN_ACCEPTED);
    assert_int_equal(scene_sign_in(ANNA, buf_slice(&shown), CAFE, &delay), LOGIN_BLOCKED);
    assert_int_equal(scene.failures, 3);
}

static int64_t refused_after_us(const char *user)
{
    struct timespec from;
    struct timespec to;
    struct client c;

    assert_int_equal(client_begin(&c, user), LOGIN_CONTINUES);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(client_finish(&c, WRONG), LOGIN_REFUSED);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
}

/* Recording takes 20 ms here: it begins when the span is over. */
static void a_refusal_is_recorded_behind_the_span(void **unused)
{
    (void)unused;

    scene_password(RIGHT);
    scene.recording_us = 20000;
    assert_true(refused_after_us("anna@example.test") >= AUTH_SPAN_US + 20000);
    assert_true(refused_after_us("nobody@example.test") >= AUTH_SPAN_US + 20000);
}

static void an_account_from_before_gets_keys_with_its_password(void **unused)
{
    (void)unused;
    struct client c;
    uint64_t delay = 0;

    scene.old = true;
    scene_password(RIGHT);
    assert_int_equal(client_sign_in(&c, "anna@example.test", RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(scene.completed, 0);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 1);
    assert_int_equal(client_sign_in(&c, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_ACCEPTED);
    assert_int_equal(scene.completed, 1);
}

static void a_last_message_counts_once_and_on_its_connection(void **unused)
{
    (void)unused;
    struct client c;
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    scene_password(RIGHT);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)client_without_proof(&c, &message);
    client_add_proof(&c, RIGHT, &message);
    assert_int_equal(client_say_last(&c, elsewhere, buf_slice(&message)), LOGIN_UNREADABLE);
    assert_int_equal(client_say_last(&c, here, buf_slice(&message)), LOGIN_ACCEPTED);
    assert_int_equal(client_say_last(&c, here, buf_slice(&message)), LOGIN_UNREADABLE);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES); /* another nonce */
    assert_int_equal(client_say_last(&c, here, buf_slice(&message)), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 1);
}

static void nonce_and_header_are_those_of_the_exchange(void **unused)
{
    (void)unused;
    struct client c;

    scene_settings.auth.failures_limit = 100;
    scene_password(RIGHT);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    c.nonce[strlen(c.nonce) - 1] ^= 1;
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    c.nonce[strlen(MINE)] = 0; /* its own part alone */
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)snprintf(c.header, sizeof(c.header), "y,,");
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    (void)snprintf(c.first, sizeof(c.first),
                   "n=bert@example.test,r=" MINE); /* the proof is for another account */
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 0);
    scene_settings.auth.failures_limit = 3;
}

static void what_changed_meanwhile_counts(void **unused)
{
    (void)unused;
    struct client c;

    scene_password(RIGHT);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    scene.disabled = true;
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    scene.disabled = false;
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    scene_password(OTHER);
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 0);
}

static void guesses_are_counted_by_every_mechanism(void **unused)
{
    (void)unused;
    struct client c;
    uint64_t delay = 0;

    scene_password(RIGHT);
    assert_int_equal(client_sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(scene_sign_in(ANNA, WRONG, OFFICE, &delay), LOGIN_REFUSED);
    assert_int_equal(delay, 2000);
    assert_int_equal(client_sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_BLOCKED);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_BLOCKED);
}

static void what_is_no_message_is_no_guess(void **unused)
{
    (void)unused;
    struct client c = {.delay_ms = 1};

    scene_password(RIGHT);
    assert_int_equal(client_say_first(&c, "SCRAM-SHA-256", SLICE("n,,n=anna@example.test")),
                     LOGIN_UNREADABLE);
    assert_int_equal(client_say_first(&c, "SCRAM-SHA-1", SLICE("n,,n=anna@example.test,r=x")),
                     LOGIN_UNREADABLE);
    assert_int_equal(client_say_first(&c, "SCRAM-SHA-256",
                                      SLICE("n,a=bert@example.test,n=anna@example.test,r=x")),
                     LOGIN_UNREADABLE);
    assert_int_equal(client_begin(&c, "anna@example.test"), LOGIN_CONTINUES);
    assert_int_equal(client_say_last(&c, here, SLICE("c=biws,r=x")), LOGIN_UNREADABLE);
    assert_int_equal(client_finish(&c, RIGHT), LOGIN_UNREADABLE); /* the exchange is over */
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
    assert_int_equal(client_sign_in(&c, "anna@example.test", buf_slice(&shown)), LOGIN_REFUSED);
    scene.app = (struct keeper_app){.id = SLICE("abcdefgh"), .verifier = buf_slice(&verifier)};
    assert_int_equal(client_sign_in(&c, "anna@example.test", buf_slice(&shown)), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "abcdefgh");
    assert_int_equal(client_sign_in(&c, "anna@example.test", slice_text(bare)), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "abcdefgh");
    assert_int_equal(client_sign_in(&c, "anna@example.test", RIGHT), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "");
    assert_int_equal(client_sign_in(&c, "anna@example.test", WRONG), LOGIN_REFUSED);
    scene.app.id = SLICE("hgfedcba"); /* another's verifier */
    assert_int_equal(client_sign_in(&c, "anna@example.test", slice_text(bare)), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 3);
}

/* ── channel binding ── */

#define EXPORTER "p=tls-exporter,,"
#define POINT    "p=tls-server-end-point,,"
#define PLUS     "SCRAM-SHA-256-PLUS"

static uint64_t sign_in_bound(const char *header, struct slice told, struct slice seen)
{
    struct client c;

    assert_int_equal(client_begin_bound(&c, "anna@example.test", PLUS, header, told),
                     LOGIN_CONTINUES);
    c.binding = seen;
    return client_finish(&c, RIGHT);
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
        assert_int_equal(client_begin_bound(&c, "anna@example.test", rows[i].mechanism,
                                            rows[i].header, rows[i].exporter ? some : SLICE_NONE),
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
        SCENE(another_number_of_iterations_breaks_nothing_and_tells_nothing),
        SCENE(a_refusal_is_recorded_behind_the_span),
        SCENE(a_last_message_counts_once_and_on_its_connection),
        SCENE(nonce_and_header_are_those_of_the_exchange),
        SCENE(what_changed_meanwhile_counts),
        SCENE(others_do_not_lock_out_who_has_an_app_password),
        SCENE(guesses_are_counted_by_every_mechanism),
        SCENE(what_is_no_message_is_no_guess),
        SCENE(an_app_password_proves_itself_as_well),
        SCENE(a_proof_is_bound_to_its_connection),
        SCENE(a_proof_is_bound_to_our_certificate),
        SCENE(what_the_client_says_of_binding_fits_the_mechanism),
    };
    return cmocka_run_group_tests_name("processes/auth_sasl", tests, NULL, NULL);
}
