/* Passkeys as a security key makes them: keys and signatures of OpenSSL, in the shape of WebAuthn. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "keyring/digest.h"
#include "processes/auth_challenge.h"
#include "processes/auth_passkey.h"
#include "processes/auth_scene_test.h"

#define ORIGIN SLICE("https://mail.example.test")
#define SITE   SLICE("mail.example.test")
#define ID     SLICE("abcdefgh")

static struct arena arena = {.max = 1 << 24};

struct key {
    EVP_PKEY *pkey;
    int algorithm;
    const char *credential;
};

static void add_head(struct buf *out, unsigned major, size_t n)
{
    if (n < 24) {
        buf_add_byte(out, (uint8_t)(major << 5 | n));
    } else if (n < 256) {
        buf_add_byte(out, (uint8_t)(major << 5 | 24));
        buf_add_byte(out, (uint8_t)n);
    } else {
        buf_add_byte(out, (uint8_t)(major << 5 | 25));
        buf_add_byte(out, (uint8_t)(n >> 8));
        buf_add_byte(out, (uint8_t)n);
    }
}

static void add_bytes(struct buf *out, const uint8_t *bytes, size_t n)
{
    add_head(out, 2, n);
    buf_add(out, slice_of(bytes, n));
}

static void add_number(struct buf *out, const EVP_PKEY *pkey, const char *name, size_t len)
{
    uint8_t bytes[256];
    BIGNUM *n = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &n), 1);
    assert_true(BN_bn2binpad(n, bytes, (int)len) > 0);
    BN_free(n);
    add_bytes(out, bytes, len);
}

static void add_cose(struct buf *out, const struct key *k)
{
    uint8_t raw[32];
    size_t len = sizeof(raw);

    switch (k->algorithm) {
    case WEBAUTHN_ES256:
        buf_add(out, slice_of("\xa5\x01\x02\x03\x26\x20\x01\x21", 8));
        add_number(out, k->pkey, "qx", 32);
        buf_add_byte(out, 0x22);
        add_number(out, k->pkey, "qy", 32);
        break;
    case WEBAUTHN_EDDSA:
        buf_add(out, slice_of("\xa4\x01\x01\x03\x27\x20\x06\x21", 8));
        assert_int_equal(EVP_PKEY_get_raw_public_key(k->pkey, raw, &len), 1);
        add_bytes(out, raw, len);
        break;
    default:
        buf_add(out, slice_of("\xa4\x01\x03\x03\x39\x01\x00\x20", 8));
        add_number(out, k->pkey, "n", 256);
        buf_add_byte(out, 0x21);
        add_number(out, k->pkey, "e", 3);
    }
}

static struct key new_key(int algorithm, const char *credential)
{
    EVP_PKEY *pkey = algorithm == WEBAUTHN_ES256   ? EVP_EC_gen("P-256")
                     : algorithm == WEBAUTHN_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                   : EVP_RSA_gen(2048);

    assert_non_null(pkey);
    return (struct key){pkey, algorithm, credential};
}

static struct slice data_of(const struct key *k, uint8_t flags, uint32_t counter, struct slice site)
{
    OWN(buf) struct buf out = {.max = 4096};
    uint8_t hash[DIGEST_LEN];
    const uint8_t count[4] = {(uint8_t)(counter >> 24), (uint8_t)(counter >> 16),
                              (uint8_t)(counter >> 8), (uint8_t)counter};

    digest_of(site, SLICE_NONE, hash);
    buf_add(&out, SLICE_ARRAY(hash));
    buf_add_byte(&out, flags);
    buf_add(&out, SLICE_ARRAY(count));
    if (flags & 0x40) {
        struct slice id = slice_text(k->credential);
        buf_add(&out, slice_of("0123456789abcdef", 16));
        buf_add_byte(&out, 0);
        buf_add_byte(&out, (uint8_t)id.len);
        buf_add(&out, id);
        add_cose(&out, k);
    }
    return arena_copy(&arena, buf_slice(&out));
}

static struct slice sign(const struct key *k, struct slice data, struct slice client_data)
{
    OWN(buf) struct buf all = {.max = 8192};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t hash[DIGEST_LEN];
    uint8_t signature[512];
    size_t len = sizeof(signature);
    const EVP_MD *md = k->algorithm == WEBAUTHN_EDDSA ? NULL : EVP_sha256();

    digest_of(client_data, SLICE_NONE, hash);
    buf_add(&all, data);
    buf_add(&all, SLICE_ARRAY(hash));
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, k->pkey), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, all.ptr, all.len), 1);
    EVP_MD_CTX_free(ctx);
    return arena_copy(&arena, slice_of(signature, len));
}

/* Packed: signed by the key itself, or by `maker`. */
static struct slice packed(const struct key *k, struct slice data, struct slice client_data,
                           const struct key *maker, struct slice certificate)
{
    OWN(buf) struct buf out = {.max = 8192};
    const struct key *signer = maker ? maker : k;
    struct slice signature = sign(signer, data, client_data);

    buf_add_text(&out, "\xa3"
                       "cfmtfpackedgattStmt");
    add_head(&out, 5, maker ? 3 : 2);
    buf_add_text(&out, "calg");
    if (signer->algorithm == WEBAUTHN_RS256) {
        buf_add(&out, slice_of("\x39\x01\x00", 3));
    } else {
        buf_add_byte(&out, (uint8_t)(0x20 - 1 - signer->algorithm));
    }
    buf_add_text(&out, "csig");
    add_bytes(&out, signature.ptr, signature.len);
    if (maker) {
        buf_add_text(&out, "cx5c\x81");
        add_bytes(&out, certificate.ptr, certificate.len);
    }
    buf_add_text(&out, "hauthData");
    add_bytes(&out, data.ptr, data.len);
    return arena_copy(&arena, buf_slice(&out));
}

