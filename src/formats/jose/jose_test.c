#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"

#include "formats/jose/base64url.h"
#include "formats/jose/form.h"
#include "formats/jose/json.h"
#include "formats/jose/keys.h"
#include "formats/jose/provider.h"
#include "tests/test.h"

/* RFC 7515 appendices A.2 and A.3. */
#define PAYLOAD                                                                                    \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define RS256_SIGNATURE                                                                            \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5" \
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb" \
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" \
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RS256 "eyJhbGciOiJSUzI1NiJ9." PAYLOAD "." RS256_SIGNATURE
#define ES256                                                                                      \
    "eyJhbGciOiJFUzI1NiJ9." PAYLOAD                                                                \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RSA_N                                                                                      \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_KEY "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}"
#define EC_KEY                                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define SET(keys) SLICE("{\"keys\":[" keys "]}")

static struct jwt read_token(struct slice text, struct arena *arena)
{
    struct jwt token;

    assert_true(jwt_read(text, "sub", arena, &token));
    return token;
}

static enum jose_verdict verdict_of(struct slice set, struct slice text)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(jose_keys) struct jose_keys *keys = jose_keys_read(set);
    struct jwt token = read_token(text, &arena);

    assert_non_null(keys);
    return jose_verify(keys, &token);
}

static void the_rfcs_tokens_are_signed(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};

    struct jwt token = read_token(SLICE(RS256), &arena);
    assert_true(slice_equal(token.claims.issuer, SLICE("joe")));
    assert_int_equal(token.claims.expires, 1300819380);
    assert_int_equal(verdict_of(SET(RSA_KEY), SLICE(RS256)), JOSE_SIGNED);
    assert_int_equal(verdict_of(SET(EC_KEY), SLICE(ES256)), JOSE_SIGNED);
    assert_int_equal(verdict_of(SET(EC_KEY "," RSA_KEY), SLICE(RS256)), JOSE_SIGNED);
}

static void a_key_is_good_for_its_own_kind_alone(void **unused)
{
    (void)unused;

    assert_int_equal(verdict_of(SET(EC_KEY), SLICE(RS256)), JOSE_NO_KEY);
    assert_int_equal(
        verdict_of(SET("{\"alg\":\"PS256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"),
                   SLICE(RS256)),
        JOSE_NO_KEY);
    /* {"alg":"PS256"}: another padding than was signed */
    assert_int_equal(
        verdict_of(SET(RSA_KEY), SLICE("eyJhbGciOiJQUzI1NiJ9." PAYLOAD "." RS256_SIGNATURE)),
        JOSE_NOT_SIGNED);
    assert_int_equal(verdict_of(SET("{\"kid\":\"a\","
                                    "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"),
                                SLICE(RS256)),
                     JOSE_SIGNED); /* the token names none */
}

static void sets_without_a_key_are_none(void **unused)
{
    (void)unused;
    static const struct slice bad[] = {
        SLICE_INIT(""),
        SLICE_INIT("[]"),
        SLICE_INIT("{\"keys\":{}}"),
        SLICE_INIT("{\"keys\":[]}"),
        SLICE_INIT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"),
        SLICE_INIT("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"), /* short */
        SLICE_INIT("{\"keys\":[{\"use\":\"enc\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N
                   "\"}]}"),
        SLICE_INIT("{\"keys\":[{\"alg\":\"HS256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N
                   "\"}]}"),
        SLICE_INIT("{\"keys\":[{\"d\":\"AQAB\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N
                   "\"}]}"),
        /* not on the curve */
        SLICE_INIT("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMz"
                   "V76e8Tus9uPHvRVEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}"),
        SLICE_INIT("{\"keys\":[" RSA_KEY "],\"keys\":[" RSA_KEY "]}"),
        SLICE_INIT("{\"keys\":[" RSA_KEY "]} x"),
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(jose_keys_read(bad[i]));
    }
}

static void tokens_that_could_be_read_otherwise_are_none(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    static const struct slice bad[] = {
        SLICE_INIT("eyJhbGciOiJub25lIn0." PAYLOAD "."),                      /* none */
        SLICE_INIT("eyJhbGciOiJub25lIn0." PAYLOAD ".AA"),                    /* none, signed */
        SLICE_INIT("eyJhbGciOiJOb25lIn0." PAYLOAD ".AA"),                    /* None */
        SLICE_INIT("eyJhbGciOiJIUzI1NiJ9." PAYLOAD ".AA"),                   /* HS256 */
        SLICE_INIT("eyJhbGciOiJSUzI1NiIsImNyaXQiOlsiYiJdfQ." PAYLOAD ".AA"), /* crit */
        SLICE_INIT("eyJhbGciOiJSUzI1NiJ9." PAYLOAD "." RS256_SIGNATURE "="), /* padding */
        SLICE_INIT("eyJhbGciOiJSUzI1NiJ9." PAYLOAD ".AB"),                   /* stray bits */
        SLICE_INIT(RS256 ".AA"),
        SLICE_INIT("eyJhbGciOiJSUzI1NiJ9." PAYLOAD),
        SLICE_INIT("e30." PAYLOAD ".AA"),
        SLICE_INIT("eyJhbGciOiJSUzI1NiIsImFsZyI6IlJTMjU2In0." PAYLOAD ".AA"), /* alg twice */
    };
    struct jwt token;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(jwt_read(bad[i], "sub", &arena, &token));
    }
}

