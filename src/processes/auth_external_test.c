/* EXTERNAL with the auth process: whose key it is, what its certificate is worth, and who is named. */
#include <time.h>

#include "base/buf.h"

#include "processes/auth_scene_test.h"
#include "tests/certificates.h"

static struct certificate ca, copier, stranger, old;

static int make_certificates(void **unused)
{
    (void)unused;
    certificate_make(&ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&copier, &ca, "P-256", "copier.example.test", -1, 30);
    certificate_make(&stranger, &ca, "P-256", "copier.example.test", -1, 30);
    certificate_make(&old, &ca, "P-256", "copier.example.test", -30, -1);
    scene_settings.auth.devices = true;
    return 0;
}

static int forget_certificates(void **unused)
{
    (void)unused;
    certificate_done(&ca);
    certificate_done(&copier);
    certificate_done(&stranger);
    certificate_done(&old);
    return 0;
}

static struct slice der_of(const struct certificate *c, struct arena *arena)
{
    unsigned char *der = NULL;
    int len = i2d_X509(c->x509, &der);
    struct slice copy = arena_copy(arena, slice_of(der, len > 0 ? (size_t)len : 0));

    OPENSSL_free(der);
    return copy;
}

/* The keeper has this certificate's key as that of a device of Anna's. */
static void is_annas(const struct certificate *c)
{
    scene.app = (struct keeper_app){.id = SLICE("copieria"), .pin = SLICE_ARRAY(c->key_id)};
}

static uint64_t shows(const struct certificate *c, struct slice as)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_external_ask ask = {OFFICE, as, c ? der_of(c, &arena) : SLICE("none")};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_external, &ask, -1, &answer, NULL, &arena, WITHIN, &e), e);
    assert_int_equal(answer.session.len, answer.verdict == LOGIN_ACCEPTED ? AUTH_SESSION_LEN : 0);
    return answer.verdict;
}

static void the_key_opens_its_accounts_session(void **unused)
{
    (void)unused;

    scene_settings.auth.failures_limit = 100;
    assert_int_equal(shows(&copier, SLICE_NONE), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "unknown certificate");
    is_annas(&copier);
    assert_int_equal(shows(&copier, SLICE_NONE), LOGIN_ACCEPTED);
    assert_string_equal(scene.last_app, "copieria");
    assert_int_equal(shows(&copier, SLICE("Anna@Example.Test")), LOGIN_ACCEPTED);
    assert_int_equal(shows(&copier, BERT), LOGIN_REFUSED);
    assert_true(scene.last_had_account);
    assert_int_equal(shows(&stranger, SLICE_NONE), LOGIN_REFUSED);
    assert_int_equal(shows(&stranger, ANNA), LOGIN_REFUSED); /* naming her opens nothing */
    assert_int_equal(scene.sessions, 2);
    scene_settings.auth.failures_limit = 3;
}

static void certificate_issuer_and_account_count(void **unused)
{
    (void)unused;
    const struct certificate *chain = &copier;

    is_annas(&old);
    assert_int_equal(shows(&old, SLICE_NONE), LOGIN_REFUSED);
    assert_non_null(strstr(scene.last_reason, "expired"));
    is_annas(chain);
    scene.anchors = slice_text(stranger.pem);
    assert_int_equal(shows(chain, SLICE_NONE), LOGIN_REFUSED);
    assert_non_null(strstr(scene.last_reason, "device-ca"));
    scene.anchors = slice_text(ca.pem);
    assert_int_equal(shows(chain, SLICE_NONE), LOGIN_ACCEPTED);
    scene.disabled = true;
    assert_int_equal(shows(chain, SLICE_NONE), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "closed account");
    assert_int_equal(scene.sessions, 1);
}

static void without_certificate_or_setting_there_is_nothing(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_external_ask ask = {OFFICE, SLICE_NONE, der_of(&copier, &arena)};
    struct auth_login_answer answer;
    struct error e;

    is_annas(&copier);
    assert_int_equal(shows(NULL, ANNA), LOGIN_UNREADABLE);
    scene_settings.auth.device_ca = SLICE("/etc/ca.pem"); /* and nothing in it */
    assert_false(
        ipc_call(scene.submission, &auth_external, &ask, -1, &answer, NULL, &arena, WITHIN, &e));
    scene_settings.auth.device_ca = SLICE_NONE;
    scene_settings.auth.devices = false;
    assert_int_equal(shows(&copier, SLICE_NONE), LOGIN_UNREADABLE);
    scene_settings.auth.devices = true;
    assert_int_equal(scene.sessions + scene.failures, 0);
}

static void who_tries_keys_is_blocked_and_nobody_else(void **unused)
{
    (void)unused;
    uint64_t delay = 0;

    scene_password(RIGHT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shows(&stranger, ANNA), LOGIN_REFUSED);
    }
    is_annas(&copier);
    unsigned judged = scene.anchors_asked;
    assert_int_equal(judged, 3);
    assert_int_equal(shows(&stranger, ANNA), LOGIN_BLOCKED);
    assert_int_equal(shows(&copier, SLICE_NONE), LOGIN_BLOCKED); /* the same address */
    assert_int_equal(scene.anchors_asked,
                     judged); /* no signature is verified for who may not try */
    assert_int_equal(scene_sign_in(ANNA, RIGHT, CAFE, &delay), LOGIN_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_key_opens_its_accounts_session),
        SCENE(certificate_issuer_and_account_count),
        SCENE(without_certificate_or_setting_there_is_nothing),
        SCENE(who_tries_keys_is_blocked_and_nobody_else),
    };
    return cmocka_run_group_tests_name("processes/auth_external", tests, make_certificates,
                                       forget_certificates);
}