static struct slice certificate_of(const struct key *k)
{
    X509 *x = X509_new();
    uint8_t *der = NULL;

    (void)X509_set_version(x, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"maker", -1, -1, 0);
    (void)X509_set_issuer_name(x, X509_get_subject_name(x));
    (void)X509_set_pubkey(x, k->pkey);
    assert_true(X509_sign(x, k->pkey, EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    struct slice copy = arena_copy(&arena, slice_of(der, (size_t)len));
    OPENSSL_free(der);
    X509_free(x);
    return copy;
}

/* ── asking auth ── */

static struct slice draw(enum passkey_purpose purpose)
{
    const struct auth_passkey_begin_ask ask = {ANNA, purpose};
    struct auth_passkey_begin_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.admin, &auth_passkey_begin, &ask, -1, &answer, NULL, &arena, WITHIN, &e), e);
    assert_int_equal(answer.challenge.len, AUTH_CHALLENGE_LEN);
    return answer.challenge;
}

static bool add(struct slice client_data, struct slice attestation,
                struct auth_passkey_new_answer *made)
{
    const struct auth_passkey_new_ask ask = {ANNA, ID, client_data, attestation};
    struct error e;

    return ipc_call(scene.admin, &auth_passkey_new, &ask, -1, made, NULL, &arena, WITHIN, &e);
}

static struct slice made_on(struct slice challenge, struct slice origin)
{
    return webauthn_client_write(WEBAUTHN_CREATE, challenge.ptr, origin, &arena);
}

/* Anna has this one. */
static void enrol(const struct key *k)
{
    static struct auth_passkey kept;
    struct auth_passkey_new_answer made;
    struct slice client_data = made_on(draw(PASSKEY_ADD), ORIGIN);
    struct slice data = data_of(k, 0x45, 7, SITE);

    assert_true(add(client_data, webauthn_attestation_write(data, &arena), &made));
    assert_true(made.verifies && made.counter == 7);
    assert_true(slice_equal(made.credential, slice_text(k->credential)));
    kept = (struct auth_passkey){ID, made.credential, made.sealed};
    scene.second.passkeys = (struct cbor_list){&kept, 1};
}

struct attempt {
    struct slice challenge;
    struct slice origin;
    struct slice site;
    struct slice password;
    uint8_t flags;
    uint32_t counter;
    bool creates;
};

static struct auth_assertion assertion_of(const struct key *k, const struct attempt *t)
{
    struct slice client_data = webauthn_client_write(t->creates ? WEBAUTHN_CREATE : WEBAUTHN_GET,
                                                     t->challenge.ptr, t->origin, &arena);
    struct slice data = data_of(k, t->flags, t->counter, t->site);

