#include "processes/auth_passkey.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

#include "keyring/digest.h"
#include "processes/auth_factor.h"

#define VERSION 1
#define HEAD_LEN                                                                                   \
    (2 + DIGEST_LEN) /* of what is sealed: version, algorithm, hash of the credential */

_Static_assert(WEBAUTHN_CREDENTIAL_MAX == PASSKEY_CREDENTIAL_MAX, "of the same passkeys");
_Static_assert(WEBAUTHN_CHALLENGE_LEN == AUTH_CHALLENGE_LEN, "of the same challenges");
_Static_assert(WEBAUTHN_CLIENT_DATA_MAX == AUTH_CLIENT_DATA_MAX, "of the same data");
_Static_assert(WEBAUTHN_ATTESTATION_MAX == AUTH_ATTESTATION_MAX, "of the same data");

static void free_cred(fido_cred_t *c)
{
    fido_cred_free(&c);
}

static void free_assert(fido_assert_t *a)
{
    fido_assert_free(&a);
}

static void free_es256(es256_pk_t *pk)
{
    es256_pk_free(&pk);
}

static void free_rs256(rs256_pk_t *pk)
{
    rs256_pk_free(&pk);
}

static void free_eddsa(eddsa_pk_t *pk)
{
    eddsa_pk_free(&pk);
}

OWN_BY(fido_cred, fido_cred_t, free_cred)
OWN_BY(fido_assertion, fido_assert_t, free_assert)
OWN_BY(es256, es256_pk_t, free_es256)
OWN_BY(rs256, rs256_pk_t, free_rs256)
OWN_BY(eddsa, eddsa_pk_t, free_eddsa)

static const char *site_of(const struct settings *s, char text[static 256])
{
    (void)snprintf(text, 256, "%.*s", SLICE_ARG(settings_passkey_site(s)));
    return text;
}

static void hash_of(struct slice bytes, uint8_t hash[static DIGEST_LEN])
{
    digest_of(bytes, SLICE_NONE, hash);
}

/* ── client data ── */

bool passkey_client(const struct settings *s, enum webauthn_type type, struct slice client_data,
                    struct arena *arena, uint8_t challenge[static WEBAUTHN_CHALLENGE_LEN],
                    struct error *e)
{
    struct webauthn_client client;

    if (!webauthn_client_read(client_data, arena, &client, e)) {
        return false;
    }
    if (client.type != type) {
        return error_set(e, ERROR_INPUT, "the passkey signed something of another type");
    }
    if (client.crossed || !settings_passkey_allows(s, client.origin)) {
        return error_set(e, ERROR_INPUT, "the passkey was asked by a page that is none of ours");
    }
    (void)memcpy(challenge, client.challenge, sizeof(client.challenge));
    return true;
}

/* ── keys ── */

static bool check_data(const struct settings *s, const struct webauthn_data *data, bool verified,
                       struct error *e)
{
    uint8_t hash[DIGEST_LEN];

    hash_of(settings_passkey_site(s), hash);
    if (!slice_equal(data->rp_hash, SLICE_ARRAY(hash))) {
        return error_set(e, ERROR_INPUT, "the passkey is for another site");
    }
    if (!data->present) {
        return error_set(e, ERROR_INPUT, "nobody touched the passkey");
    }
    return !verified || data->verified ||
           error_set(e, ERROR_INPUT, "the passkey did not ask who holds it");
}

/* Have libfido2 verify with the key; a NULL assertion asks only whether it is a key. */
static bool verify_es256(const fido_assert_t *a, struct slice key)
{
    OWN(es256) es256_pk_t *pk = es256_pk_new();
    EVP_PKEY *point = NULL;

    if (!pk || es256_pk_from_ptr(pk, key.ptr, key.len) != FIDO_OK) {
        return false;
    }
    if (a) {
        return fido_assert_verify(a, 0, COSE_ES256, pk) == FIDO_OK;
    }
    point = es256_pk_to_EVP_PKEY(pk);
    EVP_PKEY_free(point);
    return point != NULL;
}

