#include <stdlib.h>

#include "formats/jose/base64url.h"
#include "formats/jose/form.h"
#include "formats/jose/keys.h"
#include "formats/jose/provider.h"

static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static const struct slice set =
    SLICE_INIT("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
               "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
               "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}");

static void check_token(struct slice text, struct arena *arena)
{
    struct jwt token;

    if (!jwt_read(text, "email", arena, &token)) {
        return;
    }
    require(jwt_is_one(text) && slice_starts(text, token.covered) && token.signature_len);
    require(token.algorithm != JOSE_NO_ALGORITHM);
    require(token.claims.scopes.count <= JOSE_NAME_MAX && token.claims.expires >= 0);
    OWN(jose_keys) struct jose_keys *keys = jose_keys_read(set);
    require(keys && jose_keys_count(keys) == 1);
    (void)jose_verify(keys, &token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct arena arena = {.max = (size_t)1 << 20};
    uint8_t bytes[256];
    uint8_t again[BASE64URL_LEN(256)];
    size_t len = 0;
    struct jose_claims claims;
    struct jose_provider provider;

    if (size <= JOSE_TOKEN_MAX) {
        check_token(text, &arena);
    }
    if (base64url_decode(text, bytes, sizeof(bytes), &len)) {
        require(slice_equal(text, slice_of(again, base64url_encode(slice_of(bytes, len), again))));
    }
    OWN(jose_keys) struct jose_keys *keys = jose_keys_read(text);
    require(!keys || jose_keys_count(keys) > 0);
    (void)!jose_claims_read(text, "sub", &arena, &claims);
    if (jose_provider_read(text, SLICE("https://a.test"), &arena, &provider)) {
        require(provider.keys.len == 0 || jose_is_endpoint(provider.keys));
    }
    struct slice value;
    if (form_value(text, "a", &arena, &value)) {
        require(value.len <= size && slice_is_utf8(value));
    }
    arena_done(&arena);
    return 0;
}