    return (struct auth_assertion){slice_text(k->credential), client_data, data,
                                   sign(k, data, client_data)};
}

static uint64_t show(const struct auth_assertion *said, struct slice password)
{
    const struct auth_login_ask ask = {.user = ANNA,
                                       .password = password,
                                       .client = OFFICE,
                                       .mechanism = SLICE(AUTH_DESK_MECHANISM),
                                       .passkey = *said};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(ipc_call(scene.admin, &auth_desk, &ask, -1, &answer, NULL, &arena, WITHIN, &e), e);
    return answer.verdict;
}

static struct attempt good_attempt(void)
{
    return (struct attempt){draw(PASSKEY_ALONE), ORIGIN, SITE, SLICE_NONE, 0x05, 8, false};
}

static uint64_t attempt(const struct key *k, const struct attempt *t)
{
    struct auth_assertion said = assertion_of(k, t);

    return show(&said, t->password);
}

static void each_kind_of_key_is_taken_and_signs(void **unused)
{
    (void)unused;
    static const int algorithms[] = {WEBAUTHN_ES256, WEBAUTHN_EDDSA, WEBAUTHN_RS256};

    for (size_t i = 0; i < 3; i++) {
        struct key k = new_key(algorithms[i], "credential");
        enrol(&k);
        struct attempt t = good_attempt();
        assert_int_equal(attempt(&k, &t), LOGIN_ACCEPTED);
        assert_string_equal(scene.last_mechanism, AUTH_DESK_ALONE);
        assert_int_equal(scene.last_counter, 8);
        EVP_PKEY_free(k.pkey);
    }
}

static void what_attests_a_key_must_be_signed(void **unused)
{
    (void)unused;
    struct key k = new_key(WEBAUTHN_ES256, "credential");
    struct key maker = new_key(WEBAUTHN_ES256, "maker");
    struct slice certificate = certificate_of(&maker);
    struct slice data = data_of(&k, 0x45, 0, SITE);
    struct auth_passkey_new_answer made;
    struct slice c = made_on(draw(PASSKEY_ADD), ORIGIN);

    assert_true(add(c, packed(&k, data, c, NULL, SLICE_NONE), &made));
    c = made_on(draw(PASSKEY_ADD), ORIGIN);
    assert_true(add(c, packed(&k, data, c, &maker, certificate), &made));
    c = made_on(draw(PASSKEY_ADD), ORIGIN);
    assert_false(add(c, packed(&k, data, SLICE("another"), NULL, SLICE_NONE), &made));
    c = made_on(draw(PASSKEY_ADD), ORIGIN);
    assert_false(add(c, packed(&k, data, c, &k, certificate), &made));
    EVP_PKEY_free(k.pkey);
    EVP_PKEY_free(maker.pkey);
}

static void a_new_key_is_for_us_and_for_a_challenge_of_ours(void **unused)
{
    (void)unused;
    struct key k = new_key(WEBAUTHN_ES256, "credential");
    struct slice att = webauthn_attestation_write(data_of(&k, 0x45, 0, SITE), &arena);
    struct auth_passkey_new_answer made;
    static const uint8_t own[AUTH_CHALLENGE_LEN] = {1};
    struct slice c = made_on(draw(PASSKEY_ADD), ORIGIN);

    assert_true(add(c, att, &made));
    assert_false(add(c, att, &made)); /* again */
    assert_false(add(made_on(SLICE_ARRAY(own), ORIGIN), att, &made));
    assert_false(add(made_on(draw(PASSKEY_PROVE), ORIGIN), att, &made));
    assert_false(
        add(made_on(draw(PASSKEY_ADD), SLICE("https://mail.example.test:8443")), att, &made));
    assert_false(add(made_on(draw(PASSKEY_ADD), SLICE("https://example.test")), att, &made));
    struct slice get = webauthn_client_write(WEBAUTHN_GET, draw(PASSKEY_ADD).ptr, ORIGIN, &arena);
    assert_false(add(get, att, &made));
    struct slice elsewhere = data_of(&k, 0x45, 0, SLICE("example.test"));
    c = made_on(draw(PASSKEY_ADD), ORIGIN);
    assert_false(add(c, webauthn_attestation_write(elsewhere, &arena), &made));
    struct slice untouched = data_of(&k, 0x44, 0, SITE);
    c = made_on(draw(PASSKEY_ADD), ORIGIN);
    assert_false(add(c, webauthn_attestation_write(untouched, &arena), &made));
    EVP_PKEY_free(k.pkey);
}

