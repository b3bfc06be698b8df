#include "formats/jose/keys.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "formats/jose/base64url.h"
#include "formats/jose/json.h"

#define NUMBER_MAX   1024 /* octets of a modulus */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define COORDINATE   32 /* octets of P-256 and Ed25519 */
#define POINT_LEN    (1 + 2 * COORDINATE)
#define KID_MAX      JOSE_NAME_MAX

OWN_BY(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_BY(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
OWN_BY(bignum, BIGNUM, BN_free)
OWN_BY(builder, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
OWN_BY(params, OSSL_PARAM, OSSL_PARAM_free)
OWN_BY(ecdsa, ECDSA_SIG, ECDSA_SIG_free)

struct key {
    EVP_PKEY *pkey;
    unsigned algorithms; /* that it may be used with */
    size_t kid_len;
    uint8_t kid[KID_MAX];
};

struct jose_keys {
    size_t count;
    struct key keys[JOSE_KEYS_MAX];
};

static bool member(const json_t *jwk, const char *name, uint8_t *out, size_t max, size_t *len)
{
    struct slice text = jose_json_text(jwk, name);

    return text.len && base64url_decode(text, out, max, len) && *len;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *made = NULL;

    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        EVP_PKEY_free(made);
        return NULL;
    }
    return made;
}

static EVP_PKEY *rsa_of(const json_t *jwk)
{
    uint8_t modulus[NUMBER_MAX];
    uint8_t exponent[8];
    size_t modulus_len = 0;
    size_t exponent_len = 0;

    if (!member(jwk, "n", modulus, sizeof(modulus), &modulus_len) ||
        !member(jwk, "e", exponent, sizeof(exponent), &exponent_len)) {
        return NULL;
    }
    OWN(bignum) BIGNUM *n = BN_bin2bn(modulus, (int)modulus_len, NULL);
    OWN(bignum) BIGNUM *e = BN_bin2bn(exponent, (int)exponent_len, NULL);
    OWN(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (!n || !e || !builder || BN_num_bits(n) < RSA_BITS_MIN || BN_num_bits(n) > RSA_BITS_MAX ||
        !BN_is_odd(e) || BN_is_one(e) || !BN_is_odd(n) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e)) {
        return NULL;
    }
    OWN(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    return from_params("RSA", params);
}

/* The point must be on the curve: OpenSSL looks. */
static EVP_PKEY *p256_of(const json_t *jwk)
{
    uint8_t point[POINT_LEN] = {4}; /* not compressed: both coordinates follow */
    char group[] = "prime256v1";
    size_t x_len = 0;
    size_t y_len = 0;

    if (!slice_equal(jose_json_text(jwk, "crv"), SLICE("P-256")) ||
        !member(jwk, "x", point + 1, COORDINATE, &x_len) || x_len != COORDINATE ||
        !member(jwk, "y", point + 1 + COORDINATE, COORDINATE, &y_len) || y_len != COORDINATE) {
        return NULL;
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end()};
    return from_params("EC", params);
}

static EVP_PKEY *ed25519_of(const json_t *jwk)
{
    uint8_t x[COORDINATE];
    size_t len = 0;

    if (!slice_equal(jose_json_text(jwk, "crv"), SLICE("Ed25519")) ||
        !member(jwk, "x", x, sizeof(x), &len) || len != sizeof(x)) {
        return NULL;
    }
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, sizeof(x));
}

static const struct {
    struct slice type;
    unsigned algorithms;
    EVP_PKEY *(*make)(const json_t *jwk);
} kinds[] = {
    {SLICE_INIT("RSA"), JOSE_RS256 | JOSE_PS256, rsa_of    },
    {SLICE_INIT("EC"),  JOSE_ES256,              p256_of   },
    {SLICE_INIT("OKP"), JOSE_EDDSA,              ed25519_of},
};

/* Whether the provider means it for signatures (RFC 7517 sections 4.2 and 4.3), and has shown no private part. */
static bool is_for_signatures(const json_t *jwk)
{
    struct slice use = jose_json_text(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    bool verifies = !operations;

    for (size_t i = 0; i < json_array_size(operations); i++) {
        const char *one = json_string_value(json_array_get(operations, i));
        verifies = verifies || (one && strcmp(one, "verify") == 0);
    }
    return verifies && (use.len == 0 || slice_equal(use, SLICE("sig"))) &&
           !json_object_get(jwk, "d") && !json_object_get(jwk, "k");
}

static bool read_key(const json_t *jwk, struct key *out)
{
    struct slice kid = jose_json_text(jwk, "kid");
    struct slice type = jose_json_text(jwk, "kty");
    struct slice named = jose_json_text(jwk, "alg");

    if (kid.len > KID_MAX || !is_for_signatures(jwk)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!slice_equal(kinds[i].type, type)) {
            continue;
        }
        unsigned algorithms = kinds[i].algorithms;
        algorithms &= json_object_get(jwk, "alg") ? (unsigned)jose_algorithm_by_name(named) : ~0U;
        out->pkey = algorithms ? kinds[i].make(jwk) : NULL;
        out->algorithms = algorithms;
        out->kid_len = kid.len;
        if (kid.len) {
            (void)memcpy(out->kid, kid.ptr, kid.len);
        }
        return out->pkey != NULL;
    }
    return false;
}

struct jose_keys *jose_keys_read(struct slice text)
{
    OWN(json) json_t *json = jose_json_read(text);
    const json_t *list = json_object_get(json, "keys");
    size_t count = json_array_size(list);
    struct jose_keys *keys = NULL;

    if (count == 0 || count > JOSE_KEYS_MAX) {
        return NULL;
    }
    if (!(keys = calloc(1, sizeof(*keys)))) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        keys->count += read_key(json_array_get(list, i), &keys->keys[keys->count]);
    }
    if (keys->count == 0) {
        free(keys);
        return NULL;
    }
    return keys;
}

void jose_keys_free(struct jose_keys *keys)
{
    if (keys) {
        for (size_t i = 0; i < keys->count; i++) {
            EVP_PKEY_free(keys->keys[i].pkey);
        }
        free(keys);
    }
}

size_t jose_keys_count(const struct jose_keys *keys)
{
    return keys->count;
}

/* R and S side by side (RFC 7518 section 3.4) as OpenSSL wants them. */
static bool ecdsa_der(const struct jwt *token, uint8_t *out, size_t *len)
{
    OWN(ecdsa) ECDSA_SIG *both = ECDSA_SIG_new();
    uint8_t *at = out;

    if (token->signature_len != (size_t)2 * COORDINATE || !both) {
        return false;
    }
    BIGNUM *r = BN_bin2bn(token->signature, COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(token->signature + COORDINATE, COORDINATE, NULL);
    if (!r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    int made = i2d_ECDSA_SIG(both, &at);
    *len = made > 0 ? (size_t)made : 0;
    return made > 0;
}

static bool begin(EVP_MD_CTX *ctx, const struct key *key, enum jose_algorithm algorithm)
{
    EVP_PKEY_CTX *options = NULL;
    const char *digest = algorithm == JOSE_EDDSA ? NULL : "SHA256";

    if (EVP_DigestVerifyInit_ex(ctx, &options, digest, NULL, NULL, key->pkey, NULL) != 1) {
        return false;
    }
    return algorithm != JOSE_PS256 ||
           (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool has_signed(const struct key *key, const struct jwt *token)
{
    OWN(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[2 * COORDINATE + 16];
    const uint8_t *signature = token->signature;
    size_t len = token->signature_len;

    if (token->algorithm == JOSE_ES256) {
        if (!ecdsa_der(token, der, &len)) {
            return false;
        }
        signature = der;
    }
    return ctx && begin(ctx, key, token->algorithm) &&
           EVP_DigestVerify(ctx, signature, len, token->covered.ptr, token->covered.len) == 1;
}

enum jose_verdict jose_verify(const struct jose_keys *keys, const struct jwt *token)
{
    enum jose_verdict verdict = JOSE_NO_KEY;

    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->keys[i];
        if (!(key->algorithms & (unsigned)token->algorithm) ||
            (token->kid.len && !slice_equal(slice_of(key->kid, key->kid_len), token->kid))) {
            continue;
        }
        if (has_signed(key, token)) {
            return JOSE_SIGNED;
        }
        verdict = JOSE_NOT_SIGNED;
    }
    return verdict;
}
