#include "formats/jose/jwt.h"

#include "formats/jose/base64url.h"
#include "formats/jose/json.h"

#define HEADER_MAX ((size_t)4 << 10)

static const struct {
    struct slice name;
    enum jose_algorithm algorithm;
} algorithms[] = {
    {SLICE_INIT("RS256"), JOSE_RS256},
    {SLICE_INIT("PS256"), JOSE_PS256},
    {SLICE_INIT("ES256"), JOSE_ES256},
    {SLICE_INIT("EdDSA"), JOSE_EDDSA},
};

enum jose_algorithm jose_algorithm_by_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (slice_equal(algorithms[i].name, name)) {
            return algorithms[i].algorithm;
        }
    }
    return JOSE_NO_ALGORITHM;
}

bool jose_texts_have(const struct jose_texts *texts, struct slice text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (slice_equal(texts->items[i], text)) {
            return true;
        }
    }
    return false;
}

struct parts {
    struct slice header;
    struct slice payload;
    struct slice signature;
    struct slice covered;
};

static bool split(struct slice token, struct parts *out)
{
    struct slice rest;

    out->header = slice_cut(token, '.', &rest);
    size_t second = slice_find(rest, '.');
    if (token.len > JOSE_TOKEN_MAX || second == rest.len) {
        return false;
    }
    out->payload = slice_head(rest, second);
    out->signature = slice_from(rest, second + 1);
    out->covered = slice_head(token, out->header.len + 1 + out->payload.len);
    return out->header.len && out->payload.len && out->signature.len &&
           slice_find(out->signature, '.') == out->signature.len;
}

bool jwt_is_one(struct slice token)
{
    size_t dots = 0;

    for (size_t i = 0; i < token.len; i++) {
        dots += token.ptr[i] == '.';
    }
    return dots == 2;
}

static bool decode(struct slice part, struct arena *arena, struct slice *out)
{
    size_t len = 0;
    uint8_t *bytes = arena_alloc(arena, part.len + 1);

    if (!base64url_decode(part, bytes, part.len, &len)) {
        return false;
    }
    *out = slice_of(bytes, len);
    return true;
}

/* A claim as a text of reasonable length, or nothing. */
static struct slice named(const json_t *json, const char *name, struct arena *arena)
{
    struct slice text = jose_json_text(json, name);

    return text.len <= JOSE_NAME_MAX ? arena_copy(arena, text) : SLICE_NONE;
}

/* The same, but false when it is there and cannot be read: what would forbid something must not pass for what is not there. */
static bool read_name(const json_t *json, const char *name, struct arena *arena, struct slice *out)
{
    const json_t *value = json_object_get(json, name);

    *out = named(json, name, arena);
    return !value || (json_is_string(value) && json_string_length(value) <= JOSE_NAME_MAX);
}

/* Texts with spaces between them (RFC 6749 section 3.3), or a list of them. */
static struct jose_texts scopes_of(const json_t *json, const char *name, struct arena *arena)
{
    struct jose_texts texts = {NULL, 0};
    struct slice *raw = NULL;
    size_t count = 0;

    (void)jose_json_texts(json, name, arena, &raw, &count);
    texts.items = arena_array(arena, JOSE_TEXTS_MAX, sizeof(*texts.items));
    for (size_t i = 0; i < count; i++) {
        for (struct slice rest = raw[i]; rest.len && texts.count < JOSE_TEXTS_MAX;) {
            struct slice one = slice_cut(rest, ' ', &rest);
            if (one.len) {
                texts.items[texts.count++] = one;
            }
        }
    }
    return texts;
}

static struct jose_texts texts_of(const json_t *json, const char *name, struct arena *arena)
{
    struct jose_texts texts = {NULL, 0};

    (void)jose_json_texts(json, name, arena, &texts.items, &texts.count);
    return texts;
}

static bool is_true(const json_t *value)
{
    return json_is_true(value) ||
           (json_is_string(value) &&
            slice_equal(slice_text(json_string_value(value)), SLICE("true")));
}

/* False when one that says for whom or what the token is cannot be read. */
static bool read_claims(const json_t *json, const char *account, struct arena *arena,
                        struct jose_claims *out)
{
    *out = (struct jose_claims){
        .subject = named(json, "sub", arena),
        .account = named(json, account, arena),
        .email_verified = is_true(json_object_get(json, "email_verified")),
        .bound = json_object_get(json, "cnf") != NULL,
        .of_sign_in = json_object_get(json, "nonce") || json_object_get(json, "at_hash") ||
                      json_object_get(json, "c_hash") || json_object_get(json, "s_hash"),
        .scopes = scopes_of(json, json_object_get(json, "scope") ? "scope" : "scp", arena),
        .acr = named(json, "acr", arena),
        .amr = texts_of(json, "amr", arena),
        .expires = jose_json_time(json, "exp"),
        .not_before = jose_json_time(json, "nbf"),
        .issued = jose_json_time(json, "iat"),
        .active = json_is_true(json_object_get(json, "active")),
    };
    return read_name(json, "iss", arena, &out->issuer) &&
           jose_json_texts(json, "aud", arena, &out->audience.items, &out->audience.count) &&
           read_name(json, "azp", arena, &out->authorized) &&
           read_name(json, "client_id", arena, &out->client) &&
           read_name(json, "nonce", arena, &out->nonce) &&
           read_name(json, "typ", arena, &out->kind) &&
           read_name(json, "token_type", arena, &out->token_type) &&
           read_name(json, "token_use", arena, &out->use);
}

bool jose_claims_read(struct slice text, const char *account, struct arena *arena,
                      struct jose_claims *out)
{
    OWN(json) json_t *json = jose_json_read(text);

    return json && read_claims(json, account, arena, out);
}

static bool read_header(struct slice text, struct arena *arena, struct jwt *out)
{
    static const struct slice media = SLICE_INIT("application/");
    OWN(json) json_t *json = text.len <= HEADER_MAX ? jose_json_read(text) : NULL;

    if (!json || json_object_get(json, "crit") || json_object_get(json, "b64") ||
        json_object_get(json, "zip")) {
        return false;
    }
    out->algorithm = jose_algorithm_by_name(jose_json_text(json, "alg"));
    if (!read_name(json, "kid", arena, &out->kid) || !read_name(json, "typ", arena, &out->type)) {
        return false;
    }
    if (slice_starts_nocase(out->type, media)) {
        out->type = slice_from(out->type, media.len);
    }
    return out->algorithm != JOSE_NO_ALGORITHM;
}

bool jwt_read(struct slice token, const char *account, struct arena *arena, struct jwt *out)
{
    struct jwt t = {.algorithm = JOSE_NO_ALGORITHM};
    struct parts parts;
    struct slice header;
    struct slice payload;

    if (!split(token, &parts) || !decode(parts.header, arena, &header) ||
        !decode(parts.payload, arena, &payload) ||
        !base64url_decode(parts.signature, t.signature, sizeof(t.signature), &t.signature_len) ||
        !read_header(header, arena, &t) || !jose_claims_read(payload, account, arena, &t.claims)) {
        return false;
    }
    t.covered = parts.covered;
    *out = t;
    return true;
}