static void what_is_signed_otherwise_opens_nothing(void **unused)
{
    (void)unused;
    struct key k = new_key(WEBAUTHN_ES256, "credential");
    struct key other = new_key(WEBAUTHN_ES256, "credential");
    struct key stranger = new_key(WEBAUTHN_ES256, "stranger");
    struct attempt wrong[6];

    scene_settings.auth.failures_limit = 100;
    enrol(&k);
    for (size_t i = 0; i < 6; i++) {
        wrong[i] = good_attempt();
    }
    wrong[0].origin = SLICE("https://mail.example.test.evil.test");
    wrong[1].site = SLICE("evil.test");
    wrong[2].flags = 0x04; /* nobody touched it */
    wrong[3].flags = 0x01; /* nobody was asked who he is */
    wrong[4].creates = true;
    wrong[5].challenge = draw(PASSKEY_PROVE);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(attempt(&k, &wrong[i]), LOGIN_REFUSED);
    }
    struct attempt t = good_attempt();
    assert_int_equal(attempt(&other, &t), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "the passkey has not signed that");
    assert_int_equal(attempt(&k, &t), LOGIN_REFUSED); /* its challenge is gone */
    t = good_attempt();
    assert_int_equal(attempt(&stranger, &t), LOGIN_REFUSED);
    assert_string_equal(scene.last_reason, "no passkey of this account");
    t = good_attempt();
    struct auth_assertion said = assertion_of(&k, &t);
    assert_int_equal(show(&said, SLICE_NONE), LOGIN_ACCEPTED);
    assert_int_equal(show(&said, SLICE_NONE), LOGIN_REFUSED); /* replayed */
    assert_int_equal(scene.sessions, 1);
    scene.disabled = true;
    t = good_attempt();
    assert_int_equal(attempt(&k, &t), LOGIN_REFUSED);
    scene_settings.auth.failures_limit = 3;
    EVP_PKEY_free(k.pkey);
    EVP_PKEY_free(other.pkey);
    EVP_PKEY_free(stranger.pkey);
}

static void beside_a_password_it_is_asked_for_after_it(void **unused)
{
    (void)unused;
    struct key k = new_key(WEBAUTHN_ES256, "credential");
    const struct auth_login_ask ask = {
        .user = ANNA, .password = RIGHT, .client = OFFICE, .mechanism = SLICE(AUTH_DESK_MECHANISM)};
    struct auth_login_answer answer;
    struct error e;
    uint64_t delay = 0;

    scene_password(RIGHT);
    enrol(&k);
    assert_int_equal(scene_sign_in(ANNA, RIGHT, OFFICE, &delay), LOGIN_REFUSED); /* sends nothing */
    assert_ok(ipc_call(scene.admin, &auth_desk, &ask, -1, &answer, NULL, &arena, WITHIN, &e), e);
    assert_int_equal(answer.verdict, LOGIN_CODE);
    assert_int_equal(answer.challenge.len, AUTH_CHALLENGE_LEN);
    struct attempt t = {answer.challenge, ORIGIN, SITE, RIGHT, 0x01, 8, false};
    assert_int_equal(attempt(&k, &t), LOGIN_ACCEPTED); /* touched is enough */
    assert_string_equal(scene.last_mechanism, AUTH_DESK_SECOND);
    t.challenge = draw(PASSKEY_ALONE);
    assert_int_equal(attempt(&k, &t), LOGIN_REFUSED);
    EVP_PKEY_free(k.pkey);
}