static void json_is_bounded(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct jose_claims claims;

    assert_null(jose_json_read(SLICE("{\"a\":[[[[[[[[1]]]]]]]]}")));
    assert_null(jose_json_read(SLICE("{\"a\":\"\\u0000\"}")));
    assert_true(jose_claims_read(SLICE("{\"exp\":12.9,\"nbf\":1e300,\"iat\":\"5\",\"aud\":[],"
                                       "\"scope\":\"x  y\",\"email_verified\":\"true\"}"),
                                 "email", &arena, &claims));
    assert_int_equal(claims.expires, 12);
    assert_int_equal(claims.not_before, 0);
    assert_int_equal(claims.issued, 0);
    assert_int_equal(claims.audience.count, 0);
    assert_int_equal(claims.scopes.count, 2);
    assert_true(claims.email_verified && jose_texts_have(&claims.scopes, SLICE("y")));
}

static void a_claim_that_cannot_be_read_is_not_absent(void **unused)
{
    (void)unused;
    static const char *const names[] = {"iss", "azp",        "client_id", "nonce",
                                        "typ", "token_type", "token_use"};
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf many = {.max = 4096};
    struct jose_claims claims;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *n = names[i];
        assert_true(jose_claims_read(arena_printf(&arena, "{\"%s\":\"%0255d\"}", n, 0), "email",
                                     &arena, &claims));
        assert_false(jose_claims_read(arena_printf(&arena, "{\"%s\":\"%0256d\"}", n, 0), "email",
                                      &arena, &claims));
        assert_false(jose_claims_read(arena_printf(&arena, "{\"%s\":[\"a\"]}", n), "email", &arena,
                                      &claims));
        assert_false(
            jose_claims_read(arena_printf(&arena, "{\"%s\":1}", n), "email", &arena, &claims));
    }
    assert_false(jose_claims_read(SLICE("{\"aud\":[\"a\",1]}"), "email", &arena, &claims));
    assert_false(jose_claims_read(SLICE("{\"aud\":{\"a\":1}}"), "email", &arena, &claims));
    buf_add_text(&many, "{\"aud\":[\"a\"");
    for (size_t i = 0; i < JOSE_TEXTS_MAX; i++) {
        buf_add_text(&many, ",\"a\"");
    }
    buf_add_text(&many, "]}");
    assert_false(jose_claims_read(buf_slice(&many), "email", &arena, &claims));
    assert_true(jose_claims_read(SLICE("{\"nonce\":\"\"}"), "email", &arena, &claims));
    assert_true(claims.of_sign_in && !claims.bound);
    assert_true(jose_claims_read(SLICE("{\"cnf\":[]}"), "email", &arena, &claims));
    assert_true(claims.bound);
}

/* ── tokens that are signed here ── */

static struct slice in_letters(struct slice octets, struct arena *arena)
{
    uint8_t *room = arena_alloc(arena, BASE64URL_LEN(octets.len) + 1);

    return slice_of(room, base64url_encode(octets, room));
}

static struct slice signed_by(EVP_PKEY *key, const char *algorithm, bool pss, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = 4096};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
    EVP_PKEY_CTX *options = NULL;
    uint8_t signature[512];
    size_t len = sizeof(signature);

    struct slice header = arena_printf(arena, "{\"alg\":\"%s\"}", algorithm);
    buf_add(&text, in_letters(header, arena));
    buf_add_text(&text, "." PAYLOAD);
    assert_int_equal(EVP_DigestSignInit(ctx, &options, md, NULL, key), 1);
    if (pss) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, text.ptr, text.len), 1);
    EVP_MD_CTX_free(ctx);
    buf_add_text(&text, ".");
    buf_add(&text, in_letters(slice_of(signature, len), arena));
    return arena_copy(arena, buf_slice(&text));
}

static struct slice rsa_set(EVP_PKEY *key, struct arena *arena)
{
    BIGNUM *n = NULL;
    uint8_t octets[512];

    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    size_t len = (size_t)BN_bn2bin(n, octets);
    BN_free(n);
    return arena_printf(arena, "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%.*s\"}]}",
                        SLICE_ARG(in_letters(slice_of(octets, len), arena)));
}