static bool verify_rs256(const fido_assert_t *a, struct slice key)
{
    OWN(rs256) rs256_pk_t *pk = rs256_pk_new();
    EVP_PKEY *number = NULL;

    if (!pk || rs256_pk_from_ptr(pk, key.ptr, key.len) != FIDO_OK) {
        return false;
    }
    if (a) {
        return fido_assert_verify(a, 0, COSE_RS256, pk) == FIDO_OK;
    }
    number = rs256_pk_to_EVP_PKEY(pk);
    EVP_PKEY_free(number);
    return number != NULL;
}

static bool verify_eddsa(const fido_assert_t *a, struct slice key)
{
    OWN(eddsa) eddsa_pk_t *pk = eddsa_pk_new();
    EVP_PKEY *point = NULL;

    if (!pk || eddsa_pk_from_ptr(pk, key.ptr, key.len) != FIDO_OK) {
        return false;
    }
    if (a) {
        return fido_assert_verify(a, 0, COSE_EDDSA, pk) == FIDO_OK;
    }
    point = eddsa_pk_to_EVP_PKEY(pk);
    EVP_PKEY_free(point);
    return point != NULL;
}

/* How an algorithm is sealed. */
enum { SEALED_ES256 = 1, SEALED_EDDSA = 2, SEALED_RS256 = 3 };

static uint8_t sealed_algorithm(enum webauthn_algorithm a)
{
    return a == WEBAUTHN_ES256 ? SEALED_ES256 : a == WEBAUTHN_EDDSA ? SEALED_EDDSA : SEALED_RS256;
}

static bool verify(uint8_t algorithm, const fido_assert_t *a, struct slice key)
{
    switch (algorithm) {
    case SEALED_ES256:
        return verify_es256(a, key);
    case SEALED_EDDSA:
        return verify_eddsa(a, key);
    case SEALED_RS256:
        return verify_rs256(a, key);
    default:
        return false;
    }
}

static void label_of(struct slice id, struct buf *label)
{
    buf_add_text(label, "passkey/");
    buf_add(label, id);
}

/* ── a new one ── */

/* What the maker's certificate, or the key itself, has signed. */
static bool check_attestation(const struct settings *s, const struct auth_passkey_new_ask *ask,
                              const struct webauthn_attestation *att,
                              const struct webauthn_data *data, struct error *e)
{
    OWN(fido_cred) fido_cred_t *cred = fido_cred_new();
    uint8_t hash[DIGEST_LEN];
    char site[256];

    hash_of(ask->client_data, hash);
    bool good = cred && fido_cred_set_type(cred, (int)data->algorithm) == FIDO_OK &&
                fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)) == FIDO_OK &&
                fido_cred_set_rp(cred, site_of(s, site), NULL) == FIDO_OK &&
                fido_cred_set_authdata_raw(cred, att->data.ptr, att->data.len) == FIDO_OK &&
                fido_cred_set_fmt(cred, "packed") == FIDO_OK &&
                fido_cred_set_sig(cred, att->signature.ptr, att->signature.len) == FIDO_OK;
    if (good && att->certificate.len) {
        good = fido_cred_set_x509(cred, att->certificate.ptr, att->certificate.len) == FIDO_OK &&
               fido_cred_verify(cred) == FIDO_OK;
    } else if (good) {
        good = att->algorithm == (int64_t)data->algorithm && fido_cred_verify_self(cred) == FIDO_OK;
    }
    return good || error_set(e, ERROR_INPUT, "the new passkey's attestation is not signed rightly");
}

bool passkey_register(const struct settings *s, const struct secret *seal,
                      const struct auth_passkey_new_ask *ask, struct arena *arena,
                      struct auth_passkey_new_answer *out, struct error *e)
{
    OWN(buf) struct buf label = {.max = AUTH_LABEL_MAX};
    OWN(buf) struct buf plain = {.max = HEAD_LEN + WEBAUTHN_KEY_MAX};
    OWN(buf) struct buf sealed = {.max = PASSKEY_SEALED_MAX};
    struct webauthn_attestation att;
    struct webauthn_data data;
    uint8_t hash[DIGEST_LEN];

