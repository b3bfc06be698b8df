#include "formats/jose/provider.h"

#include "formats/jose/json.h"
#include "formats/jose/jwt.h"

bool jose_is_endpoint(struct slice url)
{
    static const struct slice scheme = SLICE_INIT("https://");
    struct slice rest = slice_from(url, scheme.len);
    size_t host = slice_find(rest, '/');

    if (url.len > JOSE_URL_MAX || !slice_starts(url, scheme) || host == 0 ||
        slice_find(slice_head(rest, host), '@') < host) {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || url.ptr[i] == '#' || url.ptr[i] == '\\' ||
            url.ptr[i] == '"') {
            return false;
        }
    }
    return rest.len > 0;
}

static struct slice endpoint(const json_t *json, const char *name, struct arena *arena)
{
    struct slice url = jose_json_text(json, name);

    return jose_is_endpoint(url) ? arena_copy(arena, url) : SLICE_NONE;
}

bool jose_provider_read(struct slice text, struct slice issuer, struct arena *arena,
                        struct jose_provider *out)
{
    OWN(json) json_t *json = jose_json_read(text);
    struct jose_texts ways = {NULL, 0};

    if (!json || issuer.len == 0 || !slice_equal(jose_json_text(json, "issuer"), issuer)) {
        return false;
    }
    (void)jose_json_texts(json, "token_endpoint_auth_methods_supported", arena, &ways.items,
                          &ways.count);
    *out = (struct jose_provider){
        .authorization = endpoint(json, "authorization_endpoint", arena),
        .token = endpoint(json, "token_endpoint", arena),
        .introspection = endpoint(json, "introspection_endpoint", arena),
        .device = endpoint(json, "device_authorization_endpoint", arena),
        .userinfo = endpoint(json, "userinfo_endpoint", arena),
        .keys = endpoint(json, "jwks_uri", arena),
        .posts_secret = !jose_texts_have(&ways, SLICE("client_secret_basic")) &&
                        jose_texts_have(&ways, SLICE("client_secret_post")),
    };
    return true;
}