static struct slice ed25519_set(EVP_PKEY *key, struct arena *arena)
{
    uint8_t octets[32];
    size_t len = sizeof(octets);

    assert_int_equal(EVP_PKEY_get_raw_public_key(key, octets, &len), 1);
    return arena_printf(arena, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%.*s\"}]}",
                        SLICE_ARG(in_letters(slice_of(octets, len), arena)));
}

/* Another payload under the same signature. */
static struct slice changed(struct slice token, struct arena *arena)
{
    struct slice copy = arena_copy(arena, token);
    uint8_t *signature = memrchr(copy.ptr, '.', copy.len);

    signature[5] = signature[5] == 'A' ? 'B' : 'A';
    return copy;
}

static void pss_and_ed25519_are_verified(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct slice rsa_keys = rsa_set(rsa, &arena);
    struct slice ed_keys = ed25519_set(ed, &arena);

    struct slice pss = signed_by(rsa, "PS256", true, &arena);
    assert_int_equal(verdict_of(rsa_keys, pss), JOSE_SIGNED);
    assert_int_equal(verdict_of(rsa_keys, changed(pss, &arena)), JOSE_NOT_SIGNED);
    assert_int_equal(verdict_of(ed_keys, pss), JOSE_NO_KEY);
    struct slice pkcs1 = signed_by(rsa, "RS256", false, &arena);
    assert_int_equal(verdict_of(rsa_keys, pkcs1), JOSE_SIGNED);
    /* The padding is what the header says, and no other. */
    assert_int_equal(verdict_of(rsa_keys, signed_by(rsa, "RS256", true, &arena)), JOSE_NOT_SIGNED);
    assert_int_equal(verdict_of(rsa_keys, signed_by(rsa, "PS256", false, &arena)), JOSE_NOT_SIGNED);

    struct slice eddsa = signed_by(ed, "EdDSA", false, &arena);
    assert_int_equal(verdict_of(ed_keys, eddsa), JOSE_SIGNED);
    assert_int_equal(verdict_of(ed_keys, changed(eddsa, &arena)), JOSE_NOT_SIGNED);
    assert_int_equal(verdict_of(rsa_keys, eddsa), JOSE_NO_KEY);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);
}

static void a_provider_is_who_was_asked(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct jose_provider p;
    const struct slice text =
        SLICE("{\"issuer\":\"https://id.test\",\"jwks_uri\":\"https://id.test/keys\","
              "\"token_endpoint\":\"http://id.test/token\","
              "\"authorization_endpoint\":\"https://x@id.test/\"}");

    assert_true(jose_provider_read(text, SLICE("https://id.test"), &arena, &p));
    assert_true(slice_equal(p.keys, SLICE("https://id.test/keys")));
    assert_int_equal(p.token.len, 0);
    assert_int_equal(p.authorization.len, 0);
    assert_false(jose_provider_read(text, SLICE("https://id.test/"), &arena, &p));
    assert_false(jose_provider_read(SLICE("{}"), SLICE_NONE, &arena, &p));
}

static void forms_are_read_as_they_are_written(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = 200};
    struct slice value;

    buf_add_text(&out, "https://id.test/?");
    form_add(&out, "a", SLICE("x y&z=%"));
    form_add(&out, "b", SLICE("2"));
    assert_true(slice_equal(buf_slice(&out), SLICE("https://id.test/?a=x%20y%26z%3D%25&b=2")));
    assert_true(form_value(slice_from(buf_slice(&out), 17), "a", &arena, &value));
    assert_true(slice_equal(value, SLICE("x y&z=%")));
    assert_true(form_value(SLICE("c=1&b=a+b&b=2"), "b", &arena, &value));
    assert_true(slice_equal(value, SLICE("a b")));
    assert_false(form_value(SLICE("b=%2"), "b", &arena, &value));
    assert_false(form_value(SLICE("b=%zz"), "b", &arena, &value));
    assert_false(form_value(SLICE("b=%ff"), "b", &arena, &value));
    assert_false(form_value(SLICE("bb=1"), "b", &arena, &value));
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_rfcs_tokens_are_signed),
        cmocka_unit_test(a_key_is_good_for_its_own_kind_alone),
        cmocka_unit_test(sets_without_a_key_are_none),
        cmocka_unit_test(tokens_that_could_be_read_otherwise_are_none),
        cmocka_unit_test(json_is_bounded),
        cmocka_unit_test(a_claim_that_cannot_be_read_is_not_absent),
        cmocka_unit_test(pss_and_ed25519_are_verified),
        cmocka_unit_test(a_provider_is_who_was_asked),
        cmocka_unit_test(forms_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