    if (!webauthn_attestation_read(ask->attestation, &att, e) ||
        !webauthn_data_read(att.data, true, &data, e) || !check_data(s, &data, false, e)) {
        return false;
    }
    uint8_t algorithm = sealed_algorithm(data.algorithm);
    struct slice key = slice_of(data.key, data.key_len);
    if (!verify(algorithm, NULL, key)) {
        return error_set(e, ERROR_INPUT, "the new passkey's key is none");
    }
    if (att.packed && !check_attestation(s, ask, &att, &data, e)) {
        return false;
    }
    hash_of(data.credential, hash);
    label_of(ask->id, &label);
    buf_add_byte(&plain, VERSION);
    buf_add_byte(&plain, algorithm);
    buf_add(&plain, SLICE_ARRAY(hash));
    buf_add(&plain, key);
    auth_factor_seal(seal, ask->account, buf_slice(&label), buf_slice(&plain), &sealed);
    *out = (struct auth_passkey_new_answer){.sealed = arena_copy(arena, buf_slice(&sealed)),
                                            .credential = arena_copy(arena, data.credential),
                                            .counter = data.counter,
                                            .verifies = data.verified};
    return !sealed.full || error_set(e, ERROR_LIMIT, "a passkey does not fit");
}

/* ── one that signs ── */

static bool open_key(const struct secret *seal, struct slice account,
                     const struct auth_passkey *key, struct buf *plain, struct error *e)
{
    OWN(buf) struct buf label = {.max = AUTH_LABEL_MAX};
    uint8_t hash[DIGEST_LEN];

    hash_of(key->credential, hash);
    label_of(key->id, &label);
    bool good = auth_factor_open(seal, account, buf_slice(&label), key->sealed, plain) &&
                plain->len > HEAD_LEN && plain->ptr[0] == VERSION &&
                slice_equal(slice_of(plain->ptr + 2, DIGEST_LEN), SLICE_ARRAY(hash));
    return good || error_set(e, ERROR_INPUT, "what is kept of the passkey opens under no key");
}

static fido_assert_t *assertion_of(const struct settings *s, const struct auth_assertion *said,
                                   bool alone)
{
    OWN(fido_assertion) fido_assert_t *a = fido_assert_new();
    uint8_t hash[DIGEST_LEN];
    char site[256];

    hash_of(said->client_data, hash);
    bool good = a && fido_assert_set_count(a, 1) == FIDO_OK &&
                fido_assert_set_clientdata_hash(a, hash, sizeof(hash)) == FIDO_OK &&
                fido_assert_set_rp(a, site_of(s, site)) == FIDO_OK &&
                fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
                fido_assert_set_uv(a, alone ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) == FIDO_OK &&
                fido_assert_set_authdata_raw(a, 0, said->data.ptr, said->data.len) == FIDO_OK &&
                fido_assert_set_sig(a, 0, said->signature.ptr, said->signature.len) == FIDO_OK;
    return good ? TAKE(a, NULL) : NULL;
}

bool passkey_assert(const struct settings *s, const struct secret *seal, struct slice account,
                    const struct auth_passkey *key, const struct auth_assertion *said, bool alone,
                    uint64_t *counter, struct error *e)
{
    OWN(buf) struct buf plain = {.max = HEAD_LEN + WEBAUTHN_KEY_MAX};
    struct webauthn_data data;

    if (!webauthn_data_read(said->data, false, &data, e) || !check_data(s, &data, alone, e) ||
        !open_key(seal, account, key, &plain, e)) {
        return false;
    }
    OWN(fido_assertion) fido_assert_t *a = assertion_of(s, said, alone);
    if (!a || !verify(plain.ptr[1], a, slice_from(buf_slice(&plain), HEAD_LEN))) {
        return error_set(e, ERROR_INPUT, "the passkey has not signed that");
    }
    *counter = data.counter;
    return true;
}