static uint64_t again(struct slice password, const struct auth_assertion *said)
{
    struct auth_again_ask ask = {ANNA, OFFICE, password, {.data = SLICE_NONE}};
    struct auth_code_answer answer;
    struct error e;

    ask.passkey = said ? *said : ask.passkey;
    assert_ok(ipc_call(scene.admin, &auth_again, &ask, -1, &answer, NULL, &arena, WITHIN, &e), e);
    assert_true(!said || answer.verdict != LOGIN_ACCEPTED || slice_equal(answer.proof.passkey, ID));
    return answer.verdict;
}

static void an_open_desk_is_proved_anew(void **unused)
{
    (void)unused;
    struct key k = new_key(WEBAUTHN_ES256, "credential");

    scene_password(RIGHT);
    enrol(&k);
    assert_int_equal(again(RIGHT, NULL), LOGIN_ACCEPTED);
    assert_int_equal(again(WRONG, NULL), LOGIN_REFUSED);
    assert_int_equal(scene.failures, 1);
    struct attempt t = good_attempt();
    t.challenge = draw(PASSKEY_PROVE);
    struct auth_assertion said = assertion_of(&k, &t);
    assert_int_equal(again(SLICE_NONE, &said), LOGIN_ACCEPTED);
    assert_int_equal(again(SLICE_NONE, &said), LOGIN_REFUSED);
    assert_int_equal(scene.sessions, 0);
    EVP_PKEY_free(k.pkey);
}

static void a_challenge_is_one_accounts_and_lasts_a_minute(void **unused)
{
    (void)unused;
    OWN(challenges) struct challenges *t = challenges_new();
    uint8_t first[AUTH_CHALLENGE_LEN];
    uint8_t last[AUTH_CHALLENGE_LEN];

    challenges_draw(t, ANNA, PASSKEY_ADD, 1000, first);
    assert_false(challenges_take(t, BERT, PASSKEY_ADD, first, 1000));
    assert_false(challenges_take(t, ANNA, PASSKEY_ALONE, first, 1000));
    assert_true(challenges_take(t, ANNA, PASSKEY_ADD, first, 1000 + CHALLENGE_LASTS_MS - 1));
    assert_false(challenges_take(t, ANNA, PASSKEY_ADD, first, 1000));
    challenges_draw(t, ANNA, PASSKEY_ADD, 1000, first);
    assert_false(challenges_take(t, ANNA, PASSKEY_ADD, first, 1000 + CHALLENGE_LASTS_MS));
    challenges_draw(t, ANNA, PASSKEY_ADD, 1000, first);
    for (int i = 0; i < 100; i++) { /* without a password: they fill a row of their own */
        challenges_draw(t, ANNA, PASSKEY_ALONE, 2000, last);
    }
    assert_true(challenges_take(t, ANNA, PASSKEY_ALONE, last, 2000));
    assert_true(challenges_take(t, ANNA, PASSKEY_ADD, first, 2000));
}

static void who_asks_without_a_password_pushes_out_nobody_elses(void **unused)
{
    (void)unused;

    static const enum passkey_purpose others[] = {PASSKEY_SECOND, PASSKEY_ADD, PASSKEY_PROVE};
    OWN(challenges) struct challenges *t = challenges_new();
    uint8_t kept[3][AUTH_CHALLENGE_LEN];
    uint8_t last[AUTH_CHALLENGE_LEN];

    for (size_t i = 0; i < 3; i++) {
        challenges_draw(t, ANNA, others[i], 1000, kept[i]);
    }
    for (int i = 0; i < 10 * CHALLENGES_MAX; i++) { /* every row is full of them, and more */
        char name[32];
        (void)snprintf(name, sizeof(name), "x%d@example.test", i);
        challenges_draw(t, slice_text(name), PASSKEY_ALONE, 2000, last);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_true(challenges_take(t, ANNA, others[i], kept[i], 2000));
    }
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
        SCENE(each_kind_of_key_is_taken_and_signs),
        SCENE(what_attests_a_key_must_be_signed),
        SCENE(a_new_key_is_for_us_and_for_a_challenge_of_ours),
        SCENE(what_is_signed_otherwise_opens_nothing),
        SCENE(beside_a_password_it_is_asked_for_after_it),
        SCENE(an_open_desk_is_proved_anew),
        cmocka_unit_test(a_challenge_is_one_accounts_and_lasts_a_minute),
        cmocka_unit_test(who_asks_without_a_password_pushes_out_nobody_elses),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
